"""`Scenario`: a factor space with a rule for the right decision, and how a point of it is put into words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol, runtime_checkable

from isobath.design.space import Point, Space
from isobath.gpe.scenarios.draft import Draft

Rendering = Literal["single", "multi", "tools"]
"""One user turn; several turns with answers between; a turn that offers tools, answered by a call."""


@runtime_checkable
class Scenario(Protocol):
    """What training rows are made of: points, the right decision at each, and words.

    `phrases` says how the levels of a factor may be worded (level -> texts), where the scenario knows; a tagger that
    looks words up needs them. `options` maps every decision to the words it is offered in as a choice.
    """

    @property
    def name(self) -> str:
        """Names rows, files and random streams."""
        ...

    @property
    def version(self) -> int:
        """Changes when the same point and seed give other words."""
        ...

    @property
    def space(self) -> Space:
        """Relevant and irrelevant factors."""
        ...

    @property
    def options(self) -> Mapping[str, str]:
        """Decision -> the words it is offered in as a choice."""
        ...

    @property
    def renderings(self) -> tuple[Rendering, ...]:
        """The forms it can be put in."""
        ...

    def decide(self, point: Point) -> str | None:
        """The right decision at `point`; None where people do not agree."""
        ...

    def draft(self, point: Point, seed: int, rendering: Rendering = "single") -> Draft:
        """`point` in words, with the right decision as the answer (no answer where it is contested).

        Every slot of the text draws from its own stream of (scenario, `seed`, slot): with one factor changed and the
        same seed, nothing but that factor's words (and the answer) changes.
        """
        ...

    def phrases(self, factor: str) -> Mapping[str, tuple[str, ...]]:
        """How the levels of `factor` may be worded; empty where that is not known."""
        ...
