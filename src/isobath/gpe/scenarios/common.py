"""`Common`: the irrelevant factors that all scenarios share, and the words of each of their levels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from isobath.base.value import Value
from isobath.design.factor import Factor

Part = Literal["setting", "asker", "facts", "filler", "ask"]
Texts = tuple[str, ...]


class Context(Value):
    """One setting: what fills {place}, {team} and {thing} there, and sentences that set the scene."""

    place: Texts
    team: Texts
    thing: Texts
    setting: Texts


class Frame(Value):
    """One way to word a scenario: the order of its parts, and the words that join them.

    `between` stands between parts and `within` between the sentences of a part, `bullet` before every fact. `lead` are
    words before a part, `link` words before a fact other than the first; an empty one adds nothing.
    """

    parts: tuple[Part, ...]
    between: str = "\n"
    within: str = " "
    bullet: str = ""
    lead: Mapping[str, Texts] = {}
    link: Texts = ("",)


class Length(Value):
    """How many sentences that say nothing to the point, and from which."""

    sentences: int
    filler: Texts


class Register(Value):
    """How somebody begins and ends a message, and begins an aside."""

    opening: Texts
    aside: Texts
    closing: Texts


class Room(Value):
    """How an answer is asked for, and how many reasons it gives before the decision."""

    reasons: int
    instructions: Texts


class Common(Value):
    """The irrelevant factors, level by level, and the words of dialogue and of tools that belong to no factor."""

    contexts: Mapping[str, Context]
    frames: Mapping[str, Frame]
    lengths: Mapping[str, Length]
    personas: Mapping[str, Texts]
    registers: Mapping[str, Register]
    rooms: Mapping[str, Room]
    asks: Texts
    acknowledgements: Texts
    offers: Texts
    calls: Texts

    @property
    def factors(self) -> tuple[Factor, ...]:
        """The irrelevant factors, in the order of `DESCRIPTIONS`; the lengths have an order."""
        levels = (self.contexts, self.frames, self.lengths, self.personas, self.registers, self.rooms)
        return tuple(
            Factor(
                name=name,
                kind="ordinal" if name == "length" else "nominal",
                levels=tuple(listed),
                relevant=False,
                description=said,
            )
            for (name, said), listed in zip(DESCRIPTIONS.items(), levels, strict=True)
        )

    def phrases(self, factor: str) -> dict[str, Texts]:
        """What tells a level of an irrelevant factor in the words; empty for `wording` and `register`, which may not
        show: an order of parts is no phrase, and a plain message has no opening."""
        if factor == "context":
            return {level: (*one.place, *one.team, *one.thing) for level, one in self.contexts.items()}
        if factor == "length":
            return {level: one.filler for level, one in self.lengths.items()}
        if factor == "persona":
            return dict(self.personas)
        if factor == "room":
            return {level: one.instructions for level, one in self.rooms.items()}
        return {}


DESCRIPTIONS: Mapping[str, str] = {
    "context": "the setting",
    "wording": "how the scenario is put together",
    "length": "how much is said that is not to the point",
    "persona": "who asks",
    "register": "how they speak",
    "room": "whether reasons come before the decision",
}
"""The irrelevant factors, in their order."""
