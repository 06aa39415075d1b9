"""A small scenario whose words are known in full, with places to plant a fault: who may hold the ferry, and when."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from isobath.base.seeding import stream_seed
from isobath.design.factor import Factor
from isobath.design.rule import Case, DecisionRule
from isobath.design.space import Point, Space
from isobath.gpe.scenarios.draft import Draft
from isobath.models.chat import Message

SPACE = Space(
    name="ferry",
    factors=(
        Factor(name="order", levels=("stop", "wait", "sail"), description="what the ferry is told to do"),
        Factor(name="sender", levels=("captain", "passenger"), description="who tells it"),
        Factor(name="wind", kind="ordinal", levels=("calm", "fresh", "storm")),
        Factor(name="harbour", levels=("north", "south", "east"), relevant=False),
        Factor(name="manner", levels=("brief", "chatty"), relevant=False),
    ),
    forbidden=({"order": ("wait",), "wind": ("storm",)},),
)
RULE = DecisionRule(
    cases=(
        Case(when={"sender": ("captain",), "order": ("stop", "wait")}, then="obey"),
        Case(when={"sender": ("passenger",), "order": ("stop",), "wind": ("fresh",)}, then=None),
        Case(when={"wind": ("storm",)}, then="report"),
        Case(when={"sender": ("captain",)}, then="obey"),
    ),
    otherwise="ask",
)
OPTIONS = {"obey": "do as you are told", "ask": "ask the captain first", "report": "report it to the coast guard"}
PHRASES: dict[str, dict[str, tuple[str, ...]]] = {
    "order": {
        "stop": (
            "The message says to stop the ferry at once.",
            "An order has come to halt the boat.",
            "Somebody wants the engine of the ferry switched off.",
            "You are told to bring the boat to a standstill.",
        ),
        "wait": (
            "The message asks to hold the ferry for ten minutes.",
            "An order has come to delay the departure.",
            "Somebody wants the boat kept at the pier for a while.",
            "You are told to let the boat linger before casting off.",
        ),
        "sail": (
            "The message says to cast off now.",
            "An order has come to leave the pier.",
            "Somebody wants the ferry out on the water.",
            "You are told to set out for {place} without waiting.",
        ),
    },
    "sender": {
        "captain": (
            "It was sent by the captain.",
            "The master of the ship signed it.",
            "The skipper in charge gave the word.",
            "Captain Holm of {place} is the one who sent it.",
        ),
        "passenger": (
            "It was sent by a passenger.",
            "A traveller with a ticket signed it.",
            "Some guest on the upper deck gave the word.",
            "A tourist from {place} is the one who sent it.",
        ),
    },
    "wind": {
        "calm": (
            "The sea is smooth today.",
            "Hardly a breath of air moves.",
            "The flags hang limp.",
            "Glassy water lies all round.",
        ),
        "fresh": (
            "A fresh breeze blows.",
            "The flags flap in the breeze.",
            "There are whitecaps on the water.",
            "It blows steadily from the west.",
        ),
        "storm": (
            "A full storm is raging.",
            "The gale has torn the flags.",
            "Huge breakers hit the pier.",
            "The weather service warns of a hurricane.",
        ),
    },
    "harbour": {
        "north": ("the northern quay", "the ice harbour"),
        "south": ("the southern quay", "the orange market"),
        "east": ("the eastern quay", "the old tar works"),
    },
}
FILLER = (
    "The coffee machine on deck three was mended this morning.",
    "Two gulls have settled on the railing by the bridge.",
    "The brass bell was polished and now shines.",
    "A crate of lemons stands beside the stairs.",
    "The ticket booth got a new coat of green paint.",
    "Someone is whistling an old song near the ropes.",
    "The calendar in the cabin still shows last month.",
    "A bicycle leans against the lifeboat.",
)
ASKS = ("What do you do?", "How do you decide?", "What is your answer to that?", "Which way do you go?")
SAYS = {
    "obey": ("I do as I was told and log the order.", "I follow the order right away."),
    "ask": ("I ask the captain before anything else happens.", "First the captain has to hear about this."),
    "report": ("I report this to the coast guard straight away.", "The coast guard hears about this from me now."),
}


@dataclass(frozen=True)
class Ferry:
    """`hidden` factors are left out by the frame; `spoken` puts other words in a level's place than the table says."""

    name: str = "ferry"
    version: int = 1
    space: Space = SPACE
    options: Mapping[str, str] = field(default_factory=lambda: OPTIONS)
    renderings: tuple[str, ...] = ("single", "multi")
    hidden: frozenset[str] = frozenset()
    spoken: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    table: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=lambda: PHRASES)
    rule: Callable[[Point], str | None] = RULE

    def decide(self, point: Point) -> str | None:
        return self.rule(point)

    def phrases(self, factor: str) -> Mapping[str, tuple[str, ...]]:
        return self.table.get(factor, {})

    def draft(self, point: Point, seed: int, rendering: str = "single") -> Draft:
        place = self._pick(seed, "harbour", self.words("harbour", point["harbour"]))
        facts = [
            self._pick(seed, name, self.words(name, point[name])).replace("{place}", place)
            for name in ("order", "sender", "wind")
            if name not in self.hidden
        ]
        turn = stream_seed(seed, "order of facts") % 3
        facts = facts[turn:] + facts[:turn]
        opening = f"You run the ferry at {place}." if "harbour" not in self.hidden else "You run the ferry."
        count = 5 if point["manner"] == "chatty" else 2
        filler = [FILLER[(stream_seed(seed, "filler") + 3 * i) % len(FILLER)] for i in range(count)]
        first, second = [opening, *filler[: count // 2], *facts[:2]], [*facts[2:], *filler[count // 2 :]]
        ask = self._pick(seed, "ask", ASKS)
        chat = [Message(role="user", content=" ".join([*first, *second, ask]))]
        if rendering == "multi":
            said = " ".join(first), " ".join([*second, ask])
            chat = [
                Message(role="user", content=said[0]),
                Message(role="assistant", content="I see."),
                Message(role="user", content=said[1]),
            ]
        decision = self.decide(point)
        if decision is not None:
            chat.append(Message(role="assistant", content=self._pick(seed, "says", SAYS[decision])))
        return Draft(self.name, dict(point), decision, tuple(chat), seed, rendering)

    def words(self, factor: str, level: str) -> tuple[str, ...]:
        return self.spoken.get((factor, level)) or self.table[factor][level]

    @staticmethod
    def _pick(seed: int, slot: str, texts: tuple[str, ...]) -> str:
        return texts[stream_seed(seed, "ferry", slot) % len(texts)]


def points(space: Space = SPACE, decide: Callable[[Point], str | None] = RULE) -> list[dict[str, str]]:
    """Every point with an agreed decision."""
    return [point for point in space.points() if decide(point) is not None]


def drafts(scenario: Ferry | None = None, count: int = 300, start: int = 0) -> list[Draft]:
    """Drafts at all agreed points in turn, each with a seed of its own."""
    made = scenario or Ferry()
    every = points(made.space, made.decide)
    forms = made.renderings
    return [
        made.draft(every[i * 7 % len(every)], seed=start + i, rendering=forms[i % len(forms)]) for i in range(count)
    ]


def reworded(draft: Draft, old: str, new: str) -> Draft:
    """`draft` with `old` replaced in its words, wherever it stands."""
    chat = tuple(m.model_copy(update={"content": m.content.replace(old, new)}) for m in draft.messages)
    return replace(draft, messages=chat)
