"""Covering designs: nothing missed, nothing forbidden, few rows, extension, weights, the theorem on novelty order."""

import numpy as np
import pytest
from drawn_spaces import parts, plain, possible, spaces
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from isobath.base.errors import InputError
from isobath.design.coverage import uncovered
from isobath.design.covering import Weights, covering
from isobath.design.factor import Factor
from isobath.design.places import place_all
from isobath.design.space import Space
from isobath.design.support import support_of

MIXED = (6, 5, 4, 4, 3, 3, 2, 2)
COVERTABLE = {((4,) * 8, 2): 27, ((3,) * 13, 2): 19, (MIXED, 2): 30, (MIXED, 3): 148, ((4,) * 8, 3): 144}
"""Rows of covertable 3.2.0 at its defaults; benchmarks/covering.py counts them again where it is installed."""


@settings(max_examples=60, deadline=None)
@given(spaces(), st.integers(1, 3), st.data())
def test_a_covering_misses_no_tuple_that_can_be_and_has_no_row_that_cannot(space, t, data):
    on = (
        data.draw(st.lists(st.sampled_from(space.names), min_size=1, unique=True).filter(lambda n: len(n) >= t))
        if (len(space.names) > t)
        else space.names
    )
    assume(len(on) >= t)
    names = [n for n in space.names if n in on]
    found = covering(space, t, on=on)
    wanted = possible(space, names, t)
    assert parts(found.points, names, t) == wanted
    assert all(space.allows(p) for p in found.points)
    assert (found.feasible, found.missed, found.had, found.share) == (len(wanted), 0, 0, 1.0)


@settings(max_examples=60, deadline=None)
@given(spaces(), st.integers(1, 3), st.data())
def test_an_extension_closes_everything_and_each_of_its_rows_is_needed(space, t, data):
    assume(len(space.names) >= t)
    everything = list(space.points())
    old = data.draw(st.lists(st.sampled_from(everything), max_size=8))
    found = covering(space, t, having=old)
    wanted, had = possible(space, space.names, t), parts(old, space.names, t)
    assert parts([*old, *found.points], space.names, t) == wanted
    assert found.had == len(had)
    for i in range(len(found)):
        rest = [p for j, p in enumerate(found.points) if j != i]
        assert parts([*old, *rest], space.names, t) < wanted
    assert len(covering(space, t, having=[*old, *found.points])) == 0


@settings(max_examples=80, deadline=None)
@given(spaces(), st.integers(1, 4), st.data())
def test_the_verifier_agrees_with_brute_force(space, t, data):
    assume(len(space.names) >= t)
    rows = data.draw(st.lists(st.sampled_from(list(space.points())), max_size=6))
    missed = [tuple(part.items()) for part in uncovered(space, rows, t)]
    assert len(missed) == len(set(missed))
    assert set(missed) == possible(space, space.names, t) - parts(rows, space.names, t)


def test_what_a_forbidden_row_holds_does_not_count():
    space = plain(2, 2, forbidden=({"f0": ("l0",), "f1": ("l0",)},))
    assert uncovered(space, [{"f0": "l0", "f1": "l0"}], 1) == uncovered(space, [], 1) != []


@pytest.mark.parametrize(("sizes", "t"), COVERTABLE, ids=str)
def test_row_counts_stay_within_ten_percent_of_covertable(sizes, t):
    found = covering(plain(*sizes), t)
    assert len(found) <= 1.1 * COVERTABLE[sizes, t]
    assert uncovered(plain(*sizes), found.codes, t) == []


def test_implied_constraints_are_found_and_constrained_designs_stay_small():
    forbidden = (
        {"f0": ("l0",), "f1": ("l0", "l1")},
        {"f2": ("l3",), "f3": ("l3",)},
        {"f6": ("l1",), "f7": ("l1",)},
        {"f0": ("l5",), "f4": ("l2",)},
        # no pair by itself, though f1 = l4 with f5 = l2 leaves f6 = l1 alone
        {"f1": ("l4",), "f5": ("l2",), "f6": ("l0",)},
    )
    space = plain(*MIXED, forbidden=forbidden)
    found = covering(space, 2)
    assert (found.feasible, found.missed) == (356, 0)
    assert space.allowed(found.codes).all()
    assert len(found) <= 33
    # f1 = l4, f5 = l2 forces f6 = l1, which bars f7 = l1: a triple that no clause names
    implied = (("f1", "l4"), ("f5", "l2"), ("f7", "l1"))
    assert implied not in possible(space, space.names, 3)
    assert covering(space, 3).feasible == len(possible(space, space.names, 3))


def test_a_chain_of_constraints_that_leaves_few_points_is_still_covered():
    # consecutive factors must be equal: 3 points out of 3^9, hardly ever met at random
    unlike = [(a, b) for a in range(3) for b in range(3) if a != b]
    steps = [{f"f{i}": (f"l{a}",), f"f{i + 1}": (f"l{b}",)} for i in range(8) for a, b in unlike]
    space = plain(*(3,) * 9, forbidden=tuple(steps))
    for t in (1, 2, 3, 4):
        found = covering(space, t)
        assert sorted(sorted(set(p.values())) for p in found.points) == [["l0"], ["l1"], ["l2"]]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(2, 4), min_size=2, max_size=4), st.integers(1, 3), st.integers(0, 2))
