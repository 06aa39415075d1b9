"""Rows of codes as single numbers, so that whole rows can be compared, counted and looked up at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.int64]

LARGEST = 2**62


def row_keys(shape: Sequence[int], *arrays: npt.NDArray[np.int16]) -> list[Keys]:
    """One number per row of each array: equal for equal rows, also across the arrays.

    Columns of `shape` levels are digits of a mixed-radix number. Where that would overflow, the number so far is
    replaced by its rank among all rows, which keeps rows distinct.
    """
    rows = np.concatenate(arrays)
    keys = np.zeros(len(rows), dtype=np.int64)
    size = 1
    for column, levels in enumerate(shape):
        if size > LARGEST // max(levels, 1):
            keys = np.unique(keys, return_inverse=True)[1].astype(np.int64)
            size = len(rows)
        keys = keys * levels + rows[:, column]
        size *= levels
    return np.split(keys, np.cumsum([len(a) for a in arrays])[:-1])
