from itertools import combinations, product

import numpy as np
import pytest
from drawn_spaces import parts, plain, spaces
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from test_held_out import NARROW, OFFICE, RULE, WATER

from isobath.base.errors import InputError
from isobath.design.design import every_code
from isobath.design.factor import Factor
from isobath.design.held_out import held_out, leaked
from isobath.design.space import Space
from isobath.design.support import support_of
from isobath.design.training_points import training_points


def names_of(space):
    return [f.name for f in space.factors]


def by_brute_force(space, t, held, gold, on=None, levels=None):
    """Every t-tuple that some point that may train holds: each point looked at."""
    fine = []
    for point in space.points():
        if held is not None and len(leaked(held, [point])):
            continue
        if gold is not None and gold(point) is None:
            continue
        if any(point[name] not in kept for name, kept in (levels or {}).items()):
            continue
        fine.append(point)
    return parts(fine, on or names_of(space), t)


def test_every_pair_that_may_train_is_held_and_nothing_held_out_or_contested_is():
    held = held_out(OFFICE, WATER, per_region=10, seed=1, gold=RULE)
    found = training_points(OFFICE, 60, 5, held=held, gold=RULE)
    wanted = by_brute_force(OFFICE, 2, held, RULE)
    assert wanted <= parts(found.points, names_of(OFFICE), 2) and found.complete
    assert len(found) == 60 and not len(leaked(held, found.codes))
    assert all(RULE(p) is not None for p in found.points)
    assert len({tuple(row) for row in found.codes.tolist()}) == 60


@pytest.mark.parametrize("strength", [1, 2, 3])
def test_what_cannot_be_covered_is_listed_with_its_reason(strength):
    held = held_out(OFFICE, WATER, per_region=10, seed=1, gold=RULE)
    found = training_points(OFFICE, 200, 5, held=held, gold=RULE, strength=strength)
    can = by_brute_force(OFFICE, strength, held, RULE)
    all_of_them = {
        tuple(zip(names, levels, strict=True))
        for names in combinations(names_of(OFFICE), strength)
        for levels in product(*(OFFICE.factor(n).domain for n in names))
    }
    listed = {tuple(u.levels.items()): u.reason for u in found.uncoverable}
    assert set(listed) == all_of_them - can and found.feasible == len(can)
    if strength == 2:
        assert listed[("order", "audit"), ("authority", "outsider")] in ("contested", "held out or contested")
        assert set(listed.values()) <= {"held out", "contested", "held out or contested"}


def test_the_reasons_are_told_apart():
    space = plain(2, 2, 2, forbidden=({"f0": ("l0",), "f1": ("l0",)},))
    found = training_points(space, 8, 0, gold=lambda p: None if (p["f1"], p["f2"]) == ("l1", "l1") else "a")
    said = {tuple(u.levels.items()): u.reason for u in found.uncoverable}
    assert said == {
        (("f0", "l0"), ("f1", "l0")): "forbidden",
        (("f0", "l0"), ("f2", "l1")): "contested",
        (("f1", "l1"), ("f2", "l1")): "contested",
    }


def test_what_the_support_holds_is_not_covered_again():
    support = support_of(OFFICE, [p for i, p in enumerate(OFFICE.points()) if i % 7])
    found = training_points(OFFICE, 40, 0, support=support)
    assert found.had == found.feasible == found.covered and found.covering == 0
    narrow = training_points(OFFICE, 40, 0, support=support_of(OFFICE, NARROW))
    both = parts(narrow.points, names_of(OFFICE), 2) | parts(NARROW, names_of(OFFICE), 2)
    assert by_brute_force(OFFICE, 2, None, None) == both and 0 < narrow.had < narrow.covered


def test_a_small_budget_covers_what_it_can_and_says_so():
    reached = []
    for rows in (1, 4, 8, 16):
        found = training_points(OFFICE, rows, 0)
        reached.append(found.covered)
        assert found.covered == len(parts(found.points, names_of(OFFICE), 2))
        assert any("for want of rows" in note for note in found.notes) or found.complete
    assert reached == sorted(reached) and reached[0] == 10
    at_random = np.mean(
        [
            len(parts([p for i, p in enumerate(OFFICE.points()) if i in chosen], names_of(OFFICE), 2))
            for chosen in (np.random.default_rng(s).choice(432, 8, replace=False) for s in range(10))
        ]
    )
    assert reached[2] > at_random


def test_levels_are_balanced_and_irrelevant_ones_drawn_for_each_row():
    found = training_points(OFFICE, 300, 2)
    for j, factor in enumerate(OFFICE.factors):
        counts = np.bincount(found.codes[:, j], minlength=len(factor.domain))
        assert counts.min() > 0.85 * counts.mean()
    assert len({tuple(row[3:]) for row in found.codes.tolist()}) == 12


def test_fixed_combinations_are_few_and_used_equally():
    found = training_points(OFFICE, 90, 2, fixed_irrelevant=3)
    used = [tuple(row[3:]) for row in found.codes.tolist()]
    assert len(set(used)) == 3 and min(used.count(u) for u in set(used)) >= 25
    assert found.on == ("order", "stakes", "authority") and found.complete
    wanted = by_brute_force(OFFICE, 2, None, None, on=found.on)
    assert wanted == parts(found.points, found.on, 2)


