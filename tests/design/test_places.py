"""Regions, depth, novelty order and distance: against the definitions, on 1,500 random spaces, and on the forks."""

from dataclasses import fields
from itertools import combinations, product

import numpy as np
import pytest

from isobath.base.errors import InputError
from isobath.base.seeding import rng
from isobath.design import novelty
from isobath.design.factor import MISSING, Factor
from isobath.design.places import place_all, place_of
from isobath.design.region import Region
from isobath.design.space import Space
from isobath.design.support import NearWarning, support_of
from region_definitions import place as reference_place
from region_definitions import random_cells, random_space

pytestmark = pytest.mark.filterwarnings("ignore::isobath.design.support.NearWarning")

SCHEMAS = 1_500
INWARDS = {"island": 0, "shore": 1, "lake": 2, "bay": 3, "sea": 4}


def drawn(seed, most=4):
    """A random space, a support in it and points to place."""
    draw = rng(seed, "random schema")
    space = random_space(draw, most)
    return space, random_cells(draw, space, int(draw.integers(1, 9))), random_cells(draw, space, 12), draw


def test_every_field_is_what_the_definitions_say_on_1500_random_spaces():
    met = dict.fromkeys(INWARDS, 0)
    for seed in range(SCHEMAS):
        space, support, points, _ = drawn(seed)
        places = place_all(support_of(space, support), points)
        cells = {tuple(row) for row in support.tolist()}
        for i, x in enumerate(points.tolist()):
            expected = reference_place(space.factors, cells, tuple(x))
            found = places.place(i)
            assert found.model_dump(exclude={"d", "count"}) == {k: v for k, v in expected.items() if k != "d"}
            assert found.d == pytest.approx(expected["d"])
            assert found.count == (support == x).all(axis=1).sum()
            met[found.region] += 1
    assert min(met.values()) > 500, met


@pytest.mark.parametrize(
    "limits", [{"LATTICE": 0}, {"LATTICE": 10**9, "LOOKUP": 10**9}, {"LATTICE": 0, "TABLE": 3}], ids=str
)
def test_each_way_to_find_the_novelty_order_finds_the_same(limits, monkeypatch):
    for name, value in limits.items():
        monkeypatch.setattr(novelty, name, value)
    for seed in range(300):
        space, support, points, _ = drawn(seed, most=6)
        q = place_all(support_of(space, support), points).q
        cells = {tuple(row) for row in support.tolist()}
        expected = [reference_place(space.factors, cells, tuple(x))["q"] or 0 for x in points.tolist()]
        assert q.tolist() == expected


def test_more_training_data_never_moves_a_point_seawards():
    for seed in range(SCHEMAS):
        space, support, points, draw = drawn(seed)
        more = np.concatenate([support, random_cells(draw, space, int(draw.integers(1, 5)))])
        before, after = (place_all(support_of(space, s), points) for s in (support, more))
        assert all(INWARDS[b] <= INWARDS[a] for a, b in zip(before.region, after.region, strict=True))
        assert (after.k <= before.k).all() and (after.beyond <= before.beyond).all()
        assert (np.where(after.q == 0, 99, after.q) >= np.where(before.q == 0, 99, before.q)).all()
        assert (after.d <= before.d + 1e-12).all()
        assert (after.enclosed >= before.enclosed).all()
        assert (after.new_irrelevant <= before.new_irrelevant).all()


def test_the_order_in_which_nominal_levels_are_listed_is_nothing():
    for seed in range(SCHEMAS):
        space, support, points, draw = drawn(seed)
        mapping, factors = [], []
        for factor in space.factors:
            levels = len(factor.levels)
            turn = draw.permutation(levels) if not factor.ordered else np.arange(len(factor.domain))
            listed = tuple(factor.levels[i] for i in turn) if not factor.ordered else factor.levels
            factors.append(factor.model_copy(update={"levels": listed}))
            back = np.argsort(turn)
            mapping.append(np.append(back, levels) if factor.optional and not factor.ordered else back)
        other = Space(factors=tuple(factors))
        moved = [np.stack([m[c[:, j]] for j, m in enumerate(mapping)], axis=1) for c in (support, points)]
        before = place_all(support_of(space, support), points)
        after = place_all(support_of(other, moved[0].astype(np.int16)), moved[1].astype(np.int16))
        for field in fields(before):
            assert (getattr(before, field.name) == getattr(after, field.name)).all(), field.name


