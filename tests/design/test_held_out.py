import numpy as np
import pytest
from drawn_spaces import spaces
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from isobath.base.errors import InputError
from isobath.design.design import every_code
from isobath.design.factor import Factor
from isobath.design.held_out import held_out, leaked
from isobath.design.places import place_all
from isobath.design.region import Region
from isobath.design.rule import Case, DecisionRule
from isobath.design.space import Space
from isobath.design.support import Support, support_of

WATER = (Region.LAKE, Region.BAY, Region.SEA)

OFFICE = Space(
    name="office",
    factors=(
        Factor(name="order", levels=("shutdown", "audit", "pause", "retraining")),
        Factor(name="stakes", kind="ordinal", levels=("low", "middle", "high")),
        Factor(name="authority", levels=("owner", "manager", "outsider")),
        Factor(name="context", levels=("harbour", "clinic", "school", "bank"), relevant=False),
        Factor(name="wording", levels=("a", "b", "c"), relevant=False),
    ),
)
RULE = DecisionRule(
    cases=(
        Case(when={"order": ("audit",), "authority": ("outsider",)}, then=None),
        Case(when={"authority": ("outsider",)}, then="ask"),
        Case(when={"order": ("shutdown",), "stakes": ("high",)}, then="ask"),
    ),
    otherwise="accept",
)
NARROW = [
    {"order": order, "stakes": "low", "authority": who, "context": "harbour", "wording": "a"}
    for order in ("shutdown", "audit")
    for who in ("owner", "manager")
    if (order, who) != ("audit", "manager")
]


def relevant_of(space, codes):
    columns = [j for j, f in enumerate(space.factors) if f.relevant]
    return {tuple(row) for row in codes[:, columns].tolist()}


def around_all_that_may_train(space, held, gold):
    """The support of every point that is neither held out nor contested."""
    codes = every_code(space)
    fine = np.array([gold(p) is not None for p in space.decode(codes)]) & ~held.bars(codes)
    return Support(space, codes[fine], np.ones(int(fine.sum()), dtype=np.int64))


@pytest.mark.parametrize("extent", ["points", "region"])
@pytest.mark.parametrize("wanted", [WATER, ("bay",), ("shore", "sea")])
def test_points_around_a_support_lie_where_asked_and_are_barred(extent, wanted):
    support = support_of(OFFICE, NARROW)
    if extent == "region" and "shore" in wanted:
        wanted = ("sea",)
    held = held_out(OFFICE, wanted, support=support, per_region=10, seed=3, gold=RULE, extent=extent)
    assert tuple(place_all(support, held.points).region) == held.regions
    assert set(held.regions) == set(wanted)
    assert all(RULE(point) is not None for point in held.points)
    assert held.bars(held.points).all() and len(held.reasons) == len(held.points)
    assert leaked(held, held.points).tolist() == list(range(len(held)))


