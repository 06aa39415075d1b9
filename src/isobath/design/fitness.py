"""What makes a point worth having: far from what is there, or holding tuples of levels that nothing holds yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from isobath.design.closeness import ranked_levels
from isobath.design.design import codes_of, columns_of, distinct
from isobath.design.factor import Factor
from isobath.design.space import Codes, Point, Space
from isobath.design.tuples import feasible_tuples, tuples_of

Reals = npt.NDArray[np.float64]
Fitness = Callable[[Codes], Reals]
"""A worth for each row of codes; it may depend on the other rows."""

AT_ONCE = 2_000_000


def novelty(space: Space, there: Iterable[Point] | Codes | Any, on: Sequence[str] | None = None) -> Fitness:
    """Distance of each point to the nearest one of `there`, 0 to 1: the mean over the factors `on` (all unless told).

    Levels of an ordered factor differ by their ranks over its range, others by 0 or 1 (Gower 1971). 1 where there is
    nothing.
    """
    columns = columns_of(space, on)
    tables = [_distances(space.factors[c]) for c in columns]
    seen = distinct(codes_of(space, there)[:, columns])

    def worth(codes: Codes) -> Reals:
        if not len(seen):
            return np.ones(len(codes))
        out = np.empty(len(codes))
        step = max(1, AT_ONCE // len(seen))
        for start in range(0, len(codes), step):
            part = codes[start : start + step]
            total = np.zeros((len(part), len(seen)))
            for k, (column, table) in enumerate(zip(columns, tables, strict=True)):
                total += table[part[:, column]][:, seen[:, k]]
            out[start : start + step] = total.min(axis=1) / len(columns)
        return out

    return worth


def _distances(factor: Factor) -> Reals:
    """Distance between any two levels of `factor`, shape (levels, levels)."""
    out = 1 - np.eye(len(factor.domain))
    ranks = np.arange(ranked_levels(factor))
    if len(ranks) > 1:
        out[: len(ranks), : len(ranks)] = np.abs(ranks[:, None] - ranks[None, :]) / (len(ranks) - 1)
    return out


def tuples_filled(
    space: Space,
    t: int = 2,
    having: Iterable[Point] | Codes | Any = (),
    *,
    on: Sequence[str] | None = None,
    shared: bool = True,
) -> Fitness:
    """How many `t`-tuples of levels each point holds that `having` does not and some point can.

    `shared`: rows that hold the same tuple share its worth, so that many rows are worth as much as the tuples they
    hold together (fitness sharing: Goldberg and Richardson 1987).
    """
    index = tuples_of(space.shape, columns_of(space, on), t)
    open_ = feasible_tuples(space, t, index.columns).astype(np.float64)
    old = codes_of(space, having)
    if len(old):
        open_[index.ids(old)] = 0.0

    def worth(codes: Codes) -> Reals:
        ids = index.ids(codes)
        each = open_[ids]
        if shared and len(codes):
            each = each / np.bincount(ids.ravel(), minlength=index.size)[ids]
        return np.asarray(each.sum(axis=1))

    return worth
