"""Test points of the decision world, drawn region by region: where the question is how far training reaches."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from isobath.base.seeding import rng, stream_seed
from isobath.design.edit import Edit
from isobath.design.edits import edits
from isobath.design.places import place_all
from isobath.design.region import Region
from isobath.design.rule import Gold
from isobath.design.space import Codes, Point, Space
from isobath.design.support import Support, support_of
from isobath.design.test_points import test_points
from isobath.world.decisions.coverage import coverage, grid, signal_codes, support_cells, with_irrelevant
from isobath.world.decisions.levels import ACTIONS
from isobath.world.decisions.scenario import IRRELEVANT, RELEVANT, SPACE, decision_rule

PER_REGION = 72
"""With an agreed decision: 18 for each action, give or take two."""
PER_ACTION = PER_REGION // len(ACTIONS)
NEW_CONTEXT_PER_REGION, EDITED_PER_REGION = 36, 8

WATER = (Region.LAKE, Region.BAY, Region.SEA)
RELEVANT_SPACE = Space(
    name="decisions: relevant factors",
    factors=SPACE.relevant,
    forbidden=tuple(clause for clause in SPACE.forbidden if set(clause) <= set(RELEVANT)),
)


class Drawn(NamedTuple):
    """Points of one region (as codes), contested ones beside them, and how many with an agreed decision there are."""

    codes: Codes
    contested: Codes
    achievable: int


@lru_cache(maxsize=16)
def support(world_seed: int) -> Support:
    """The support of the signal."""
    return support_of(SPACE, signal_codes(world_seed))


@lru_cache(maxsize=16)
def drawn(world_seed: int) -> dict[Region, Drawn]:
    """72 points of every region, each action right at about a quarter; 18 contested ones more in lake, bay and sea.

    Water differs from the support in relevant factors alone (its irrelevant levels are the signal's): balanced over
    gaps and new combinations and over depth (`isobath.design.test_points`). A third of the shore are new combinations
    of the signal's irrelevant levels; the others have levels that are kept for tests, on at least one factor.
    """
    codes = signal_codes(world_seed)
    draw = rng(world_seed, "decisions", "island points")
    island = Drawn(_by_action(world_seed, codes[draw.permutation(len(codes))], PER_ACTION), codes[:0], len(codes))
    return {Region.ISLAND: island, Region.SHORE: _shore(world_seed), **_water(world_seed)}


@lru_cache(maxsize=16)
def new_context_codes(world_seed: int) -> Codes:
    """Half the points of every region but the shore, in contexts, wordings, lengths and names kept for tests."""
    draw = rng(world_seed, "decisions", "new contexts")
    chosen = [drawn(world_seed)[r].codes[:NEW_CONTEXT_PER_REGION] for r in (Region.ISLAND, *WATER)]
    return with_irrelevant(np.concatenate(chosen), coverage(world_seed).kept, draw)


@lru_cache(maxsize=16)
def edited_points(world_seed: int) -> tuple[tuple[Point, Point, Edit], ...]:
    """(point, edited point, what was changed): every factor of 8 points of each region, by `isobath.design.edits`.

    `Edit.of` is left empty here; the question the point belongs to fills it in.
    """
    codes = np.concatenate([drawn(world_seed)[region].codes[:EDITED_PER_REGION] for region in Region])
    points = SPACE.decode(codes)
    found = edits(SPACE, decision_rule(world_seed), points, stream_seed(world_seed, "decisions", "edits"))
    return tuple((points[i], edited, edit) for i, edited, edit in found)


def tested_cells(world_seed: int) -> Codes:
    """Every point asked in lake, bay or sea: their relevant combinations are in no training row of any arm."""
    found = drawn(world_seed)
    return np.concatenate([codes for r in WATER for codes in (found[r].codes, found[r].contested)])


def tested_points(world_seed: int) -> Codes:
    """Every point that is asked for a decision."""
    found = [codes for d in drawn(world_seed).values() for codes in (d.codes, d.contested)]
    edited = SPACE.encode(point for _, point, _ in edited_points(world_seed))
    return np.concatenate([*found, new_context_codes(world_seed), edited])


def _water(world_seed: int) -> dict[Region, Drawn]:
    """Lake, bay and sea: relevant combinations drawn in the space of relevant factors, in the signal's contexts."""
    cells = support_of(RELEVANT_SPACE, support_cells(world_seed)[:, : len(RELEVANT)])
    rule, levels = decision_rule(world_seed), coverage(world_seed).narrow
    wanted = {region: PER_ACTION * (len(ACTIONS) + 1) for region in WATER}  # contested is balanced like an action
    seed = stream_seed(world_seed, "decisions", "water points")
    points = test_points(RELEVANT_SPACE, cells, wanted, seed, rule)
    agreed = np.array([decision is not None for decision in points.decisions])
    every = list(RELEVANT_SPACE.points())
    placed = place_all(cells, every).region
    open_ = np.array([rule(point) is not None for point in every])
    ways = len(grid({**{name: SPACE.factor(name).domain[:1] for name in RELEVANT}, **levels}))
    draw = rng(world_seed, "decisions", "water contexts")
    found = {}
    for region in WATER:
        here = points.places.region == region
        mixed = draw.permutation(np.flatnonzero(here & agreed))
        found[region] = Drawn(
            with_irrelevant(_widened(points.codes[mixed]), levels, draw),
            with_irrelevant(_widened(points.codes[here & ~agreed]), levels, draw),
            int(((placed == region) & open_).sum()) * ways,
        )
    return found


def _shore(world_seed: int) -> Drawn:
    """Relevant combinations of the support with irrelevant levels that training never had, in all or in that cell."""
    known, cells = coverage(world_seed), support_cells(world_seed)
    both = {name: (*known.narrow[name], *known.kept[name]) for name in IRRELEVANT}
    draw = rng(world_seed, "decisions", "shore points")
    parts = []
    for levels, each, new in ((known.narrow, PER_ACTION // 3, False), (both, PER_ACTION - PER_ACTION // 3, True)):
        made = with_irrelevant(cells[draw.integers(len(cells), size=60 * PER_ACTION)], levels, draw)
        made = draw.permutation(np.unique(made, axis=0))
        places = place_all(support(world_seed), made)
        fine = (places.region == Region.SHORE) & ((places.new_irrelevant > 0) == new)
        parts.append(_by_action(world_seed, made[fine], each))
    ways = len(grid({**{name: SPACE.factor(name).domain[:1] for name in RELEVANT}, **both}))
    return Drawn(draw.permutation(np.concatenate(parts)), cells[:0], len(cells) * ways - len(signal_codes(world_seed)))


def _by_action(world_seed: int, codes: Codes, each: int) -> Codes:
    return first_of_each_action(decision_rule(world_seed), codes, each)


def first_of_each_action(rule: Gold, codes: Codes, each: int) -> Codes:
    """The first `each` of `codes` for every action that `rule` decides on, in their order."""
    left = dict.fromkeys(ACTIONS, each)
    kept = []
    for i, point in enumerate(SPACE.decode(codes)):
        action = rule(point)
        if action is not None and left[action]:
            left[action] -= 1
            kept.append(i)
    return codes[kept]


def _widened(cells: Iterable[Iterable[int]] | Codes) -> Codes:
    """Relevant codes with the first level of every irrelevant factor."""
    narrow = np.asarray(cells, dtype=np.int16).reshape(-1, len(RELEVANT))
    return np.pad(narrow, ((0, 0), (0, len(IRRELEVANT))))
