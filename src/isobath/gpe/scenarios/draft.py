"""`Draft`: one scenario put into words, before anybody has verified it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from isobath.models.chat import Chat, Row

TEMPLATES = "templates"
"""Who worded a draft that no model wrote."""

RESERVED: tuple[str, ...] = ("id", "scenario", "decision", "rendering", "source", "lineage", "same")
"""Metadata of a row besides its levels: no factor may be called so."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A point of a scenario in words.

    `messages` ends with the assistant's answer, unless the point is contested (`decision` None). `seed` and `rendering`
    are what it was drafted with; `source` is who worded it (`TEMPLATES`, or the model's name); `lineage` says how the
    point came about (see `isobath.design.evolution`), oldest step first, empty for a point that was drawn.
    """

    scenario: str
    point: Mapping[str, str]
    decision: str | None
    messages: Chat
    seed: int
    rendering: str = "single"
    source: str = TEMPLATES
    lineage: tuple[str, ...] = field(default=())

    @property
    def asked(self) -> Chat:
        """The turns before the answer."""
        return self.messages if self.decision is None else self.messages[:-1]

    @property
    def text(self) -> str:
        """The words of every turn before the answer, a line each: what a tagger reads."""
        return "\n".join(message.content for message in self.asked)

    @property
    def id(self) -> str:
        """Such as ``honesty:single:17:2.0.1``: scenario, rendering, seed and levels."""
        return f"{self.scenario}:{self.rendering}:{self.seed}:" + ".".join(self.point.values())

    def row(self) -> Row:
        """The training row; levels, decision, scenario, rendering and source are its metadata."""
        told = {"scenario": self.scenario, "decision": self.decision, "rendering": self.rendering}
        return Row(messages=self.messages, metadata={**self.point, **told, "source": self.source})
