"""Tagging: what is found is a level, what is not is a state, and only wholly tagged texts have a place."""

import pytest
from pydantic import ValidationError

from isobath.base.errors import InputError
from isobath.base.row import State
from isobath.design.factor import MISSING, Factor
from isobath.design.region import Region
from isobath.design.space import Space
from isobath.design.support import support_of
from isobath.grading.judge_reply import read_text
from isobath.measures.tagging import (
    NONE,
    FactorRules,
    LevelRule,
    Tag,
    agreement_table,
    level_rubric,
    places_of,
    tag_by_judge,
    tag_by_rule,
)
from isobath.models.endpoint.endpoint import Endpoint
from stub_server import Said, StubServer

TINES = Factor(name="tines", kind="ordinal", levels=("two", "three", "four", "five", "six"))
MATERIAL = Factor(name="material", kind="text", levels=("steel", "wood"))
LENGTH = Factor(name="length", kind="continuous", edges=(0, 10, 20), relevant=False)
FORKS = Space(factors=(TINES, MATERIAL, LENGTH), forbidden=({"tines": ("six",), "material": ("wood",)},))
RULES = (
    FactorRules(factor="tines", rules=tuple(LevelRule(level=x, pattern=rf"\b{x}\b") for x in TINES.levels)),
    FactorRules(
        factor="material",
        rules=(
            LevelRule(level="wood", pattern="wooden|wood"),
            LevelRule(level="steel", pattern="steel|metal"),
        ),
        several="error",
    ),
    FactorRules(factor="length", number=r"(-?\d+(?:\.\d+)?) ?cm"),
)
TEXTS = [
    "A STEEL fork with three tines, 12 cm long",
    "a wooden fork with four tines of 3.5cm",
    "a fork with five tines, 12 cm",
    "steel tines in a wooden handle: three of them, 8 cm",
    "a metal fork with two tines, 45 cm",
    "a wooden fork with six tines, 8 cm",
]


def test_levels_are_found_and_what_is_missing_stays_missing():
    found = tag_by_rule(FORKS, RULES, TEXTS)
    assert found[0].point == {"tines": "three", "material": "steel", "length": "[10, 20)"}
    assert found[1].point == {"tines": "four", "material": "wood", "length": "[0, 10)"}
    assert [t.untagged for t in found[2:5]] == [("material",), ("material",), ("length",)]
    assert all(t.point is None for t in found[2:])
    assert found[2].tags["material"] == Tag(None, State.PARSE_ERROR)  # nothing said
    assert found[3].tags["material"] == Tag(None, State.PARSE_ERROR)  # two levels said
    assert found[4].tags["length"] == Tag(None, State.PARSE_ERROR)  # 45 is in no bin
    assert found[5].untagged == () and found[5].point is None  # such a fork cannot be


def test_the_first_rule_decides_unless_several_are_an_error():
    first = (RULES[0], RULES[1].model_copy(update={"several": "first"}), RULES[2])
    assert tag_by_rule(FORKS, first, TEXTS)[3].tags["material"] == Tag("wood", State.OK)


def test_absence_is_a_level_only_where_it_is_said_to_be():
    space = Space(factors=(Factor(name="deadline", levels=("today",), optional=True),))
    rules = FactorRules(factor="deadline", rules=(LevelRule(level="today", pattern="today"),))
    assert tag_by_rule(space, [rules], ["whenever"])[0].point is None
    rules = rules.model_copy(update={"otherwise": MISSING})
    assert [t.point for t in tag_by_rule(space, [rules], ["whenever", "today!"])] == [
        {"deadline": MISSING},
        {"deadline": "today"},
    ]


def test_the_level_of_absence_is_a_bin_where_it_is_a_number():
    space = Space(factors=(Factor(name="length", kind="continuous", edges=(0, 10, 20)),))
    rules = FactorRules(factor="length", number=r"(\d+) cm", otherwise="12")
    assert tag_by_rule(space, [rules], ["long"])[0].point == {"length": "[10, 20)"}


def test_numbers_are_levels_in_a_file_of_rules():
    space = Space(factors=(Factor(name="tines", kind="ordinal", levels=("2", "3")),))
    written = {"factor": "tines", "rules": [{"level": 3, "pattern": "three"}], "otherwise": 2}
    tagged = tag_by_rule(space, [FactorRules.model_validate(written)], ["three tines", "a fork"])
    assert [text.point for text in tagged] == [{"tines": "3"}, {"tines": "2"}]


