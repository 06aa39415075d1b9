"""How a rate answers to a dose: a four-parameter logistic in log dose, its EC50, and when that cannot be known.

The curve is r(d) = lo + (hi - lo) s(slope (log d - log EC50)) with r(0) = lo and s the logistic function, the Hill or
four-parameter logistic curve of pharmacology: EC50 is the dose that brings half of the whole way from lo to the plateau
hi. It is fitted by weighted least squares to the mean over replicates (bases) of their rates: for a given slope and
EC50 the best lo and hi are known, so the two others are searched on a grid and then from several starts.

**The interval comes from the replicates.** For a candidate E the best curve with that EC50 is compared with the best
curve of all: each replicate has a number, by how much the second lies closer to its own rates. Their mean is the
difference D of the two sums of squares, and t = 2 D / (sd / sqrt R) is exact Student's t with R - 1 degrees of freedom
where the model is linear; the interval holds every E with |t| below its critical value. It assumes nothing of how a
replicate's doses vary together, and it is open where the doses cannot say more. Chosen by its coverage over others (see
docs/broadening/mixing.md): the usual F profile and the bootstrap over five bases are too narrow. The spread of five
numbers is at times small by luck, so it is never taken to be below what the pooled residuals say.

**A number only where it can be known.** The curve competes by BIC with no response at all (1 parameter), a step at the
lowest dose (2) and a straight line in log dose beside a free value at 0 (3); see `State`.

Legend: R replicates, D doses, G slopes, E candidates of log EC50.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from isobath.analysis.distributions import t_quantile, t_tail
from isobath.analysis.verdict import ALPHA
from isobath.base.errors import InputError
from isobath.base.logit_normal import expit

Array = npt.NDArray[np.float64]

FEWEST_DOSES = 4
"""Doses above 0 that four parameters need beside the rate at 0."""
SLOPES: Array = np.geomspace(0.4, 8.0, 20)
WIDE = math.log(100)
"""The search for EC50 goes this far (in log dose) beyond the doses on either side."""
CANDIDATES = 281


class State(StrEnum):
    """What can be said of the EC50."""

    FITTED = "fitted"
    """A number, with an interval that lies within the doses tried."""
    NO_RESPONSE = "no response"
    """By BIC a constant describes the rates best."""
    DISAGREE = "replicates disagree"
    """By BIC there is a response; but its trend over the doses' ranks, a number per replicate, is not told from 0."""
    LINEAR = "linear in log dose"
    """By BIC a straight line in log dose does: no plateau was seen, so there is no half way to it."""
    BELOW = "below the doses tried"
    """Only an upper bound: the lower end lies below the lowest dose, or by BIC the lowest dose does all there is."""
    ABOVE = "above the doses tried"
    """Only a lower bound: the upper end lies above the highest dose."""
    OPEN = "not located"
    """There is a response, and both ends lie outside the doses tried."""
    FEW_DOSES = "too few doses"
    """Fewer than `FEWEST_DOSES` above 0."""
    FEW_REPLICATES = "too few replicates"
    """A single replicate: nothing says how another would differ."""


class Curve(NamedTuple):
    """The four parameters; `ec50` is a dose."""

    lo: float
    hi: float
    slope: float
    ec50: float

    def at(self, doses: Sequence[float] | Array) -> Array:
        """Rates at `doses` (0 or more)."""
        d = np.asarray(doses, dtype=float)
        return self.lo + (self.hi - self.lo) * _shape(d, self.slope, math.log(self.ec50))


@dataclass(frozen=True)
class DoseResponse:
    """What `dose_response` found.

    `ec50` is NaN unless the state is `fitted`; `low` and `high` bound it (an open end is 0 or infinity), and are NaN
    where no bound can be given. `curve` is the best curve whatever the state, for drawing alone: its plateau and EC50
    may lie far outside the doses. `bic` holds that of ``curve``, ``line``, ``step`` and ``flat``; `trend_p` is the p of
    the trend over the doses' ranks (t over replicates).
    """

    state: State
    doses: tuple[float, ...]
    means: tuple[float, ...]
    replicates: int
    ec50: float = math.nan
    low: float = math.nan
    high: float = math.nan
    curve: Curve | None = None
    bic: tuple[tuple[str, float], ...] = ()
    trend_p: float = math.nan

    @property
    def best(self) -> str:
        """The description with the lowest BIC; "" if none was fitted."""
        return min(self.bic, key=lambda pair: pair[1])[0] if self.bic else ""


