"""Many rows in balance: relevant levels from the cells that may train, irrelevant ones drawn anew or from a few."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from isobath.base.seeding import rng
from isobath.design.cells import irrelevant_columns, relevant_columns, with_irrelevant
from isobath.design.feasible import Search, as_codes, barred, bars_of
from isobath.design.keys import row_keys
from isobath.design.space import Codes, Space
from isobath.design.trainable import Trainable

Reals = npt.NDArray[np.float64]

LISTED_POINTS = 300_000
"""Points that may train, up to which they are all listed, so that none is repeated before every one is used."""

RAKES, ROUNDS = 30, 20


def balanced_rows(found: Trainable, first: Codes, rows: int, fixed: Codes | None, seed: int) -> tuple[Codes, list[str]]:
    """`first` and so many more points that there are `rows`, with notes; none repeats while there are others.

    `fixed` are the combinations of irrelevant levels that may be used (None: any that can be).
    """
    stream = rng(seed, "design", "training rows")
    first = first[:rows]
    listed = _listed(found, fixed)
    if listed is not None and rows > len(listed) // 2:
        return _of_all(found.space, first, listed, rows, stream)
    weights, codes = _raked(found), first
    for _ in range(ROUNDS):
        more = rows - len(codes)
        if not more:
            break
        cells = found.cells[_systematic(weights, more, stream)]
        drawn = with_combinations(found, cells, fixed, seed) if fixed is not None else _scattered(found, cells, stream)
        codes = _distinct(found.space, np.concatenate([codes, drawn]))
    if len(codes) < rows:
        # what the balance asks for most has no new point left: the rest is drawn without it
        return _topped_up(found, codes, rows, fixed, stream)
    return codes, []


def _distinct(space: Space, codes: Codes) -> Codes:
    """The rows of `codes`, each once, in order of first appearance; by keys, for many rows."""
    (keys,) = row_keys(space.shape, codes)
    return codes[np.sort(np.unique(keys, return_index=True)[1])]


def _raked(found: Trainable) -> Reals:
    """Weights of the cells under which the levels of each relevant factor are as equal as they can be.

    Iterative proportional fitting (Deming and Stephan 1940) of the uniform weights to uniform levels.
    """
    weights = np.full(len(found.cells), 1 / len(found.cells))
    for _ in range(RAKES):
        for j in relevant_columns(found.space):
            codes = found.cells[:, j]
            has = np.bincount(codes, weights, minlength=found.space.shape[j])
            wanted = 1 / (has > 0).sum()
            weights = weights * (wanted / np.maximum(has, 1e-300))[codes]
    return np.asarray(weights / weights.sum())


def _systematic(weights: Reals, rows: int, stream: np.random.Generator) -> npt.NDArray[np.int64]:
    """`rows` places drawn in proportion to `weights`, each as often as it should but for one, in random order."""
    order = stream.permutation(len(weights))
    ends = np.cumsum(weights[order])
    marks = (np.arange(rows) + stream.random()) / rows * ends[-1]
    drawn = order[np.minimum(np.searchsorted(ends, marks), len(order) - 1)]
    return np.asarray(stream.permutation(drawn), dtype=np.int64)


def _scattered(found: Trainable, cells: Codes, stream: np.random.Generator) -> Codes:
    """The `cells` with irrelevant levels drawn anew, each level as often as the others where nothing is forbidden."""
    space = found.space
    rows = cells.copy()
    fine = _free_levels(space)
    for j in irrelevant_columns(space):
        rows[:, j] = stream.permutation(np.resize(stream.permutation(fine[j]), len(rows)))
    wrong = np.flatnonzero(~bars_of(space).allowed(rows))
    if len(wrong):
        rows[wrong] = with_irrelevant(space, rows[wrong], stream)
    return rows


def _free_levels(space: Space) -> list[list[int]]:
    """Levels of each factor that no clause forbids by itself."""
    lone = [dict(clause) for clause in barred(space) if len(clause) == 1]
    return [
        [level for level in range(size) if not any(bits.get(j, 0) >> level & 1 for bits in lone)]
        for j, size in enumerate(space.shape)
    ]


def fixed_combinations(found: Trainable, count: int, seed: int) -> Codes:
    """Up to `count` distinct combinations of irrelevant levels that can be, levels in balance, shape (count, factors).

    Relevant columns are 0 and mean nothing.
    """
    space, stream = found.space, rng(seed, "design", "fixed combinations")
    others, fine = irrelevant_columns(space), _free_levels(space)
    search = Search(space.shape, barred(space))
    kept = np.zeros((0, len(space.factors)), dtype=np.int16)
    for _ in range(ROUNDS):
        if len(kept) >= count:
            break
        drawn = np.zeros((max(count, 8), len(space.factors)), dtype=np.int16)
        for j in others:
            drawn[:, j] = stream.permutation(np.resize(stream.permutation(fine[j]), len(drawn)))
        can = [search.complete({j: int(row[j]) for j in others}) is not None for row in drawn]
        kept = _distinct(space, np.concatenate([kept, drawn[np.array(can, dtype=bool)]]))
    return kept[:count]


def with_combinations(found: Trainable, cells: Codes, fixed: Codes, seed: int) -> Codes:
    """The `cells` with irrelevant levels from `fixed`, all about equally often; those that none fits are left out."""
    space, stream = found.space, rng(seed, "design", "combinations used", len(cells))
    others, bars = irrelevant_columns(space), bars_of(space)
    rows = cells.copy()
    turn = stream.permutation(np.resize(stream.permutation(len(fixed)), len(rows)))
    todo = np.arange(len(rows))
    for step in range(len(fixed)):
        rows[np.ix_(todo, np.array(others, dtype=np.int64))] = fixed[(turn[todo] + step) % len(fixed)][:, others]
        todo = todo[~bars.allowed(rows[todo])]
        if not len(todo):
            break
    return np.delete(rows, todo, axis=0)


def _listed(found: Trainable, fixed: Codes | None) -> Codes | None:
    """Every point that may train; None where there are too many or they are not known."""
    space, others, fine = found.space, irrelevant_columns(found.space), _free_levels(found.space)
    words = len(fixed) if fixed is not None else math.prod(len(fine[j]) for j in others)
    if not found.exact or len(found.cells) * words > LISTED_POINTS:
        return None
    rows = np.repeat(found.cells, words, axis=0)
    if fixed is not None:
        rows[:, others] = np.tile(fixed[:, others], (len(found.cells), 1))
    elif others:
        grid = np.stack(np.meshgrid(*(fine[j] for j in others), indexing="ij"), axis=-1).reshape(-1, len(others))
        rows[:, others] = np.tile(grid, (len(found.cells), 1))
    return as_codes(rows[bars_of(space).allowed(rows)])


def _of_all(
    space: Space, first: Codes, listed: Codes, rows: int, stream: np.random.Generator
) -> tuple[Codes, list[str]]:
    """`first`, then the other points in random order, then all of them over and over."""
    keys, own = row_keys(space.shape, listed, first)
    others = listed[~np.isin(keys, own)]
    codes = np.concatenate([first, others[stream.permutation(len(others))]])[:rows]
    notes = []
    while len(codes) < rows:
        codes = np.concatenate([codes, listed[stream.permutation(len(listed))]])[:rows]
        notes = [f"only {len(listed):,} different points may be trained on: they repeat in {rows:,} rows"]
    return as_codes(codes), notes


def _topped_up(
    found: Trainable, codes: Codes, rows: int, fixed: Codes | None, stream: np.random.Generator
) -> tuple[Codes, list[str]]:
    """The missing rows from cells drawn evenly; repeated where even these give no new point."""
    even = np.full(len(found.cells), 1 / len(found.cells))
    for turn in range(ROUNDS):
        more = rows - len(codes)
        if not more:
            break
        cells = found.cells[_systematic(even, 2 * more, stream)]
        seed = int(stream.integers(2**31)) + turn
        drawn = with_combinations(found, cells, fixed, seed) if fixed is not None else _scattered(found, cells, stream)
        codes = _distinct(found.space, np.concatenate([codes, drawn]))[:rows]
    notes = ["levels are not quite in balance: there are not enough different points of the rarer ones"]
    if len(codes) < rows:
        notes.append(f"only {len(codes):,} different points were found: they repeat in {rows:,} rows")
        codes = np.concatenate([codes, codes[stream.integers(0, len(codes), rows - len(codes))]])
    return as_codes(codes), notes
