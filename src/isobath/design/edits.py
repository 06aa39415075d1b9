"""Edited points: each the copy of a point with one factor changed, for flip rates (methods 1.1).

Spurious reliance is how often a model's decision moves when an irrelevant factor is resampled; blindness is how often
it does not move when a relevant edit changes the right decision.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from isobath.base.errors import InputError
from isobath.base.seeding import rng
from isobath.design.edit import Edit
from isobath.design.factor import Factor
from isobath.design.rule import Gold, flips
from isobath.design.space import Point, Space


def edits(
    space: Space,
    gold: Gold,
    points: Sequence[Point],
    seed: int,
    per_factor: int = 1,
    names: Sequence[str] | None = None,
) -> list[tuple[int, dict[str, str], Edit]]:
    """(index of the point, edited point, what was changed) for every uncontested point and every factor.

    An irrelevant factor is resampled `per_factor` times among its other levels, without repeating one. A relevant
    factor gives up to `per_factor` edits that flip the right decision and as many that do not: a model should move with
    the first and stay with the second. Only edits that can be and whose right decision is agreed are made, so a factor
    may give fewer, or none. `Edit.of` is the point's entry in `names`, else its index. The draws of a point depend on
    `seed`, the point and the factor alone: adding points changes no edit of the others.
    """
    if per_factor < 1:
        raise InputError(f"per_factor = {per_factor}", "a factor is edited at least once", "use 1 or more")
    found: list[tuple[int, dict[str, str], Edit]] = []
    for i, point in enumerate(points):
        decision = gold(point)
        if decision is None:
            continue
        for factor in space.factors:
            options = _options(space, gold, point, factor, seed)
            groups = ([o for o in options if flips(decision, o[1])], [o for o in options if not flips(decision, o[1])])
            chosen = [*groups[0][:per_factor], *groups[1][:per_factor]] if factor.relevant else options[:per_factor]
            for edited, told in chosen:
                of = str(i) if names is None else names[i]
                edit = Edit(of=of, factor=factor.name, relevant=factor.relevant, flips=flips(decision, told))
                found.append((i, edited, edit))
    return found


def _options(space: Space, gold: Gold, point: Point, factor: Factor, seed: int) -> list[tuple[dict[str, str], str]]:
    """Every uncontested point that differs from `point` in `factor` alone, in random order, with its right decision."""
    made = ({**point, factor.name: level} for level in factor.domain if level != point[factor.name])
    told = [(edited, gold(edited)) for edited in made if space.allows(edited)]
    agreed = [(edited, decision) for edited, decision in told if decision is not None]
    draw = rng(seed, "edits", factor.name, *(f"{name}={point[name]}" for name in space.names))
    return [agreed[int(i)] for i in np.asarray(draw.permutation(len(agreed)))]
