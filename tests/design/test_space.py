"""Factors, points, spaces and rules: what is a level, what can be, what is right."""

import math

import numpy as np
import pytest
from pydantic import ValidationError

from isobath.base.errors import InputError
from isobath.design.factor import MISSING, Factor
from isobath.design.rule import CONTESTED, Case, DecisionRule, flips
from isobath.design.space import Space, forbid

HEAT = Factor(name="heat", kind="continuous", edges=(-math.inf, 0, 10, 20))
SPACE = Space(
    factors=(
        Factor(name="tines", kind="ordinal", levels=("2", "3", "4")),
        Factor(name="material", levels=("metal", "wood")),
        HEAT,
        Factor(name="owner", kind="text", levels=("guest", "host"), relevant=False, optional=True),
    )
)


@pytest.mark.parametrize(
    ("value", "level"),
    [(-5, "[-inf, 0)"), (0, "[0, 10)"), (9.99, "[0, 10)"), ("10", "[10, 20)"), ("[0, 10)", "[0, 10)")],
)
def test_a_value_falls_into_the_bin_that_has_its_lower_edge(value, level):
    assert HEAT.level_of(value) == level


@pytest.mark.parametrize("value", [20, 1e9, math.nan, "warm", None])
def test_a_value_outside_all_bins_is_an_error_that_lists_them(value):
    with pytest.raises(InputError, match=r"the levels of 'heat' are \[-inf, 0\), \[0, 10\)"):
        HEAT.level_of(value)


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "continuous", "edges": (1, 0)},
        {"kind": "continuous", "edges": (0,)},
        {"kind": "continuous", "edges": (0, 1), "levels": ("x",)},
        {"kind": "nominal"},
        {"kind": "ordinal", "levels": ("a", "a")},
        {"kind": "nominal", "levels": ("a", MISSING), "optional": True},
        {"kind": "nominal", "levels": ("a", "b"), "near": 1},
        {"kind": "text", "levels": ("a", "b"), "near": 1},
        {"kind": "nominal", "levels": ("a",), "colour": "red"},
    ],
    ids=str,
)
def test_a_factor_that_makes_no_sense_is_refused(fields):
    with pytest.raises(ValidationError):
        Factor(name="f", **fields)


def test_a_point_from_raw_values_names_what_is_wrong():
    assert SPACE.point({"tines": 3.0, "material": "wood", "heat": 12}) == {
        "tines": "3",
        "material": "wood",
        "heat": "[10, 20)",
        "owner": MISSING,
    }
    with pytest.raises(InputError, match="factor 'colour'"):
        SPACE.point({"tines": 3, "material": "wood", "heat": 1, "colour": "red"})
    with pytest.raises(InputError, match="no heat in"):
        SPACE.point({"tines": 3, "material": "wood"})
    with pytest.raises(InputError, match="tines = 7"):
        SPACE.point({"tines": 7, "material": "wood", "heat": 1})


def test_points_and_codes_are_one_another():
    points = list(SPACE.points())
    codes = SPACE.encode(points)
    assert SPACE.decode(codes) == points
    assert len(points) == SPACE.cells == np.prod(SPACE.shape) == len(np.unique(codes, axis=0))
    assert SPACE.encode([]).shape == (0, 4)


def test_a_predicate_forbids_exactly_the_combinations_it_is_true_for():
    def too_many(part):
        return part["material"] == "wood" and int(part["tines"]) > 2

    space = forbid(SPACE, too_many, on=("tines", "material"))
    assert all(space.allows(p) != too_many(p) for p in SPACE.points())
    codes = SPACE.encode(list(SPACE.points()))
    assert space.allowed(codes).tolist() == [not too_many(p) for p in SPACE.points()]
    assert space.encode(list(space.points())).tolist() == codes[space.allowed(codes)].tolist()
    assert Space.model_validate_json(space.model_dump_json()) == space


@pytest.mark.parametrize("on", [(), "tines", ("tines", "tines"), ("prongs",)])
def test_a_predicate_is_asked_about_factors_that_are_there(on):
    with pytest.raises(InputError):
        forbid(SPACE, lambda part: True, on=on)


@pytest.mark.parametrize(
    ("clause", "message"),
    [({}, "empty clause"), ({"tines": ("9",)}, "no level"), ({"prongs": ("2",)}, "factor 'prongs'")],
)
def test_a_forbidden_combination_names_what_there_is(clause, message):
    with pytest.raises(ValidationError, match=message):
        Space(factors=SPACE.factors, forbidden=(clause,))


def test_a_factor_stands_once():
    with pytest.raises(ValidationError, match="stands twice"):
        Space(factors=(HEAT, HEAT))


def test_the_first_case_that_matches_decides():
    rule = DecisionRule(
        cases=(
            Case(when={"material": ("wood",), "tines": ("2", "3")}, then="fork"),
            Case(when={"material": ("wood",)}, then=CONTESTED),
        ),
        otherwise="spoon",
    )
    assert [rule({"material": m, "tines": t}) for m, t in (("wood", "2"), ("wood", "4"), ("metal", "2"))] == [
        "fork",
        None,
        "spoon",
    ]


@pytest.mark.parametrize(
    ("before", "after", "flip"),
    [("a", "b", True), ("a", "a", False), ("a", None, False), (None, "a", False), (None, None, False)],
)
def test_a_change_from_or_to_contested_is_no_flip(before, after, flip):
    assert flips(before, after) is flip


def test_a_changed_copy_of_a_space_has_the_names_of_its_own_factors():
    assert SPACE.names == ("tines", "material", "heat", "owner")
    assert SPACE.model_copy(update={"factors": (HEAT,)}).names == ("heat",)
    assert HEAT.model_copy(update={"edges": (0, 1)}).domain == ("[0, 1)",)


def test_a_value_where_a_level_belongs_says_how_to_make_it_one():
    warm = Space(factors=(HEAT,))
    with pytest.raises(InputError, match=r"is a value, and its level is .*space\.point"):
        warm.encode([{"heat": HEAT.edges[1]}])
