"""Test points of the decision world, drawn region by region: where the question is how far training reaches."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from isobath.base.seeding import rng
from isobath.design.places import Places, place_all
from isobath.design.region import Region
from isobath.design.space import Codes
from isobath.design.support import Support, support_of
from isobath.world.decisions.coverage import Levels, coverage, grid, signal_codes, support_cells, with_irrelevant
from isobath.world.decisions.scenario import IRRELEVANT, RELEVANT, SPACE, decision_rule

PER_REGION = 72
CONTESTED_PER_REGION = 8
NEW_CONTEXT_PER_REGION = 36

WATER = (Region.LAKE, Region.BAY, Region.SEA)


class Drawn(NamedTuple):
    """Points of one region (as codes), how many there are to draw from, and contested ones beside them."""

    codes: Codes
    achievable: int
    contested: Codes


@lru_cache(maxsize=16)
def support(world_seed: int) -> Support:
    """The support of the signal."""
    return support_of(SPACE, signal_codes(world_seed))


@lru_cache(maxsize=16)
def drawn(world_seed: int) -> dict[Region, Drawn]:
    """72 points of each region with an agreed decision, and up to 8 contested ones in lake, bay and sea.

    Water differs from the support in relevant factors alone (its irrelevant levels are the signal's): half of the lake
    are gaps and half new combinations; a quarter of the bay lies beyond the support in each relevant factor; a third of
    the sea in two, three and four. A third of the shore are new combinations of irrelevant levels, the others have
    levels that are kept for tests. `achievable` counts points of the region that the draw could have taken.
    """
    cells, places, agreed = _cells(world_seed)
    draw = rng(world_seed, "decisions", "test points")
    levels = coverage(world_seed).narrow
    ways = len(grid({**{name: SPACE.factor(name).domain[:1] for name in RELEVANT}, **levels}))
    found = {Region.ISLAND: _island(world_seed, draw), Region.SHORE: _shore(world_seed, draw)}
    for region in WATER:
        there = places.region == region
        picked = _strata(region, cells, places, there & agreed, world_seed, draw)
        open_ = np.flatnonzero(there & ~agreed)
        contested = draw.permutation(open_)[:CONTESTED_PER_REGION]
        found[region] = Drawn(
            with_irrelevant(cells[picked], levels, draw),
            int((there & agreed).sum()) * ways,
            with_irrelevant(cells[contested], levels, draw),
        )
    return found


@lru_cache(maxsize=16)
def new_context_codes(world_seed: int) -> Codes:
    """The first points of every region but the shore, in contexts, wordings, lengths and names kept for tests."""
    draw = rng(world_seed, "decisions", "new contexts")
    chosen = [drawn(world_seed)[r].codes[:NEW_CONTEXT_PER_REGION] for r in (Region.ISLAND, *WATER)]
    return with_irrelevant(np.concatenate(chosen), coverage(world_seed).kept, draw)


def tested_cells(world_seed: int) -> Codes:
    """Every point asked in lake, bay or sea: their relevant combinations are in no training row of any arm."""
    found = drawn(world_seed)
    return np.concatenate([codes for r in WATER for codes in (found[r].codes, found[r].contested)])


def tested_points(world_seed: int) -> Codes:
    """Every point that is asked for a decision."""
    found = [d.codes for d in drawn(world_seed).values()]
    contested = [d.contested for d in drawn(world_seed).values()]
    return np.concatenate([*found, *contested, new_context_codes(world_seed)])


def _cells(world_seed: int) -> tuple[Codes, Places, np.ndarray]:
    """Every relevant combination, where it lies, and whether it has an agreed decision."""
    every = {name: SPACE.factor(name).domain for name in RELEVANT}
    first: Levels = {name: coverage(world_seed).narrow[name][:1] for name in IRRELEVANT}
    cells = grid({**every, **first})
    rule = decision_rule(world_seed)
    agreed = np.array([rule(point) is not None for point in SPACE.decode(cells)])
    return cells, place_all(support(world_seed), cells), agreed


def _strata(
    region: Region, cells: Codes, places: Places, open_: np.ndarray, world_seed: int, draw: np.random.Generator
) -> np.ndarray:
    """Numbers of `PER_REGION` cells among `open_`, evenly from the strata of the region, in mixed order."""
    if region is Region.LAKE:
        strata = [places.gap > 0, places.gap == 0]
    elif region is Region.SEA:
        strata = [places.beyond == n for n in (2, 3, 4)]
    else:
        strata = [_beyond(cells, name, world_seed) for name in RELEVANT]
    each = PER_REGION // len(strata)
    picked = [draw.permutation(np.flatnonzero(open_ & stratum))[:each] for stratum in strata]
    return draw.permutation(np.concatenate(picked))


def _beyond(cells: Codes, name: str, world_seed: int) -> np.ndarray:
    """Whether a cell's level of `name` lies outside those of the signal."""
    seen = [SPACE.factor(name).domain.index(level) for level in coverage(world_seed).relevant[name]]
    levels = cells[:, SPACE.names.index(name)]
    if SPACE.factor(name).ordered:
        return (levels < min(seen)) | (levels > max(seen))
    return ~np.isin(levels, seen)


def _island(world_seed: int, draw: np.random.Generator) -> Drawn:
    codes = signal_codes(world_seed)
    return Drawn(codes[draw.permutation(len(codes))[:PER_REGION]], len(codes), codes[:0])


def _shore(world_seed: int, draw: np.random.Generator) -> Drawn:
    """Relevant combinations of the support: a third with seen irrelevant levels never met together in that cell."""
    known, cells = coverage(world_seed), support_cells(world_seed)
    both = {name: (*known.narrow[name], *known.kept[name]) for name in IRRELEVANT}
    parts = []
    for levels, wanted, new in ((known.narrow, PER_REGION // 3, False), (both, PER_REGION - PER_REGION // 3, True)):
        made = with_irrelevant(cells[draw.integers(len(cells), size=20 * wanted)], levels, draw)
        made = np.unique(made, axis=0)
        places = place_all(support(world_seed), made)
        fine = (places.region == Region.SHORE) & ((places.new_irrelevant > 0) == new)
        parts.append(made[draw.permutation(np.flatnonzero(fine))[:wanted]])
    codes = np.concatenate(parts)
    ways = len(grid({**{n: SPACE.factor(n).domain[:1] for n in RELEVANT}, **both}))
    achievable = len(cells) * ways - len(signal_codes(world_seed))
    return Drawn(draw.permutation(codes), achievable, codes[:0])
