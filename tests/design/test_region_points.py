"""Test points per region: where they say they lie, balanced, distinct, as many as there are."""

from collections import Counter

import numpy as np
import pytest
from drawn_spaces import spaces
from hypothesis import given, settings
from hypothesis import strategies as st

from isobath.base.errors import InputError
from isobath.design import test_points as module
from isobath.design.design import full
from isobath.design.factor import Factor
from isobath.design.places import place_all
from isobath.design.region import Region
from isobath.design.space import Space
from isobath.design.support import support_of
from isobath.design.test_points import test_points as points_per_region

KINDS = ("nominal", "ordinal")


def wide(relevant=8, irrelevant=3, **options):
    """More points than can be listed: relevant factors of six levels, in turn nominal and ordinal."""
    factors = [Factor(name=f"r{i}", kind=KINDS[i % 2], levels=tuple("abcdef")) for i in range(relevant)]
    factors += [Factor(name=f"i{i}", relevant=False, levels=tuple("wxyz")) for i in range(irrelevant)]
    return Space(factors=tuple(factors), **options)


def narrow_support(space, cells=60, levels=(0, 2, 4)):
    """Random cells with three levels, gaps between them, of each relevant factor, and two of each irrelevant one."""
    stream = np.random.default_rng(5)
    codes = np.stack([stream.choice(levels if f.relevant else (0, 1), 4 * cells) for f in space.factors], axis=1)
    codes = codes.astype(np.int16)
    return support_of(space, codes[space.allowed(codes)][:cells])


@settings(max_examples=60, deadline=None)
@given(spaces(), st.integers(0, 6), st.integers(0, 3), st.data())
def test_in_a_space_that_is_listed_every_region_gives_what_it_has(space, count, seed, data):
    support = support_of(space, data.draw(st.lists(st.sampled_from(list(space.points())), min_size=1, max_size=5)))
    found = points_per_region(space, support, count, seed)
    there_are = place_all(support, full(space).codes).counts()
    assert found.places.counts() == {r: min(count, n) for r, n in there_are.items()}
    assert place_all(support, found.points).region.tolist() == found.places.region.tolist()
    assert len({tuple(p.values()) for p in found.points}) == len(found)
    assert all(space.allows(p) for p in found.points)
    for region, achieved in found.achievable.items():
        assert (achieved.asked, achieved.there_are, achieved.exact) == (count, there_are[region], True)
        assert bool(achieved.why) == (there_are[region] < count)


