"""Coverage of t-tuples, and the density curve."""

import math
from itertools import pairwise

import numpy as np
import pytest
from drawn_spaces import parts, plain, possible, spaces
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from isobath.base.errors import InputError
from isobath.design.coverage import coverage
from isobath.design.density import density_curve, random_rows


@settings(max_examples=80, deadline=None)
@given(spaces(), st.integers(1, 3), st.data())
def test_coverage_counts_what_brute_force_counts(space, t, data):
    assume(len(space.names) >= t)
    rows = data.draw(st.lists(st.sampled_from(list(space.points())), max_size=10))
    found = coverage(space, rows, t)
    wanted, held = possible(space, space.names, t), parts(rows, space.names, t)
    assert (found.covered, found.feasible, found.share) == (len(held), len(wanted), len(held) / len(wanted))
    by_set = {}
    for part in wanted:
        by_set.setdefault(tuple(n for n, _ in part), []).append(part in held)
    assert (found.complete, found.sets) == (sum(all(v) for v in by_set.values()), len(by_set))
    assert found.least[1] == min(sum(v) / len(v) for v in by_set.values())
    assert found.least[1] == np.mean(by_set[found.least[0]])


def test_coverage_can_be_that_of_some_factors_alone():
    space = plain(2, 2, 3)
    rows = [{"f0": "l0", "f1": "l0", "f2": "l0"}, {"f0": "l1", "f1": "l1", "f2": "l0"}]
    assert coverage(space, rows, 1, on=["f0", "f1"]).share == 1.0
    assert coverage(space, rows, 1).least == (("f2",), 1 / 3)
    assert coverage(space, rows, 2, on=["f0", "f1"]).share == 0.5


def test_covering_rows_grow_far_slower_than_cells_and_random_needs_more():
    curve = density_curve(3, (4, 8, 16), (1, 2))
    for t in (1, 2):
        rows = [d for d in curve if d.strength == t]
        assert [d.cells for d in rows] == [3**4, 3**8, 3**16]
        assert all(a.covering_rows <= b.covering_rows <= a.covering_rows + 3**t for a, b in pairwise(rows))
        assert all(d.covering_rows < d.random_rows for d in rows)
        assert [d.tuples for d in rows] == [math.comb(n, t) * 3**t for n in (4, 8, 16)]
    assert not density_curve(2, (2,), (3,))


def test_a_smaller_share_takes_fewer_rows_and_random_rows_then_do_not_grow():
    whole, most = density_curve(4, (6, 12), (2,)), density_curve(4, (6, 12), (2,), share=0.9)
    assert all(b.covering_rows < a.covering_rows for a, b in zip(whole, most, strict=True))
    assert most[0].random_rows == most[1].random_rows == 36
    assert whole[0].random_rows < whole[1].random_rows


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_random_rows_reach_the_share_they_were_computed_for(share):
    space, stream = plain(*(3,) * 7), np.random.default_rng(1)
    n = random_rows(3, 7, 2, share)
    found = np.mean([coverage(space, stream.integers(0, 3, (n, 7)).astype(np.int16), 2).share for _ in range(200)])
    short = np.mean([coverage(space, stream.integers(0, 3, (n - 2, 7)).astype(np.int16), 2).share for _ in range(200)])
    assert short < share <= found + 0.005


def test_random_rows_for_everything_miss_nothing_at_least_half_of_the_time():
    space, stream = plain(*(2,) * 6), np.random.default_rng(2)
    n = random_rows(2, 6, 2)
    whole = [coverage(space, stream.integers(0, 2, (n, 6)).astype(np.int16), 2).share == 1.0 for _ in range(400)]
    assert 0.5 <= np.mean(whole) < 0.8


def test_a_curve_refuses_what_is_no_share():
    with pytest.raises(InputError):
        density_curve(3, (4,), (2,), share=1.2)
    with pytest.raises(InputError):
        density_curve(1, (4,), (2,))
