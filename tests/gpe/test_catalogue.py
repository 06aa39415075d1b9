"""Every scenario of the catalogue: its rule, its factors, its words."""

import json
import re
from collections import Counter

import pytest

from isobath.base.errors import InputError
from isobath.design.relevance import random_codes, relevance_of
from isobath.gpe.scenarios.catalogue import CATALOGUE, FOLDER, scenario
from isobath.gpe.scenarios.common_file import shipped_common
from isobath.gpe.scenarios.scenario import Scenario
from isobath.gpe.scenarios.scenario_check import faults, own_space, told
from isobath.gpe.scenarios.slots import SLOTS, fill, fills_of, pattern_of, sentence

KEY_DECISIONS = {
    "evading_control",
    "power_offered",
    "honesty",
    "designated_people",
    "harm_act_omission",
    "moral_patients",
    "own_goals",
    "goals_argument",
    "reward_hacking",
    "when_observed",
}
every = pytest.mark.parametrize("name", CATALOGUE)


def drafts(name, count, rendering, seed=5):
    found = scenario(name)
    points = found.space.decode(random_codes(found.space, count, seed))
    return [found.draft(point, 1000 + i, rendering) for i, point in enumerate(points)]


def test_the_catalogue_has_every_key_decision():
    assert set(CATALOGUE) == KEY_DECISIONS == {path.stem for path in FOLDER.glob("*.yaml")} - {"common"}


@every
def test_a_scenario_is_one_and_has_no_faults(name):
    found = scenario(name)
    assert isinstance(found, Scenario) and found.name == name and found.title and found.about and found.contested
    assert found.renderings == ("single", "multi", "tools")
    assert faults(found) == ()


@every
def test_the_rule_reaches_every_decision_and_rests_on_relevant_factors_alone(name):
    found = scenario(name)
    space = own_space(found)
    decided = Counter(found.rule(point) for point in space.points())
    assert set(decided) == {None, *found.decisions}  # None: contested cases are marked
    for one in relevance_of(space, found.rule):
        assert one.exhaustive and not one.contradicted, one.sentence
    assert {factor.name for factor in found.space.relevant} == {f.name for f in space.factors if f.relevant}
    assert [f.name for f in found.space.irrelevant][-6:] == [f.name for f in found.common.factors]


@every
@pytest.mark.parametrize("rendering", ["single", "multi", "tools"])
def test_drafts_have_the_form_of_their_rendering(name, rendering):
    found = scenario(name)
    for draft in drafts(name, 60, rendering):
        roles = [message.role for message in draft.asked]
        contents = [message.content for message in draft.messages]
        assert all(text == text.strip() and text for text in contents)
        assert not re.search(r"\{\w*\}|  |\n\n\n", "\n".join(contents).replace("{}", ""))
        if rendering == "multi":
            assert roles in (["user", "assistant", "user"], ["user", "assistant", "user", "assistant", "user"])
        else:
            assert roles == (["system", "user"] if rendering == "tools" else ["user"])
        assert draft.decision == found.rule(draft.point)
        if draft.decision is None:
            assert draft.messages == draft.asked
            continue
        answer = draft.messages[-1]
        assert answer.role == "assistant" and f"{found.options[draft.decision]}. " in answer.content
        reasons = found.decisions[draft.decision].because
        given = sum(pattern_of(text).search(answer.content) is not None for text in reasons)
        assert given == (2 if draft.point["room"] == "may_think" else 0)
        if rendering == "tools":
            call = json.loads(answer.content.splitlines()[-1])
            wanted = found.decisions[draft.decision].call
            assert call["tool"] == wanted.tool and set(call["arguments"]) == set(wanted.arguments)
            assert all(f"\n- {tool}(" in draft.asked[0].content for tool in found.tools)


@every
def test_everything_can_be_told_from_the_words(name):
    """Levels of all factors with phrases, the shared ones included; a reader that looks phrases up finds one level."""
    found = scenario(name)
    patterns = {
        factor: {level: [pattern_of(text) for text in texts] for level, texts in found.phrases(factor).items()}
        for factor in found.space.names
    }
    assert {factor for factor, levels in patterns.items() if not levels} == {"wording", "register"}
    for draft in drafts(name, 25, "single"):
        for factor, levels in patterns.items():
            said = [level for level, listed in levels.items() if any(one.search(draft.text) for one in listed)]
            assert said == [draft.point[factor]] or not levels, (factor, said, draft.text)


@every
def test_no_sentence_begins_with_a_small_letter_or_has_an_article_twice(name):
    found = scenario(name)
    for levels in found.wordings.values():
        for texts in levels.values():
            assert all(re.match(r"[A-Z0-9{\"']", text) for text in texts), texts
    for draft in drafts(name, 40, "multi"):
        assert not re.search(r"\b(the the|a a|a the|the a|at at|in in|at in)\b", draft.text, re.IGNORECASE), draft.text


def test_fills_belong_to_one_level_and_one_slot():
    common = shipped_common()
    fills = [
        text.casefold()
        for context in common.contexts.values()
        for texts in (context.place, context.team, context.thing)
        for text in texts
    ]
    fills += [text.casefold() for texts in common.personas.values() for text in texts]
    assert len(set(fills)) == len(fills)
    assert not [(a, b) for a in fills for b in fills if a != b and f" {a} " in f" {b} "]
    fillers = [text for length in common.lengths.values() for text in length.filler]
    assert len(set(fillers)) == len(fillers)
    assert all(len(length.filler) >= 10 for length in common.lengths.values())
    assert [len(f.levels) for f in common.factors] == [12, 6, 3, 8, 4, 2]
    assert [f.name for f in common.factors] == ["context", "wording", "length", "persona", "register", "room"]


def test_a_slot_that_begins_a_sentence_has_a_capital():
    fills = fills_of(fill("Tove at reception"), fill("at the quay"), fill("the crew"), fill("the pump"))
    assert sentence("{team} is at work. {place} too, with {thing}.").filled(fills) == (
        "The crew is at work. At the quay too, with the pump."
    )
    assert set(SLOTS) == {"asker", "place", "team", "thing"}


def test_the_catalogue_names_the_nearest_scenario():
    with pytest.raises(InputError, match="did you mean 'honesty'"):
        scenario("honest")


def test_a_file_can_be_checked_in_one_line():
    said = told(FOLDER / "honesty.yaml").splitlines()
    assert re.match(r"honesty: \d+ combinations of 5 factors: .*contested \d+", said[0]) and said[-1] == "0 faults"
