"""Shipped intervals and tests against truth. The seed was fixed once; bounds allow for Monte-Carlo error only."""

import math

import numpy as np
import pytest
from scipy import special, stats

from isobath.analysis.calibration import (
    NAIVE_TESTS,
    REFERENCE,
    STRESS,
    TESTS,
    Scenario,
    bootstrap_coverage,
    draw,
    gap_coverage,
    naive_coverage,
    rate_coverage,
    type_one,
    typical_coverage,
)
from isobath.analysis.intervals import clopper_pearson, jeffreys
from isobath.analysis.two_way import moments
from isobath.base.logit_normal import logit_normal_mean

STUDIES, SEED = 2000, 7
TOLERANCE = 2.58  # standard errors: a true value at the edge is refused once in two hundred


def inside(share, low, high, studies=STUDIES):
    """Whether a measured share is compatible with a true one in [low, high]."""
    slack = TOLERANCE * math.sqrt(0.05 * 0.95 / studies)
    return low - slack <= share <= high + slack


@pytest.fixture(scope="module", params=REFERENCE, ids=lambda s: s.label)
def drawn(request):
    return draw(request.param, STUDIES, SEED)


INTERVALS = {
    "default": lambda d: rate_coverage(d, "both"),
    "this suite": lambda d: rate_coverage(d, "replicates"),
    "these checkpoints": lambda d: rate_coverage(d, "questions"),
    "typical": typical_coverage,
    "paired": lambda d: gap_coverage(d, "both"),
    "paired, this suite": lambda d: gap_coverage(d, "replicates"),
}


@pytest.mark.parametrize("name", INTERVALS)
def test_intervals_hold_the_truth_at_five_and_ten_replicates(drawn, name):
    made = INTERVALS[name](drawn)
    assert inside(made.coverage, 0.93, 0.97), made


def test_the_default_interval_is_not_bought_with_width(drawn):
    assert rate_coverage(drawn, "both").width <= 1.35
    assert gap_coverage(drawn, "both").width <= 1.35


def test_the_naive_interval_fails_where_bases_differ(drawn):
    assert naive_coverage(drawn).coverage < 0.85


@pytest.mark.parametrize("scenario", REFERENCE, ids=lambda s: s.label)
def test_tests_reject_a_true_null_one_time_in_twenty(scenario):
    by_null = {q: draw(scenario, STUDIES, SEED + 1, question_arm=q) for q in (True, False)}
    found = {name: type_one(p_of(by_null[sampled])) for name, (sampled, p_of) in TESTS.items()}
    assert all(inside(share, 0.03, 0.07) for share in found.values()), found


def test_tests_that_ignore_the_bases_reject_true_nulls_far_too_often():
    drawn = draw(Scenario(), 500, SEED)
    for sampled, p_of in NAIVE_TESTS.values():
        assert sampled
        assert type_one(p_of(drawn)) > 0.2


def test_a_percentile_bootstrap_over_five_bases_is_too_narrow():
    assert bootstrap_coverage(draw(Scenario(), 500, SEED)).coverage < 0.9


@pytest.mark.slow
@pytest.mark.parametrize("scenario", STRESS, ids=lambda s: s.label)
def test_harder_designs_stay_within_what_the_documents_state(scenario):
    drawn = draw(scenario, STUDIES, SEED)
    assert rate_coverage(drawn, "both").coverage > 0.88
    assert gap_coverage(drawn, "both").coverage > 0.93
    for sampled, p_of in TESTS.values():
        assert type_one(p_of(draw(scenario, STUDIES, SEED + 1, question_arm=sampled))) < 0.07 + 0.0126


@pytest.mark.parametrize("runs", [5, 10])
def test_runs_of_one_model_against_the_model_itself(runs):
    """*This model*: the untrained model is the fixed partner of every run; runs and questions are sampled."""
    stream, shape = np.random.default_rng(SEED), (STUDIES, runs, 40)
    question = stream.normal(0, 1, (STUDIES, 1, 40))
    run = stream.normal(0, 0.3, (STUDIES, runs, 1))
    own = question + stream.normal(0, 0.3, (STUDIES, 1, 40))
    trained = special.expit(own + run + stream.normal(0, 0.3, shape))
    untrained = special.expit(question - 1 + stream.normal(0, 0.3, (STUDIES, 1, 40)))
    truth = logit_normal_mean(0, (1 + 3 * 0.09) ** 0.5) - logit_normal_mean(-1, (1 + 0.09) ** 0.5)
    made = moments(trained - untrained)
    half = stats.t.ppf(0.975, made.df) * made.se
    assert inside(float(np.mean(np.abs(made.mean - truth) <= half)), 0.93, 0.97)


def coverage_of(interval, n, p):
    hits = np.arange(n + 1)
    bounds = [interval(int(k), n) for k in hits]
    held = np.array([low <= p <= high for low, high in bounds])
    return float(stats.binom.pmf(hits, n, p) @ held)


@pytest.mark.parametrize("n", [5, 10, 40])
def test_clopper_pearson_is_never_below_its_level(n):
    assert min(coverage_of(clopper_pearson, n, p) for p in np.linspace(0.001, 0.999, 41)) >= 0.95


@pytest.mark.parametrize("n", [5, 10, 40])
def test_jeffreys_holds_its_level_on_average_over_rates(n):
    grid = np.linspace(0.005, 0.995, 199)
    assert 0.93 <= np.mean([coverage_of(jeffreys, n, p) for p in grid]) <= 0.97
    widths = [np.diff(jeffreys(k, n))[0] / np.diff(clopper_pearson(k, n))[0] for k in range(1, n)]
    assert max(widths) < 1
