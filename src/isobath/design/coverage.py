"""What a set of points covers: t-tuples of levels, counted over those that can be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from isobath.design.design import codes_of, columns_of
from isobath.design.feasible import bars_of
from isobath.design.space import Codes, Point, Space
from isobath.design.tuples import Tuples, feasible_tuples, tuples_of


@dataclass(frozen=True)
class Coverage:
    """How many t-tuples of levels a set of points holds, of those that some point that can be holds.

    `complete` of `sets` sets of factors have every one of their tuples held; `least` names the set with the smallest
    share held, and that share. Total and simple t-way coverage of Kuhn, Kacker and Lei (2012), Combinatorial coverage
    measurement, NIST IR 7878.
    """

    t: int
    covered: int
    feasible: int
    complete: int
    sets: int
    least: tuple[tuple[str, ...], float]

    @property
    def share(self) -> float:
        """Covered over feasible."""
        return self.covered / self.feasible


def coverage(space: Space, points: Iterable[Point] | Codes | Any, t: int, on: Sequence[str] | None = None) -> Coverage:
    """Coverage of the `t`-tuples of the factors `on` (all unless told) by `points`; forbidden points cover nothing.

    Raises `InputError` for a strength that is not 1..4 or above the number of factors.
    """
    index = tuples_of(space.shape, columns_of(space, on), t)
    feasible = feasible_tuples(space, t, index.columns)
    held = _held(space, points, index) & feasible
    per_set, possible = np.add.reduceat(held, index.base, dtype=int), np.add.reduceat(feasible, index.base, dtype=int)
    shares = np.where(possible > 0, per_set / np.maximum(possible, 1), 1.0)
    worst = int(shares.argmin())
    names = tuple(space.names[c] for c in index.combos[worst])
    complete = int((per_set == possible).sum())
    least = (names, float(shares[worst]))
    return Coverage(t, int(held.sum()), int(feasible.sum()), complete, len(shares), least)


def uncovered(
    space: Space, rows: Iterable[Point] | Codes | Any, t: int, on: Sequence[str] | None = None
) -> list[dict[str, str]]:
    """The `t`-tuples of levels of the factors `on` (all unless told) that no row holds and some row could.

    Each as factor -> level. Tuples that no point that can be extends are not counted; neither is what a forbidden row
    holds. Empty: the rows are a covering array of strength `t`. Raises `InputError` for a strength that is none.
    """
    index = tuples_of(space.shape, columns_of(space, on), t)
    missed = np.flatnonzero(feasible_tuples(space, t, index.columns) & ~_held(space, rows, index))
    columns, levels = index.levels_of(missed)
    return [
        {space.names[c]: space.factors[c].domain[level] for c, level in zip(cs, ls, strict=True)}
        for cs, ls in zip(columns.tolist(), levels.tolist(), strict=True)
    ]


def _held(space: Space, points: Iterable[Point] | Codes | Any, index: Tuples) -> npt.NDArray[np.bool_]:
    codes = codes_of(space, points)
    held = np.zeros(index.size, dtype=bool)
    fine = np.unique(codes[bars_of(space).allowed(codes)], axis=0)
    for start in range(0, len(fine), 4096):
        held[index.ids(fine[start : start + 4096])] = True
    return held
