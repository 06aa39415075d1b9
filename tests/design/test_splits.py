"""Splits hold out what they say and give a reason; divergences are those of the definition."""

import numpy as np
import pytest
from drawn_spaces import plain, spaces
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from isobath.base.errors import InputError
from isobath.design.design import full
from isobath.design.divergence import chernoff_divergence, divergence
from isobath.design.factor import Factor
from isobath.design.places import place_all
from isobath.design.space import Space
from isobath.design.split import hold_out
from isobath.design.support import support_of

FORKS = Space(
    factors=(
        Factor(name="tines", kind="ordinal", levels=("2", "3", "4", "5", "6")),
        Factor(name="material", levels=("metal", "wood", "plastic")),
        Factor(name="weight", kind="continuous", edges=(0, 10, 20, 30), optional=True),
        Factor(name="angle", relevant=False, levels=("front", "side")),
    )
)
POINTS = list(FORKS.points())


def sides(**rules):
    split = hold_out(FORKS, POINTS, **rules)
    assert sorted([*split.train.tolist(), *split.test.tolist()]) == list(range(len(POINTS)))
    assert split.train_points == [POINTS[i] for i in split.train]
    assert len(split.reasons) == len(split.test_points)
    return split


def test_levels_are_held_out_with_the_reason():
    split = sides(levels={"material": ["wood"], "tines": [6]})
    assert all(p["material"] != "wood" and p["tines"] != "6" for p in split.train_points)
    assert all(p["material"] == "wood" or p["tines"] == "6" for p in split.test_points)
    both = split.test_points.index({"tines": "6", "material": "wood", "weight": "n/a", "angle": "side"})
    assert split.reasons[both] == "material = wood is held out; tines = 6 is held out"


def test_ranges_are_held_out_along_the_order_with_open_ends():
    assert {p["tines"] for p in sides(ranges={"tines": (3, 5)}).test_points} == {"3", "4", "5"}
    heavy = sides(ranges={"weight": (12, None)})
    assert {p["weight"] for p in heavy.test_points} == {"[10, 20)", "[20, 30)"}
    assert "n/a" in {p["weight"] for p in heavy.train_points}
    assert heavy.reasons[0] == "weight = [10, 20) lies in [10, 20) to [20, 30), which is held out"


def test_combinations_are_held_out_though_each_level_trains():
    split = sides(combinations=[{"tines": "4", "material": ["wood", "plastic"]}])
    assert all(p["tines"] == "4" and p["material"] != "metal" for p in split.test_points)
    for name in ("tines", "material"):
        assert {p[name] for p in split.train_points} == set(FORKS.factor(name).domain)
    assert set(split.reasons) == {"tines = 4 with material = wood or plastic is held out"}
    places = place_all(split.support(), split.test_points)
    assert set(places.region) == {"lake"}
    assert set(places.q) == {2}


def test_regions_of_a_support_are_held_out():
    metal = {"material": "metal", "weight": "[0, 10)", "angle": "front"}
    support = support_of(FORKS, [{**metal, "tines": "3"}, {**metal, "tines": "5"}])
    split = sides(regions=["bay", "sea"], support=support)
    assert set(place_all(support, split.test_points).region) == {"bay", "sea"}
    assert set(place_all(support, split.train_points).region) == {"island", "shore", "lake"}
    assert split.reasons[0].startswith("sea of the support (k = 2)") or split.reasons[0].startswith("bay")


def test_rules_that_cannot_be_followed_are_refused():
    for rules, said in (
        ({}, "both sides"),
        ({"levels": {"tines": ["2", "3", "4", "5", "6"]}}, "both sides"),
        ({"levels": {"tines": ["7"]}}, "levels of 'tines'"),
        ({"ranges": {"material": ("metal", "wood")}}, "no order"),
        ({"ranges": {"tines": ("5", "3")}}, "lower to a higher"),
        ({"ranges": {"weight": ("n/a", None)}}, "both ordered"),
        ({"combinations": [{}]}, "every point"),
        ({"regions": ["bay"]}, "support"),
        ({"regions": ["pond"]}, "island, shore"),
    ):
        with pytest.raises(InputError, match=said):
            hold_out(FORKS, POINTS, **rules)


