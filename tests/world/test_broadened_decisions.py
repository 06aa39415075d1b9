"""Pools of the decision world as broadening makes them: what they may hold, and what they must not."""

from itertools import combinations

import pytest

from isobath.world.decisions import drawn_points
from isobath.world.decisions.broadened import POOLS, ROWS, decisions_broadened, held, levels_of, pool_drafts
from isobath.world.decisions.coverage import coverage, grid
from isobath.world.decisions.gpes import decisions
from isobath.world.decisions.rows import signal_rows
from isobath.world.decisions.scenario import RELEVANT, SPACE, decision_rule


def cell(point):
    return tuple(point[name] for name in RELEVANT)


@pytest.fixture(scope="module")
def asked():
    """Brute force: every point that is asked, and the relevant combinations of those asked in water."""
    points = {tuple(p.values()) for p in SPACE.decode(drawn_points.tested_points(0))}
    return points, {cell(p) for p in SPACE.decode(drawn_points.tested_cells(0))}


@pytest.mark.parametrize("name", POOLS)
def test_no_row_of_a_pool_is_asked(name, asked):
    points, cells = asked
    drafts = pool_drafts(0, name)
    assert len(drafts) == ROWS or (name == "narrow" and len(drafts) > 1_600)
    assert not points & {tuple(d.point[f] for f in SPACE.names) for d in drafts}
    assert not cells & {cell(d.point) for d in drafts}


@pytest.mark.parametrize("name", POOLS)
def test_a_pool_has_its_levels_the_right_decision_and_no_row_twice(name):
    rule, levels = decision_rule(0), levels_of(0, name)
    drafts = pool_drafts(0, name)
    assert len({d.messages for d in drafts}) == len(drafts)
    for factor in SPACE.names:
        assert {d.point[factor] for d in drafts} == set(levels[factor])
    assert all(d.decision == rule(d.point) and d.decision is not None for d in drafts)


@pytest.mark.parametrize("name", [n for n in POOLS if n != "narrow"])
def test_every_pair_of_relevant_levels_that_may_be_is_in_a_pool(name):
    """By listing the combinations that may be: an independent count of what strength 2 asks for."""
    levels = levels_of(0, name)
    cells = grid({**levels, **{f.name: levels[f.name][:1] for f in SPACE.irrelevant}})
    rule = decision_rule(0)
    fine = [p for p in SPACE.decode(cells[~held(0, name).bars(cells)]) if rule(p) is not None]
    drafts = pool_drafts(0, name)
    for one, other in combinations(RELEVANT, 2):
        could = {(p[one], p[other]) for p in fine}
        assert could == {(d.point[one], d.point[other]) for d in drafts}


@pytest.mark.parametrize("name", [n for n in POOLS if n != "narrow"])
def test_every_level_meets_every_irrelevant_one(name):
    drafts, levels = pool_drafts(0, name), levels_of(0, name)
    for factor in SPACE.irrelevant:
        for other in SPACE.factors:
            if other.name == factor.name:
                continue
            could = {(x, y) for x in levels[factor.name] for y in levels[other.name]}
            could -= {("please", "long"), ("long", "please")}
            assert could == {(d.point[factor.name], d.point[other.name]) for d in drafts}


def test_irrelevant_and_narrow_rows_keep_to_the_combinations_of_the_signal():
    own = {tuple(str(row.metadata[name]) for name in RELEVANT) for row in signal_rows(0)}
    signal = {row.messages for row in signal_rows(0)}
    for name in ("irrelevant", "narrow"):
        assert {cell(d.point) for d in pool_drafts(0, name)} <= own
    assert not signal & {d.messages for d in pool_drafts(0, "narrow")}


def test_levels_kept_for_tests_are_in_no_pool():
    kept = coverage(0).kept
    for name in POOLS:
        for factor, levels in kept.items():
            assert not set(levels) & {d.point[factor] for d in pool_drafts(0, name)}


def test_the_gpe_asks_what_the_decision_world_asks():
    broad, own = decisions_broadened(), decisions()
    assert broad.signal == own.signal and broad.traits == own.traits and broad.control == own.control
    assert set(broad.pools) == set(POOLS)