def dose_response(
    doses: Sequence[float],
    rates_RD: npt.ArrayLike,
    weights: Sequence[float] | None = None,
    level: float = 0.95,
    within: tuple[float, float] = (0.0, 1.0),
) -> DoseResponse:
    """Fit the curve to rates (R, D) of replicates that all had every dose; one with a gap (NaN) is left out.

    `doses` are distinct, 0 among them; `weights` says how much a dose's rates count (equal unless given); rates and
    plateaus lie `within` these limits. Raises `InputError` for doses that are negative, repeated or without 0, and for
    rates of another shape.
    """
    dose_D, rates = _checked(doses, np.asarray(rates_RD, dtype=float))
    order = np.argsort(dose_D)
    dose_D, rates = dose_D[order], rates[:, order]
    weight_D = np.ones(len(dose_D)) if weights is None else np.asarray(weights, dtype=float)[order]
    weight_D = weight_D / weight_D.mean()
    rates = rates[~np.isnan(rates).any(axis=1)]
    shown = tuple(map(float, dose_D)), tuple(map(float, rates.mean(0))) if len(rates) else ()
    if (dose_D > 0).sum() < FEWEST_DOSES:
        return DoseResponse(State.FEW_DOSES, *shown, len(rates))
    if len(rates) < 2:
        return DoseResponse(State.FEW_REPLICATES, *shown, len(rates))
    profile = _profile(dose_D, rates.mean(0), weight_D, within)
    low, high = _interval(profile, rates, weight_D, level)
    bic = _bic(dose_D, rates, weight_D, profile.least)
    trend_p = _trend(rates)
    state, ends = _state(min(bic, key=lambda pair: pair[1])[0], trend_p, low, high, dose_D)
    ec50 = profile.curve.ec50 if state is State.FITTED else math.nan
    return DoseResponse(state, *shown, len(rates), ec50, *ends, profile.curve, bic, trend_p)


def _checked(doses: Sequence[float], rates_RD: Array) -> tuple[Array, Array]:
    dose_D = np.asarray(doses, dtype=float)
    place = f"doses {', '.join(f'{d:g}' for d in dose_D)}"
    if len(set(dose_D.tolist())) < len(dose_D) or (dose_D < 0).any() or not (dose_D == 0).any():
        raise InputError(place, "doses are distinct, none is negative and one is 0", "give the arm without any as 0")
    if rates_RD.ndim != 2 or rates_RD.shape[1] != len(dose_D):
        raise InputError(f"rates of shape {rates_RD.shape}", f"{place} need replicates x {len(dose_D)}", "reshape them")
    return dose_D, rates_RD


def _shape(dose_D: Array, slope: Array | float, log_ec50: Array | float) -> Array:
    """How far along the way from lo to hi each dose is, in [0, 1]; slope and EC50 broadcast against the doses."""
    above = dose_D > 0
    out: Array = np.where(above, expit(slope * (np.log(np.where(above, dose_D, 1.0)) - log_ec50)), 0.0)
    return out


@dataclass(frozen=True)
class _Profile:
    """For every candidate of log EC50 the best curve's rates (E, D) and sum of squares (E,); the best of all."""

    log_ec50_E: Array
    rates_ED: Array
    squares_E: Array
    curve: Curve
    best_D: Array
    least: float


