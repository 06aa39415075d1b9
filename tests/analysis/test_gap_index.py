"""The generalisation gap index and its Fieller interval, held to truth; states where it has no meaning."""

import math

import numpy as np
import pytest
from scipy import stats

from isobath.analysis.gap_index import fieller, gap_indices, normalised_rates
from isobath.analysis.region_rates import region_rates
from isobath.analysis.replicates import Side
from isobath.analysis.two_way import Spread
from isobath.base.logit_normal import logit_normal_mean
from made_landscape import Fork, made_landscape

STUDIES = 400


def as_side(values):
    ones = np.ones_like(values)
    names = tuple(f"base-{i}" for i in range(len(values)))
    questions = tuple(f"q{i}" for i in range(values.shape[1]))
    return Side(names, questions, values, ones, values, values, values.size, 0.0, 0)


def test_fieller_is_the_textbook_interval_of_two_normal_means():
    """Against the roots of the quadratic, for one standard error and df whatever the ratio."""
    a, b, va, vb, cov, df = 0.4, 0.8, 0.01, 0.004, 0.002, 12.0

    def at(r):
        return Spread(a - r * b, math.sqrt(va - 2 * r * cov + r**2 * vb), df, 5, 5, "both")

    t2 = stats.t.ppf(0.975, df) ** 2
    low, high = sorted(np.roots([b**2 - t2 * vb, -2 * (a * b - t2 * cov), a**2 - t2 * va]))
    assert fieller(at, a / b) == pytest.approx((0.5, low, high), abs=1e-5)


def test_fieller_has_no_interval_where_the_denominator_may_be_nothing():
    made = fieller(lambda r: Spread(0.4 - r * 0.1, math.sqrt(0.01 + r**2 * 0.01), 10.0, 5, 5, "both"), 4.0)
    assert made.value == 4 and math.isnan(made.low) and math.isnan(made.high)


@pytest.mark.slow
def test_the_index_covers_the_truth():
    from isobath.analysis.gap_index import side_gap

    stream, held = np.random.default_rng(3), 0
    sd = math.sqrt(0.4**2 + 0.2**2 + 0.6**2)
    near, far = logit_normal_mean(2.5, sd), logit_normal_mean(0.2, sd)
    truth = (near - far) / (near - 0.25)
    for _ in range(STUDIES):
        base, sides = stream.normal(0, 0.4, (5, 1)), []
        for centre, count in ((2.5, 24), (0.2, 40)):
            logit = centre + base + stream.normal(0, 0.2, (5, 1)) + stream.normal(0, 0.6, (1, count))
            sides.append(as_side((stream.random((5, count)) < 1 / (1 + np.exp(-logit))).astype(float)))
        made = side_gap(sides[0], sides[1], 0.25, "both")
        assert made["state"] == "measured"
        held += made["low"] <= truth <= made["high"]
    assert 0.93 - 2.58 * 0.011 <= held / STUDIES <= 0.985 + 2.58 * 0.011


def test_the_index_says_what_is_lost():
    frame = made_landscape()
    found = gap_indices(frame, 0.25).set_index(["arm", "region"])
    rates = region_rates(frame).set_index(["arm", "region"])["mean"]
    expected = (rates["plain", "island"] - rates["plain", "sea"]) / (rates["plain", "island"] - 0.25)
    assert found.loc[("plain", "sea"), "index"] == pytest.approx(expected)
    assert found.loc[("plain", "sea"), "low"] > 0.4 > found.loc[("broad_relevant", "sea"), "high"]
    assert "island" not in found.index.get_level_values("region")


def test_a_model_at_chance_has_nothing_to_lose():
    found = gap_indices(made_landscape(), {"right_decision": 0.25}).set_index("arm")
    assert (found.loc["untrained", "state"] == "undefined").all()
    assert found.loc["untrained", ["index", "low", "high"]].isna().all(axis=None)
    assert gap_indices(made_landscape(), {"another": 0.25}).empty
    above = gap_indices(made_landscape(forks=(Fork("plain", "plain", 3.0, -2.0),)), 0.999)
    assert set(above["state"]) == {"undefined"}


def test_states_of_the_index():
    one = gap_indices(made_landscape(bases=1), 0.25).set_index("arm").loc["plain"]
    assert set(one["state"]) <= {"no interval", "undefined"} and one["low"].isna().all()
    few = gap_indices(made_landscape(bases=3), 0.25).set_index("arm").loc["plain"]
    assert set(few["state"]) == {"few replicates"}
    frame = made_landscape()
    away = gap_indices(frame[frame["region"] != "island"], 0.25)
    assert set(away["state"]) == {"no home"} and away["index"].isna().all()
    missing = gap_indices(made_landscape(missing=0.3), 0.25)
    assert set(missing["state"]) == {"too much missing"}


def test_training_there_is_the_ceiling():
    found = normalised_rates(made_landscape(), "untrained", "broad_relevant").set_index(["arm", "region"])
    assert found.loc[("plain", "island"), "low"] < 1 < found.loc[("plain", "island"), "high"] + 0.2
    assert found.loc[("plain", "sea"), "high"] < 0.6
    assert not {"untrained", "broad_relevant"} & set(found.index.get_level_values("arm"))
    useless = normalised_rates(made_landscape(), "plain", "broad_irrelevant")
    assert set(useless.set_index("region").loc[["island", "sea"], "state"]) == {"undefined"}
