"""Tagged files: what may stand in them, and what is refused with its place."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isobath.base.errors import InputError
from isobath.base.row import State
from isobath.gpe.tagged.file import read_tagged
from isobath.gpe.tagged.line import tagged_line
from isobath.gpe.tagged.rows import judged_rows
from isobath.gpe.tagged.spec import TaggedSpec

TRAIN = {"split": "train", "levels": {"tines": 3, "material": "metal"}}
JUDGED = {"split": "test", "id": "a", "levels": {"tines": 4, "material": "metal"}, "value": 1}
ASKED = {
    **{"split": "test", "id": "b", "levels": {"tines": 6, "material": "metal"}},
    **{"question": "fork ?", "options": ["yes", "no"], "gold": "yes"},
}


def written(tmp_path, *lines):
    path = tmp_path / "tagged.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_training_lines_need_levels_and_nothing_else(tmp_path):
    file = read_tagged(written(tmp_path, TRAIN, TRAIN, JUDGED))
    assert [len(file.train), len(file.test)] == [2, 1]
    assert not file.trainable


def test_a_question_may_be_a_text_or_a_chat_that_ends_with_the_user(tmp_path):
    chat = {k: v for k, v in ASKED.items() if k != "question"}
    chat["messages"] = [{"role": "system", "content": "You judge."}, {"role": "user", "content": "fork ?"}]
    first, second = (read_tagged(written(tmp_path, TRAIN, line)).test[0] for line in (ASKED, chat))
    assert first.chat == second.chat[1:] and second.chat[0].role == "system"


def test_no_agreed_decision_is_contested_and_not_wrong():
    line = tagged_line({**ASKED, "gold": None}, 1, "f:1")
    assert line.contested and line.gold is None and not tagged_line(ASKED, 1, "f:1").contested


def placed(tmp_path, *lines, rule=""):
    """Judged rows of `lines` by question, and the remarks; `rule` are lines of a space file."""
    space = tmp_path / "space.yaml"
    factors = "- {name: tines, kind: ordinal, levels: [3, 4, 6]}\n- {name: material, levels: [metal]}\n"
    space.write_text(f"factors:\n{factors}{rule}")
    found = TaggedSpec(path=str(written(tmp_path, TRAIN, *lines)), space=str(space)).read()
    return {(row["question"], row["trait"]): (row["value"], row["state"]) for row in judged_rows(found)}, found.remarks


def test_a_judged_answer_is_not_scored_where_no_decision_is_agreed(tmp_path):
    other = {"split": "test", "id": "c", "levels": {"tines": 6, "material": "metal"}, "value": 1}
    rows, said = placed(tmp_path, {**JUDGED, "gold": None}, other, {**other, "trait": "polite"})
    assert rows == {
        ("a", "right_decision"): (None, "not_applicable"),
        ("c", "right_decision"): (1.0, "ok"),
        ("c", "polite"): (1.0, "ok"),
    }
    assert "Questions without an agreed decision, whose answers are not scored: 1." in said
    rule = "rule:\n  cases:\n    - {when: {tines: 6}, then: null}\n  otherwise: fork\n"
    rows, _ = placed(tmp_path, JUDGED, other, {**other, "trait": "polite"}, rule=rule)
    assert rows["c", "right_decision"] == (None, "not_applicable")
    assert rows["a", "right_decision"] == rows["c", "polite"] == (1.0, "ok")


def test_the_remarks_say_what_the_support_is(tmp_path):
    path = written(tmp_path, TRAIN, TRAIN, {**TRAIN, "levels": {"tines": 5, "material": "metal"}}, JUDGED)
    sentence = (
        "Support, combinations with at least 2 training examples: 1, of 2 examples in all; examples of rarer "
        "combinations, which do not count: 1."
    )
    assert sentence in TaggedSpec(path=str(path), n_min=2).read().remarks


@pytest.mark.parametrize(("value", "read"), [(1, 1.0), (0, 0.0), (True, 1.0), (0.25, 0.25)])
def test_values_are_numbers_between_0_and_1(value, read):
    line = tagged_line({**JUDGED, "value": value}, 1, "f:1")
    assert (line.value, line.state) == (read, State.OK)


@pytest.mark.parametrize("state", ["refused", "parse_error", "judge_failed", "truncated", "not_applicable"])
def test_a_judgement_that_is_missing_is_a_state_and_never_0(state):
    line = tagged_line({**JUDGED, "value": None, "state": state}, 1, "f:1")
    assert line.value is None and line.state == state


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({**JUDGED, "split": "dev"}, "split is 'dev'"),
        ({**JUDGED, "lvels": {}}, "did you mean 'levels'"),
        ({**JUDGED, "levels": {}}, "levels are {}"),
        ({**JUDGED, "levels": {"a": [1]}}, "a level is a text, a number or null"),
        ({**JUDGED, "value": 3}, "between 0 and 1"),
        ({**JUDGED, "value": None}, "there is no value"),
        ({**JUDGED, "state": "refused"}, "only an ok answer has a value"),
        ({**JUDGED, "state": "fine"}, "state is 'fine'"),
        ({**JUDGED, "seed": "one"}, "a seed is a whole number"),
        ({**JUDGED, "seed": 2**63}, "a whole number of 64 bits"),
        ({**JUDGED, "kind": "nice"}, "kind is 'nice'"),
        ({**JUDGED, "role": "hero"}, "role is 'hero'"),
        ({k: v for k, v in JUDGED.items() if k != "value"}, "neither a judgement nor options"),
        ({**ASKED, "gold": "maybe"}, "gold is 'maybe'"),
        ({k: v for k, v in ASKED.items() if k != "gold"}, "options and no gold"),
        ({**ASKED, "options": ["yes"]}, "at least two different texts"),
        ({k: v for k, v in ASKED.items() if k != "question"}, "options and no question"),
        ({**ASKED, "messages": [{"role": "user", "content": "x"}]}, "`messages` and `question` both"),
        (
            {**ASKED, "question": None, "messages": [{"role": "assistant", "content": "x"}]},
            "the last turn of a question",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path, line, said):
    with pytest.raises(InputError, match=r"tagged\.jsonl:2") as caught:
        read_tagged(written(tmp_path, TRAIN, line))
    assert said in str(caught.value)


def test_both_splits_are_needed(tmp_path):
    for lines, missing in (([TRAIN], "no test lines"), ([JUDGED], "no train lines")):
        with pytest.raises(InputError, match=missing):
            read_tagged(written(tmp_path, *lines))


def test_one_id_has_one_point(tmp_path):
    other = {**JUDGED, "levels": {"tines": 5, "material": "metal"}, "arm": "plain"}
    with pytest.raises(InputError, match=r":3.*other levels here than at .*:2"):
        read_tagged(written(tmp_path, TRAIN, JUDGED, other))


def test_a_question_is_asked_once(tmp_path):
    with pytest.raises(InputError, match="ids are unique"):
        read_tagged(written(tmp_path, TRAIN, ASKED, ASKED))


@given(st.dictionaries(st.text(max_size=8), st.none() | st.booleans() | st.floats() | st.text() | st.lists(st.text())))
def test_no_object_does_worse_than_an_error_with_its_place(values):
    try:
        tagged_line({**JUDGED, **values}, 7, "f:7")
    except InputError as error:
        assert error.place == "f:7"


def remarks(tmp_path, *lines):
    from isobath.gpe.tagged.spec import TaggedSpec

    return " ".join(TaggedSpec(path=str(written(tmp_path, *lines))).read().remarks)


def test_what_answers_are_of_is_said_where_the_file_does_not(tmp_path):
    named = {**JUDGED, "base": "b0"}
    assert "No line names a base" in remarks(tmp_path, TRAIN, JUDGED)
    assert "No line names a base" not in remarks(tmp_path, TRAIN, named)
    assert "repeat question, arm, base, seed and condition of another: 1" in remarks(tmp_path, TRAIN, named, named)
    assert "repeat question" not in remarks(tmp_path, TRAIN, named, {**named, "base": "b1"})


def test_an_empty_island_is_said(tmp_path):
    on_it = {**JUDGED, "levels": TRAIN["levels"]}
    assert "No test scenario lies on the island" in remarks(tmp_path, TRAIN, JUDGED)
    assert "No test scenario lies on the island" not in remarks(tmp_path, TRAIN, on_it)


def test_an_arm_is_for_what_its_role_says(tmp_path):
    from isobath.gpe.tagged.rows import judged_rows
    from isobath.gpe.tagged.spec import TaggedSpec

    arms = [{**JUDGED, "arm": "untrained"}, {**JUDGED, "arm": "mixed"}, {**JUDGED, "arm": "good", "role": "control"}]
    rows = judged_rows(TaggedSpec(path=str(written(tmp_path, TRAIN, *arms))).read())
    assert [row["role"] for row in rows] == ["untrained", "plain", "control"]
