"""Candidate points built to lie in a given region of a support: levels are chosen by their status, not at random."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isobath.design.closeness import BEYOND, GAP, NEAR, closeness
from isobath.design.feasible import as_codes, bars_of, search_of
from isobath.design.space import Codes
from isobath.design.support import Support

Ints = npt.NDArray[np.int64]

REPAIRS = 100
"""Refused candidates, per call, whose irrelevant levels are searched anew for a point that can be."""


class SortedLevels:
    """The levels of every factor by how they lie to a support: `inside` (seen, or near one seen), `gap`, `outside`."""

    def __init__(self, support: Support) -> None:
        factors = support.space.factors
        close = [closeness(f, support.codes[:, j]) for j, f in enumerate(factors)]
        self.inside = [np.flatnonzero(c.status <= NEAR) for c in close]
        self.gap = [np.flatnonzero(c.status == GAP) for c in close]
        self.outside = [np.flatnonzero(c.status >= BEYOND) for c in close]
        self.near = [c.near for c in close]
        self.relevant = [j for j, f in enumerate(factors) if f.relevant]
        self.irrelevant = [j for j, f in enumerate(factors) if not f.relevant]

    @property
    def with_outside(self) -> list[int]:
        """Relevant factors with a level outside the support."""
        return [j for j in self.relevant if len(self.outside[j])]

    @property
    def with_gap(self) -> list[int]:
        """Relevant factors with a level in a gap of the support."""
        return [j for j in self.relevant if len(self.gap[j])]


class Proposals:
    """Draws candidates from cells of a support by changing some of their relevant levels.

    What a candidate is aimed at is not always where it lies: the caller places it.
    """

    def __init__(self, support: Support, levels: SortedLevels, stream: np.random.Generator) -> None:
        self.support, self.space, self.levels, self.stream = support, support.space, levels, stream

    def draw(self, aim: str, rows: int) -> Codes:
        """Candidates that can be; `aim` is island, shore, lake/gap, lake/combination, bay or sea. Maybe none."""
        codes = self.support.codes[self.stream.integers(0, len(self.support), rows)].astype(np.int64)
        if aim == "shore":
            self._step_near(codes)
        elif aim != "island":
            for row in codes:
                self._change(row, aim)
        if aim != "island":
            self._scatter(codes, always=aim == "shore")
        fine = bars_of(self.space).allowed(codes)
        return as_codes(np.concatenate([codes[fine], self._repaired(codes[~fine])]))

    def _change(self, row: Ints, aim: str) -> None:
        """Change some relevant levels of a support cell: as many as the aim takes, and a random number more."""
        pools = {"lake/gap": self.levels.with_gap, "bay": self.levels.with_outside, "sea": self.levels.with_outside}
        least = {"lake/gap": 1, "bay": 1, "sea": 2}.get(aim, 0)
        chosen: list[int] = []
        if least:
            pool = pools[aim]
            most = len(pool) if aim != "bay" else 1
            if least > most:
                return
            count = int(self.stream.integers(least, most + 1))
            chosen = self.stream.permutation(pool)[:count].tolist()
            target = self.levels.gap if aim == "lake/gap" else self.levels.outside
            for j in chosen:
                row[j] = self.stream.choice(target[j])
        rest = self.stream.permutation([j for j in self.levels.relevant if j not in chosen])
        more = int(self.stream.integers(0 if least else 1, len(rest) + 1)) if len(rest) else 0
        for j in rest[:more].tolist():
            within = [self.levels.inside[j], self.levels.gap[j]] if aim in ("bay", "sea") else [self.levels.inside[j]]
            row[j] = self.stream.choice(np.concatenate(within))

    def _step_near(self, codes: Ints) -> None:
        """Move relevant levels to ones near them, half of the time."""
        for j in self.levels.relevant:
            near = self.levels.near[j]
            if near.sum() == len(near):
                continue
            weight = near[codes[:, j]] * self.stream.random((len(codes), len(near)))
            moved = self.stream.random(len(codes)) < 0.5
            codes[moved, j] = weight[moved].argmax(axis=1)

    def _scatter(self, codes: Ints, always: bool) -> None:
        """Give irrelevant factors any of their levels: in half of the rows, or in all."""
        rows = np.ones(len(codes), dtype=bool) if always else self.stream.random(len(codes)) < 0.5
        for j in self.levels.irrelevant:
            moved = rows & (self.stream.random(len(codes)) < 0.7)
            codes[moved, j] = self.stream.integers(0, self.space.shape[j], int(moved.sum()))

    def _repaired(self, refused: Ints) -> Ints:
        """Candidates with the relevant levels of the refused ones, where any can be."""
        search, found = search_of(self.space), []
        for row in refused[:REPAIRS]:
            whole = search.draw({j: int(row[j]) for j in self.levels.relevant}, self.stream)
            if whole is not None:
                found.append(whole)
        return np.array(found, dtype=np.int64).reshape(-1, len(self.space.factors))
