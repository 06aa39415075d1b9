"""One point for every combination of relevant levels that can be: what is held out, and what trains, starts here."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from isobath.base.errors import InputError
from isobath.design.design import random_design
from isobath.design.feasible import as_codes, barred, bars_of, bars_over, search_of
from isobath.design.keys import row_keys
from isobath.design.rule import Gold
from isobath.design.space import Codes, Space
from isobath.design.test_points import LISTED

Flags = npt.NDArray[np.bool_]

SAMPLED = 20_000
"""Points drawn where a space has more combinations of relevant levels than are listed (50,000)."""


@dataclass(frozen=True, eq=False)
class Cells:
    """A point of `space` for each combination of relevant levels that some point holds, shape (cells, factors).

    Its irrelevant levels are some that can be. `exact`: these are all combinations; else they are a sample.
    """

    space: Space
    codes: Codes
    exact: bool

    def __len__(self) -> int:
        return len(self.codes)

    def decisions(self, gold: Gold | None) -> npt.NDArray[np.int64]:
        """The number of the decision at each cell, -1 where it is contested; all 0 without a rule.

        The decision is taken to depend on relevant levels alone, as the space declares (`design.relevance` checks it).
        """
        if gold is None:
            return np.zeros(len(self.codes), dtype=np.int64)
        seen: dict[str, int] = {}
        told = (gold(point) for point in self.space.decode(self.codes))
        return np.array([-1 if d is None else seen.setdefault(d, len(seen)) for d in told], dtype=np.int64)


def relevant_columns(space: Space) -> list[int]:
    """Columns of the relevant factors."""
    return [j for j, factor in enumerate(space.factors) if factor.relevant]


def irrelevant_columns(space: Space) -> list[int]:
    """Columns of the irrelevant factors."""
    return [j for j, factor in enumerate(space.factors) if not factor.relevant]


def cell_keys(space: Space, *arrays: Codes) -> list[npt.NDArray[np.int64]]:
    """One number per row of each array: equal where the relevant levels are."""
    columns = relevant_columns(space)
    return row_keys([space.shape[c] for c in columns], *(codes[:, columns] for codes in arrays))


def relevant_cells(space: Space, seed: int = 0) -> Cells:
    """A cell for each combination of relevant levels: all of them up to 50,000, else those of 20,000 random points.

    Raises `InputError` where no point can be.
    """
    columns = relevant_columns(space)
    if math.prod(space.shape[c] for c in columns) > LISTED:
        drawn = random_design(space, SAMPLED, seed).codes
        (keys,) = cell_keys(space, drawn)
        return Cells(space, as_codes(drawn[np.sort(np.unique(keys, return_index=True)[1])]), exact=False)
    codes = _listed(space, columns)
    if not len(codes):
        raise InputError(f"every point of {space.name!r} is forbidden", "a space has points", "forbid less")
    return Cells(space, codes, exact=True)


def _listed(space: Space, columns: list[int]) -> Codes:
    sizes = [space.shape[c] for c in columns]
    grid = np.tile(_first_levels(space), (math.prod(sizes), 1))
    if columns:
        grid[:, columns] = np.stack(np.unravel_index(np.arange(len(grid)), sizes), axis=1)
    fine = bars_of(space).allowed(grid)
    alone = tuple(clause for clause in barred(space) if all(column in columns for column, _ in clause))
    # what only its irrelevant levels forbid can be with others
    for i in np.flatnonzero(~fine & bars_over(space.shape, alone).allowed(grid)).tolist():
        whole = search_of(space).complete({c: int(grid[i, c]) for c in columns})
        if whole is not None:
            grid[i], fine[i] = whole, True
    return as_codes(grid[fine])


def _first_levels(space: Space) -> npt.NDArray[np.int64]:
    """The first level of each factor that no clause forbids by itself."""
    lone = [dict(clause) for clause in barred(space) if len(clause) == 1]
    found = np.zeros(len(space.factors), dtype=np.int64)
    for column, size in enumerate(space.shape):
        fine = [level for level in range(size) if not any(bits.get(column, 0) >> level & 1 for bits in lone)]
        found[column] = fine[0] if fine else 0
    return found


def with_irrelevant(space: Space, codes: Codes, stream: np.random.Generator) -> Codes:
    """Copies of `codes` with irrelevant levels drawn anew, each level as likely where nothing is forbidden."""
    found = codes.copy()
    others, bars = irrelevant_columns(space), bars_of(space)
    todo = np.arange(len(found))
    for _ in range(8):
        for j in others:
            found[todo, j] = stream.integers(0, space.shape[j], len(todo))
        todo = todo[~bars.allowed(found[todo])]
        if not len(todo):
            return found
    for i in todo.tolist():
        whole = search_of(space).draw({j: int(found[i, j]) for j in relevant_columns(space)}, stream)
        if whole is None:
            raise InputError(
                f"relevant levels {space.decode(codes[i : i + 1])[0]}", "some point has them", "drop the point"
            )
        found[i] = whole
    return found
