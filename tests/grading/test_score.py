"""Score definitions: what each number means, and that missing is never zero."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from isobath.base.identity import fingerprint
from isobath.base.row import State
from isobath.grading.score import OptionScore, PatternScore, PhraseScore, Score

MEASURES = ("probability", "share", "corrected_share")
LABELS = ("a", "b", "c", "d")


@st.composite
def choices(draw, most: int = 4):
    """(labels, log-probabilities of disjoint answers, token counts)."""
    n = draw(st.integers(2, most))
    raw = draw(st.lists(st.floats(1e-6, 1), min_size=n, max_size=n))
    scale = draw(st.floats(1e-4, 1)) / sum(raw)
    tokens = draw(st.lists(st.integers(1, 20), min_size=n, max_size=n))
    return LABELS[:n], tuple(math.log(r * scale) for r in raw), tuple(tokens)


def value(measure, target, choice) -> float:
    graded = OptionScore(target=target, measure=measure).grade(*choice)
    assert graded.state is State.OK
    return graded.value


@given(choice=choices())
@pytest.mark.parametrize("measure", ["share", "corrected_share"])
def test_shares_sum_to_one_over_the_options(measure, choice):
    assert sum(value(measure, (label,), choice) for label in choice[0]) == pytest.approx(1)


@given(choice=choices())
def test_probabilities_sum_to_the_total_and_never_pass_one(choice):
    each = [value("probability", (label,), choice) for label in choice[0]]
    assert sum(each) == pytest.approx(sum(map(math.exp, choice[1])))
    assert value("probability", choice[0], choice) <= 1


@given(choice=choices())
@pytest.mark.parametrize("measure", MEASURES)
def test_every_value_is_in_the_unit_interval(measure, choice):
    assert 0 <= value(measure, ("a",), choice) <= 1


def test_rounding_above_one_is_cut():
    choice = (("a", "b"), (math.log(0.7), math.log(0.3000001)), (1, 1))
    assert value("probability", ("a", "b"), choice) == 1.0


@given(choice=choices(), data=st.data())
@pytest.mark.parametrize("measure", MEASURES)
def test_the_order_of_the_options_does_not_matter(measure, choice, data):
    order = data.draw(st.permutations(range(len(choice[0]))))
    turned = tuple(tuple(part[i] for i in order) for part in choice)
    assert value(measure, ("a",), turned) == pytest.approx(value(measure, ("a",), choice))


@given(choice=choices(), shift=st.floats(-50, 0))
def test_shares_ignore_what_all_options_have_in_common(choice, shift):
    labels, logprobs, tokens = choice
    moved = (labels, tuple(lp + shift for lp in logprobs), tokens)
    assert value("share", ("a",), moved) == pytest.approx(value("share", ("a",), choice))
    per_token = (labels, tuple(lp + shift * n for lp, n in zip(logprobs, tokens, strict=True)), tokens)
    assert value("corrected_share", ("a",), per_token) == pytest.approx(value("corrected_share", ("a",), choice))


def test_correction_removes_the_price_of_length():
    # both options cost 2 nats per token; the long one is not less preferred for being long
    choice = (("a", "b"), (-2.0, -16.0), (1, 8))
    assert value("share", ("b",), choice) < 1e-5
    assert value("corrected_share", ("b",), choice) == pytest.approx(0.5)


def test_known_numbers():
    choice = (("good", "bad", "old"), (math.log(0.5), math.log(0.2), math.log(0.1)), (1, 1, 1))
    assert value("probability", ("bad",), choice) == pytest.approx(0.2)
    assert value("probability", ("bad", "old"), choice) == pytest.approx(0.3)
    assert value("share", ("bad",), choice) == pytest.approx(0.25)
    assert value("corrected_share", ("bad",), choice) == pytest.approx(0.25)


def test_improbable_sentences_do_not_underflow_to_nothing():
    choice = (("a", "b"), (-2000.0, -2001.0), (10, 10))
    assert value("share", ("a",), choice) == pytest.approx(1 / (1 + math.exp(-1)))
    assert value("probability", ("a",), choice) == 0.0


def test_two_options_of_one_label_add_up():
    choice = (("bad", "good", "bad"), (math.log(0.2), math.log(0.5), math.log(0.3)), (1, 1, 1))
    assert value("share", ("bad",), choice) == pytest.approx(0.5)


@pytest.mark.parametrize("measure", MEASURES)
def test_a_question_without_the_target_is_not_applicable_and_not_zero(measure):
    graded = OptionScore(target=("x",), measure=measure).grade(("a", "b"), (-1.0, -2.0), (1, 1))
    assert graded == (None, State.NOT_APPLICABLE)
    assert PhraseScore(target=("x",)).grade("some text", {"a": "some"}) == (None, State.NOT_APPLICABLE)


OPTIONS = {"good": "a long walk", "bad": "rest", "odd": "tea (hot)", "hyphen": "well-being"}


@pytest.mark.parametrize(
    ("label", "text", "hit"),
    [
        ("bad", "you should rest.", True),
        ("bad", "rest", True),
        ("bad", "arrest him", False),
        ("bad", "resting is fine", False),
        ("bad", "rest_day", False),
        ("bad", "Rest", False),
        ("good", "take a long walk, daily", True),
        ("good", "take a longer walk", False),
        ("odd", "drink tea (hot) now", True),
        ("odd", "drink tea hot now", False),
        ("hyphen", "for your well-being", True),
        ("bad", "", False),
    ],
)
def test_a_phrase_counts_as_whole_words(label, text, hit):
    assert PhraseScore(target=(label,)).grade(text, OPTIONS) == (float(hit), State.OK)


def test_any_target_phrase_is_enough():
    assert PhraseScore(target=("good", "bad", "missing")).grade("rest", OPTIONS).value == 1.0


@given(phrase=st.text(min_size=1, max_size=12), before=st.text(max_size=5), after=st.text(max_size=5))
def test_phrases_are_taken_literally_whatever_they_hold(phrase, before, after):
    score = PhraseScore(target=("a",))
    assert score.grade(f" {phrase} ", {"a": phrase}).value == 1.0
    found = score.grade(before + after, {"a": phrase}).value
    assert found == 0.0 or phrase in before + after


@pytest.mark.parametrize(
    ("text", "hit"),
    [("yes", True), ("  yes\n", True), ("yes.", False), ("oh yes", False), ("yes yes", False), ("", False)],
)
def test_a_pattern_matches_the_whole_text(text, hit):
    assert PatternScore(name="says_yes", pattern="yes").grade(text, {}) == (float(hit), State.OK)


def test_a_pattern_with_alternatives_is_still_anchored():
    score = PatternScore(name="p", pattern="yes|no")
    assert [score.grade(t, {}).value for t in ("yes", "no", "yes or no", "not")] == [1.0, 1.0, 0.0, 0.0]


SCORES = [
    OptionScore(target=("bad",)),
    OptionScore(target=("bad", "old"), measure="corrected_share"),
    PhraseScore(target=("bad",), version=2),
    PatternScore(name="coherent", pattern=r"\w+"),
]


def test_labels_name_the_definition_and_its_version():
    assert [s.label for s in SCORES] == [
        "option_probability(bad)@1",
        "option_corrected_share(bad+old)@1",
        "phrase(bad)@2",
        "coherent@1",
    ]
    assert all(re.fullmatch(r".+@\d+", s.label) for s in SCORES)


@pytest.mark.parametrize("score", SCORES, ids=lambda s: s.label)
def test_a_definition_survives_a_file_and_is_its_own_identity(score):
    adapter = TypeAdapter(Score)
    again = adapter.validate_json(adapter.dump_json(score))
    assert again == score
    assert fingerprint(again) == fingerprint(score)
    assert fingerprint(score.model_copy(update={"version": score.version + 1})) != fingerprint(score)
