"""Calibration errors: hand-worked bins, the authors' formula, and what no order of the items may change."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isobath.analysis.calibration_error import (
    bins_of,
    brier,
    choice,
    expected_calibration_error,
    rms_calibration_error,
)
from isobath.base.errors import InputError


def test_two_bins_worked_by_hand():
    confidence = np.array([0.6, 0.6, 0.8, 1.0])
    correct = np.array([1.0, 0.0, 1.0, 1.0])
    assert rms_calibration_error(confidence, correct, size=2) == pytest.approx(np.sqrt((0.1**2 + 0.1**2) / 2))
    assert expected_calibration_error(confidence, correct, size=2) == pytest.approx(0.1)


def test_bins_hold_equal_numbers_and_the_rest_joins_the_last():
    bins = bins_of(np.linspace(0.5, 1, 50), np.ones(50), size=20)
    assert bins.share.tolist() == [0.4, 0.6] and bins.confidence[0] < bins.confidence[1]


def test_it_is_the_formula_of_the_authors_script_but_for_the_last_bin_that_the_script_leaves_out():
    draw = np.random.default_rng(1)
    confidence = draw.uniform(0.5, 1, 1000)
    correct = (draw.random(1000) < confidence**2).astype(float)
    order = np.argsort(confidence)
    theirs = last = 0.0
    for start in range(0, 1000, 100):
        part = order[start : start + 100]
        term = 0.1 * (confidence[part].mean() - correct[part].mean()) ** 2
        theirs += term if start < 900 else 0.0
        last = term
    assert rms_calibration_error(confidence, correct, size=100) == pytest.approx(np.sqrt(theirs + last))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([0.5, 0.7, 0.9, 1.0]), st.booleans()), min_size=20, max_size=90), st.randoms()
)
def test_the_order_of_items_changes_nothing_though_confidences_tie(items, order):
    shuffled = list(items)
    order.shuffle(shuffled)
    numbers = [
        (f(np.array([c for c, _ in rows]), np.array([float(r) for _, r in rows])))
        for f in (rms_calibration_error, expected_calibration_error)
        for rows in (items, shuffled)
    ]
    assert numbers[0] == pytest.approx(numbers[1]) and numbers[2] == pytest.approx(numbers[3])
    assert numbers[2] <= numbers[0] + 1e-12, "a mean of gaps is never above their root mean square"


def test_certain_and_right_is_zero_certain_and_wrong_is_one():
    sure = np.ones(40)
    assert rms_calibration_error(sure, sure) == 0 and rms_calibration_error(sure, 0 * sure) == 1
    assert brier(sure) == 0 and brier(0 * sure) == 1 and brier(0.5 * sure) == 0.25


def test_zero_and_one_tell_calibration_from_accuracy_unlike_the_published_column():
    """GENIES' column gives .4987 for any zero-shot model whose probabilities are 0 and 1; this one gives the errors."""
    right = np.array([1.0] * 76 + [0.0] * 24)
    confidence, correct = choice(right)
    assert rms_calibration_error(confidence, correct) == pytest.approx(0.24)


def test_an_even_choice_is_half_right():
    confidence, correct = choice(np.array([0.2, 0.5, 0.9]))
    assert confidence.tolist() == [0.8, 0.5, 0.9] and correct.tolist() == [0.0, 0.5, 1.0]


@pytest.mark.parametrize(
    ("confidence", "correct"),
    [([0.5] * 3, [1.0] * 3), ([0.5] * 30, [1.0] * 29), ([1.2] * 30, [1.0] * 30), ([0.5] * 30, [np.nan] * 30)],
)
def test_too_few_items_and_numbers_that_are_no_shares_are_refused(confidence, correct):
    with pytest.raises(InputError):
        rms_calibration_error(np.array(confidence), np.array(correct))
