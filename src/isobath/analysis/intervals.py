"""Intervals for a rate. Which is used when, and how often each is right: docs/statistics.md.

Wald intervals and percentile bootstraps over a few replicates are not offered: they are too narrow (methods measured in
docs/statistics.md).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy import special

from isobath.analysis.distributions import beta_quantile, t_quantile
from isobath.analysis.two_way import Array, Moments, Spread


class Interval(NamedTuple):
    """Lower and upper bound."""

    low: float
    high: float


class Bounds(NamedTuple):
    """Lower and upper bounds, one pair per simulated study."""

    low: Array
    high: Array


def rate_interval(spread: Spread, level: float = 0.95) -> Interval:
    """t interval of a mean rate, made on the logit scale so that it stays inside (0, 1); see `logit_bounds`.

    Where nothing varies (every value 0, say) the standard error says nothing: Clopper-Pearson for that share of
    `spread.units`, the larger number of units that can be independent of one another.
    """
    p = spread.mean
    if spread.se == 0 or p <= 0 or p >= 1:
        return clopper_pearson(min(1.0, max(0.0, p)) * spread.units, spread.units, level)
    made = logit_bounds(Moments(np.array(p), np.array(spread.se), np.array(spread.df)), level)
    return Interval(float(made.low), float(made.high))


def logit_bounds(moments: Moments, level: float = 0.95) -> Bounds:
    """Delta-method t bounds of mean rates strictly between 0 and 1.

    With V = (se / (p (1 - p)))^2 the logit of an estimated mean lies V (1 - 2p)/2 too low on average (second order of
    the delta method): the centre is moved by that.
    """
    p = moments.mean
    se = moments.se / (p * (1 - p))
    centre = special.logit(p) + se**2 * (1 - 2 * p) / 2
    half = t_quantile(0.5 + level / 2, moments.df) * se
    return Bounds(special.expit(centre - half), special.expit(centre + half))


def typical_interval(rates_R: Array, responses: int, level: float = 0.95) -> Interval | None:
    """t interval on replicate-level logits: about the *typical* replicate (the median), not the mean over replicates.

    `responses` is how many a replicate's rate rests on (`half_response`). None for a single replicate.
    """
    if len(rates_R) < 2:
        return None
    made = typical_bounds(rates_R, responses, level)
    return Interval(float(made.low), float(made.high))


def typical_bounds(rates_R: Array, responses: int, level: float = 0.95) -> Bounds:
    """`typical_interval` for rates (..., R)."""
    logits_R = special.logit(half_response(rates_R, responses))
    replicates = logits_R.shape[-1]
    half = t_quantile(0.5 + level / 2, replicates - 1) * logits_R.std(-1, ddof=1) / replicates**0.5
    centre = logits_R.mean(-1)
    return Bounds(special.expit(centre - half), special.expit(centre + half))


def half_response(rates: Array, responses: int) -> Array:
    """Rates with 0 and 1 moved to half a response of one more than were asked, so that their logit exists."""
    least = 0.5 / (responses + 1)
    return np.clip(rates, least, 1 - least)


def difference_interval(spread: Spread, level: float = 0.95) -> Interval:
    """t interval of a difference of rates, cut to [-1, 1]; where nothing varies, Clopper-Pearson's bound each way."""
    if spread.se == 0:
        bound = clopper_pearson(0, spread.units, level).high
        return Interval(max(-1.0, spread.mean - bound), min(1.0, spread.mean + bound))
    low, high = spread.interval(level)
    return Interval(max(-1.0, low), min(1.0, high))


def jeffreys(hits: float, n: int, level: float = 0.95) -> Interval:
    """Jeffreys interval for `hits` of `n` independent draws (Brown, Cai and DasGupta 2001)."""
    tail = (1 - level) / 2
    low = beta_quantile(tail, hits + 0.5, n - hits + 0.5) if hits > 0 else 0.0
    high = beta_quantile(1 - tail, hits + 0.5, n - hits + 0.5) if hits < n else 1.0
    return Interval(low, high)


def clopper_pearson(hits: float, n: int, level: float = 0.95) -> Interval:
    """Exact interval for `hits` of `n` independent draws (Clopper and Pearson 1934); never below its level."""
    tail = (1 - level) / 2
    low = beta_quantile(tail, hits, n - hits + 1) if hits > 0 else 0.0
    high = beta_quantile(1 - tail, hits + 1, n - hits) if hits < n else 1.0
    return Interval(low, high)


def naive_se(row_sd: float, rows: int) -> float:
    """Standard error as if every row were independent: for comparison beside the right one, never alone."""
    return row_sd / math.sqrt(rows) if rows else math.nan


def design_effect(spread: Spread | None, row_sd: float, rows: int) -> float:
    """How many times the naive variance the right one is; NaN where either is not known or 0."""
    naive = naive_se(row_sd, rows)
    return (spread.se / naive) ** 2 if spread is not None and naive > 0 else math.nan
