"""Covering designs: few points that together hold every combination of t levels that can be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from isobath.base.errors import InputError
from isobath.base.seeding import rng
from isobath.design.coverage import uncovered
from isobath.design.design import Design, codes_of, columns_of
from isobath.design.feasible import as_codes, bars_of, search_of
from isobath.design.greedy import BARRED, Greedy
from isobath.design.space import Codes, Point, Space
from isobath.design.tighten import Rows, eliminate, fill_free, heaviest_first, prune
from isobath.design.tuples import Ids, Tuples, feasible_tuples, tuples_of

Reals = npt.NDArray[np.float64]

TRIES = ((0, "a"), (1, "b"), (0, "c"), (1, "d"))
"""Sweeps and stream of each construction; the one with the fewest rows is kept. Part of the algorithm."""

MANY_TUPLES = 200_000
"""Beyond so many tuples only the last of the `TRIES` is made."""

PASSES = 20
LIGHTEST = 1e-9
"""Weights below this part of the heaviest count as this."""


@dataclass(frozen=True)
class Weights:
    """What is covered first, and which levels fill places that no tuple needs.

    A tuple weighs the product of its `levels`' weights (factor -> level -> weight, 1 unless named) times the weights of
    those `tuples` (levels by factor, weight) that it contains. Weights decide the order, never whether a tuple is
    covered.
    """

    levels: Mapping[str, Mapping[str, float]] | None = None
    tuples: Sequence[tuple[Point, float]] = ()


@dataclass(frozen=True, eq=False)
class Covering(Design):
    """A design that covers `strength`-tuples of the factors `on`.

    Of `feasible` tuples that can be, `had` were held by the support it extends and `missed` are held by neither
    (counted by `uncovered`, not by the construction; 0 unless a limit was set).
    """

    strength: int
    on: tuple[str, ...]
    feasible: int
    had: int
    missed: int

    @property
    def share(self) -> float:
        """Share of the tuples that can be held by the design and the support it extends."""
        return 1 - self.missed / self.feasible


def covering(
    space: Space,
    t: int,
    *,
    on: Sequence[str] | None = None,
    having: Iterable[Point] | Codes | Any = (),
    weights: Weights | None = None,
    share: float = 1.0,
    rows: int | None = None,
    seed: int = 0,
) -> Covering:
    """Points that hold every `t`-tuple of levels of the factors `on` (all unless told) that some point can hold.

    `having` (points, codes, a support, a design) is extended: only what it does not hold is covered, and only the new
    points are returned. Factors not in `on`, and places that no tuple needs, are filled in balance, or as `weights`
    say. `share` below 1 stops once that share of the tuples is held; `rows` cuts the design, heaviest rows first.
    Raises `InputError` for a strength that is not 1..4, a share outside (0, 1], or a weight that is not positive.
    """
    if not 0 < share <= 1 or (rows is not None and rows < 0):
        raise InputError(f"share = {share}, rows = {rows}", "a share in (0, 1], rows of 0 or more", "correct it")
    index = tuples_of(space.shape, columns_of(space, on), t)
    feasible = feasible_tuples(space, t, index.columns)
    old = codes_of(space, having)
    old = old[bars_of(space).allowed(old)]
    level_weights = _level_weights(space, weights)
    worth = np.where(feasible, _worth(space, index, weights, level_weights), BARRED)
    held = np.zeros(index.size, dtype=bool)
    held[index.ids(old)] = True
    had = np.flatnonzero(held)
    value = np.where(held & feasible, 0.0, worth)
    # share 1 leaves no tuple, whatever the rounding
    leave = 0 if share == 1 else int((1 - share) * feasible.sum() + 1e-9)
    found = _fewest(space, index, value, had, leave, seed)
    state = Rows(index, feasible, had, found, bars_of(space))
    if not leave and len(found):
        eliminate(state, PASSES)
        fill_free(state, level_weights)
        # a place filled for balance can hold what was another row's last duty
        prune(state)
    ordered = state.rows[heaviest_first(index, state.rows, value)][:rows]
    codes = as_codes(ordered.reshape(-1, len(space.factors)))
    names = tuple(space.names[c] for c in index.columns)
    missed = len(uncovered(space, np.concatenate([old, codes]), t, names))
    if missed > leave and (rows is None or len(codes) < rows):
        raise RuntimeError(f"{missed} tuples are missed where {leave} may be: a defect of the construction")
    total, before = int(feasible.sum()), int((held & feasible).sum())
    return Covering(space, codes, f"covering, strength {t}", t, names, total, before, missed)


def _fewest(space: Space, index: Tuples, value: Reals, had: Ids, leave: int, seed: int) -> Ids:
    """Rows of the shortest of the `TRIES`."""
    best: Ids | None = None
    for sweeps, name in TRIES if index.size <= MANY_TUPLES else TRIES[-1:]:
        stream = rng(seed, "design", "covering", name)
        greedy = Greedy(index, value, search_of(space), bars_of(space), stream)
        found: list[Ids] = []
        while greedy.open > leave and (best is None or len(found) < len(best)):
            found.append(greedy.row(sweeps))
        if best is None or len(found) < len(best):
            best = np.array(found, dtype=np.int64).reshape(-1, len(space.factors))
    assert best is not None
    return best


def _level_weights(space: Space, weights: Weights | None) -> tuple[Reals, ...]:
    named = (weights.levels if weights else None) or {}
    out = [np.ones(size) for size in space.shape]
    for name, by_level in named.items():
        factor = space.factor(name)
        for level, weight in by_level.items():
            _positive(weight, f"{name} = {level}")
            out[space.names.index(name)][factor.domain.index(factor.level_of(level))] = weight
    return tuple(out)


def _worth(space: Space, index: Tuples, weights: Weights | None, level_weights: tuple[Reals, ...]) -> Reals:
    """Weight of every tuple."""
    worth = np.ones(index.size)
    if weights is None:
        return worth
    columns, levels = index.levels_of(np.arange(index.size))
    padded = np.ones((len(space.shape), max(space.shape)))
    for column, found in enumerate(level_weights):
        padded[column, : len(found)] = found
    worth *= padded[columns, levels].prod(axis=1)
    for part, weight in weights.tuples:
        _positive(weight, str(dict(part)))
        holds = np.ones(index.size, dtype=bool)
        for name, level in part.items():
            factor = space.factor(name)
            place = factor.domain.index(factor.level_of(level))
            holds &= ((columns == space.names.index(name)) & (levels == place)).any(axis=1)
        worth[holds] *= weight
    # relative weights: neither so large as to outweigh a bar nor so small as to count as covered
    return np.asarray(np.maximum(worth / worth.max(), LIGHTEST), dtype=np.float64)


def _positive(weight: float, of: str) -> None:
    if not 0 < weight < float("inf"):
        raise InputError(f"weight {weight} of {of}", "a weight is a number above 0", "leave it out for weight 1")
