"""Edited points: one factor changed, only where the right decision is agreed, and the same whoever else is asked."""

from collections import Counter

import pytest

from isobath.base.errors import InputError
from isobath.base.seeding import rng
from isobath.design.edits import edits
from isobath.design.factor import Factor
from isobath.design.space import Space
from region_definitions import random_cells

SPACE = Space(
    factors=(
        Factor(name="stakes", kind="ordinal", levels=("low", "mid", "high", "extreme")),
        Factor(name="consent", levels=("yes", "no")),
        Factor(name="wording", levels=("plain", "formal", "slang", "verse"), relevant=False),
        Factor(name="name", levels=("Ana", "Bo"), relevant=False),
    ),
    forbidden=({"stakes": ("extreme",), "wording": ("slang",)},),
)


def gold(point):
    if point["stakes"] == "mid" and point["consent"] == "no":
        return None
    return "refuse" if point["stakes"] in ("high", "extreme") else "allow"


POINTS = [p for p in SPACE.decode(random_cells(rng(0, "cells"), SPACE, 60)) if SPACE.allows(p)]


@pytest.mark.parametrize("per_factor", [1, 2, 9])
def test_each_edit_changes_one_factor_can_be_and_is_agreed(per_factor):
    found = edits(SPACE, gold, POINTS, seed=4, per_factor=per_factor)
    counted = Counter()
    for i, edited, edit in found:
        before = POINTS[i]
        assert {n for n in SPACE.names if edited[n] != before[n]} == {edit.factor}
        assert SPACE.allows(edited)
        assert gold(before) is not None and gold(edited) is not None
        assert edit.flips == (gold(before) != gold(edited))
        assert edit.relevant == SPACE.factor(edit.factor).relevant
        assert edit.of == str(i)
        counted[i, edit.factor, edit.flips] += 1
    assert max(counted.values()) <= per_factor
    assert len({(i, tuple(e.items())) for i, e, _ in found}) == len(found)


def test_each_relevant_factor_gives_a_flip_and_a_stay_where_there_are_any():
    found = {(i, edit.factor, edit.flips) for i, _, edit in edits(SPACE, gold, POINTS, seed=4)}
    for i, point in enumerate(POINTS):
        for factor in SPACE.factors:
            others = [{**point, factor.name: v} for v in factor.domain if v != point[factor.name]]
            told = [gold(o) for o in others if SPACE.allows(o)] if gold(point) is not None else []
            if factor.relevant:
                for flip in (True, False):
                    there = any(t is not None and (t != gold(point)) == flip for t in told)
                    assert ((i, factor.name, flip) in found) == there
            else:
                assert ((i, factor.name, False) in found) == (gold(point) is not None)


def test_every_other_level_of_an_irrelevant_factor_comes_up():
    point = {"stakes": "low", "consent": "yes", "wording": "plain", "name": "Ana"}
    levels = Counter(
        edited["wording"]
        for seed in range(300)
        for _, edited, edit in edits(SPACE, gold, [point], seed)
        if edit.factor == "wording"
    )
    assert set(levels) == {"formal", "slang", "verse"} and min(levels.values()) > 60


def test_more_points_change_no_edit_of_the_others():
    few, many = edits(SPACE, gold, POINTS[:5], seed=1), edits(SPACE, gold, POINTS, seed=1)
    assert few == [one for one in many if one[0] < 5]
    assert few != edits(SPACE, gold, POINTS[:5], seed=2)


def test_names_and_numbers_are_checked():
    assert {e.of for _, _, e in edits(SPACE, gold, POINTS[:1], 0, names=["q7"])} == {"q7"}
    with pytest.raises(InputError, match="per_factor = 0"):
        edits(SPACE, gold, POINTS, 0, per_factor=0)
