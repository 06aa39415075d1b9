"""The stated detectable effect is found with the stated power."""

import numpy as np
import pytest
from scipy import stats

from isobath.analysis.planning import Variances, detectable, detectable_between, detectable_effect, variances


@pytest.mark.parametrize("df", [1, 4, 9, 60])
def test_an_effect_of_that_size_is_found_four_times_in_five(df):
    se, n = 0.1, 20_000
    stream = np.random.default_rng(0)
    estimate = stream.normal(detectable(se, df), se, n)
    seen = se * np.sqrt(stream.chisquare(df, n) / df)
    power = np.mean(2 * stats.t.sf(np.abs(estimate / seen), df) < 0.05)
    assert power == pytest.approx(0.8, abs=0.012)


def test_more_replicates_see_smaller_effects_and_more_questions_hardly_do():
    pilot = Variances(0.01, 0.002, 0.06)
    effects = [detectable_between(pilot, r, 40) for r in (3, 5, 10)]
    assert effects[0] > effects[1] > effects[2]
    assert detectable_between(pilot, 5, 400) > 0.8 * detectable_between(pilot, 5, 100)
    assert detectable_between(pilot, 5, 40, paired=False) > 0
    assert detectable_effect(5) < detectable_effect(3)


def test_variances_come_back_from_data_made_with_them():
    stream = np.random.default_rng(0)
    made = [
        variances(stream.normal(0, 0.2, (6, 1)) + stream.normal(0, 0.3, (1, 30)) + stream.normal(0, 0.5, (6, 30)))
        for _ in range(400)
    ]
    assert np.mean(made, axis=0) == pytest.approx([0.04, 0.09, 0.25], rel=0.12)