def test_the_lemmas_hold_and_each_point_has_exactly_one_region():
    for seed in range(SCHEMAS):
        space, support, points, _ = drawn(seed)
        p = place_all(support_of(space, support), points)
        assert ((p.q == 1) == (p.beyond + p.gap >= 1)).all()
        assert ((p.q == 0) == (p.k == 0)).all()
        assert (p.k >= p.beyond + p.gap).all()
        assert (p.q <= len(space.relevant)).all() and (p.k <= len(space.relevant)).all()
        assert sum(p.counts().values()) == len(p) == len(points)
        water = np.isin(p.region, ["lake", "bay", "sea"])
        assert (water == (p.k >= 1)).all()
        assert ((p.region == "island") == (p.count > 0)).all()


def covering(space, strength, draw):
    """Rows that hold every combination of `strength` relevant factors: random ones, then one per missing tuple."""
    columns = [j for j, f in enumerate(space.factors) if f.relevant]
    rows = [list(row) for row in random_cells(draw, space, 4).tolist()]
    for chosen in combinations(columns, strength):
        for levels in product(*(range(space.shape[j]) for j in chosen)):
            if not any(all(row[j] == v for j, v in zip(chosen, levels, strict=True)) for row in rows):
                row = random_cells(draw, space, 1)[0].tolist()
                for j, v in zip(chosen, levels, strict=True):
                    row[j] = v
                rows.append(row)
    return np.array(rows, dtype=np.int16)


def test_a_covering_design_of_strength_t_leaves_no_bay_no_sea_and_q_above_t():
    checked = 0
    for seed in range(400):
        space, _, points, draw = drawn(seed)
        for strength in range(1, min(3, len(space.relevant)) + 1):
            p = place_all(support_of(space, covering(space, strength, draw)), points)
            assert not np.isin(p.region, ["bay", "sea"]).any()
            assert ((p.q > strength) | (p.q == 0)).all()
            assert not p.gap.any()
            checked += 1
    assert checked > 454


TINES = Factor(name="tines", kind="ordinal", levels=("2", "3", "4", "5", "6"))
MATERIAL = Factor(name="material", levels=("metal", "wood"))
ANGLE = Factor(name="angle", levels=("front", "below"), relevant=False)
PATTERN = Factor(name="pattern", levels=("plain", "striped"), relevant=False)
FORKS = Space(name="forks", factors=(TINES, MATERIAL, ANGLE, PATTERN))


def fork(tines="3", material="metal", angle="front", pattern="plain"):
    return {"tines": tines, "material": material, "angle": angle, "pattern": pattern}


THREE_TO_FIVE = [fork("3"), fork("4"), fork("5")]
THREE_AND_FIVE = [fork("3"), fork("5")]


@pytest.mark.parametrize(
    ("trained", "asked", "region", "more"),
    [
        (THREE_TO_FIVE, fork("4"), "island", {"k": 0, "q": None, "count": 1, "d": 0.0}),
        (THREE_TO_FIVE, fork(angle="below"), "shore", {"k": 0, "new_irrelevant": 1}),
        (THREE_TO_FIVE, fork(pattern="striped"), "shore", {"k": 0, "new_irrelevant": 1}),
        (THREE_TO_FIVE, fork(angle="below", pattern="striped"), "shore", {"k": 0, "new_irrelevant": 2}),
        (THREE_AND_FIVE, fork("4"), "lake", {"k": 1, "q": 1, "gap": 1, "enclosed": True, "d": 0.25}),
        (THREE_TO_FIVE, fork("6"), "bay", {"k": 1, "q": 1, "beyond": 1, "d": 0.25}),
        (THREE_TO_FIVE, fork("2"), "bay", {"k": 1, "q": 1, "beyond": 1, "d": 0.25}),
        (THREE_TO_FIVE, fork("2", "wood"), "sea", {"k": 2, "q": 1, "beyond": 2, "d": 1.25}),
        (THREE_TO_FIVE, fork("2", "wood", "below"), "sea", {"k": 2, "beyond": 2, "new_irrelevant": 1}),
        (THREE_TO_FIVE, fork("4", "wood"), "bay", {"k": 1, "q": 1, "beyond": 1, "d": 1.0}),
        (THREE_AND_FIVE, fork("4", "wood"), "bay", {"k": 2, "q": 1, "beyond": 1, "gap": 1}),
    ],
)
def test_the_forks_of_source_0(trained, asked, region, more):
    found = place_of(support_of(FORKS, trained), asked)
    assert found.region == region
    assert {name: getattr(found, name) for name in more} == more


