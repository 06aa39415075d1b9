"""Dose-response on truth: parameters come back, intervals cover, and no number stands where none can be known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isobath.analysis.dose_response import Curve, State, dose_response
from isobath.base.errors import InputError
from isobath.base.logit_normal import expit
from isobath.base.seeding import rng

DOSES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


def drawn(stream, curve, doses=DOSES, bases=5, shift=0.03, spread=0.03, moved=0.2, noise=0.02):
    """Rates (R, D): each base has a level, a height and an EC50 of its own (sds `shift`, `spread`, `moved` in logs)."""
    out = []
    for _ in range(bases):
        high = curve.hi + spread * stream.normal()
        own = Curve(curve.lo, high, curve.slope, curve.ec50 * math.exp(moved * stream.normal()))
        out.append(own.at(doses) + shift * stream.normal() + noise * stream.normal(size=len(doses)))
    return np.clip(out, 0, 1)


def test_the_curve_is_lo_at_no_dose_and_half_way_at_its_ec50():
    curve = Curve(0.2, 0.9, 1.7, 0.05)
    assert curve.at([0.0, 0.05]).tolist() == pytest.approx([0.2, 0.55])
    by_hand = 0.2 + 0.7 * expit(1.7 * (np.log(0.3) - np.log(0.05)))
    assert curve.at([0.3])[0] == pytest.approx(float(by_hand))
    assert curve.at([1e9])[0] == pytest.approx(0.9, abs=1e-6)


@settings(max_examples=12, deadline=None)
@given(
    lo=st.floats(0.05, 0.3),
    height=st.floats(0.3, 0.6),
    slope=st.floats(0.9, 3),
    ec50=st.floats(0.03, 0.2),
    down=st.booleans(),
)
def test_without_noise_the_parameters_come_back(lo, height, slope, ec50, down):
    curve = Curve(lo + height, lo, slope, ec50) if down else Curve(lo, lo + height, slope, ec50)
    levels = np.array([-0.02, -0.01, 0.0, 0.01, 0.02])  # a base's own level moves no EC50
    found = dose_response(DOSES, curve.at(DOSES) + levels[:, None])
    assert found.state is State.FITTED and found.best == "curve"
    assert found.ec50 == pytest.approx(ec50, rel=0.01)
    assert found.curve is not None
    assert (found.curve.lo, found.curve.hi) == pytest.approx((curve.lo, curve.hi), abs=0.005)
    assert found.curve.slope == pytest.approx(slope, rel=0.03)
    assert found.low <= found.ec50 <= found.high < 1.05 * found.low


def test_the_known_example_of_counts_at_seven_doses_comes_back_within_its_interval():
    """Truth .02, .70, 25, 1.5 at seven doses, 200 answers each (five bases of 40)."""
    doses, truth = (0, 3, 6, 12, 25, 50, 100, 200), Curve(0.02, 0.70, 1.5, 25.0)
    stream = rng(11, "counts at doses")
    rates = stream.binomial(40, truth.at(doses), (5, len(doses))) / 40
    found = dose_response(doses, rates)
    assert found.state is State.FITTED and found.curve is not None
    assert found.low < 25 < found.high and 17 < found.ec50 < 36
    assert found.curve.lo == pytest.approx(0.02, abs=0.03) and found.curve.hi == pytest.approx(0.70, abs=0.1)


def test_units_order_and_direction_do_not_matter():
    rates = drawn(rng(3, "made"), Curve(0.3, 0.9, 1.5, 0.1))
    one = dose_response(DOSES, rates)
    rows = dose_response([2000 * d for d in DOSES], rates)
    assert (rows.ec50, rows.low, rows.high) == pytest.approx(
        (2000 * one.ec50, 2000 * one.low, 2000 * one.high), rel=2e-3
    )
    order = [3, 0, 7, 1, 5, 2, 6, 4]
    assert dose_response([DOSES[i] for i in order], rates[:, order]) == one
    down = dose_response(DOSES, 1 - rates)
    assert (down.state, down.ec50) == (one.state, pytest.approx(one.ec50, rel=1e-3))
    moved = dose_response(DOSES, rates[::-1])
    assert (moved.low, moved.high) == pytest.approx((one.low, one.high))


def test_a_base_with_a_gap_is_left_out_whole():
    rates = drawn(rng(3, "made"), Curve(0.3, 0.9, 1.5, 0.1), bases=6)
    with_gap = rates.copy()
    with_gap[2, 4] = np.nan
    assert dose_response(DOSES, with_gap) == dose_response(DOSES, np.delete(rates, 2, axis=0))


@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        (Curve(0.3, 0.9, 1.5, 0.001), {State.BELOW}),
        (Curve(0.3, 0.9, 1.5, 2.5), {State.ABOVE}),
        (Curve(0.4, 0.4, 1.0, 0.1), {State.NO_RESPONSE, State.DISAGREE}),
        (Curve(0.1, 0.9, 0.28, 0.1), {State.LINEAR}),
    ],
)
def test_no_number_stands_where_none_can_be_known(curve, expected):
    found = [dose_response(DOSES, drawn(rng(seed, "states"), curve, moved=0.1)) for seed in range(12)]
    assert sum(f.state in expected for f in found) >= 9
    assert sum(f.state is State.FITTED for f in found) <= 1
    for f in found:
        assert math.isnan(f.ec50) != (f.state is State.FITTED)
        if f.state is State.BELOW:
            assert f.low == 0 and min(d for d in DOSES if d) <= f.high <= max(DOSES)
        elif f.state is State.ABOVE:
            assert f.high == math.inf and min(d for d in DOSES if d) <= f.low <= max(DOSES)
        elif f.state is not State.FITTED:
            assert math.isnan(f.low) and math.isnan(f.high)


def test_bases_that_go_different_ways_are_no_response():
    """Each base answers, some up and some down: by BIC alone that would at times be a response."""
    slopes = np.array([0.3, -0.35, 0.25, -0.2, 0.05])
    way = Curve(0, 1, 1.5, 0.1).at(DOSES)
    rates = 0.5 + slopes[:, None] * way + 0.01 * rng(0, "ways").normal(size=(5, len(DOSES)))
    found = dose_response(DOSES, rates)
    assert found.state in (State.NO_RESPONSE, State.DISAGREE) and found.trend_p > 0.05


def test_few_doses_and_a_single_base_are_said():
    rates = drawn(rng(0, "few"), Curve(0.3, 0.9, 1.5, 0.1))
    assert dose_response(DOSES[:4], rates[:, :4]).state is State.FEW_DOSES
    assert dose_response(DOSES, rates[:1]).state is State.FEW_REPLICATES
    assert dose_response(DOSES, rates[:0]).state is State.FEW_REPLICATES
    assert dose_response(DOSES, rates[:2]).replicates == 2


@pytest.mark.parametrize(
    ("doses", "shape", "said"),
    [
        ((0.1, 0.2, 0.3, 0.4, 0.5), (3, 5), "one is 0"),
        ((0, 0.1, 0.1, 0.4, 0.5), (3, 5), "distinct"),
        ((0, -0.1, 0.1, 0.4, 0.5), (3, 5), "negative"),
        ((0, 0.1, 0.2, 0.4, 0.5), (3, 4), "rates of shape"),
    ],
)
def test_doses_that_cannot_be_fitted_are_an_error(doses, shape, said):
    with pytest.raises(InputError, match=said):
        dose_response(doses, np.zeros(shape))


def covered(curve, studies, name, **given):
    """How many intervals of EC50 hold the truth, how many there are, and how many are numbers."""
    stream, hit, there, fitted = rng(0, "coverage", name), 0, 0, 0
    for _ in range(studies):
        found = dose_response(DOSES, drawn(stream, curve, **given))
        fitted += found.state is State.FITTED
        if not math.isnan(found.low):
            there += 1
            hit += found.low <= curve.ec50 <= found.high
    return hit, there, fitted


def test_the_interval_covers_in_a_few_studies():
    """40 studies of 5 bases and 7 doses: below 34 of 40 has a chance of 0.3 % at a coverage of 95 %."""
    hit, there, fitted = covered(Curve(0.3, 0.9, 1.5, 0.1), 40, "few")
    assert there >= 38 and fitted >= 36 and hit >= there - 6


def test_a_response_is_seldom_found_where_there_is_none():
    stream = rng(0, "no response")
    found = [dose_response(DOSES, drawn(stream, Curve(0.4, 0.4, 1, 0.1), spread=0)) for _ in range(40)]
    assert sum(f.state not in (State.NO_RESPONSE, State.DISAGREE) for f in found) <= 6


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "curve", "given"),
    [
        ("own EC50", Curve(0.3, 0.9, 1.5, 0.1), {"moved": 0.2}),
        ("one EC50", Curve(0.3, 0.9, 1.5, 0.1), {"moved": 0.0, "spread": 0.0, "shift": 0.0}),
        ("far apart", Curve(0.3, 0.9, 1.5, 0.1), {"moved": 0.5}),
        ("plateau seldom seen", Curve(0.3, 0.9, 1.2, 0.4), {}),
        ("noisy", Curve(0.05, 0.7, 1.5, 0.1), {"noise": 0.05}),
    ],
)
def test_the_interval_covers_in_many_studies(name, curve, given):
    hit, there, _ = covered(curve, 300, name, **given)
    assert there >= 280 and hit / there > 0.95 - 3 * math.sqrt(0.05 * 0.95 / there)
