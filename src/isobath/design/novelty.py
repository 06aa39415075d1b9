"""Novelty order: the smallest combination of relevant levels that no support cell is near (methods 1.2).

`seen` and `asked` are codes of the relevant factors only, distinct rows: (support, factors) and (points, factors).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from itertools import combinations
from math import comb, prod

import numpy as np
import numpy.typing as npt

from isobath.design.closeness import near_levels, ranked_levels
from isobath.design.depth import BLOCK, Flags, Ints
from isobath.design.factor import Factor
from isobath.design.keys import row_keys
from isobath.design.space import Codes

TABLE = 2**24
"""Largest table of the combinations of one set of factors, in bytes; beyond it rows are compared one with another."""

LATTICE = 2**26
"""Largest table of the combinations of every set of factors, in bytes."""

LOOKUP = 20_000
"""Cells of the lattice that can be filled in the time that one set of factors takes to be looked up."""

SETS = 300_000
"""Sets of factors that are looked at, half a minute for ten thousand points: enough for all sets of 18 factors."""


class NoveltyWarning(UserWarning):
    """Points whose novelty order is only known to be at least what is reported: there are too many sets of factors."""


def novelty_of(factors: Sequence[Factor], seen: Codes, asked: Codes, k: Ints) -> Ints:
    """q of every row of `asked`: the smallest number of factors on which no seen row is near it; 0 where k is 0.

    Sets of factors are tried from small to large, and only for rows not yet settled. Where many sets are left, one
    table of all of them settles the rest, if it fits. If not, and more than `SETS` sets would have to be tried, rows
    not settled get the next size, which is then a lower bound, and a `NoveltyWarning` says so.
    """
    q = np.zeros(len(asked), dtype=np.int64)
    lattice = prod(len(f.domain) + 1 for f in factors)
    for size in range(1, len(factors) + 1):
        left = np.flatnonzero((k > 0) & (q == 0))
        if not len(left):
            break
        if lattice <= min(LATTICE, comb(len(factors), size) * LOOKUP):
            q[left] = _lattice(factors, seen)[tuple(asked[left].T)]
            break
        if sum(comb(len(factors), n) for n in range(1, size + 1)) > SETS:
            q[left] = size
            warnings.warn(
                f"q of {len(left):,} of {len(asked):,} relevant combinations is {size} or more: there are "
                f"{comb(len(factors), size):,} sets of {size} of {len(factors)} relevant factors to look at.",
                NoveltyWarning,
                stacklevel=4,
            )
            break
        for met in _met_of_size(factors, size, seen, asked[left]):
            q[left[~met]] = size
    return q


def _met_of_size(factors: Sequence[Factor], size: int, seen: Codes, asked: Codes) -> Iterator[Flags]:
    """For each set of `size` factors: which rows of `asked` have a seen row near them on all of the set."""
    ours, theirs = (np.ascontiguousarray(codes.T, dtype=np.int64) for codes in (asked, seen))
    shape = [len(f.domain) for f in factors]
    prefix: list[tuple[int, Ints, Ints]] = []
    before: tuple[int, ...] = ()
    for chosen in combinations(range(len(factors)), size):
        kept = next((i for i, (a, b) in enumerate(zip(before, chosen, strict=False)) if a != b), 0)
        before, prefix = chosen, prefix[:kept]
        for j in chosen[kept:]:
            cells, x, y = prefix[-1] if prefix else (1, np.zeros_like(ours[0]), np.zeros_like(theirs[0]))
            grown = cells * shape[j]
            prefix.append(
                (grown, x * shape[j] + ours[j], y * shape[j] + theirs[j]) if grown <= TABLE else (grown, x, y)
            )
        cells, x, y = prefix[-1]
        part = [factors[j] for j in chosen]
        if cells > TABLE:
            yield _met_without_table(part, seen[:, chosen], asked[:, chosen])
            continue
        table = np.zeros(cells, dtype=bool)
        table[y] = True
        if any(f.near for f in part):
            boxed = table.reshape([shape[j] for j in chosen])
            for axis, factor in enumerate(part):
                _spread(boxed, axis, factor)
        yield table[x]


def _spread(table: Flags, axis: int, factor: Factor) -> None:
    """Marks, along `axis`, every level that is near a marked one."""
    ranked = ranked_levels(factor)
    if not factor.near or not ranked:
        return
    lines = np.moveaxis(table, axis, 0)
    marked = lines[:ranked].copy()
    for step in range(1, min(factor.near, ranked - 1) + 1):
        lines[: ranked - step] |= marked[step:]
        lines[step:ranked] |= marked[:-step]


def _met_without_table(factors: Sequence[Factor], seen: Codes, asked: Codes) -> Flags:
    """The same where a table would be too large: by keys, or row by row where levels are near others."""
    if not any(f.near for f in factors):
        known, wanted = row_keys([len(f.domain) for f in factors], seen, asked)
        return np.isin(wanted, known)
    rows = [near_levels(f)[:, seen[:, j]] for j, f in enumerate(factors)]
    met = np.zeros(len(asked), dtype=bool)
    step = max(1, BLOCK // len(seen))
    for start in range(0, len(asked), step):
        block = asked[start : start + step]
        agree = rows[0][block[:, 0]]
        for j in range(1, len(factors)):
            agree &= rows[j][block[:, j]]
        met[start : start + step] = np.any(agree, axis=1)
    return met


def _lattice(factors: Sequence[Factor], seen: Codes) -> npt.NDArray[np.uint8]:
    """q of every combination there is, shape of the space; 255 where some seen row is near it on all factors.

    A pattern names a level or "any" (last along its axis) for every factor. First: which patterns some seen row
    meets. Then every combination takes the size of the smallest pattern not met that it contains, axis by axis. The
    last axis grows first and shrinks last, so that the short strides are walked while the table is small.
    """
    met = np.zeros([len(f.domain) for f in factors], dtype=bool)
    met[tuple(seen.T)] = True
    size = np.zeros([1] * len(factors), dtype=np.uint8)
    for axis in reversed(range(len(factors))):
        _spread(met, axis, factors[axis])
        met = np.concatenate([met, np.logical_or.reduce(met, axis=axis, keepdims=True)], axis=axis)
        size = np.concatenate([np.repeat(size + 1, len(factors[axis].domain), axis=axis), size], axis=axis)
    np.copyto(size, 255, where=met)
    del met
    for axis in range(len(factors)):
        lines = np.moveaxis(size, axis, 0)
        size = np.moveaxis(np.minimum(lines[:-1], lines[-1:]), 0, axis)
    return size
