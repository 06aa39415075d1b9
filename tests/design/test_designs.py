"""Full, random and one-factor-at-a-time designs, and the exact search for a point that can be."""

import numpy as np
import pytest
from drawn_spaces import plain, spaces
from hypothesis import given, settings
from hypothesis import strategies as st

from isobath.base.errors import InputError
from isobath.design import feasible
from isobath.design.design import full, one_factor_at_a_time, random_design
from isobath.design.feasible import Bars, barred, search_of


@settings(max_examples=100, deadline=None)
@given(spaces(), st.data())
def test_the_search_finds_a_point_exactly_where_one_extends_the_part(space, data):
    whole = full(space).codes
    for _ in range(6):
        columns = data.draw(st.lists(st.integers(0, len(space.shape) - 1), unique=True))
        fixed = {c: data.draw(st.integers(0, space.shape[c] - 1)) for c in columns}
        fits = np.all([whole[:, c] == level for c, level in fixed.items()] or [np.ones(len(whole), bool)], axis=0)
        stream = np.random.default_rng(0)
        for row in (search_of(space).complete(fixed), search_of(space).draw(fixed, stream)):
            assert (row is not None) == fits.any()
            assert row is None or (whole[fits] == row).all(axis=1).any()


@settings(max_examples=60, deadline=None)
@given(spaces(), st.booleans())
def test_lookups_of_clauses_say_what_the_space_says(space, tables):
    limit, feasible.LARGEST_TABLE = feasible.LARGEST_TABLE, feasible.LARGEST_TABLE if tables else 0
    try:
        bars = Bars(space.shape, barred(space))
    finally:
        feasible.LARGEST_TABLE = limit
    grid = np.indices(space.shape, dtype=np.int16).reshape(len(space.shape), -1).T
    fine = space.allowed(grid)
    assert (bars.allowed(grid) == fine).all()
    known = np.ones(len(space.shape), dtype=bool)
    for column, size in enumerate(space.shape):
        vetoed = bars.veto(grid, column, known)
        veto = np.zeros((len(grid), size), dtype=bool) if vetoed is None else vetoed
        # the veto speaks of clauses that name the column; the others bar the row as it is
        for level in range(size):
            changed = grid.copy()
            changed[:, column] = level
            named = Bars(space.shape, tuple(c for c in barred(space) if column in dict(c)))
            assert (veto[:, level] == ~named.allowed(changed)).all()


@settings(max_examples=40, deadline=None)
@given(spaces())
def test_a_full_design_is_every_point_that_can_be(space):
    design = full(space)
    assert design.points == list(space.points())
    assert bool(design.notes) == (len(design) < space.cells)


def test_a_full_design_beyond_a_million_is_refused_by_name():
    with pytest.raises(InputError, match=r"1,048,576 combinations.*covering"):
        full(plain(*(4,) * 10))


@settings(max_examples=40, deadline=None)
@given(spaces(), st.integers(1, 40), st.integers(0, 3))
def test_a_random_design_has_distinct_points_that_can_be(space, rows, seed):
    design = random_design(space, rows, seed)
    there_are = len(list(space.points()))
    assert len(design) == len({tuple(p.values()) for p in design.points}) == min(rows, there_are)
    assert all(space.allows(p) for p in design.points)
    assert bool(design.notes) == (rows > there_are)
    assert (design.codes == random_design(space, rows, seed).codes).all()


@pytest.mark.parametrize("sizes", [(2, 3, 2), (2, 3, 2, *(1,) * 30)], ids=["listed", "with constants"])
def test_random_points_are_equally_likely(sizes):
    space = plain(*sizes, forbidden=({"f0": ("l0",), "f1": ("l1", "l2")},))
    seen = np.zeros(12)
    for seed in range(1200):
        a, b, c = random_design(space, 1, seed).codes[0, :3]
        seen[a * 6 + b * 2 + c] += 1
    expected = 1200 / 8
    assert (seen > 0).sum() == 8
    assert ((seen[seen > 0] - expected) ** 2 / expected).sum() < 30  # chi-square with 7 degrees of freedom: p < .0001


def test_random_points_of_a_large_space_are_drawn_without_listing_it():
    space = plain(*(4,) * 15, forbidden=({"f0": ("l0", "l1")},))
    design = random_design(space, 50)
    assert len(np.unique(design.codes, axis=0)) == 50
    assert set(design.codes[:, 0].tolist()) == {2, 3}
    assert not design.notes


def test_a_large_space_with_few_points_is_built_and_says_so():
    # f0 = f1 = ... = f11: 4 points of 4^12
    unlike = [(a, b) for a in range(4) for b in range(4) if a != b]
    forbidden = tuple({f"f{i}": (f"l{a}",), f"f{i + 1}": (f"l{b}",)} for i in range(11) for a, b in unlike)
    design = random_design(plain(*(4,) * 12, forbidden=forbidden), 4)
    assert sorted(row[0] for row in design.codes.tolist()) == [0, 1, 2, 3]
    assert (design.codes == design.codes[:, :1]).all()
    assert "not equally likely" in design.notes[0]


def test_one_factor_at_a_time_changes_each_factor_once_and_lists_what_cannot_be():
    space = plain(3, 2, 4, forbidden=({"f0": ("l2",), "f2": ("l1",)},))
    centre = {"f0": "l0", "f1": "l0", "f2": "l1"}
    design = one_factor_at_a_time(space, centre)
    changes = [{n: v for n, v in p.items() if v != centre[n]} for p in design.points]
    assert changes == [{}, {"f0": "l1"}, {"f1": "l1"}, {"f2": "l0"}, {"f2": "l2"}, {"f2": "l3"}]
    assert design.notes == ("f0 = l2 cannot be with the rest of the centre",)
    assert len(one_factor_at_a_time(space, centre, on=["f1"])) == 2
    with pytest.raises(InputError, match="can be"):
        one_factor_at_a_time(space, {"f0": "l2", "f1": "l0", "f2": "l1"})