def test_extent_points_leaves_half_of_each_region_to_train_and_extent_region_nothing():
    support = support_of(OFFICE, NARROW)
    codes = every_code(OFFICE)
    agreed = np.array([RULE(p) is not None for p in OFFICE.decode(codes)])
    places = place_all(support, codes)
    some = held_out(OFFICE, WATER, support=support, per_region=500, seed=0, gold=RULE)
    every = held_out(OFFICE, ("bay",), support=support, per_region=5, seed=0, gold=RULE, extent="region")
    for region in WATER:
        inside = agreed & (places.region == str(region))
        cells = relevant_of(OFFICE, codes[inside])
        held = relevant_of(OFFICE, codes[inside & some.bars(codes)])
        assert 1 <= len(held) <= max(1, len(cells) // 2)
    assert (every.bars(codes) == (places.region == "bay")).all()


def test_irrelevant_levels_never_free_a_held_combination():
    held = held_out(OFFICE, WATER, support=support_of(OFFICE, NARROW), per_region=4, seed=1, gold=RULE)
    moved = [{**p, "context": c, "wording": w} for p in held.points for c in ("clinic", "bank") for w in "abc"]
    assert held.bars(moved).all()


@pytest.mark.parametrize("seed", range(8))
def test_without_a_support_regions_are_those_around_all_that_may_train(seed):
    held = held_out(OFFICE, WATER, per_region=12, seed=seed, gold=RULE)
    found = place_all(around_all_that_may_train(OFFICE, held, RULE), held.codes)
    assert tuple(found.region) == held.regions and set(held.regions) == set(WATER)
    assert held.bars(held.codes).all() and all(RULE(p) is not None for p in held.points)
    codes = every_code(OFFICE)
    decided = {RULE(p) for p in OFFICE.decode(codes[~held.bars(codes)])} - {None}
    assert decided == {"ask", "accept"}
    assert all(reason for reason in held.reasons)


def test_a_wide_shore_is_held_out_whole():
    near = OFFICE.factors[1].model_copy(update={"near": 1, "levels": ("none", "low", "middle", "high")})
    space = Space(factors=(*OFFICE.factors[:1], near, *OFFICE.factors[3:]))
    rule = DecisionRule(otherwise="accept")
    held = held_out(space, ("bay", "sea"), per_region=6, seed=0, gold=rule)
    assert tuple(place_all(around_all_that_may_train(space, held, rule), held.codes).region) == held.regions


def test_other_seeds_hold_out_other_levels_and_the_same_seed_the_same():
    found = [held_out(OFFICE, ("bay", "sea"), per_region=5, seed=s, gold=RULE) for s in (0, 0, 1, 2, 3)]
    assert found[0].clauses == found[1].clauses and (found[0].codes == found[1].codes).all()
    assert len({str(h.clauses) for h in found}) > 1


@settings(max_examples=60, deadline=None)
@given(spaces(factors=(2, 4), sizes=(1, 4), clauses=3), st.data())
def test_in_any_space_regions_are_right_and_leaks_agree_with_bars(space, data):
    codes = every_code(space)
    seed = data.draw(st.integers(0, 99))
    undecided = data.draw(st.sets(st.sampled_from([tuple(r) for r in sorted(relevant_of(space, codes))]), max_size=2))
    columns = [j for j, f in enumerate(space.factors) if f.relevant]

    def gold(point):
        row = tuple(space.encode([point])[0][columns].tolist())
        return None if row in undecided else "ab"[sum(row) % 2]

    support = None
    if data.draw(st.booleans()):
        support = support_of(space, codes[data.draw(st.lists(st.integers(0, len(codes) - 1), min_size=1, max_size=3))])
    wanted = data.draw(st.lists(st.sampled_from(WATER), min_size=1, unique=True))
    extent = data.draw(st.sampled_from(["points", "region"]))
    try:
        held = held_out(space, wanted, support=support, per_region=6, seed=seed, gold=gold, extent=extent)
    except InputError:
        assume(False)
    barred = held.bars(codes)
    assert leaked(held, codes).tolist() == np.flatnonzero(barred).tolist()
    assert all(gold(p) is not None for p in held.points)
    left = codes[~barred]
    assert any(gold(p) is not None for p in space.decode(left))
    around = support or around_all_that_may_train(space, held, gold)
    assert tuple(place_all(around, held.codes).region) == held.regions


def test_what_cannot_be_held_out_is_an_error():
    support = support_of(OFFICE, NARROW)
    wrong = [
        ({"regions": ["island"], "support": support}, "island"),
        ({"regions": ["shore"]}, "without a support"),
        ({"regions": ["lagoon"]}, "each one of"),
        ({"regions": "bay"}, "a list of regions"),
        ({"regions": ["bay"], "per_region": 0}, "per_region"),
        ({"regions": ["bay"], "support": support_of(OFFICE, every_code(OFFICE))}, "no test point"),
        ({"regions": ["lake", "bay", "sea", "shore"], "support": support, "extent": "region"}, "something is left"),
    ]
    for given_, said in wrong:
        with pytest.raises(InputError, match=said):
            held_out(OFFICE, **{"per_region": 4, "seed": 0, "gold": RULE, **given_})


def test_nothing_wanted_bars_nothing():
    held = held_out(OFFICE, (), per_region=4, seed=0)
    assert not len(held) and not held.bars(every_code(OFFICE)).any() and not len(leaked(held, every_code(OFFICE)))
