"""The claim names the replicate; what is missing is never 0; one number never mixes two definitions."""

import numpy as np
import pytest

from isobath.analysis.replicates import FIXED, mean_of, replicate_means, side, sides
from isobath.analysis.table import frame_of
from isobath.base.errors import InputError
from isobath.base.row import Claim

BASE = {
    "run": "r",
    "arm": "plain",
    "role": "plain",
    "gpe": "g",
    "model": "m",
    "signal": "s",
    "trait": "t",
    "trait_kind": "unwanted",
    "condition": "none",
    "score": "s@1",
    "state": "ok",
}


def rows(*changes):
    return frame_of([{**BASE, "base": "b0", "seed": 0, "question": "q0", "value": 0.5, **c} for c in changes])


def values(frame, claim):
    made = replicate_means(frame, claim)
    return {(str(r.replicate), str(r.question)): r.value for r in made.itertuples()}


GRID = [
    {"base": b, "seed": s, "question": q, "value": v}
    for b, s, q, v in (
        ("b0", 0, "q0", 0.0),
        ("b0", 1, "q0", 0.2),
        ("b0", 0, "q1", 0.4),
        ("b1", 0, "q0", 1.0),
        ("b1", 1, "q1", 0.6),
    )
]


def test_this_recipe_averages_run_seeds_within_a_base():
    expected = {("b0", "q0"): 0.1, ("b0", "q1"): 0.4, ("b1", "q0"): 1.0, ("b1", "q1"): 0.6}
    assert values(rows(*GRID), Claim.THIS_RECIPE) == pytest.approx(expected)


def test_this_model_averages_the_given_bases_within_a_run_seed():
    expected = {("0", "q0"): 0.5, ("0", "q1"): 0.4, ("1", "q0"): 0.2, ("1", "q1"): 0.6}
    assert values(rows(*GRID), Claim.THIS_MODEL) == pytest.approx(expected)


def test_an_untrained_arm_has_no_run_seed():
    made = replicate_means(rows({"role": "untrained", "seed": None}, {"role": "untrained"}), Claim.THIS_MODEL)
    assert made["replicate"].astype(str).tolist() == [FIXED]
    assert side(made).fixed


def test_models_like_these_pairs_a_signal_with_its_control():
    frame = rows({"model": "a"}, {"model": "b"}, {"model": "a", "arm": "control", "signal": "other"})
    made = replicate_means(frame, Claim.MODELS_LIKE_THESE)
    assert set(made["replicate"].astype(str)) == {"a / g", "b / g"}


def test_missing_responses_leave_the_mean_alone_and_widen_the_bounds():
    lost = {"value": None, "state": "refused"}
    made = side(replicate_means(rows({"value": 0.4}, lost, {"question": "q1", **lost}), Claim.THIS_RECIPE))
    assert mean_of(made.values_RQ, made.weights_RQ) == pytest.approx(0.4)
    assert made.missing == pytest.approx(2 / 3)
    assert made.bounds == pytest.approx((0.1, 0.85))  # q0: 0.2 to 0.7, q1: 0 to 1


def test_bounds_of_nothing_at_all_are_the_whole_unit_interval():
    made = side(replicate_means(rows({"value": None, "state": "judge_failed"}), Claim.THIS_RECIPE))
    assert made.bounds == (0.0, 1.0)
    assert np.isnan(mean_of(made.values_RQ, made.weights_RQ))
    assert made.missing == 1.0


def test_a_question_that_does_not_apply_is_neither_missing_nor_counted():
    nothing = {"value": None, "state": "not_applicable"}
    made = side(replicate_means(rows({"value": 0.4}, nothing, {"question": "q1", **nothing}), Claim.THIS_RECIPE))
    assert (made.missing, made.not_applicable, made.rows) == (0.0, 2, 3)
    assert made.bounds == pytest.approx((0.4, 0.4))


def test_weights_count_within_a_question_and_between_questions():
    frame = rows({"value": 0.0, "weight": 3.0}, {"value": 1.0, "question": "q1", "weight": 1.0})
    made = side(replicate_means(frame, Claim.THIS_RECIPE))
    assert mean_of(made.values_RQ, made.weights_RQ) == pytest.approx(0.25)


def test_questions_of_two_gpes_with_one_name_stay_two_questions():
    made = side(replicate_means(rows({"value": 0.0}, {"gpe": "h", "value": 1.0}), Claim.THIS_RECIPE))
    assert made.questions == ("g/q0", "h/q0")


@pytest.mark.parametrize(("column", "other"), [("score", "s@2"), ("step", 5)])
def test_two_definitions_or_steps_are_not_averaged_in_silence(column, other):
    with pytest.raises(InputError, match=column):
        replicate_means(rows({column: other}, {}), Claim.THIS_RECIPE)


def test_the_naive_spread_is_that_of_single_rows():
    made = side(
        replicate_means(rows({"value": 0.0}, {"value": 1.0}, {"question": "q1", "value": 1.0}), Claim.THIS_RECIPE)
    )
    assert made.row_sd == pytest.approx(np.std([0, 1, 1], ddof=1))
    assert made.scored == 3


def test_all_sides_at_once_are_each_side_alone():
    means = replicate_means(rows(*GRID, {"arm": "control"}, {"gpe": "h", "value": 1.0}), Claim.THIS_RECIPE)
    together = sides(means, ("gpe", "arm"))
    assert set(together) == {("g", "plain"), ("g", "control"), ("h", "plain")}
    for (gpe, arm), one in together.items():
        alone = side(means[(means["gpe"] == gpe) & (means["arm"] == arm)])
        assert (one.replicates, one.questions, one.rows) == (alone.replicates, alone.questions, alone.rows)
        np.testing.assert_array_equal(one.values_RQ, alone.values_RQ)