def test_strength_t_on_the_relevant_factors_forces_novelty_order_above_t(sizes, t, irrelevant):
    assume(t < len(sizes))
    kinds = ("nominal", "ordinal")
    factors = [Factor(name=f"r{i}", kind=kinds[i % 2], levels=tuple("abcd"[:n])) for i, n in enumerate(sizes)]
    factors += [Factor(name=f"i{i}", relevant=False, levels=("a", "b", "c")) for i in range(irrelevant)]
    space = Space(factors=tuple(factors))
    plan = covering(space, t, on=[f.name for f in space.relevant])
    places = place_all(support_of(space, plan.codes), list(space.points()))
    assert ((places.q > t) | (places.k == 0)).all()
    assert not set(places.region) & {"bay", "sea"}
    assert not places.gap.any()


def test_heavier_levels_are_covered_first_and_fill_free_places():
    space = plain(4, 4, 4, 4, 3, 2)
    heavy = covering(space, 2, weights=Weights(levels={"f0": {"l3": 50.0}, "f5": {"l1": 4.0}}))
    plain_one = covering(space, 2)
    assert uncovered(space, heavy.points, 2) == []
    # each heavy row holds f0 = l3 with another level of f1: the first four rows cover all such pairs
    assert [p["f0"] for p in heavy.points[:4]] == ["l3"] * 4
    assert len({p["f1"] for p in heavy.points[:4]}) == 4
    share = [np.mean([p["f5"] == "l1" for p in plan.points]) for plan in (heavy, plain_one)]
    assert share[0] > 0.6 > share[1] + 0.05


def test_a_heavy_tuple_is_in_the_first_row_and_a_cut_keeps_the_heaviest():
    space = plain(3, 3, 3, 3, 3)
    pair = {"f1": "l2", "f3": "l0"}
    cut = covering(space, 2, weights=Weights(tuples=[(pair, 100.0)]), rows=1)
    assert pair.items() <= cut.points[0].items()
    assert len(cut) == 1
    assert cut.missed == len(uncovered(space, cut.codes, 2)) == 90 - 10


def test_extreme_weights_neither_lose_a_tuple_nor_break_a_bar():
    space = plain(3, 3, 3, 3, forbidden=({"f0": ("l0",), "f1": ("l0",)},))
    found = covering(space, 2, weights=Weights(levels={"f0": {"l0": 1e30}, "f1": {"l0": 1e30}, "f2": {"l1": 1e-300}}))
    assert uncovered(space, found.codes, 2) == []
    assert space.allowed(found.codes).all()


def test_factors_that_need_no_covering_and_free_places_are_filled_in_balance():
    space = plain(5, 5, 3, 4)
    found = covering(space, 2, on=["f0", "f1"])
    assert len(found) == 25
    for column, size in ((2, 3), (3, 4)):
        counts = np.bincount(found.codes[:, column], minlength=size)
        assert counts.max() - counts.min() <= 1


def test_a_share_of_the_tuples_takes_fewer_rows():
    space = plain(*(4,) * 8)
    most = covering(space, 2, share=0.9)
    assert len(most) < len(covering(space, 2))
    assert most.missed <= 0.1 * most.feasible
    assert len(uncovered(space, most.codes[:-1], 2)) > 0.1 * most.feasible


def test_the_same_seed_gives_the_same_design_and_another_seed_another():
    space = plain(4, 4, 3, 3, 2, forbidden=({"f0": ("l1",), "f2": ("l0", "l2")},))
    one, again, other = covering(space, 2, seed=3), covering(space, 2, seed=3), covering(space, 2, seed=4)
    assert (one.codes == again.codes).all()
    assert one.codes.shape != other.codes.shape or (one.codes != other.codes).any()


def test_what_cannot_be_asked_is_refused():
    space = plain(2, 2, 2)
    for bad in ({"t": 5}, {"t": 0}, {"t": 4}, {"t": 2, "on": ["f0"]}, {"t": 2, "share": 0.0}, {"t": 2, "on": ["f9"]}):
        with pytest.raises(InputError):
            covering(space, **bad)
    with pytest.raises(InputError, match="above 0"):
        covering(space, 2, weights=Weights(levels={"f0": {"l0": 0.0}}))
    with pytest.raises(InputError, match="at least one point"):
        covering(plain(2, 2, forbidden=({"f0": ("l0",)}, {"f0": ("l1",)})), 1)
    with pytest.raises(InputError, match="lower the strength"):
        covering(plain(*(9,) * 40), 3)


@pytest.mark.slow
def test_strength_four_on_ten_factors_of_four_levels():
    found = covering(plain(*(4,) * 10), 4)
    assert found.missed == 0
    assert len(found) <= 1.1 * 776
