"""Rows that cover the tuples that may train, each next one as many as it can: the construction in `training_points`.

As `design.greedy` (AETG; Cohen, Dalal, Fredman and Patton 1997), but the relevant levels of a row are those of a cell
that may train, taken as a whole: what is held out or contested may be any set of cells.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isobath.base.seeding import rng
from isobath.design.cells import irrelevant_columns, relevant_columns
from isobath.design.feasible import as_codes, bars_of
from isobath.design.greedy import BARRED, Greedy
from isobath.design.space import Codes
from isobath.design.trainable import Trainable
from isobath.design.tuples import Ids, Tuples

Flags = npt.NDArray[np.bool_]

RELEVANT_WEIGHT = 2.0
"""A tuple of relevant levels weighs as much as two that name an irrelevant one."""

LOOKED_AT = 8_000
"""Cells among which the relevant levels of a row are chosen."""


class CellGreedy(Greedy):
    """Rows over cells that may train: relevant levels from a cell, irrelevant ones factor by factor."""

    def __init__(self, found: Trainable, index: Tuples, value: npt.NDArray[np.float64], seed: int) -> None:
        space = found.space
        stream = rng(seed, "design", "training cover")
        super().__init__(index, value, found.search, bars_of(space), stream)
        self.found, self.relevant = found, np.array(relevant_columns(space), dtype=np.int64)
        cells = found.cells
        if len(cells) > LOOKED_AT:
            cells = cells[np.sort(stream.choice(len(cells), LOOKED_AT, replace=False))]
        self.cells = cells.astype(np.int64)
        inside = np.isin(index.combos, self.relevant).all(axis=1)
        self.cell_ids = index.ids(self.cells)[:, inside]

    def _build(self, combo: Ids, starts: Ids) -> tuple[Ids, Flags]:
        """A cell with the relevant levels of each start; then every irrelevant factor, in one random order."""
        rows, alive = self._cells_with(combo, starts)
        rows[:, combo] = starts
        known = np.zeros(len(self.shape), dtype=bool)
        known[self.relevant], known[combo] = True, True
        first = [c for c in self.index.columns if known[c]]
        rest = self.stream.permutation([c for c in self.index.columns if not known[c]])
        order = np.array([*first, *rest], dtype=np.int64)
        for i in range(len(first), len(order)):
            look = self._look(order[self._of(i)], int(order[i])) if i >= self.index.t - 1 else None
            alive &= self._fill(rows, int(order[i]), look, known)
        for column in self.stream.permutation([c for c in self.free if not known[c]]).tolist():
            alive &= self._fill(rows, column, None, known)
        return rows, alive & self.bars.allowed(rows)

    def _cells_with(self, combo: Ids, starts: Ids) -> tuple[Ids, Flags]:
        """For each start the cell with its relevant levels that covers most; which starts have one."""
        gain = self.value[self.cell_ids].sum(axis=1)
        named = np.isin(combo, self.relevant)
        wanted, back = np.unique(starts[:, named], axis=0, return_inverse=True)
        rows = np.zeros((len(starts), len(self.shape)), dtype=np.int64)
        alive = np.zeros(len(starts), dtype=bool)
        for number, levels in enumerate(wanted):
            fits = np.flatnonzero((self.cells[:, combo[named]] == levels).all(axis=1))
            asking = np.flatnonzero(back.ravel() == number)
            if not len(fits):
                continue
            # the best cells, ties in random order, one for each start that asks
            order = fits[np.lexsort((self.stream.random(len(fits)), -gain[fits]))]
            rows[asking] = self.cells[np.resize(order[: len(asking)], len(asking))]
            alive[asking] = True
        return rows, alive


def cover(found: Trainable, index: Tuples, can: Flags, had: Flags, rows: int, seed: int) -> Codes:
    """Up to `rows` points that may train and hold tuples of `can` that are not `had`; fewer where all are held.

    Tuples of relevant levels weigh twice as much as others. Every tuple of `can` is one that some point that may train
    holds.
    """
    irrelevant = np.isin(index.combos, irrelevant_columns(found.space)).any(axis=1)
    weight = np.where(irrelevant, 1.0, RELEVANT_WEIGHT)[index.sets_of(np.arange(index.size))]
    value = np.where(can, np.where(had, 0.0, weight), BARRED)
    greedy = CellGreedy(found, index, value, seed)
    made: list[Ids] = []
    while greedy.open and len(made) < rows:
        made.append(greedy.row(0))
    return as_codes(np.array(made, dtype=np.int64).reshape(-1, len(found.space.factors)))