def _profile(dose_D: Array, mean_D: Array, weight_D: Array, within: tuple[float, float]) -> _Profile:
    from scipy import optimize

    logs = np.log(dose_D[dose_D > 0])
    candidates = np.linspace(logs.min() - WIDE, logs.max() + WIDE, CANDIDATES)
    shape = _shape(dose_D, SLOPES[:, None, None], candidates[None, :, None])
    lo, hi, squares = _ends(shape, mean_D, weight_D, within)
    best, column = squares.argmin(0), np.arange(CANDIDATES)
    lo_E, hi_E, shape_ED = lo[best, column], hi[best, column], shape[best, column]
    rates_ED = lo_E[:, None] + (hi_E - lo_E)[:, None] * shape_ED

    def cost(x: Array) -> float:
        slope = float(np.clip(math.exp(x[0]), SLOPES[0], SLOPES[-1]))
        return float(_ends(_shape(dose_D, slope, x[1]), mean_D, weight_D, within)[2])

    squares_E = squares[best, column]
    found = [(float(squares_E.min()), math.log(SLOPES[best[squares_E.argmin()]]), candidates[squares_E.argmin()])]
    for start in np.argsort(squares_E, kind="stable")[: 3 * 12 : 12]:
        made = optimize.minimize(
            cost, (math.log(SLOPES[best[start]]), candidates[start]), method="Nelder-Mead", options={"maxfev": 120}
        )
        found.append((float(made.fun), float(made.x[0]), float(made.x[1])))
    _, log_slope, log_ec50 = min(found)
    slope = float(np.clip(math.exp(log_slope), SLOPES[0], SLOPES[-1]))
    log_ec50 = float(np.clip(log_ec50, candidates[0], candidates[-1]))
    ends = _ends(_shape(dose_D, slope, log_ec50), mean_D, weight_D, within)
    curve = Curve(float(ends[0]), float(ends[1]), slope, math.exp(log_ec50))
    return _Profile(candidates, rates_ED, squares_E, curve, curve.at(dose_D), float(ends[2]))


def _ends(shape: Array, mean_D: Array, weight_D: Array, within: tuple[float, float]) -> tuple[Array, Array, Array]:
    """The best lo and hi `within` limits and the weighted sum of squares, for shapes (..., D)."""
    rest = 1 - shape
    a, b, c = rest**2 @ weight_D, (rest * shape) @ weight_D, shape**2 @ weight_D
    p, q = rest @ (weight_D * mean_D), shape @ (weight_D * mean_D)
    det = a * c - b**2
    sure = det > 1e-9 * a
    safe_c, safe_det = np.maximum(c, 1e-12), np.where(sure, det, 1.0)
    middle = (weight_D * mean_D).sum() / weight_D.sum()
    # where no dose tells lo from hi the curve is flat: nothing is learned of a plateau
    hi = np.where(sure, (a * q - b * p) / safe_det, middle)
    lo = np.where(sure, (c * p - b * q) / safe_det, middle)
    outside = (hi < within[0]) | (hi > within[1])
    hi = np.clip(hi, *within)
    lo = np.where(outside, (p - b * hi) / a, lo)
    outside = (lo < within[0]) | (lo > within[1])
    lo = np.clip(lo, *within)
    hi = np.where(outside & (c > 1e-9), np.clip((q - b * lo) / safe_c, *within), hi)
    made = lo[..., None] * rest + hi[..., None] * shape
    return lo, hi, (made - mean_D) ** 2 @ weight_D


