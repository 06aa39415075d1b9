"""`DecisionRule`: the right decision at every point, as plain data; some points have no agreed one."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import Field

from isobath.base.value import Value
from isobath.design.space import Clause, Point, matches

CONTESTED = None
"""The decision at a point where people do not agree: such a point is asked, and never scored right or wrong."""

Gold = Callable[[Point], str | None]
"""The right decision at a point, or `CONTESTED`. A `DecisionRule` is one; so is any function."""


class Case(Value):
    """Points that match `when` are to be decided so; `then` None: contested."""

    when: Clause
    then: str | None


class DecisionRule(Value):
    """The first case that a point matches decides; points that match none get `otherwise` (None: contested)."""

    cases: tuple[Case, ...] = Field(default=())
    otherwise: str | None = None

    def __call__(self, point: Point) -> str | None:
        """The right decision at `point`, or None where it is contested."""
        for case in self.cases:
            if matches(case.when, point):
                return case.then
        return self.otherwise


def flips(before: str | None, after: str | None) -> bool:
    """Whether the right decision changes: both agreed, and different. A change from or to `CONTESTED` is no flip."""
    return before is not None and after is not None and before != after