LETTERS = Factor(name="a", levels=("x", "y", "z"))
DIGITS = Factor(name="b", levels=("1", "2", "3"))


def test_a_corner_off_the_diagonal_is_a_correlation_breaking_lake():
    space = Space(factors=(LETTERS, DIGITS))
    support = support_of(space, [{"a": a, "b": b} for a, b in zip("xyz", "123", strict=True)])
    found = place_of(support, {"a": "x", "b": "3"})
    assert (found.region, found.k, found.q, found.enclosed) == (Region.LAKE, 1, 2, False)
    assert found.correlation_breaking
    every = place_all(support, space.points())
    assert every.correlation_breaking.tolist() == [a != b for a in range(3) for b in range(3)]
    assert every.counts() == {"island": 3, "shore": 0, "lake": 6, "bay": 0, "sea": 0}


def test_an_enclosed_combination_lake_is_not_correlation_breaking():
    ordered = Factor(name="b", kind="ordinal", levels=("1", "2", "3"))
    space = Space(factors=(LETTERS, ordered))
    support = support_of(space, [{"a": "x", "b": "1"}, {"a": "x", "b": "3"}, {"a": "y", "b": "2"}])
    found = place_of(support, {"a": "x", "b": "2"})
    assert (found.region, found.q, found.gap, found.enclosed) == (Region.LAKE, 2, 0, True)
    assert not found.correlation_breaking


def test_one_level_seen_on_an_ordered_factor_leaves_all_others_outside():
    support = support_of(FORKS, [fork("4")])
    assert [place_of(support, fork(t)).region for t in "23456"] == ["bay", "bay", "island", "bay", "bay"]
    assert [place_of(support, fork(t)).d for t in "23456"] == [0.5, 0.25, 0, 0.25, 0.5]


def test_near_levels_make_a_shore_of_a_step_outside_and_are_warned_of():
    near = Space(factors=(TINES.model_copy(update={"near": 1}), MATERIAL))
    with pytest.warns(NearWarning, match="'tines' has near = 1"):
        support = support_of(near, [{"tines": t, "material": "metal"} for t in "35"])
    found = [place_of(support, {"tines": t, "material": "metal"}) for t in "23456"]
    assert [p.region for p in found] == ["shore", "island", "shore", "island", "shore"]
    assert not any(p.d for p in found)


def test_bins_are_near_without_a_warning(recwarn):
    heat = Factor(name="heat", kind="continuous", edges=(0, 1, 2, 3, 4), near=1)
    support = support_of(Space(factors=(heat,)), [{"heat": "[0, 1)"}])
    assert [place_of(support, {"heat": h}).region for h in heat.domain] == ["island", "shore", "bay", "bay"]
    assert not recwarn


def test_does_not_apply_is_a_level_of_its_own():
    stakes = Factor(name="stakes", kind="ordinal", levels=("low", "mid", "high"), optional=True, near=1)
    support = support_of(Space(factors=(stakes,)), [{"stakes": s} for s in ("low", "high")])
    missing = place_of(support, {"stakes": MISSING})
    assert (missing.region, missing.gap, missing.enclosed, missing.d) == ("bay", 0, False, 1.0)
    only_missing = support_of(Space(factors=(stakes,)), [{"stakes": MISSING}])
    assert [place_of(only_missing, {"stakes": s}).d for s in stakes.domain] == [1, 1, 1, 0]
    assert place_of(only_missing, {"stakes": "mid"}).region == "bay"


