"""The crossed standard error: against textbook mean squares, and what must not change it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isobath.analysis.two_way import moments, parts, two_way

TABLES = st.tuples(st.integers(2, 6), st.integers(2, 9), st.integers(0, 10_000))


def table(shape):
    replicates, questions, seed = shape
    return np.random.default_rng(seed).random((replicates, questions))


@settings(max_examples=60, deadline=None)
@given(TABLES)
def test_without_gaps_it_is_the_classical_mean_square_estimate(shape):
    y = table(shape)
    r, q = y.shape
    rest = y - y.mean(1, keepdims=True) - y.mean(0, keepdims=True) + y.mean()
    ms_r, ms_q = q * y.mean(1).var(ddof=1), r * y.mean(0).var(ddof=1)
    ms_e = (rest**2).sum() / ((r - 1) * (q - 1))
    made = two_way(y)
    assert made.mean == pytest.approx(y.mean())
    assert made.se**2 == pytest.approx(max(ms_r + ms_q - ms_e, ms_r, ms_q) / y.size)
    assert min(r, q) - 1 <= made.df <= r * q


@settings(max_examples=40, deadline=None)
@given(TABLES, st.floats(0.1, 5), st.floats(-1, 1))
def test_scale_and_shift_of_values_scale_and_shift_the_result(shape, scale, shift):
    y = table(shape)
    one, two = two_way(y), two_way(scale * y + shift)
    assert two.mean == pytest.approx(scale * one.mean + shift)
    assert two.se == pytest.approx(scale * one.se)


@settings(max_examples=40, deadline=None)
@given(TABLES)
def test_order_of_replicates_and_questions_and_equal_weights_do_not_matter(shape):
    y = table(shape)
    stream = np.random.default_rng(1)
    shuffled = y[stream.permutation(len(y))][:, stream.permutation(y.shape[1])]
    for other in (two_way(shuffled), two_way(y, np.full(y.shape, 3.0))):
        assert (other.mean, other.se, other.df) == pytest.approx((two_way(y).mean, two_way(y).se, two_way(y).df))


@settings(max_examples=40, deadline=None)
@given(TABLES, st.integers(0, 10_000))
def test_a_few_gaps_move_the_result_a_little_and_never_break_it(shape, seed):
    y = table(shape)
    y[np.random.default_rng(seed).integers(len(y)), 0] = np.nan
    made = two_way(y)
    assert made is not None
    assert np.isfinite([made.mean, made.se, made.df]).all()
    assert made.se >= 0


def test_gaps_at_random_keep_the_standard_error_about_right():
    stream = np.random.default_rng(3)
    base, question = stream.normal(0, 1, (300, 8, 1)), stream.normal(0, 1, (300, 1, 30))
    values = base + question + stream.normal(0, 1, (300, 8, 30))
    values[stream.random(values.shape) < 0.2] = np.nan
    spreads = [two_way(v) for v in values]
    truth = np.std([s.mean for s in spreads])
    assert np.sqrt(np.mean([s.se**2 for s in spreads])) == pytest.approx(truth, rel=0.12)


def test_an_empty_replicate_or_question_is_left_out():
    y = np.random.default_rng(0).random((4, 6))
    padded = np.full((5, 7), np.nan)
    padded[:4, :6] = y
    assert two_way(padded) == two_way(y)


def test_a_heavier_question_pulls_the_mean():
    y = np.array([[0.0, 1.0], [0.0, 1.0], [0.2, 0.8]])
    assert two_way(y, np.tile([3.0, 1.0], (3, 1))).mean == pytest.approx((0.25 + 0.25 + 0.35) / 3)


def test_one_replicate_says_nothing_of_others_but_its_questions_do_of_more_questions():
    y = np.random.default_rng(0).random((1, 20))
    assert two_way(y) is None
    assert two_way(y, over="replicates") is None
    made = two_way(y, over="questions")
    assert made.se == pytest.approx(y.std(ddof=1) / 20**0.5)
    assert made.df == 19


def test_one_question_speaks_of_replicates_only():
    made = two_way(np.random.default_rng(0).random((6, 1)))
    assert (made.over, made.df) == ("replicates", 5)


@pytest.mark.parametrize("shape", [(0, 0), (1, 1), (3, 0)])
def test_too_little_is_no_spread(shape):
    assert two_way(np.full(shape, 0.5)) is None


def test_many_tables_at_once_are_each_table_alone():
    y = np.random.default_rng(0).random((4, 5, 7))
    together = moments(y)
    for i, one in enumerate(y):
        alone = two_way(one)
        assert (together.mean[i], together.se[i], together.df[i]) == pytest.approx((alone.mean, alone.se, alone.df))


def test_what_questions_pull_sums_to_nothing():
    assert parts(np.random.default_rng(0).random((5, 7))).pull_Q.sum() == pytest.approx(0)


def test_where_nothing_varies_p_counts_units():
    same, apart = two_way(np.zeros((5, 40))), two_way(np.ones((5, 40)))
    assert same.p_value() == 1
    assert apart.p_value() == pytest.approx(2 * 0.5**40)
    assert same.p_equivalent(0.05) == pytest.approx(0.95**40)
    assert apart.p_equivalent(0.05) == 1


@settings(max_examples=40, deadline=None)
@given(TABLES)
def test_the_error_never_falls_below_that_of_either_margin(shape):
    y = table(shape)
    assert two_way(y).se >= max(two_way(y, over=over).se for over in ("replicates", "questions")) - 1e-12


def test_questions_of_its_own_for_each_replicate_make_the_error_too_large_never_too_small():
    stream = np.random.default_rng(4)
    spreads = []
    for _ in range(300):
        y = np.full((6, 60), np.nan)
        for r in range(6):
            y[r, 10 * r : 10 * r + 10] = stream.normal(0, 0.3) + stream.normal(0, 1, 10)
        spreads.append(two_way(y))
    ratio = np.sqrt(np.mean([s.se**2 for s in spreads])) / np.std([s.mean for s in spreads])
    assert 1.0 < ratio < 1.5
