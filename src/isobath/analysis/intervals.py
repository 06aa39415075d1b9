"""Intervals for a rate. Which is used when: docs/statistics.md. Wald and percentile bootstraps are not offered."""

from __future__ import annotations

import math
from typing import NamedTuple

from scipy import stats

from isobath.analysis.two_way import Spread


class Interval(NamedTuple):
    """Lower and upper bound."""

    low: float
    high: float


def rate_interval(spread: Spread, level: float = 0.95) -> Interval:
    """t interval of a rate on the logit scale (delta method), so that it stays inside (0, 1).

    Where nothing varies (every value 0, or every value 1) the standard error says nothing: Clopper-Pearson for
    0 (or all) of max(replicates, questions), the larger number of units that are independent at best.
    """
    p = spread.mean
    if spread.se == 0 or p <= 0 or p >= 1:
        n = max(spread.replicates, spread.questions)
        if p <= 0:
            return Interval(0.0, clopper_pearson(0, n, level).high)
        if p >= 1:
            return Interval(clopper_pearson(n, n, level).low, 1.0)
        return Interval(p, p)
    half = float(stats.t.ppf(0.5 + level / 2, spread.df)) * spread.se / (p * (1 - p))
    centre = math.log(p / (1 - p))
    return Interval(_sigmoid(centre - half), _sigmoid(centre + half))


def difference_interval(spread: Spread, level: float = 0.95) -> Interval:
    """t interval of a difference of rates, cut to [-1, 1]; where nothing varies, Clopper-Pearson's bound each way."""
    if spread.se == 0:
        bound = clopper_pearson(0, max(spread.replicates, spread.questions), level).high
        return Interval(max(-1.0, spread.mean - bound), min(1.0, spread.mean + bound))
    low, high = spread.interval(level)
    return Interval(max(-1.0, low), min(1.0, high))


def jeffreys(hits: int, n: int, level: float = 0.95) -> Interval:
    """Jeffreys interval for `hits` of `n` independent draws (Brown, Cai and DasGupta 2001, section 3.1.3)."""
    tail = (1 - level) / 2
    low = float(stats.beta.ppf(tail, hits + 0.5, n - hits + 0.5)) if hits else 0.0
    high = float(stats.beta.ppf(1 - tail, hits + 0.5, n - hits + 0.5)) if hits < n else 1.0
    return Interval(low, high)


def clopper_pearson(hits: int, n: int, level: float = 0.95) -> Interval:
    """Exact interval for `hits` of `n` independent draws (Clopper and Pearson 1934); never below its level."""
    tail = (1 - level) / 2
    low = float(stats.beta.ppf(tail, hits, n - hits + 1)) if hits else 0.0
    high = float(stats.beta.ppf(1 - tail, hits + 1, n - hits)) if hits < n else 1.0
    return Interval(low, high)


def naive_se(mean: float, rows: int) -> float:
    """Binomial standard error as if every row were independent: for comparison beside the right one, never alone."""
    return math.sqrt(max(0.0, mean * (1 - mean)) / rows) if rows else math.nan


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))
