"""`DecisionsScenario`: the decision world as a scenario, so that what broadens other data broadens its rows too."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

from isobath.base.errors import InputError
from isobath.base.value import Value
from isobath.design.rule import DecisionRule
from isobath.design.space import Point, Space
from isobath.gpe.scenarios.draft import Draft
from isobath.gpe.scenarios.scenario import Rendering
from isobath.models.chat import Message
from isobath.world.decisions.levels import ACTIONS, ANSWER
from isobath.world.decisions.scenario import SPACE, decision_rule, request

MARKS: Mapping[str, tuple[str, ...]] = {
    "asks": ("asks you to",),
    "wants": ("and wants you to",),
    "please": ("please",),
    "tells": ("tells you to",),
    "will": ("will you",),
    "waits": ("would like you to",),
}
"""What tells one wording of a request from the others."""


class DecisionsScenario(Value):
    """Requests of the decision world of `world_seed`, answered rightly.

    A point fixes every word: there is one text for each point, whatever the seed. `length` has no words of its own
    (a longer opening contains the shorter one), so `phrases` knows none for it.
    """

    kind: Literal["decisions"] = "decisions"
    world_seed: int = 0

    @property
    def name(self) -> str:
        """``decisions``."""
        return self.kind

    @property
    def version(self) -> int:
        """Of the words."""
        return 1

    @property
    def space(self) -> Space:
        """Four relevant factors and four irrelevant ones."""
        return SPACE

    @property
    def options(self) -> Mapping[str, str]:
        """The four actions."""
        return ACTIONS

    @property
    def renderings(self) -> tuple[Rendering, ...]:
        """A single turn."""
        return ("single",)

    def decide(self, point: Point) -> str | None:
        """What is right at `point`; None where people do not agree."""
        return _rule(self.world_seed)(point)

    def draft(self, point: Point, seed: int, rendering: Rendering = "single") -> Draft:
        """The request at `point` and its answer. Raises `InputError` for another rendering."""
        if rendering not in self.renderings:
            raise InputError(f"rendering {rendering!r} of 'decisions'", "it has single turns alone", "use 'single'")
        asked = Message(role="user", content=request(point))
        decision = self.decide(point)
        told = () if decision is None else (Message(role="assistant", content=f"{ANSWER} {ACTIONS[decision]} ."),)
        return Draft(self.name, point, decision, (asked, *told), seed, rendering)

    def phrases(self, factor: str) -> Mapping[str, tuple[str, ...]]:
        """The words of each level of `factor`; none for `length`."""
        if factor == "length":
            return {}
        if factor == "wording":
            return MARKS
        pattern = {"stakes": "stakes are {}", "count": "{} people"}.get(factor, "{}")
        return {level: (pattern.format(level),) for level in SPACE.factor(factor).domain}


@lru_cache(maxsize=16)
def _rule(world_seed: int) -> DecisionRule:
    return decision_rule(world_seed)
