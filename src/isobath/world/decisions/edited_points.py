"""Edited points: one irrelevant factor drawn again, or one relevant factor changed so that the decision changes."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from isobath.base.seeding import rng
from isobath.design.region import Region
from isobath.design.space import Point
from isobath.world.decisions.drawn_points import drawn
from isobath.world.decisions.scenario import SPACE, decision_rule

SOURCES_PER_REGION = 10


class EditedPoint(NamedTuple):
    """A point made from another by changing `factor`; `flips`: whether the right decision changes."""

    source: Point
    point: Point
    factor: str
    flips: bool


@lru_cache(maxsize=16)
def edited_points(world_seed: int) -> tuple[EditedPoint, ...]:
    """One edit of every factor for each of 10 points of every region, where there is one.

    An irrelevant factor gets another level, all equally likely; a relevant one a level at which another decision is
    right. Levels that cannot be, or at which the decision is contested, are not drawn.
    """
    rule = decision_rule(world_seed)
    draw = rng(world_seed, "decisions", "edits")
    found = []
    for region in Region:
        for source in SPACE.decode(drawn(world_seed)[region].codes[:SOURCES_PER_REGION]):
            for factor in SPACE.factors:
                others = [{**source, factor.name: level} for level in factor.domain if level != source[factor.name]]
                fit = [p for p in others if SPACE.allows(p) and rule(p) is not None]
                fit = [p for p in fit if not factor.relevant or rule(p) != rule(source)]
                if fit:
                    point = fit[int(draw.integers(len(fit)))]
                    found.append(EditedPoint(source, point, factor.name, rule(point) != rule(source)))
    return tuple(found)
