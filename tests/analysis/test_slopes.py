"""Slopes of a rate against distance, depth and novelty order, held to truth on simulated studies."""

import math

import numpy as np
import pytest
from scipy import optimize, special, stats

from isobath.analysis.slopes import logit_slope_moments, slope_moments, slopes
from isobath.base.logit_normal import logit_normal_mean, logit_normal_means
from isobath.base.row import Claim
from made_landscape import Fork, made_landscape

STUDIES, SEED = 2000, 5
TOLERANCE = 2.58


def inside(share, low, high, studies=STUDIES):
    slack = TOLERANCE * math.sqrt(0.05 * 0.95 / studies)
    return low - slack <= share <= high + slack


X = np.repeat([0.0, 0.5, 1.0, 1.5, 2.0, 3.0], [20, 10, 20, 10, 12, 8])


def drawn(start, slope, bases=5, base_sd=0.5, slope_sd=0.2, question_sd=0.8, studies=STUDIES):
    """Values (S, R, Q) with logit = start + slope x + base + base's own slope x + question."""
    stream = np.random.default_rng(SEED)
    own = stream.normal(0, base_sd, (studies, bases, 1)) + stream.normal(0, slope_sd, (studies, bases, 1)) * X
    p = special.expit(start + slope * X + own + stream.normal(0, question_sd, (studies, 1, len(X))))
    return stream.binomial(2, p) / 2


def line_of(rates):
    away = X - X.mean()
    return float(away @ rates / (away @ away))


def true_rates(start, slope, base_sd=0.5, slope_sd=0.2, question_sd=0.8):
    sds = np.sqrt(base_sd**2 + slope_sd**2 * X**2 + question_sd**2)
    return np.array([logit_normal_mean(start + slope * x, sd) for x, sd in zip(X, sds, strict=True)])


def coverage(made, truth):
    return float(np.mean(np.abs(made.mean - truth) <= stats.t.ppf(0.975, made.df) * made.se))


@pytest.mark.parametrize("bases", [5, 10])
@pytest.mark.parametrize(("start", "slope"), [(0.0, 0.0), (1.0, -0.6), (2.5, -1.5)])
def test_slopes_on_the_rate_scale_cover_the_best_line_through_the_true_rates(bases, start, slope):
    made = slope_moments(drawn(start, slope, bases), X)
    assert inside(coverage(made, line_of(true_rates(start, slope))), 0.93, 0.985)


def test_a_true_null_is_rejected_one_time_in_twenty():
    flat = drawn(0.5, 0.0, slope_sd=0.0)
    assert inside(1 - coverage(slope_moments(flat, X), 0.0), 0.02, 0.07)
    assert inside(1 - coverage(logit_slope_moments(flat[:800], X), 0.0), 0.02, 0.07, 800)


def test_ignoring_the_questions_or_the_bases_is_too_narrow():
    values = drawn(0.5, 0.0, slope_sd=0.3, studies=500)
    truth = line_of(true_rates(0.5, 0.0, slope_sd=0.3))
    assert coverage(slope_moments(values, X, "questions"), truth) < 0.87
    values = drawn(0.5, 0.0, slope_sd=0.0, question_sd=1.5, studies=500)
    assert coverage(slope_moments(values, X, "replicates"), 0.0) < 0.87