def _interval(profile: _Profile, rates_RD: Array, weight_D: Array, level: float) -> tuple[float, float]:
    """Ends of the interval of EC50 (doses; 0 or infinity where open), by the replicates' profile."""
    count = len(rates_RD)
    apart_ED = profile.best_D - profile.rates_ED
    middle_ED = (profile.best_D + profile.rates_ED) / 2
    closer_RE = 2 * ((rates_RD[:, None] - middle_ED) * apart_ED) @ weight_D
    left_RD = rates_RD - profile.best_D
    left_RD = left_RD - (left_RD @ weight_D / weight_D.sum())[:, None]
    pooled = ((left_RD - left_RD.mean(0)) ** 2 @ weight_D).sum() / ((count - 1) * (rates_RD.shape[1] - 1))
    floor_E = 2 * np.sqrt(pooled * apart_ED**2 @ weight_D)
    noise_E = np.maximum(closer_RE.std(axis=0, ddof=1), floor_E) / math.sqrt(count)
    gain_E = np.maximum(profile.squares_E - profile.least, 0.0)
    t_E = 2 * gain_E / np.maximum(noise_E, 1e-15)
    over_E = t_E - float(t_quantile(0.5 + level / 2, count - 1))
    nearest = int(np.abs(profile.log_ec50_E - math.log(profile.curve.ec50)).argmin())
    ends = [_crossing(profile.log_ec50_E, over_E, nearest, step) for step in (-1, 1)]
    # with hardly any noise it would be narrower than the step between candidates; it holds the estimate all the same
    return min(ends[0], profile.curve.ec50), max(ends[1], profile.curve.ec50)


def _crossing(at_E: Array, over_E: Array, start: int, step: int) -> float:
    """The dose at which `over_E` first turns positive from `start` on, between candidates by a straight line."""
    i = start
    while 0 <= i + step < len(at_E):
        if over_E[i + step] > 0:
            inner, outer = min(float(over_E[i]), 0.0), float(over_E[i + step])
            return math.exp(at_E[i] + (at_E[i + step] - at_E[i]) * (-inner / (outer - inner)))
        i += step
    return 0.0 if step < 0 else math.inf


def _bic(dose_D: Array, rates_RD: Array, weight_D: Array, least: float) -> tuple[tuple[str, float], ...]:
    """BIC of four descriptions of the replicates' rates, each replicate with a level of its own."""
    count, n = len(rates_RD), rates_RD.size
    mean_D = rates_RD.mean(0)
    own = rates_RD - (rates_RD @ weight_D / weight_D.sum())[:, None]
    inside = float((((own - own.mean(0)) ** 2) @ weight_D).sum())
    above = (dose_D > 0).astype(float)
    log_D = np.log(np.where(dose_D > 0, dose_D, 1.0))
    constant = np.ones_like(dose_D)
    designs = {
        "line": np.stack([constant, above, log_D * above]),
        "step": np.stack([constant, above]),
        "flat": constant[None],
    }
    left = {"curve": (least, 4)}
    for name, design in designs.items():
        root = np.sqrt(weight_D)
        fitted = np.linalg.lstsq((design * root).T, mean_D * root, rcond=None)[0] @ design
        left[name] = (float((mean_D - fitted) ** 2 @ weight_D), len(design))
    floor = 1e-12
    return tuple(
        (name, n * math.log(max((inside + count * squares) / n, floor)) + k * math.log(n))
        for name, (squares, k) in left.items()
    )


def _trend(rates_RD: Array) -> float:
    """p of the slope over the doses' ranks: one number per replicate, Student's t."""
    count, doses = rates_RD.shape
    slope_R = rates_RD @ (np.arange(doses) - (doses - 1) / 2)
    se = float(slope_R.std(ddof=1)) / math.sqrt(count)
    return float(2 * t_tail(abs(float(slope_R.mean())) / se, count - 1)) if se > 1e-12 else math.nan


def _state(best: str, trend_p: float, low: float, high: float, dose_D: Array) -> tuple[State, tuple[float, float]]:
    """The state, and the bounds that go with it."""
    unknown = (math.nan, math.nan)
    if best == "flat":
        return State.NO_RESPONSE, unknown
    if trend_p >= ALPHA:
        return State.DISAGREE, unknown
    if best == "line":
        return State.LINEAR, unknown
    least, most = float(dose_D[dose_D > 0].min()), float(dose_D.max())
    above, below = low >= least and best == "curve", high <= most
    if above and below:
        return State.FITTED, (low, high)
    if below:
        return State.BELOW, (0.0, max(high, least))  # a bound between 0 and the lowest dose would be the model's word
    if above:
        return State.ABOVE, (min(low, most), math.inf)
    return State.OPEN, unknown
