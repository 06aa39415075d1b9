"""Scenario files: what can be read, and that every error names its line, the rule and what was meant."""

import pytest

from isobath.base.errors import InputError
from isobath.gpe.scenarios.catalogue import scenario
from isobath.gpe.scenarios.common_file import FILE, read_common, shipped_common
from isobath.gpe.scenarios.scenario_check import faults, told
from isobath.gpe.scenarios.scenario_file import read_scenario

SMALL = """name: late_train
title: A late train
about: Whether to wait for a late train.
factors:
  - {name: delay, kind: ordinal, levels: [short, long]}
  - {name: purpose, levels: [work, visit]}
rule:
  cases:
    - {when: {delay: short}, then: wait}
    - {when: {delay: long, purpose: visit}, then: null}
  otherwise: leave
contested: People differ in how long they wait for a visit.
decisions:
  wait:
    means: waits
    option: wait for it
    says: ["I wait for the train.", "I stay on {place}."]
    because: ["It will be there soon."]
    call: {tool: sit, arguments: {minutes: 5, where: "{place}"}}
  leave:
    means: goes away
    option: go home
    says: ["I go home."]
    because: ["It is too late."]
    call: {tool: walk}
tools: {sit: sits down, walk: walks away}
phrases:
  delay:
    short: ["The train is a little late, says {team}.", "There is hardly any delay."]
    long: ["The train is hours late.", "The delay is enormous."]
  purpose:
    work: ["You are on your way to work."]
    visit: ["You are on your way to a friend."]
asks: ["What do you do?"]
"""


def written(tmp_path, text):
    path = tmp_path / "late_train.yaml"
    path.write_text(text)
    return path


def point_of(found, **levels):
    first = {factor.name: factor.domain[0] for factor in found.space.factors}
    return {**first, **levels}


def test_a_small_file_is_a_scenario(tmp_path):
    found = read_scenario(written(tmp_path, SMALL))
    assert found.options == {"wait": "Wait for it", "leave": "Go home"}
    assert found.decide(point_of(found)) == "wait"
    assert found.decide(point_of(found, delay="long", purpose="visit")) is None
    draft = found.draft(point_of(found), 3, "tools")
    assert '"minutes": 5' in draft.messages[-1].content and "{" not in draft.messages[1].content
    assert found.draft(point_of(found, delay="long", purpose="visit"), 3).decision is None
    assert scenario(str(written(tmp_path, SMALL))) == found


def test_without_calls_there_is_no_tool_rendering(tmp_path):
    text = SMALL.replace("    call: {tool: walk}\n", "").replace(", walk: walks away", "")
    found = read_scenario(written(tmp_path, text))
    assert found.renderings == ("single", "multi")
    with pytest.raises(InputError, match="it has single, multi"):
        found.draft(point_of(found), 0, "tools")


ERRORS = [
    ("name: late_train", "name: Late Train", 1, "lower-case"),
    ("title: A late train", "titel: A late train", 2, "did you mean 'title'"),
    ("name: purpose,", "name: persona,", 6, "there already"),
    ("levels: [short, long]", "levels: [short]", 5, "at least two"),
    ("kind: ordinal", "kind: ordnal", 5, "Input should be"),
    ("{delay: short}", "{delay: shrt}", 9, "did you mean 'short'"),
    ("{delay: short}", "{dely: short}", 9, "did you mean 'delay'"),
    ("then: wait}", "then: wate}", 9, "did you mean 'wait'"),
    ("otherwise: leave", "otherwise: wait", 20, "did you mean|known are wait"),
    ("contested: People differ in how long they wait for a visit.\n", "", 8, "there is no 'contested'"),
    ("option: wait for it", "option: wait for it.", 16, "without a full stop"),
    ("option: go home", "option: Wait for it", 21, "says one decision"),
    ('says: ["I go home."]', "says: []", 23, "an empty list"),
    ('says: ["I go home."]', 'says: ["I go home.", "I go home."]', 23, "stands twice"),
    ('says: ["I go home."]', "says: I go home.", 23, "where a list belongs"),
    ("I stay on {place}.", "I stay on {plac}.", 17, "did you mean '{place}'"),
    ("I stay on {place}.", "I stay on {place.", 17, "belongs to no slot"),
    ("    means: goes away\n", "", 21, "there is no 'means'"),
    ("tool: walk", "tool: wolk", 25, "did you mean 'walk'"),
    ('where: "{place}"', 'where: "{plaice}"', 19, "did you mean '{place}'"),
    ("minutes: 5", "minutes: [5]", 19, "flatten it"),
    ("    long: [", "    lng: [", 30, "did you mean 'long'"),
    ('    long: ["The train is hours late.", "The delay is enormous."]\n', "", 28, "no phrases of delay = long"),
    (
        '  purpose:\n    work: ["You are on your way to work."]\n',
        "  prpose:\n    work: []\n",
        31,
        "did you mean 'purpose'",
    ),
    ("The train is hours late.", "There is hardly any delay at all", 29, "stands within"),
    ("You are on your way to a friend.", "Well, the delay is enormous.", 30, "stands within"),
    ("says {team}", "says {teem}", 29, "did you mean '{team}'"),
    ('asks: ["What do you do?"]', 'asks: [""]', 34, "an empty text"),
    ('asks: ["What do you do?"]', "", 1, "there is no 'asks'"),
    ("  leave:\n    means", "  stay:\n    means", 11, "did you mean|known are wait, stay"),
]


