"""Every shipped interval and contrast against scripted truth (the whole table: python -m benchmarks.coverage)."""

import numpy as np
import pytest
from benchmarks.coverage import SETTINGS, measure
from scipy import stats

from isobath.analysis.answer import answer
from isobath.analysis.intervals import clopper_pearson, jeffreys
from isobath.analysis.question import Question, Verdict
from isobath.models.scripted import ScriptedStudy

SIMULATIONS = 500


def outside(count, total, low, high):
    """Whether `count` of `total` shows, at 1 in 10,000, that the true share is outside [low, high]."""
    below = stats.binom.cdf(count, total, low) < 1e-4
    above = stats.binom.sf(count - 1, total, high) < 1e-4
    return below or above


@pytest.mark.parametrize("bases", [5, 10])
@pytest.mark.parametrize("setting", SETTINGS)
def test_coverage_type_one_error_and_width(setting, bases):
    m = measure(setting, bases, SIMULATIONS)
    assert not outside(round(m.coverage * m.simulations), m.simulations, 0.93, 0.97)
    assert not outside(round(m.difference_coverage * m.simulations), m.simulations, 0.93, 0.97)
    assert not outside(round(m.type_one * m.simulations), m.simulations, 0.03, 0.07)
    assert m.width_ratio <= 1.35 and m.difference_width_ratio <= 1.40


@pytest.mark.slow
@pytest.mark.parametrize("bases", [5, 10])
@pytest.mark.parametrize("setting", SETTINGS)
def test_coverage_with_many_simulations(setting, bases):
    m = measure(setting, bases, 8000)
    for share, low, high in ((m.coverage, 0.93, 0.97), (m.difference_coverage, 0.93, 0.97), (m.type_one, 0.03, 0.07)):
        assert not outside(round(share * m.simulations), m.simulations, low, high)


def test_the_naive_interval_would_have_failed_the_same_test():
    m = measure("bases vary much", 10, 400)
    assert outside(round(m.naive_coverage * 400), 400, 0.93, 0.97)
    assert outside(round(m.naive_type_one * 400), 400, 0.03, 0.07)


@pytest.mark.parametrize("p", [0.02, 0.3])
@pytest.mark.parametrize("n", [20, 100])
def test_exact_coverage_for_independent_draws(p, n):
    probabilities = stats.binom.pmf(np.arange(n + 1), n, p)
    for interval, least in ((clopper_pearson, 0.95), (jeffreys, 0.85)):
        covered = [low <= p <= high for low, high in (interval(k, n) for k in range(n + 1))]
        assert probabilities[covered].sum() >= least


def test_nothing_in_thirty_is_not_zero():
    assert jeffreys(0, 30).high == pytest.approx(0.080, abs=0.001)
    assert clopper_pearson(0, 30).high == pytest.approx(0.116, abs=0.001)
    assert clopper_pearson(0, 30).low == jeffreys(0, 30).low == 0.0


def share(verdict, study, question, simulations=150):
    found = [answer([question], study.rows(seed))[0] for seed in range(simulations)]
    return sum(f.verdict is verdict for f in found) / simulations


def test_end_to_end_a_null_is_called_yes_at_most_as_often_as_stated():
    study = ScriptedStudy(arms={"plain": -1.0, "untrained": -1.0}, questions=20)
    question = Question(text="?", trait="trait", contrast=("plain", "untrained"), smallest_effect=1e-6)
    assert not outside(round(150 * share(Verdict.YES, study, question)), 150, 0.0, 0.07)


def test_end_to_end_a_large_effect_is_found_and_its_size_is_right():
    study = ScriptedStudy(arms={"plain": 1.5, "untrained": -2.5}, questions=30)
    question = Question(text="?", trait="trait", contrast=("plain", "untrained"), expect="higher")
    truth = study.truth("plain") - study.truth("untrained")
    found = [answer([question], study.rows(seed))[0] for seed in range(60)]
    assert sum(f.verdict is Verdict.YES for f in found) >= 57
    assert np.mean([f.estimate for f in found]) == pytest.approx(truth, abs=0.03)
    assert sum(f.low <= truth <= f.high for f in found) >= 50