def logit_truth(start, slope, base_sd, slope_sd, question_sd):
    """Mean over bases of the logistic slope that best fits each base's own rates at X."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(9)
    weights = weights / weights.sum()
    total = 0.0
    for u, wu in zip(nodes, weights, strict=True):
        for v, wv in zip(nodes, weights, strict=True):
            rates = logit_normal_means(start + base_sd * u + (slope + slope_sd * v) * X, question_sd)

            def normal(b, rates=rates):
                left = rates - special.expit(b[0] + b[1] * X)
                return [left.sum(), (left * X).sum()]

            total += wu * wv * optimize.root(normal, [start, slope]).x[1]
    return total


def test_slopes_on_the_logit_scale_cover_the_mean_slope_of_the_bases():
    truth = logit_truth(2.0, -1.2, 0.5, 0.2, 0.8)
    made = logit_slope_moments(drawn(2.0, -1.2, studies=800), X)
    assert inside(coverage(made, truth), 0.92, 0.985, 800)
    assert abs(float(made.mean.mean()) - truth) < 0.05


def test_the_logistic_fit_is_finite_where_the_data_separate():
    y = np.array([[1.0, 1, 1, 1, 0, 0, 0, 0]] * 2)
    made = logit_slope_moments(y, np.arange(8.0))
    assert np.isfinite(made.mean) and made.mean < -0.5


def test_the_logistic_slope_is_firths():
    """Against the penalised likelihood maximised by a general optimiser."""
    stream = np.random.default_rng(SEED)
    x = stream.normal(0, 1, 30)
    y = (stream.random(30) < special.expit(0.4 + x)).astype(float)

    def minus(b):
        p = special.expit(b[0] + b[1] * x)
        design = np.stack([np.ones_like(x), x])
        penalty = 0.5 * np.linalg.slogdet((design * p * (1 - p)) @ design.T)[1]
        return -(np.sum(y * np.log(p) + (1 - y) * np.log1p(-p)) + penalty)

    best = optimize.minimize(minus, [0.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-12}).x
    assert float(logit_slope_moments(np.stack([y, y]), x).mean) == pytest.approx(best[1], abs=1e-4)


def test_over_replicates_alone_it_is_the_t_interval_of_their_slopes():
    values = drawn(1.0, -0.6, studies=1)[0]
    own = [np.polyfit(X, row, 1)[0] for row in values]
    made, test = slope_moments(values, X, "replicates"), stats.ttest_1samp(own, 0)
    assert float(made.mean) == pytest.approx(np.mean(own))
    assert float(made.mean / made.se) == pytest.approx(test.statistic)


def test_gaps_are_left_out_of_each_replicates_line():
    values = drawn(1.0, -0.6, studies=1)[0]
    values[0, :30] = np.nan
    made = slope_moments(values, X)
    own = [np.polyfit(X[30:], values[0, 30:], 1)[0], *(np.polyfit(X, row, 1)[0] for row in values[1:])]
    assert float(made.mean) == pytest.approx(np.mean(own))


def test_slopes_of_a_study_follow_the_truth():
    frame = made_landscape()
    found = slopes(frame, "d").set_index("arm")
    assert found.loc["plain", "high"] < 0 and found.loc["plain", "told_apart"]
    assert (
        found.loc["untrained", "low"] < 0 < found.loc["untrained", "high"] and not found.loc["untrained", "told_apart"]
    )
    assert found.loc["plain", "slope"] < found.loc["broad_relevant", "slope"]
    assert list(found.index) == ["untrained", "plain", "broad_relevant", "broad_irrelevant"]
    assert (found["adjusted_by"] == "Holm").all()
    by_depth, by_novelty = slopes(frame, "k").set_index("arm"), slopes(frame, "q").set_index("arm")
    assert by_depth.loc["plain", "high"] < 0 < by_novelty.loc["plain", "low"]  # a larger order is nearer
    assert by_novelty.loc["plain", "questions"] < by_depth.loc["plain", "questions"]


def test_contested_points_enter_no_slope():
    frame = made_landscape()
    kept = frame[frame["state"] == "ok"]
    assert slopes(frame, "d")["slope"].tolist() == pytest.approx(slopes(kept, "d")["slope"].tolist())


def test_one_replicate_has_a_slope_and_no_interval():
    found = slopes(made_landscape(bases=1), "d")
    assert found["slope"].notna().all() and found["low"].isna().all() and not found["told_apart"].any()
    assert slopes(made_landscape(bases=1), "d", over="questions")["low"].notna().all()


def test_a_claim_needs_five_bases():
    found = slopes(made_landscape(bases=3, forks=(Fork("plain", "plain", 3.0, -2.5),)), "d")
    assert found["high"].iloc[0] < 0 and not found["told_apart"].iloc[0]


def test_this_model_has_a_slope_over_questions_for_the_untrained_arm():
    found = slopes(made_landscape(seeds=5), "d", Claim.THIS_MODEL).set_index("arm")
    assert found.loc["untrained", "over"] == "questions" and found.loc["plain", "over"] == "both"


def test_one_level_of_the_covariate_has_no_slope():
    frame = made_landscape()
    assert slopes(frame[frame["region"] == "island"], "d").empty
    frame["d"] = frame["d"].mask(frame["d"].notna())
    assert slopes(frame, "d").empty
