"""Depth, enclosure and novelty order of relevant combinations against those of a support.

`seen` and `asked` are codes of the relevant factors only, distinct rows: (support, factors) and (points, factors).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from isobath.design.closeness import near_levels, ranked_levels
from isobath.design.factor import Factor
from isobath.design.keys import row_keys
from isobath.design.space import Codes

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

BLOCK = 2**20
"""Bytes of one block of point x support comparisons: what stays in a core's cache."""

TABLE = 2**24
"""Largest table of combinations, in bytes; beyond it combinations are compared one with another."""


def depth_of(factors: Sequence[Factor], seen: Codes, asked: Codes) -> tuple[Ints, Flags]:
    """k and enclosed of every row of `asked` (methods 1.2).

    Every asked row is compared with every seen one, in blocks that fit a cache: memory stays flat.
    """
    wide = len(factors)
    agreeing = [np.ascontiguousarray(near_levels(f)[:, seen[:, j]]).astype(np.uint8) for j, f in enumerate(factors)]
    k = np.empty(len(asked), dtype=np.int64)
    below, above = (np.zeros((len(asked), wide), dtype=bool) for _ in range(2))
    step = max(1, BLOCK // len(seen))
    for start in range(0, len(asked), step):
        block = asked[start : start + step]
        agree = np.zeros((len(block), len(seen)), dtype=np.uint8)
        for j, rows in enumerate(agreeing):
            agree += rows[block[:, j]]
        k[start : start + step] = wide - agree.max(axis=1)
        at = np.flatnonzero(agree >= wide - 1)
        mine, theirs = at // len(seen), at % len(seen)
        total = agree.reshape(-1)[at]
        for j, factor in enumerate(factors):
            ranked, x, y = ranked_levels(factor), block[mine, j], seen[theirs, j]
            fibre = (total - agreeing[j][x, theirs] == wide - 1) & (x < ranked) & (y < ranked)
            below[start + mine[fibre & (y < x)], j] = True
            above[start + mine[fibre & (y > x)], j] = True
    return k, (below & above).any(axis=1)


def novelty_of(factors: Sequence[Factor], seen: Codes, asked: Codes, k: Ints) -> Ints:
    """q of every row of `asked`: the smallest number of factors on which no seen row is near it; 0 where k is 0.

    Sets of factors are tried from small to large, and only for the rows not yet settled.
    """
    q = np.zeros(len(asked), dtype=np.int64)
    open_rows = np.flatnonzero(k > 0)
    for size in range(1, len(factors) + 1):
        for chosen in combinations(range(len(factors)), size):
            if not len(open_rows):
                return q
            part = [factors[j] for j in chosen]
            met = _met(part, seen[:, chosen], asked[np.ix_(open_rows, chosen)])
            q[open_rows[~met]] = size
            # rows settled at this size stay until it is done; nothing is lost by asking them again
        open_rows = open_rows[q[open_rows] == 0]
    return q


def _met(factors: Sequence[Factor], seen: Codes, asked: Codes) -> Flags:
    """Which rows of `asked` have a seen row near them on all `factors`."""
    shape = [len(f.domain) for f in factors]
    if np.prod(shape, dtype=float) <= TABLE:
        table = np.zeros(shape, dtype=bool)
        table[tuple(seen.T)] = True
        for axis, factor in enumerate(factors):
            _spread(table, axis, factor)
        return table[tuple(asked.T)]
    if not any(f.near for f in factors):
        known, wanted = row_keys(shape, seen, asked)
        return np.isin(wanted, known)
    return np.concatenate([*_compared(factors, seen, asked)])


def _spread(table: Flags, axis: int, factor: Factor) -> None:
    """Marks, along `axis`, every level that is near a marked one."""
    ranked = ranked_levels(factor)
    lines = np.moveaxis(table, axis, 0)
    marked = lines[:ranked].copy() if factor.near else lines
    for step in range(1, min(factor.near, ranked - 1) + 1):
        lines[: ranked - step] |= marked[step:]
        lines[step:ranked] |= marked[:-step]


def _compared(factors: Sequence[Factor], seen: Codes, asked: Codes) -> Iterator[Flags]:
    """Row by row: only for sets of factors with near levels whose table would be too large."""
    rows = [near_levels(f)[:, seen[:, j]] for j, f in enumerate(factors)]
    step = max(1, BLOCK // len(seen))
    for start in range(0, len(asked), step):
        block = asked[start : start + step]
        agree = rows[0][block[:, 0]]
        for j in range(1, len(factors)):
            agree = agree & rows[j][block[:, j]]
        yield agree.any(axis=1)
