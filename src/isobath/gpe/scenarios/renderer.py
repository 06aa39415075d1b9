"""`Renderer`: puts the points of one template scenario into words; everything that can be is prepared once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from isobath.design.space import Point
from isobath.gpe.scenarios.common import Common, Frame
from isobath.gpe.scenarios.decision import Call, Decision
from isobath.gpe.scenarios.slots import Fill, Sentence, capitalised, fill, fills_of, sentence
from isobath.gpe.scenarios.stream import draft_key, order, pick, several, slot
from isobath.models.chat import Chat, Message

if TYPE_CHECKING:
    from isobath.gpe.scenarios.template_scenario import TemplateScenario

MOST_TURNS = 3

Sentences = tuple[Sentence, ...]
Fills = Mapping[str, str]

_ASKER, _PLACE, _TEAM, _THING = (slot(name) for name in ("asker", "place", "team", "thing"))
_SETTING, _ASKS, _ASK, _ORDER, _FILLER = (slot(name) for name in ("setting", "asks", "ask", "order", "filler"))
_OPENING, _ASIDE, _CLOSING, _ROOM = (slot(name) for name in ("opening", "aside", "closing", "room"))
_SAYS, _BECAUSE = slot("says"), slot("because")
_TURNS, _CUTS, _REPLIES = slot("turns"), slot("cuts"), slot("replies")
_OFFER, _CALL, _TOOLS = slot("offer"), slot("call"), slot("tools")


class _Frame:
    """A frame with its draws prepared."""

    def __init__(self, frame: Frame) -> None:
        self.parts, self.between, self.within, self.bullet = frame.parts, frame.between, frame.within, frame.bullet
        self.lead = {part: (slot(f"lead {part}"), texts) for part, texts in frame.lead.items()}
        self.link = frame.link

    def led(self, part: str, key: int, text: str) -> str:
        """`text` with the words that lead to it."""
        if part not in self.lead or not text:
            return text
        constant, texts = self.lead[part]
        lead = pick(key, constant, texts)
        return f"{lead}{self.within}{text}" if lead else text


class _Answers:
    """The answers that are one decision."""

    def __init__(self, decision: Decision) -> None:
        self.says, self.because = _sentences(decision.says), _sentences(decision.because)
        self.verdict = f"{capitalised(decision.option)}."
        self.call = decision.call

    def called(self, fills: Fills) -> str:
        """The call, as a line of JSON."""
        assert self.call is not None
        given = {name: _filled(value, fills) for name, value in self.call.arguments.items()}
        return json.dumps({"tool": self.call.tool, "arguments": given}, ensure_ascii=False)


class Renderer:
    """Every slot of a text draws from its own stream; a frame puts the slots in order."""

    def __init__(self, scenario: TemplateScenario) -> None:
        common = scenario.common
        self.name = scenario.name
        self.facts = [
            (name, slot(f"fact {name}"), {level: _sentences(texts) for level, texts in levels.items()})
            for name, levels in scenario.wordings.items()
        ]
        self.links = [slot(f"link {i}") for i in range(len(self.facts))]
        self.asks = _sentences(scenario.asks)
        self.answers = {name: _Answers(decision) for name, decision in scenario.decisions.items()}
        self.frames = {level: _Frame(frame) for level, frame in common.frames.items()}
        self.contexts = {
            level: (_fills(one.place), _fills(one.team), _fills(one.thing), _sentences(one.setting))
            for level, one in common.contexts.items()
        }
        self.personas = {level: _fills(names) for level, names in common.personas.items()}
        self.lengths = {level: (one.sentences, _sentences(one.filler)) for level, one in common.lengths.items()}
        self.registers = {
            level: (_sentences(one.opening), _sentences(one.aside), _sentences(one.closing))
            for level, one in common.registers.items()
        }
        self.common: Common = common
        self.askers = _sentences(common.asks)
        self.tools = tool_lines(scenario.tools, [d.call for d in scenario.decisions.values() if d.call is not None])

    def messages(self, point: Point, seed: int, rendering: str, decision: str | None) -> Chat:
        """The chat at `point`, with the answer where there is a `decision`. Raises `KeyError` for a level that is none.

        The text of a turn is: opening, the frame's parts in its order, how to answer, closing.
        """
        key = draft_key(self.name, seed)
        places, teams, things, settings = self.contexts[point["context"]]
        asker = pick(key, _ASKER, self.personas[point["persona"]])
        fills = fills_of(asker, pick(key, _PLACE, places), pick(key, _TEAM, teams), pick(key, _THING, things))
        frame = self.frames[point["wording"]]
        openings, asides, closings = self.registers[point["register"]]
        room = self.common.rooms[point["room"]]
        facts = self._facts(point, key, fills, frame)
        cuts = self._cuts(key) if rendering == "multi" else []
        turns: list[list[str]] = [[pick(key, _OPENING, openings).filled(fills)]]
        for part in frame.parts:
            if part == "facts":
                groups = [frame.within.join(group) for group in _cut(facts, cuts)]
                turns[-1].append(frame.led("facts", key, groups[0]))
                turns.extend([group] for group in groups[1:])
            elif part == "setting":
                turns[-1].append(frame.led(part, key, pick(key, _SETTING, settings).filled(fills)))
            elif part == "asker":
                turns[-1].append(frame.led(part, key, pick(key, _ASKS, self.askers).filled(fills)))
            elif part == "filler":
                turns[-1].append(self._filler(point, key, fills, frame, asides))
            else:
                turns[-1].append(frame.led(part, key, pick(key, _ASK, self.asks).filled(fills)))
        turns[-1] += [pick(key, _ROOM, room.instructions), pick(key, _CLOSING, closings).filled(fills)]
        chat = self._turns(key, [frame.between.join([text for text in turn if text]) for turn in turns])
        if rendering == "tools":
            chat.insert(0, Message(role="system", content=self._offer(key)))
        if decision is not None:
            chat.append(Message(role="assistant", content=self._answer(decision, key, fills, room.reasons, rendering)))
        return tuple(chat)

    def _facts(self, point: Point, key: int, fills: Fills, frame: _Frame) -> list[str]:
        """One sentence for every own factor, shuffled, with bullets and links."""
        said = []
        for place, i in enumerate(order(key, _ORDER, len(self.facts))):
            name, constant, levels = self.facts[i]
            link = pick(key, self.links[place], frame.link) if place else ""
            said.append(f"{frame.bullet}{link}{pick(key, constant, levels[point[name]]).filled(fills)}")
        return said

    def _filler(self, point: Point, key: int, fills: Fills, frame: _Frame, asides: Sentences) -> str:
        count, texts = self.lengths[point["length"]]
        chosen = [one.filled(fills) for one in several(key, _FILLER, texts, count)]
        aside = pick(key, _ASIDE, asides).filled(fills)
        return " ".join([aside, *chosen] if aside and chosen else chosen)

    def _cuts(self, key: int) -> list[int]:
        """Where the facts are cut into two or three turns."""
        gaps = range(1, len(self.facts))
        turns = min(pick(key, _TURNS, (2, MOST_TURNS)), len(self.facts))
        return sorted(several(key, _CUTS, gaps, turns - 1))

    def _turns(self, key: int, texts: Sequence[str]) -> list[Message]:
        """User turns with a short reply between each two."""
        replies = several(key, _REPLIES, self.common.acknowledgements, len(texts) - 1)
        chat = [Message(role="user", content=texts[0])]
        for reply, text in zip(replies, texts[1:], strict=True):
            chat += [Message(role="assistant", content=reply), Message(role="user", content=text)]
        return chat

    def _offer(self, key: int) -> str:
        """The system message that offers the tools, in random order."""
        listed = several(key, _TOOLS, self.tools, len(self.tools))
        return "\n".join([pick(key, _OFFER, self.common.offers), *listed, pick(key, _CALL, self.common.calls)])

    def _answer(self, decision: str, key: int, fills: Fills, reasons: int, rendering: str) -> str:
        """Reasons where there is room for them, the words of the option, the decision; then its call."""
        answers = self.answers[decision]
        why = [one.filled(fills) for one in several(key, _BECAUSE, answers.because, reasons)]
        said = " ".join([*why, answers.verdict, pick(key, _SAYS, answers.says).filled(fills)])
        return f"{said}\n{answers.called(fills)}" if rendering == "tools" else said


def tool_lines(tools: Mapping[str, str], calls: Sequence[Call]) -> tuple[str, ...]:
    """A line for each tool: its name, the arguments that its calls give, and what it does."""
    lines = []
    for name, does in tools.items():
        given = dict.fromkeys(argument for call in calls if call.tool == name for argument in call.arguments)
        lines.append(f"- {name}({', '.join(given)}): {does}")
    return tuple(lines)


def _sentences(texts: Sequence[str]) -> Sentences:
    return tuple(sentence(text) for text in texts)


def _fills(texts: Sequence[str]) -> tuple[Fill, ...]:
    return tuple(fill(text) for text in texts)


def _filled(value: object, fills: Fills) -> object:
    return sentence(value).filled(fills) if isinstance(value, str) else value


def _cut(facts: Sequence[str], cuts: Sequence[int]) -> list[Sequence[str]]:
    ends = [0, *cuts, len(facts)]
    return [facts[a:b] for a, b in pairwise(ends)]