def test_only_tagged_texts_have_a_region():
    support = support_of(FORKS, [{"tines": t, "material": "steel", "length": "[0, 10)"} for t in ("three", "five")])
    texts = ["steel, four tines, 5 cm", "steel, six tines, 5 cm", "four tines, 5 cm", TEXTS[5], "wood, two tines, 5 cm"]
    regions = [place and place.region for place in places_of(support, tag_by_rule(FORKS, RULES, texts))]
    assert regions == [Region.LAKE, Region.BAY, None, None, Region.SEA]


def test_a_judge_names_levels_or_none():
    replies = {"tines": "Four.", "material": NONE, "length": "L2"}

    def answer(body):
        prompt = body["messages"][-1]["content"]
        name = next(n for n in replies if f"Which {n!r}" in prompt)
        return Said(text="I'm sorry, I cannot." if "rude" in prompt and name == "tines" else replies[name])

    with StubServer(answer) as stub:
        found = tag_by_judge(FORKS, Endpoint(url=stub.url, model="stub"), ["a fork", "a rude fork"])
    assert found[0].tags["tines"] == Tag("four", State.OK) and found[0].tags["length"] == Tag("[10, 20)", State.OK)
    assert found[0].tags["material"] == Tag(None, State.NOT_APPLICABLE) and found[0].point is None
    assert found[1].tags["tines"] == Tag(None, State.REFUSED)


@pytest.mark.parametrize("levels", [("c", "c++"), ("Yes", "yes"), ("[0, 1)", "{answer}"), ("a\nb", "c"), (NONE, "x")])
def test_levels_that_a_reply_cannot_carry_become_codes(levels):
    factor = Factor(name="x", levels=levels)
    rubric = level_rubric(factor)
    assert rubric.labels == ("L1", "L2", NONE) and rubric.template.count("{answer}") == 1
    assert read_text(rubric, "**L2**").label == "L2"


def test_every_level_put_to_a_judge_can_be_read_back():
    for factor in FORKS.factors:
        rubric = level_rubric(factor)
        for label in rubric.labels:
            assert read_text(rubric, f"{label}.").label == label


def test_agreement_by_hand():
    first = tag_by_rule(FORKS, RULES, TEXTS)
    other = (*RULES[:1], FactorRules(factor="material", rules=(LevelRule(level="steel", pattern="a"),)), RULES[2])
    table = agreement_table(first, tag_by_rule(FORKS, other, TEXTS)).set_index("factor")
    assert tuple(table.loc["tines", ["both", "agree", "share", "kappa"]]) == (6, 6, 1, 1)
    material = table.loc["material"]  # the first says steel, wood, -, -, steel, wood; the second steel, whatever
    assert tuple(material[["both", "only_first", "only_second", "neither", "agree"]]) == (4, 0, 2, 0, 2)
    assert material["share"] == 0.5 and material["kappa"] == 0 and material["low"] < 0.1 and material["high"] > 0.9
    assert tuple(table.loc["length", ["both", "neither"]]) == (5, 1)
    with pytest.raises(InputError, match="different texts"):
        agreement_table(first, first[:2])


def test_rules_that_cannot_work_are_refused():
    with pytest.raises(InputError, match="no rules for material, length"):
        tag_by_rule(FORKS, RULES[:1], TEXTS)
    with pytest.raises(InputError, match="factor 'tine'"):
        tag_by_rule(FORKS, (RULES[0].model_copy(update={"factor": "tine"}), *RULES[1:]), TEXTS)
    with pytest.raises(InputError, match="two sets"):
        tag_by_rule(FORKS, (*RULES, RULES[0]), TEXTS)
    with pytest.raises(InputError, match="tines = 'seven'"):
        wrong = FactorRules(factor="tines", rules=(LevelRule(level="seven", pattern="seven"),))
        tag_by_rule(FORKS, (wrong, *RULES[1:]), TEXTS)
    with pytest.raises(ValidationError, match="no regular expression"):
        LevelRule(level="x", pattern="(")
    with pytest.raises(ValidationError, match="no group"):
        FactorRules(factor="length", number=r"\d+ cm")
    with pytest.raises(ValidationError, match="no rule and no number"):
        FactorRules(factor="length")
