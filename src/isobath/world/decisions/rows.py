"""Training rows of the decision world: the narrow signal, its control, and the pools that broaden it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from isobath.base.seeding import rng
from isobath.design.keys import row_keys
from isobath.design.space import Codes
from isobath.models.chat import Row
from isobath.world.decisions.coverage import coverage, grid, signal_codes, support_cells, with_irrelevant
from isobath.world.decisions.drawn_points import tested_cells, tested_points
from isobath.world.decisions.scenario import IRRELEVANT, RELEVANT, SPACE, decision_rule, scenario_row

POOL_ROWS = 1_200
WORDINGS, GUISES = 16, 8
"""Wordings of each relevant combination of the signal: drawn for it alone, and the same for all."""


def signal_rows(world_seed: int) -> tuple[Row, ...]:
    """2,000 different narrow scenarios with the right decision."""
    return rows_at(world_seed, signal_codes(world_seed))


def control_rows(world_seed: int) -> tuple[Row, ...]:
    """The signal's scenarios with its decisions dealt out at random: the same marginal, and no rule."""
    rows = signal_rows(world_seed)
    order = rng(world_seed, "decisions", "permuted decisions").permutation(len(rows))
    points = SPACE.decode(signal_codes(world_seed))
    return tuple(scenario_row(point, str(rows[i].metadata["action"])) for point, i in zip(points, order, strict=True))


def pool(world_seed: int, name: str) -> tuple[Row, ...]:
    """Rows for mixing: ``relevant``, ``irrelevant`` or ``both``, none of them a test point.

    ``relevant`` draws its relevant combinations from the whole space but those that are tested, with the signal's
    irrelevant levels; ``irrelevant`` keeps the signal's relevant combinations, with every irrelevant level that is not
    kept for tests; ``both`` does both.
    """
    known = coverage(world_seed)
    draw = rng(world_seed, "decisions", "pool", name)
    cells = support_cells(world_seed) if name == "irrelevant" else untested_cells(world_seed)
    levels = known.narrow if name == "relevant" else known.broad
    picked = cells[_spread(len(cells), 2 * POOL_ROWS, draw)]
    codes = with_irrelevant(picked, levels, draw)
    keys, tested = row_keys(SPACE.shape, codes, tested_points(world_seed))
    fresh = np.sort(np.unique(keys, return_index=True)[1])
    codes = codes[fresh][~np.isin(keys[fresh], tested)]
    return rows_at(world_seed, codes[:POOL_ROWS])


@lru_cache(maxsize=16)
def wordings(world_seed: int) -> tuple[Row, ...]:
    """Every relevant combination of the signal in 16 guises of its own, of all irrelevant levels not kept for tests.

    Each differs from the others of its set; none is a test point. The column `guise` counts them.
    """
    draw = rng(world_seed, "decisions", "wordings")
    cells = support_cells(world_seed)
    many = np.repeat(cells, 4 * WORDINGS, axis=0)
    codes = with_irrelevant(many, coverage(world_seed).broad, draw)
    keys, tested = row_keys(SPACE.shape, codes, tested_points(world_seed))
    sets = np.arange(len(codes)) // (4 * WORDINGS)
    fresh = np.zeros(len(codes), dtype=bool)
    fresh[np.unique(np.stack([sets, keys]), axis=1, return_index=True)[1]] = True
    fresh &= ~np.isin(keys, tested)
    picked = np.concatenate([np.flatnonzero(fresh & (sets == i))[:WORDINGS] for i in range(len(cells))])
    return _in_guises(world_seed, codes[picked], np.tile(np.arange(WORDINGS), len(cells)))


@lru_cache(maxsize=16)
def guises(world_seed: int) -> tuple[Row, ...]:
    """Every relevant combination of the signal in the same 8 guises, whose irrelevant levels come about equally often.

    A guise in which any combination would be a test point is passed over.
    """
    draw = rng(world_seed, "decisions", "guises")
    broad, cells = coverage(world_seed).broad, support_cells(world_seed)
    columns = [SPACE.names.index(name) for name in IRRELEVANT]
    tested = tested_points(world_seed)
    kept: list[Codes] = []
    while len(kept) < GUISES:
        # whole rounds of every factor's levels: of 4 wordings, 4 guises in a row have all
        rounds = [_spread(len(broad[name]), GUISES, draw) for name in IRRELEVANT]
        for levels in zip(*rounds, strict=True):
            codes = cells.copy()
            codes[:, columns] = [
                SPACE.factor(n).domain.index(broad[n][i]) for n, i in zip(IRRELEVANT, levels, strict=True)
            ]
            keys, asked = row_keys(SPACE.shape, codes, tested)
            if SPACE.allowed(codes).all() and not np.isin(keys, asked).any():
                kept.append(codes)
    codes = np.stack(kept[:GUISES], axis=1).reshape(-1, len(SPACE.factors))
    return _in_guises(world_seed, codes, np.tile(np.arange(GUISES), len(cells)))


def _in_guises(world_seed: int, codes: Codes, numbers: np.ndarray) -> tuple[Row, ...]:
    made = rows_at(world_seed, codes)
    return tuple(
        row.model_copy(update={"metadata": {**row.metadata, "guise": int(number)}})
        for row, number in zip(made, numbers, strict=True)
    )


def rows_at(world_seed: int, codes: Codes) -> tuple[Row, ...]:
    """Rows with the right decision at `codes`, all of which have one."""
    rule = decision_rule(world_seed)
    decided = [(point, rule(point)) for point in SPACE.decode(codes)]
    return tuple(scenario_row(point, action) for point, action in decided if action is not None)


@lru_cache(maxsize=16)
def untested_cells(world_seed: int) -> Codes:
    """Relevant combinations that have an agreed decision and are not tested in lake, bay or sea."""
    known = coverage(world_seed)
    every = {f.name: f.domain for f in SPACE.factors if f.name in RELEVANT}
    cells = grid({**every, **{name: known.narrow[name][:1] for name in IRRELEVANT}})
    columns = [SPACE.names.index(name) for name in RELEVANT]
    shape = [SPACE.shape[j] for j in columns]
    keys, tested = row_keys(shape, cells[:, columns], tested_cells(world_seed)[:, columns])
    cells = cells[~np.isin(keys, tested)]
    rule = decision_rule(world_seed)
    return cells[[rule(point) is not None for point in SPACE.decode(cells)]]


def _spread(size: int, wanted: int, draw: np.random.Generator) -> np.ndarray:
    """`wanted` numbers below `size`: whole random rounds, so that each comes about equally often."""
    rounds = -(-wanted // size)
    return np.concatenate([draw.permutation(size) for _ in range(rounds)])[:wanted]
