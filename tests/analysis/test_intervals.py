"""Intervals stay inside [0, 1], hold their estimate and say something where nothing varies."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from isobath.analysis.intervals import (
    clopper_pearson,
    design_effect,
    difference_interval,
    half_response,
    jeffreys,
    naive_se,
    rate_interval,
    typical_interval,
)
from isobath.analysis.two_way import Spread, two_way


@settings(max_examples=80, deadline=None)
@given(st.integers(2, 6), st.integers(1, 8), st.integers(0, 9999), st.floats(0.05, 6))
def test_a_rate_interval_lies_inside_the_unit_interval_and_around_the_mean(replicates, questions, seed, power):
    y = np.random.default_rng(seed).random((replicates, questions)) ** power
    made = two_way(y)
    low, high = rate_interval(made)
    assert 0 <= low < made.mean < high <= 1
    wide = rate_interval(made, 0.99)
    assert wide.low <= low and high <= wide.high


@settings(max_examples=40, deadline=None)
@given(st.floats(0.02, 0.98), st.floats(0.001, 0.2), st.integers(2, 30))
def test_swapping_the_trait_for_its_opposite_mirrors_the_interval(mean, se, df):
    one = rate_interval(Spread(mean, se, df, 5, 40, "both"))
    two = rate_interval(Spread(1 - mean, se, df, 5, 40, "both"))
    assert (two.low, two.high) == pytest.approx((1 - one.high, 1 - one.low))


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_where_nothing_varies_the_interval_is_clopper_pearson_never_zero_width(value):
    low, high = rate_interval(two_way(np.full((5, 40), value)))
    assert (high if value == 0 else 1 - low) == pytest.approx(1 - 0.025 ** (1 / 40))
    assert (low, high)[int(value)] == value


def test_a_constant_rate_between_has_width_too():
    low, high = rate_interval(two_way(np.full((5, 40), 0.5)))
    assert low < 0.4 and high > 0.6


def test_a_difference_is_cut_to_what_is_possible():
    assert difference_interval(Spread(0.9, 0.2, 4, 5, 40, "both")).high == 1.0
    flat = difference_interval(two_way(np.zeros((5, 40))))
    assert flat.high == pytest.approx(-flat.low) and 0.05 < flat.high < 0.1


@pytest.mark.parametrize(("hits", "n"), [(0, 10), (3, 10), (10, 10)])
def test_clopper_pearson_is_scipys_exact_interval(hits, n):
    expected = stats.binomtest(hits, n).proportion_ci(0.95, "exact")
    assert clopper_pearson(hits, n) == pytest.approx((expected.low, expected.high))


def test_jeffreys_against_statsmodels():
    from statsmodels.stats.proportion import proportion_confint

    for hits, n in ((1, 10), (20, 50)):
        assert jeffreys(hits, n) == pytest.approx(proportion_confint(hits, n, method="jeffreys"))
    assert jeffreys(0, 10).low == 0 and jeffreys(10, 10).high == 1


def test_the_typical_interval_is_a_t_interval_of_logits_and_counts_0_as_half_a_response():
    rates = np.array([0.2, 0.3, 0.4, 0.1])
    logits = np.log(rates / (1 - rates))
    expected = stats.t.interval(0.95, 3, logits.mean(), stats.sem(logits))
    assert typical_interval(rates, 100) == pytest.approx([1 / (1 + np.exp(-e)) for e in expected])
    assert half_response(np.array([0.0, 0.5, 1.0]), 9).tolist() == pytest.approx([0.05, 0.5, 0.95])
    assert typical_interval(rates[:1], 100) is None
    assert typical_interval(np.array([0, 0, 0, 0, 0.1]), 20).low > 0


def test_design_effect_counts_how_far_rows_are_from_independent():
    y = np.repeat(np.random.default_rng(0).binomial(1, 0.5, (8, 1)), 50, axis=1).astype(float)
    made, row_sd = two_way(y), float(y.std(ddof=1))
    assert naive_se(row_sd, y.size) == pytest.approx((y.mean() * (1 - y.mean()) / y.size) ** 0.5, rel=0.01)
    assert design_effect(made, row_sd, y.size) == pytest.approx((made.se / naive_se(row_sd, y.size)) ** 2)
    assert design_effect(made, row_sd, y.size) > 30
    assert np.isnan(design_effect(None, row_sd, 10))
    assert np.isnan(naive_se(0.5, 0))