def test_divergence_of_the_same_points_is_none_and_of_disjoint_levels_is_whole():
    space = plain(2, 2)
    same = divergence(space, full(space).codes, full(space).codes)
    assert (same.atom, same.new_atoms, same.new_compounds) == (pytest.approx(0), 0, 0)
    apart = divergence(space, [{"f0": "l0", "f1": "l0"}], [{"f0": "l1", "f1": "l1"}])
    assert (apart.atom, apart.compound, apart.new_atoms, apart.new_compounds) == (1, 1, 1, 1)


def test_a_diagonal_split_has_no_atom_divergence_and_the_largest_compound_divergence():
    space = plain(2, 2)
    train = [{"f0": "l0", "f1": "l0"}, {"f0": "l1", "f1": "l1"}]
    test = [{"f0": "l0", "f1": "l1"}, {"f0": "l1", "f1": "l0"}]
    found = divergence(space, train, test)
    assert found.atom == pytest.approx(0)
    assert (found.compound, found.new_atoms, found.new_compounds) == (1, 0, 1)


def test_divergence_is_the_formula_worked_by_hand():
    space = plain(2, 2)
    # pairs in training: 00 three times, 11 once; in test: 00 once, 01 once
    train = [{"f0": "l0", "f1": "l0"}] * 3 + [{"f0": "l1", "f1": "l1"}]
    test = [{"f0": "l0", "f1": "l0"}, {"f0": "l0", "f1": "l1"}]
    found = divergence(space, train, test)
    assert found.compound == pytest.approx(1 - 0.75**0.1 * 0.5**0.9)
    # levels, each factor half of the atoms: f0 .75/.25 v 1/0, f1 .75/.25 v .5/.5
    atoms = 0.5 * (np.sqrt(0.75) + np.sqrt(0.75 * 0.5) + np.sqrt(0.25 * 0.5))
    assert found.atom == pytest.approx(1 - atoms)
    assert (found.new_atoms, found.new_compounds) == (0, 0.5)


@settings(max_examples=60, deadline=None)
@given(spaces(), st.data())
def test_divergences_lie_between_0_and_1_and_ignore_repetition_of_everything(space, data):
    points = st.lists(st.sampled_from(list(space.points())), min_size=1, max_size=12)
    train, test = data.draw(points), data.draw(points)
    found = divergence(space, train, test)
    assert all(0 <= x <= 1 for x in (found.atom, found.compound, found.new_atoms, found.new_compounds))
    assert divergence(space, train * 3, test * 2).compound == pytest.approx(found.compound)
    assert divergence(space, train, train).compound == pytest.approx(0)
    assert found.new_compounds >= found.new_atoms - 1e-12


@given(st.integers(1, 5), st.data())
def test_a_small_alpha_asks_whether_training_has_an_outcome_at_all(size, data):
    draw = st.lists(st.floats(0.05, 1), min_size=size, max_size=size)
    p, q = (np.array(data.draw(draw)) for _ in range(2))
    p, q = p / p.sum(), q / q.sum()
    assert chernoff_divergence(p, q, 1e-9) == pytest.approx(0, abs=1e-6)


def test_divergence_needs_two_sides_and_two_factors():
    space = plain(2, 2)
    with pytest.raises(InputError, match="both"):
        divergence(space, [], full(space).codes)
    with pytest.raises(InputError, match="pair"):
        divergence(space, full(space).codes, full(space).codes, on=["f0"])


@settings(max_examples=40, deadline=None)
@given(spaces(), st.data())
def test_a_held_out_level_is_in_no_training_point(space, data):
    factor = data.draw(st.sampled_from(space.factors))
    level = data.draw(st.sampled_from(factor.domain))
    points = list(space.points())
    has = [p[factor.name] == level for p in points]
    assume(any(has) and not all(has))
    split = hold_out(space, points, levels={factor.name: [level]})
    assert level not in split.support().levels(factor.name)
    assert split.divergence().new_atoms > 0
