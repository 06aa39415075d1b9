"""Fewer rows for the same tuples, free places put to use, the heaviest rows first: after the construction.

A place of a row is free where every tuple that needs it is held by another row too. Rows are emptied into the free
places of others and dropped, after Nayeri, Colbourn and Konjevod (2013), Randomized post-optimization of covering
arrays, European Journal of Combinatorics 34.
"""

from __future__ import annotations

from heapq import heapify, heappop, heapreplace

import numpy as np
import numpy.typing as npt

from isobath.design.feasible import Bars
from isobath.design.tuples import Ids, Tuples

Reals = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


class Rows:
    """Rows of a design with an account of how many of them (and of an earlier support) hold each tuple."""

    def __init__(self, index: Tuples, feasible: Flags, had: Ids, rows: Ids, bars: Bars) -> None:
        self.index, self.bars, self.rows = index, bars, rows.copy()
        self.ids = index.ids(rows)
        # what a support held before needs no row, and never becomes somebody's duty
        self.count = np.bincount(self.ids.ravel(), minlength=index.size)
        self.count[had.ravel()] += 2
        self.needed = feasible
        self.member = np.zeros((len(index.combos), len(index.shape)), dtype=bool)
        self.member[np.arange(len(index.combos))[:, None], index.combos] = True

    def duties(self, i: int) -> Ids:
        """Sets of factors whose tuple only row `i` holds."""
        ids = self.ids[i]
        return np.flatnonzero((self.count[ids] == 1) & self.needed[ids])

    def free(self, i: int) -> Flags:
        """Places of row `i` that no duty of it uses."""
        return np.asarray(~self.member[self.duties(i)].any(axis=0))

    def put(self, i: int, row: Ids) -> None:
        """Replace row `i`."""
        np.subtract.at(self.count, self.ids[i], 1)
        self.rows[i], self.ids[i] = row, self.index.ids(row[None])[0]
        np.add.at(self.count, self.ids[i], 1)


def eliminate(found: Rows, passes: int) -> None:
    """Move the duties of the rows with fewest of them into free places of other rows; drop rows left without any."""
    for _ in range(passes):
        dropped = False
        order = sorted(range(len(found.rows)), key=lambda i: len(found.duties(i)))
        gone: list[int] = []
        free = np.array([found.free(i) for i in range(len(found.rows))]).reshape(found.rows.shape)
        for i in order:
            _empty(found, i, free, gone)
            if not len(found.duties(i)):
                gone.append(i)
                np.subtract.at(found.count, found.ids[i], 1)
                dropped = True
        found.rows, found.ids = np.delete(found.rows, gone, axis=0), np.delete(found.ids, gone, axis=0)
        if not dropped:
            return


def _empty(found: Rows, i: int, free: Flags, gone: list[int]) -> None:
    """Try to give every duty of row `i` to a row with free places for it; stop at the first that none can take."""
    for combo in found.duties(i).tolist():
        if found.count[found.ids[i, combo]] != 1:
            continue
        columns = found.index.combos[combo]
        levels = found.rows[i, columns]
        fits = ((found.rows[:, columns] == levels) | free[:, columns]).all(axis=1)
        fits[[i, *gone]] = False
        for s in np.flatnonzero(fits).tolist():
            row = found.rows[s].copy()
            row[columns] = levels
            changed = row != found.rows[s]
            if (changed & ~found.free(s)).any() or not found.bars.allowed(row[None])[0]:
                continue
            found.put(s, row)
            free[s] = found.free(s)
            break
        else:
            return


def prune(found: Rows) -> None:
    """Drop rows that hold no tuple alone, one after the other."""
    gone = []
    for i in range(len(found.rows)):
        if not len(found.duties(i)):
            gone.append(i)
            np.subtract.at(found.count, found.ids[i], 1)
    found.rows, found.ids = np.delete(found.rows, gone, axis=0), np.delete(found.ids, gone, axis=0)


def fill_free(found: Rows, weights: tuple[Reals, ...]) -> None:
    """Give free places the level that is used least for its weight, so that levels are balanced as the weights say."""
    used = [np.bincount(found.rows[:, c], minlength=n).astype(float) for c, n in enumerate(found.index.shape)]
    known = np.ones(len(found.index.shape), dtype=bool)
    for i in range(len(found.rows)):
        row = found.rows[i].copy()
        for column in np.flatnonzero(found.free(i)).tolist():
            used[column][row[column]] -= 1
            cost = (used[column] + 1) / weights[column]
            veto = found.bars.veto(row[None], column, known)
            if veto is not None:
                cost[veto[0]] = np.inf
            row[column] = int(cost.argmin())
            used[column][row[column]] += 1
        found.put(i, row)


def heaviest_first(index: Tuples, rows: Ids, value: Reals) -> Ids:
    """Order in which each next row adds the most value (of tuples not held before); ties keep the order given."""
    open_value = np.maximum(value, 0.0)
    ids = index.ids(rows)
    # a row's score only falls as others are taken, so a score that still leads when computed anew is the best
    heap = [(-float(open_value[row].sum()), i) for i, row in enumerate(ids)]
    heapify(heap)
    order = []
    while heap:
        score, i = heap[0]
        now = -float(open_value[ids[i]].sum())
        if now > score:
            heapreplace(heap, (now, i))
            continue
        heappop(heap)
        order.append(i)
        open_value[ids[i]] = 0.0
    return np.array(order, dtype=np.int64)