def test_levels_not_asked_for_do_not_occur_and_are_not_missed():
    levels = {"context": ["harbour", "school"], "stakes": ["low", "high"]}
    found = training_points(OFFICE, 60, 0, levels=levels)
    assert {p["context"] for p in found.points} == {"harbour", "school"}
    assert by_brute_force(OFFICE, 2, None, None, levels=levels) == parts(found.points, names_of(OFFICE), 2)
    assert found.complete and found.uncoverable == ()


def test_points_repeat_only_when_there_are_too_few():
    space = plain(2, 3)
    assert len({tuple(r) for r in training_points(space, 6, 0).codes.tolist()}) == 6
    more = training_points(space, 13, 0)
    counts = np.unique(more.codes, axis=0, return_counts=True)[1]
    assert len(more) == 13 and sorted(counts.tolist()) == [2, 2, 2, 2, 2, 3]
    assert "repeat" in more.notes[0]


def test_the_same_seed_gives_the_same_points():
    one, same, other = (training_points(OFFICE, 50, seed).codes for seed in (4, 4, 5))
    assert (one == same).all() and (one != other).any()


def test_a_space_too_large_to_list_is_covered_too():
    factors = [Factor(name=f"r{i}", levels=tuple("abcd")) for i in range(9)]
    factors += [Factor(name=f"i{i}", levels=tuple("abc"), relevant=False) for i in range(3)]
    space = Space(factors=tuple(factors), forbidden=({"r0": ("a",), "r1": ("b",), "i0": ("c",)},))
    held = held_out(space, ("lake", "bay", "sea"), per_region=5, seed=0)
    found = training_points(space, 300, 0, held=held)
    assert not len(leaked(held, found.codes)) and found.complete
    held_alone = {tuple((n, ls) for n, (ls,) in c.items()) for c in held.clauses if len(c) == 2}
    assert held_alone <= {tuple(u.levels.items()) for u in found.uncoverable}
    assert any("too many combinations" in note for note in found.notes)


@settings(max_examples=60, deadline=None)
@given(spaces(factors=(2, 5), sizes=(1, 4), clauses=4), st.data())
def test_in_any_space_no_tuple_is_missed_and_nothing_barred_trains(space, data):
    seed, rows = data.draw(st.integers(0, 99)), data.draw(st.integers(1, 60))
    relevant = [f.name for f in space.factors if f.relevant]
    gone = data.draw(st.sets(st.sampled_from(["l0", "l1", "l2"]), max_size=1))

    def gold(point):
        return None if point[relevant[0]] in gone else "a"

    try:
        held = held_out(space, WATER, per_region=3, seed=seed, gold=gold) if data.draw(st.booleans()) else None
        t = data.draw(st.integers(1, 2))
        found = training_points(space, rows, seed, strength=t, held=held, gold=gold)
    except InputError:
        assume(False)
    can = by_brute_force(space, t, held, gold)
    has = parts(found.points, names_of(space), t)
    assert len(found) == rows and has <= can
    assert (found.feasible, found.covered) == (len(can), len(has))
    assert has == can or (rows <= len(can) and found.covering == rows)
    assert space.allowed(found.codes).all() and all(gold(p) is not None for p in found.points)


@settings(max_examples=40, deadline=None)
@given(spaces(factors=(2, 4), sizes=(1, 4), clauses=3), st.data())
def test_around_any_support_nothing_barred_trains_and_both_together_cover(space, data):
    codes = every_code(space)
    cells = codes[data.draw(st.lists(st.integers(0, len(codes) - 1), min_size=1, max_size=4))]
    support, seed = support_of(space, cells), data.draw(st.integers(0, 99))
    wanted = data.draw(st.lists(st.sampled_from(WATER), min_size=1, unique=True))
    extent = data.draw(st.sampled_from(["points", "region"]))
    try:
        held = held_out(space, wanted, support=support, per_region=4, seed=seed, extent=extent)
    except InputError:
        assume(False)
    found = training_points(space, len(codes) + 30, seed, held=held, support=support)
    assert not len(leaked(held, found.codes)) and space.allowed(found.codes).all()
    names = names_of(space)
    can = by_brute_force(space, 2, held, None)
    assert can <= parts(found.points, names, 2) | parts(support.points, names, 2)
    assert found.complete and found.had == len(can & parts(support.points, names, 2))


def test_what_cannot_be_done_is_an_error():
    other = held_out(OFFICE, WATER, per_region=3, seed=0)
    with pytest.raises(InputError, match="hold out of this space"):
        training_points(plain(3, 3), 5, 0, held=other)
    for wrong in ({"rows": 0}, {"strength": 4}, {"fixed_irrelevant": 0}, {"gold": lambda p: None}):
        with pytest.raises(InputError):
            training_points(OFFICE, **{"rows": 5, "seed": 0, **wrong})
    with pytest.raises(InputError, match="list of at least one"):
        training_points(OFFICE, 5, 0, levels={"stakes": "low"})