@pytest.mark.parametrize(("old", "new", "line", "said"), ERRORS, ids=[new or old for old, new, _, _ in ERRORS])
def test_errors_name_the_line_and_what_was_meant(tmp_path, old, new, line, said):
    assert SMALL.count(old) == 1 or old == "{delay: short}"
    path = written(tmp_path, SMALL.replace(old, new, 1))
    with pytest.raises(InputError, match=said) as found:
        read_scenario(path)
    assert found.value.place == f"{path}:{line}", str(found.value)
    assert found.value.remedy


def test_what_is_no_yaml_or_no_file(tmp_path):
    with pytest.raises(InputError, match="not YAML"):
        read_scenario(written(tmp_path, "name: [late"))
    with pytest.raises(InputError, match="No such file"):
        read_scenario(tmp_path / "none.yaml")


def test_what_a_scenario_lacks_is_said(tmp_path):
    text = SMALL.replace("{delay: long, purpose: visit}, then: null", "{delay: long}, then: leave")
    text = text.replace("contested: People differ in how long they wait for a visit.\n", "")
    text = text.replace("option: go home", "option: Wait no longer")
    said = faults(read_scenario(written(tmp_path, text)), drafts=5)
    for wanted in (
        "2 relevant factors",
        "2 options begin with 'wait'",
        "nothing is contested",
        "'purpose' is declared relevant, but the right decision never depends on it",
        "leave: 1 says; at least 8",
        "the scenario: 1 asks; at least 8",
    ):
        assert any(wanted in one for one in said), (wanted, said)
    assert told(written(tmp_path, text)).endswith(f"{len(said)} faults")


def test_an_unreached_decision_is_said(tmp_path):
    text = SMALL.replace("otherwise: leave", "otherwise: wait").replace(
        "    - {when: {delay: short}, then: wait}\n",
        "    - {when: {delay: short}, then: wait}\n    - {when: {delay: short}, then: leave}\n",
    )
    assert any("never reaches 'leave'" in one for one in faults(read_scenario(written(tmp_path, text)), drafts=1))


def test_ones_own_irrelevant_factors(tmp_path):
    text = FILE.read_text().replace("  harbour:\n", "  moon:\n", 1)
    path = tmp_path / "common.yaml"
    path.write_text(text)
    own = read_common(path)
    assert "moon" in own.contexts and "moon" not in shipped_common().contexts
    found = read_scenario(written(tmp_path, SMALL), common=own)
    assert found.space.factor("context").domain[0] == "moon"
    assert found.draft(point_of(found), 0).decision == "wait"


COMMON_ERRORS = [
    (
        "    parts: [setting, asker, facts, filler, ask]\n    between",
        "    parts: [setting, asker, facts]\n    between",
        "a frame has all",
    ),
    (
        "    parts: [setting, asker, facts, filler, ask]\n    between",
        "    parts: [seting]\n    between",
        "did you mean 'setting'",
    ),
    ("    sentences: 1\n", "    sentences: one\n", "a whole number"),
    ("persona:\n", "personna:\n", "did you mean 'persona'"),
    ('"{asker} is writing to you."', '"{askr} is writing to you."', "did you mean '{asker}'"),
    ("    reasons: 0\n", "", "there is no 'reasons'"),
]


@pytest.mark.parametrize(("old", "new", "said"), COMMON_ERRORS, ids=[said for _, _, said in COMMON_ERRORS])
def test_errors_of_the_common_file(tmp_path, old, new, said):
    path = tmp_path / "common.yaml"
    text = FILE.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=said) as found:
        read_common(path)
    assert found.value.place.startswith(f"{path}:")


@pytest.mark.parametrize("name", ["source", "decision", "same"])
def test_a_factor_is_not_called_as_what_rows_carry_besides(tmp_path, name):
    with pytest.raises(InputError, match=f"'{name}'") as error:
        read_scenario(written(tmp_path, SMALL.replace("purpose", name)))
    assert error.value.place.endswith("late_train.yaml:6")
