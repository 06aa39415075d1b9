"""Depth and enclosure of relevant combinations against those of a support.

`seen` and `asked` are codes of the relevant factors only, distinct rows: (support, factors) and (points, factors).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from isobath.design.closeness import near_levels, ranked_levels
from isobath.design.factor import Factor
from isobath.design.space import Codes

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

BLOCK = 2**20
"""Bytes of one block of point x support comparisons: what stays in a core's cache."""


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
    enclosed: Flags = np.any(below & above, axis=1)
    return k, enclosed
