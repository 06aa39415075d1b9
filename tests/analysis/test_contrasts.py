"""Differences: paired where the design pairs, from questions both sides have, and never from one replicate."""

import numpy as np
import pytest
from scipy import stats

from isobath.analysis.contrasts import contrast, paired_logits, welch, welch_logits
from isobath.analysis.replicates import FIXED, Side

STREAM = np.random.default_rng(5)


def made_side(values, replicates=None, questions=None):
    values = np.asarray(values, dtype=float)
    names = tuple(replicates or (f"b{i}" for i in range(len(values))))
    asked = tuple(questions or (f"q{i}" for i in range(values.shape[1])))
    return Side(names, asked, values, np.ones(values.shape), values, values, values.size, 0.0, 0)


Y, Z = STREAM.random((5, 8)), STREAM.random((5, 8))


def test_with_one_suite_it_is_the_paired_t_test_of_replicate_means():
    made = contrast(made_side(Y), made_side(Z), over="replicates")
    expected = stats.ttest_rel(Y.mean(1), Z.mean(1))
    assert made.paired
    assert made.mean == pytest.approx((Y - Z).mean())
    assert made.spread.p_value() == pytest.approx(expected.pvalue)
    assert made.spread.interval() == pytest.approx(tuple(expected.confidence_interval()))


def test_without_shared_replicates_it_is_welchs_test():
    made = contrast(made_side(Y), made_side(Z, [f"c{i}" for i in range(5)]), over="replicates")
    expected = stats.ttest_ind(Y.mean(1), Z.mean(1), equal_var=False)
    assert not made.paired
    assert made.spread.p_value() == pytest.approx(expected.pvalue)


def test_sampled_questions_widen_an_unpaired_difference_of_differing_questions():
    question = np.linspace(-0.3, 0.3, 8)
    a, b = 0.5 + 0.01 * STREAM.random((5, 8)) + question, 0.5 + 0.01 * STREAM.random((5, 8)) - question
    assert welch(a, b).se > 5 * welch(a, b, over="replicates").se
    assert welch(a, a[::-1] + 0.1).se == pytest.approx(welch(a, a[::-1] + 0.1, over="replicates").se, rel=0.1)


def test_order_of_replicates_and_questions_does_not_matter():
    order, asked = STREAM.permutation(5), STREAM.permutation(8)
    shuffled = made_side(Z[order][:, asked], [f"b{i}" for i in order], [f"q{i}" for i in asked])
    one, two = contrast(made_side(Y), made_side(Z)), contrast(made_side(Y), shuffled)
    assert (one.mean, one.spread.se, one.p_logits) == pytest.approx((two.mean, two.spread.se, two.p_logits))


def test_swapping_the_sides_changes_the_sign_only():
    one, two = contrast(made_side(Y), made_side(Z)), contrast(made_side(Z), made_side(Y))
    assert (one.mean, one.spread.se, one.p_logits) == pytest.approx((-two.mean, two.spread.se, two.p_logits))


def test_values_without_a_partner_are_left_out_and_counted():
    more = made_side(np.vstack([Z, np.ones(8)]))
    gaps = Y.copy()
    gaps[0, 0] = np.nan
    made = contrast(made_side(gaps), more)
    assert made.dropped == 9
    assert made.mean == pytest.approx(np.mean([(gaps - Z)[0, 1:].mean(), *(gaps - Z)[1:].mean(1)]))


def test_a_model_without_replicates_is_compared_with_each_run():
    untrained = made_side(Z[:1], [FIXED])
    for made, sign in ((contrast(made_side(Y), untrained), 1), (contrast(untrained, made_side(Y)), -1)):
        assert (made.replicates, made.paired) == (5, True)
        assert made.mean == pytest.approx(sign * (Y.mean() - Z[0].mean()))


def test_two_models_without_replicates_differ_over_questions():
    made = contrast(made_side(Y[:1], [FIXED]), made_side(Z[:1], [FIXED]))
    assert made.spread.over == "questions"
    assert made.spread.p_value() == pytest.approx(stats.ttest_rel(Y[0], Z[0]).pvalue)


@pytest.mark.parametrize("names", [["b0"], ["c0"]])
def test_one_replicate_gives_a_difference_without_an_interval(names):
    made = contrast(made_side(Y[:1]), made_side(Z[:1], names))
    assert made.mean == pytest.approx((Y[0] - Z[0]).mean())
    assert made.spread is None


def test_no_shared_question_is_no_contrast():
    assert contrast(made_side(Y), made_side(Z, questions=[f"other{i}" for i in range(8)])) is None
    assert contrast(made_side(Y), made_side(np.full((5, 8), np.nan))) is None


def test_logit_tests_are_t_tests_of_logits():
    def logit(p):
        return np.log(p / (1 - p))

    a, b = Y.mean(1), Z.mean(1)
    assert paired_logits(a, b, 100) == pytest.approx(stats.ttest_rel(logit(a), logit(b)).pvalue)
    expected = stats.ttest_ind(logit(a), logit(b), equal_var=False).pvalue
    assert welch_logits(a, b, 100) == pytest.approx(expected)
    assert paired_logits(a, a, 100) == welch_logits(np.zeros(5), np.zeros(5), 100) == 1


def test_pairing_by_base_removes_what_a_base_adds_to_all_arms():
    base = np.linspace(0, 0.5, 5)[:, None]
    a, b = made_side(base + 0.1 * Y), made_side(base + 0.1 * Z)
    strangers = made_side(base + 0.1 * Z, [f"c{i}" for i in range(5)])
    assert contrast(a, b).spread.se < contrast(a, strangers).spread.se / 4