@settings(max_examples=60, deadline=None)
@given(spaces(), st.data())
def test_construction_finds_as_much_as_a_listing_of_the_space(space, data):
    support = support_of(space, data.draw(st.lists(st.sampled_from(list(space.points())), min_size=1, max_size=5)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "LISTED", 0)
        built = points_per_region(space, support, 5)
    there_are = place_all(support, full(space).codes).counts()
    assert built.places.counts() == {r: min(5, n) for r, n in there_are.items()}
    assert all(a.why for r, a in built.achievable.items() if there_are[r] < 5)


def test_in_a_large_space_every_region_is_filled_and_balanced():
    space = wide()
    support = narrow_support(space)
    found = points_per_region(space, support, 40)
    assert found.places.counts() == dict.fromkeys(Region, 40)
    assert place_all(support, found.points).region.tolist() == found.places.region.tolist()
    assert len(np.unique(found.codes, axis=0)) == 200
    assert not any(a.why for a in found.achievable.values())
    lake = found.places.region == Region.LAKE
    assert (found.places.gap[lake] > 0).sum() == 20
    for region in (Region.LAKE, Region.BAY, Region.SEA):
        inside = found.places.region == region
        depths = Counter(found.places.k[inside].tolist())
        assert len(depths) >= 3
        assert max(depths.values()) <= 20
        assert (found.places.new_irrelevant[inside] > 0).sum() == 20
    cells = {tuple(row) for row in support.codes.tolist()}
    island = found.codes[found.places.region == Region.ISLAND].tolist()
    assert all(tuple(row) in cells for row in island)


def test_no_point_is_forbidden_in_a_large_space_with_constraints():
    forbidden = (
        {"r0": ("a", "b", "c"), "r1": ("f",)},
        {"r2": ("f",), "i0": ("w", "x", "y")},
        {"r3": ("b", "d", "f"), "r4": ("b", "d", "f"), "i1": ("w", "x")},
    )
    space = wide(forbidden=forbidden)
    found = points_per_region(space, narrow_support(space), 30)
    assert space.allowed(found.codes).all()
    assert found.places.counts() == dict.fromkeys(Region, 30)


def test_irrelevant_levels_that_must_follow_a_relevant_one_are_searched():
    # six irrelevant factors each copy r0 (levels e and f as d): a step of r0 alone can never be
    factors = [Factor(name="r0", levels=tuple("abcdef")), Factor(name="r1", levels=tuple("abcdef"))]
    factors += [Factor(name=f"i{i}", relevant=False, levels=tuple("abcd")) for i in range(8)]
    wrong = [(r, i) for r in "abcdef" for i in "abcd" if min(r, "d") != i]
    space = Space(
        factors=tuple(factors), forbidden=tuple({"r0": (r,), f"i{j}": (i,)} for r, i in wrong for j in range(8))
    )
    support = support_of(space, [{"r0": "a", "r1": r, **{f"i{j}": "a" for j in range(8)}} for r in "abcdef"])
    found = points_per_region(space, support, 12)
    assert found.places.counts() == {"island": 6, "shore": 0, "lake": 0, "bay": 12, "sea": 0}
    assert space.allowed(found.codes).all()


def test_what_the_levels_rule_out_is_said():
    space = wide(relevant=6)
    stream = np.random.default_rng(0)
    codes = stream.integers(0, space.shape, size=(400, len(space.shape))).astype(np.int16)
    found = points_per_region(space, support_of(space, codes), 10)
    for region in (Region.BAY, Region.SEA):
        achieved = found.achievable[region]
        assert (achieved.drawn, achieved.there_are) == (0, 0)
        assert achieved.why == "no relevant factor has a level outside the support"
    one = points_per_region(space, support_of(space, codes[codes[:, 0] != 5]), {Region.SEA: 4, Region.BAY: 4})
    assert one.achievable[Region.BAY].drawn == 4
    assert "only one relevant factor" in one.achievable[Region.SEA].why
    assert len(one) == 4


def test_island_points_are_as_many_as_the_support_has_cells():
    space = wide()
    found = points_per_region(space, narrow_support(space, cells=3), {Region.ISLAND: 5})
    achieved = found.achievable[Region.ISLAND]
    assert (achieved.drawn, achieved.exact) == (3, True)
    assert achieved.why == "an island point is a cell of the support, and it has 3"


def test_decisions_are_balanced_and_contested_ones_are_kept():
    space = wide()

    def gold(point):
        return None if point["r1"] == "a" else ("yes" if point["r0"] in "abcde" else "no")

    found = points_per_region(space, narrow_support(space), 30, gold=gold)
    assert found.decisions == tuple(gold(p) for p in found.points)
    bay = [d for d, r in zip(found.decisions, found.places.region, strict=True) if r == Region.BAY]
    # most candidates would be "yes"
    assert min(Counter(bay).values()) >= 5
    assert set(bay) == {"yes", "no", None}


def test_the_same_seed_draws_the_same_points_and_another_seed_others():
    space = wide()
    support = narrow_support(space)
    one, again, other = (points_per_region(space, support, 10, seed) for seed in (1, 1, 2))
    assert (one.codes == again.codes).all()
    assert (one.codes != other.codes).any()


def test_a_support_of_another_space_is_refused():
    with pytest.raises(InputError, match="own space"):
        points_per_region(wide(relevant=5), narrow_support(wide()), 3)
    with pytest.raises(InputError, match="0 or more"):
        points_per_region(wide(), narrow_support(wide()), -1)