def test_new_irrelevant_levels_never_make_water():
    factors = [Factor(name=f"i{n}", levels=("old", "new"), relevant=False) for n in range(9)]
    space = Space(factors=(TINES, *factors))
    old, new = ({"tines": "3"} | {f.name: level for f in factors} for level in ("old", "new"))
    found = place_of(support_of(space, [old]), new)
    assert (found.region, found.k, found.q, found.new_irrelevant, found.d) == ("shore", 0, None, 9, 0.0)


def test_without_relevant_factors_there_is_only_land():
    space = Space(factors=(ANGLE, PATTERN))
    support = support_of(space, [{"angle": "front", "pattern": "plain"}])
    assert place_all(support, space.points()).counts() == {"island": 1, "shore": 3, "lake": 0, "bay": 0, "sea": 0}


def test_weights_change_the_distance_and_nothing_else():
    support = support_of(FORKS, THREE_TO_FIVE)
    asked = fork("2", "wood", "below")
    plain, weighted = (place_of(support, asked, w) for w in (None, {"tines": 4.0, "angle": 0.5}))
    assert (plain.d, weighted.d) == (1.25, 4 * 0.25 + 1.0 + 0.5)
    assert plain.model_dump(exclude={"d"}) == weighted.model_dump(exclude={"d"})
    with pytest.raises(InputError, match=r"weight -1.0 of 'tines'"):
        place_of(support, asked, {"tines": -1.0})
    with pytest.raises(InputError, match="factor 'tine'"):
        place_of(support, asked, {"tine": 1.0})


def test_a_point_that_cannot_be_has_no_region():
    space = FORKS.model_copy(update={"forbidden": ({"tines": ("6",), "material": ("wood",)},)})
    support = support_of(space, THREE_TO_FIVE)
    with pytest.raises(InputError, match=r"1 of 2 points cannot be, such as \{'tines': '6', 'material': 'wood'"):
        place_all(support, [fork(), fork("6", "wood")])
    with pytest.raises(InputError, match="cannot be"):
        support_of(space, [fork("6", "wood")])


def test_a_space_too_wide_for_a_number_per_cell_is_placed_all_the_same():
    """64 factors of 40 levels have more cells than a 64-bit number counts."""
    space = Space(factors=tuple(Factor(name=f"f{j}", levels=tuple(map(str, range(40)))) for j in range(64)))
    draw = rng(0, "wide")
    support = random_cells(draw, space, 50)
    points = support[:3].copy()
    points[1, 5] = (points[1, 5] + 1) % 40
    points[2] = (points[2] + 1) % 40
    p = place_all(support_of(space, support), points)
    assert p.region[0] == "island" and p.k[0] == 0
    assert p.k[1] == 1 and p.q[1] in (1, 2)
    assert p.k[2] > 50


def test_where_there_are_too_many_sets_of_factors_q_is_a_lower_bound_and_says_so(monkeypatch):
    """Trained on every point with three ones or more: six zeros are the smallest combination never seen."""
    space = Space(factors=tuple(Factor(name=f"f{j}", levels=("0", "1")) for j in range(8)))
    every = np.indices(space.shape, dtype=np.int16).reshape(8, -1).T
    support = support_of(space, every[every.sum(axis=1) > 2])
    points = every[every.sum(axis=1) <= 2]
    exact = place_all(support, points)
    monkeypatch.setattr(novelty, "LATTICE", 0)
    monkeypatch.setattr(novelty, "SETS", 8 + 28 + 56)
    with pytest.warns(novelty.NoveltyWarning, match=r"q of 37 of 37 .* is 4 or more: there are 70 sets of 4 of 8"):
        bounded = place_all(support, points)
    assert set(exact.q.tolist()) == {6} and set(bounded.q.tolist()) == {4}
    assert (bounded.k == exact.k).all() and (bounded.region == exact.region).all()


def test_nothing_to_place_gives_no_places():
    p = place_all(support_of(FORKS, THREE_TO_FIVE), [])
    assert len(p) == 0 and p.counts() == dict.fromkeys(INWARDS, 0)
