"""Declared relevance against the gold rule: true on rules whose dependence is known, and open about its reach."""

import warnings
from itertools import product

import pytest

from isobath.base.errors import InputError
from isobath.base.seeding import rng
from isobath.design.factor import Factor
from isobath.design.relevance import RelevanceWarning, check_relevance, random_codes, relevance_of
from isobath.design.rule import flips
from isobath.design.space import Space


def space_of(roles, levels=3, forbidden=()):
    factors = [
        Factor(name=f"f{j}", levels=tuple(f"v{i}" for i in range(levels)), relevant=role)
        for j, role in enumerate(roles)
    ]
    return Space(factors=tuple(factors), forbidden=forbidden)


def by_brute_force(space, gold, factor):
    """Whether any two points that can be and differ in `factor` alone have different agreed decisions."""
    for point in space.points():
        for level in factor.domain:
            other = {**point, factor.name: level}
            if space.allows(other) and flips(gold(point), gold(other)):
                return True
    return False


def test_found_dependence_is_that_of_the_rule_on_random_rules_with_contested_and_forbidden_points():
    with_witness = 0
    for seed in range(150):
        draw = rng(seed, "rule")
        space = space_of(draw.random(3) < 0.5, forbidden=({"f0": ("v0",), "f1": ("v1", "v2")},))
        seen = [name for name in space.names if draw.random() < 0.6]
        combos = list(product(("v0", "v1", "v2"), repeat=len(seen)))
        answers = dict(zip(combos, draw.choice(["yes", "no", "?"], len(combos)).tolist(), strict=True))

        def gold(point, seen=tuple(seen), answers=answers):
            told = answers[tuple(point[name] for name in seen)]
            return None if told == "?" else told

        for factor, found in zip(space.factors, relevance_of(space, gold), strict=True):
            expected = by_brute_force(space, gold, factor)
            assert (found.witness is not None) == expected
            assert found.contradicted == (factor.relevant != expected)
            assert found.exhaustive and found.factor == factor.name
            if found.witness is not None:
                one, two = found.witness.point, found.witness.other
                assert {n for n in space.names if one[n] != two[n]} == {factor.name}
                assert space.allows(one) and space.allows(two)
                assert (gold(one), gold(two)) == (found.witness.decision, found.witness.other_decision)
                with_witness += 1
    assert with_witness > 100


def test_contradictions_warn_both_ways_with_the_witness():
    space = space_of((True, True, False))

    def gold(point):
        return "refuse" if point["f2"] == "v1" or point["f0"] == "v0" else "allow"

    with pytest.warns(RelevanceWarning) as caught:
        found = check_relevance(space, gold)
    texts = [str(w.message) for w in caught]
    assert [f.contradicted for f in found] == [False, True, True]
    assert texts[0] == "'f1' is declared relevant, but the right decision never depends on it (all 27 pairs)."
    assert texts[1].startswith("'f2' is declared irrelevant, but the right decision depends on it: 'v0' takes 'allow'")
    assert texts[1].endswith("where f0 = v1, f1 = v0 (all 27 pairs).")


def test_a_declaration_that_holds_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_relevance(space_of((True, False)), lambda p: p["f0"])


def test_a_factor_that_only_makes_points_contested_has_no_witness():
    space = space_of((True, True))
    (_, found) = relevance_of(space, lambda p: None if p["f1"] == "v2" else p["f0"])
    assert found.witness is None and found.contradicted
    assert (found.pairs, found.contested) == (3, 6)
    assert "6 more pairs have no agreed decision" in found.sentence


def test_a_space_too_large_to_walk_is_sampled_and_says_so():
    space = space_of((True, True, False, *[False] * 17), levels=4)

    def gold(point):
        return "yes" if point["f0"] in ("v0", "v1") else "no"

    found = relevance_of(space, gold, most=5_000)
    assert [f.witness is not None for f in found] == [True] + [False] * 19
    assert not any(f.exhaustive for f in found)
    assert all(f.pairs <= 5_000 for f in found) and sum(f.pairs for f in found) > 4_000
    assert "among those sampled (a sample of" in found[1].sentence
    assert found == relevance_of(space, gold, most=5_000)
    assert [f.witness for f in found] != [f.witness for f in relevance_of(space, gold, most=5_000, seed=1)]


def test_points_are_drawn_evenly_from_those_that_can_be():
    space = space_of((True, True), forbidden=({"f0": ("v0",), "f1": ("v0", "v1")},))
    codes = random_codes(space, 7_000, seed=3)
    points = space.decode(codes)
    assert len(points) == 7_000 and all(map(space.allows, points))
    shares = [sum(p == q for p in points) / 7_000 for q in space.points()]
    assert len(shares) == 7 and all(abs(share - 1 / 7) < 0.02 for share in shares)


def test_a_space_without_points_is_refused():
    nothing = space_of((True,), forbidden=({"f0": ("v0", "v1", "v2")},))
    with pytest.raises(InputError, match="every point of 'space' is forbidden"):
        relevance_of(nothing, lambda p: "yes")
    with pytest.raises(InputError, match="combinations drawn can be"):
        relevance_of(nothing, lambda p: "yes", most=1)
