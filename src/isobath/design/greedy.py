"""Rows that cover open tuples, one after the other: the construction inside `covering`.

One-row-at-a-time greedy with many candidates per row, in the manner of AETG (Cohen, Dalal, Fredman and Patton 1997, The
AETG system, IEEE TSE 23), all candidates at once in numpy, with optional sweeps of coordinate ascent over each.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from isobath.design.feasible import Bars, Search
from isobath.design.tuples import Ids, Tuples

Reals = npt.NDArray[np.float64]

CANDIDATES = 50
BARRED = -1e12
"""Value of a tuple that cannot be: no sum of weights makes up for it."""


class Greedy:
    """Builds rows over all factors of a space that cover the open tuples of `index`.

    `value` has one number per tuple: its weight while it is open, 0 once it is covered, `BARRED` where it cannot be.
    """

    def __init__(self, index: Tuples, value: Reals, search: Search, bars: Bars, stream: np.random.Generator) -> None:
        self.index, self.value, self.search, self.bars, self.stream = index, value.copy(), search, bars, stream
        self.shape = np.array(index.shape, dtype=np.int64)
        self.free = [c for c in range(len(index.shape)) if c not in index.columns]
        self._subsets: dict[int, Ids] = {}
        self._around: dict[int, tuple[Ids, Ids, Ids]] = {}
        positive = value[value > 0]
        self.jitter = 0.5 * float(positive.min()) if len(positive) else 0.0

    @property
    def open(self) -> int:
        """Tuples not covered yet."""
        return int((self.value > 0).sum())

    def row(self, sweeps: int, candidates: int = CANDIDATES) -> Ids:
        """One more row that can be and covers at least one open tuple; what it covers is closed."""
        combo, starts = self._starts(candidates)
        rows, alive = self._build(combo, starts)
        if not alive.any():
            whole = self.search.complete(dict(zip(combo.tolist(), starts[0].tolist(), strict=True)))
            if whole is None:
                raise RuntimeError("a tuple was taken for one that can be and cannot: a defect of the search")
            rows = whole[None]
        else:
            rows = rows[alive]
        for _ in range(sweeps):
            self._sweep(rows)
        ids = self.index.ids(rows)
        best = int(self.value[ids].sum(axis=1).argmax())
        self.close(ids[best])
        chosen: Ids = rows[best]
        return chosen

    def close(self, ids: Ids) -> None:
        """Take tuples as covered."""
        ids = ids.ravel()
        self.value[ids[self.value[ids] > 0]] = 0.0

    def _starts(self, candidates: int) -> tuple[Ids, Ids]:
        """A set of factors with the heaviest open tuples, and one of those for each candidate."""
        index, worth = self.index, np.maximum(self.value, 0.0)
        heaviest = worth >= worth.max() * (1 - 1e-9)
        per_set = np.add.reduceat(worth, index.base) * np.logical_or.reduceat(heaviest, index.base)
        chosen = int(self.stream.choice(np.flatnonzero(per_set >= per_set.max() * (1 - 1e-9))))
        inside = slice(index.base[chosen], index.base[chosen] + index.totals[chosen])
        numbers = self.stream.choice(np.flatnonzero(heaviest[inside]), candidates)
        combo = index.combos[chosen]
        return combo, numbers[:, None] // index.mult[chosen] % self.shape[combo]

    def _build(self, combo: Ids, starts: Ids) -> tuple[Ids, npt.NDArray[np.bool_]]:
        """Fill every other factor, in one random order; which candidates never ran out of levels that can be."""
        t, rows = self.index.t, np.zeros((len(starts), len(self.shape)), dtype=np.int64)
        rows[:, combo] = starts
        known = np.zeros(len(self.shape), dtype=bool)
        known[combo] = True
        alive = np.ones(len(rows), dtype=bool)
        order = np.array([*combo, *self.stream.permutation([c for c in self.index.columns if c not in combo])])
        for i in range(t, len(order)):
            others = order[self._of(i)]
            alive &= self._fill(rows, int(order[i]), self._look(others, int(order[i])), known)
        for column in self.stream.permutation(self.free).tolist():
            alive &= self._fill(rows, column, None, known)
        return rows, alive

    def _sweep(self, rows: Ids) -> None:
        """Give every factor of every candidate, in random order, its best level with the others as they are."""
        known = np.ones(len(self.shape), dtype=bool)
        for column in self.stream.permutation(np.array(self.index.columns)).tolist():
            if column not in self._around:
                rest = [c for c in self.index.columns if c != column]
                self._around[column] = self._look(_choices(rest, self.index.t - 1), column)
            self._fill(rows, column, self._around[column], known)

    def _fill(
        self, rows: Ids, column: int, look: tuple[Ids, Ids, Ids] | None, known: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.bool_]:
        """Write the best level of `column` into every row, ties broken at random; which rows had one that can be."""
        size = int(self.shape[column])
        gain = self.stream.random((len(rows), size)) * self.jitter
        if look is not None:
            others, base, mult = look
            ids = base + (rows[:, others] * mult[:, :-1]).sum(axis=2)
            gain += self.value[ids[:, :, None] + mult[:, -1][:, None] * np.arange(size)].sum(axis=1)
        veto = self.bars.veto(rows, column, known)
        if veto is not None:
            gain[veto] += BARRED
        rows[:, column] = gain.argmax(axis=1)
        known[column] = True
        return np.asarray(gain.max(axis=1) > BARRED / 2)

    def _look(self, others: Ids, column: int) -> tuple[Ids, Ids, Ids]:
        """Bases and multipliers of the tuples over `others` and `column`; the multiplier of `column` comes last."""
        whole = np.concatenate([others, np.full((len(others), 1), column)], axis=1)
        order = np.argsort(whole, axis=1)
        sets = self.index.sets_at(np.take_along_axis(whole, order, axis=1))
        mult = np.take_along_axis(self.index.mult[sets], np.argsort(order, axis=1), axis=1)
        return others, self.index.base[sets], mult

    def _of(self, i: int) -> Ids:
        """Places of t - 1 of the first `i` factors of an order, every choice."""
        if i not in self._subsets:
            self._subsets[i] = _choices(range(i), self.index.t - 1)
        return self._subsets[i]


def _choices(of: Sequence[int], k: int) -> Ids:
    """Every choice of `k` of the numbers `of`, shape (choices, k); for k = 0 the one empty choice."""
    found = list(combinations(of, k))
    return np.array(found, dtype=np.int64).reshape(len(found), k)
