"""t-tuples of levels as numbers, and which of them can be: what a design covers is counted with these."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np
import numpy.typing as npt

from isobath.base.errors import InputError
from isobath.base.seeding import rng
from isobath.design.feasible import Barred, Shape, barred, bars_over, search_over
from isobath.design.space import Space

Ids = npt.NDArray[np.int64]

MOST_TUPLES = 5_000_000
WITNESSES = 2_000


@dataclass(frozen=True, eq=False)
class Tuples:
    """Every combination of levels of `t` of the factors `columns`, numbered from 0.

    `combos` lists the sets of factors, shape (sets, t), ordered by their last factor first, so that the number of a set
    is a sum of binomials. The number of a tuple is the `base` of its set plus its levels times `mult`.
    """

    shape: Shape
    columns: tuple[int, ...]
    t: int
    combos: Ids
    mult: Ids
    base: Ids
    totals: Ids
    size: int

    def ids(self, codes: npt.NDArray[np.integer]) -> Ids:
        """The tuples each row holds, shape (rows, sets)."""
        out = np.broadcast_to(self.base, (len(codes), len(self.base))).copy()
        for k in range(self.t):
            out += codes[:, self.combos[:, k]].astype(np.int64) * self.mult[:, k]
        return out

    def sets_of(self, ids: Ids) -> Ids:
        """The set of factors (row of `combos`) of each tuple."""
        return np.searchsorted(self.base, ids, side="right") - 1

    def levels_of(self, ids: Ids) -> tuple[Ids, Ids]:
        """Columns and levels of each tuple, both of shape (tuples, t)."""
        sets = self.sets_of(ids)
        columns = self.combos[sets]
        levels = (ids - self.base[sets])[:, None] // self.mult[sets] % np.array(self.shape)[columns]
        return columns, levels

    def sets_at(self, columns: Ids) -> Ids:
        """Numbers of the sets of factors in `columns`, shape (sets, t), each sorted ascending."""
        local = np.searchsorted(np.array(self.columns), columns)
        binomials = np.array([[math.comb(n, k + 1) for k in range(self.t)] for n in range(len(self.columns))])
        return np.asarray(sum(binomials[local[:, k], k] for k in range(self.t)), dtype=np.int64)


def check_strength(t: int, factors: int) -> None:
    """Raises `InputError` for a strength that is not 1..4 or exceeds the number of factors."""
    if not 1 <= t <= min(4, factors):
        raise InputError(f"strength {t}", f"1 to 4, and not above the {factors} factors", "choose another strength")


@lru_cache(maxsize=64)
def tuples_of(shape: Shape, columns: tuple[int, ...], t: int) -> Tuples:
    """The numbering of `t`-tuples of the factors `columns` of a space of that shape.

    Raises `InputError` for a strength that is none, and beyond five million tuples.
    """
    check_strength(t, len(columns))
    sizes_of = [shape[c] for c in columns]
    if _count(sizes_of, t) > MOST_TUPLES:
        raise InputError(
            f"{_count(sizes_of, t):,} combinations of {t} levels",
            f"a design of strength {t} keeps account of up to {MOST_TUPLES:,}",
            "lower the strength or cover fewer factors",
        )
    combos = np.array(sorted(combinations(columns, t), key=lambda c: c[::-1]), dtype=np.int64)
    sizes = np.array(shape, dtype=np.int64)[combos]
    mult = np.ones_like(combos)
    for k in range(t - 2, -1, -1):
        mult[:, k] = mult[:, k + 1] * sizes[:, k + 1]
    totals = sizes.prod(axis=1)
    base = np.concatenate([[0], np.cumsum(totals)[:-1]])
    return Tuples(shape, columns, t, combos, mult, base, totals, int(totals.sum()))


def _count(sizes: list[int], t: int) -> int:
    """Tuples in all: the elementary symmetric polynomial of degree `t` of the factors' sizes."""
    found = [1] + [0] * t
    for size in sizes:
        for k in range(t, 0, -1):
            found[k] += found[k - 1] * size
    return found[t]


def feasible_tuples(space: Space, t: int, columns: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Which of `tuples_of(space.shape, columns, t)` some point that can be holds; exact, kept, not to be written to.

    Raises `InputError` where no point at all can be.
    """
    found = _feasible(space.shape, barred(space), t, columns)
    if not found.any():
        raise InputError("the forbidden combinations", "leave at least one point", "take one of them back")
    return found


@lru_cache(maxsize=64)
def _feasible(shape: Shape, clauses: tuple[Barred, ...], t: int, columns: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    index = tuples_of(shape, columns, t)
    feasible = np.full(index.size, not clauses)
    if clauses:
        _decide(feasible, index, clauses)
    feasible.setflags(write=False)
    return feasible


def _decide(feasible: npt.NDArray[np.bool_], index: Tuples, clauses: tuple[Barred, ...]) -> None:
    """Points that can be vouch for their tuples; the search decides about tuples none vouches for."""
    search, bars = search_over(index.shape, clauses), bars_over(index.shape, clauses)
    drawn = rng(0, "design", "witnesses").integers(0, index.shape, size=(WITNESSES, len(index.shape)))
    feasible[index.ids(drawn[bars.allowed(drawn)]).ravel()] = True
    open_ids = np.flatnonzero(~feasible)
    all_columns, all_levels = index.levels_of(open_ids)
    for number, columns, levels in zip(open_ids.tolist(), all_columns.tolist(), all_levels.tolist(), strict=True):
        if feasible[number]:
            continue
        row = search.complete(dict(zip(columns, levels, strict=True)))
        if row is not None:
            feasible[index.ids(row[None])] = True
