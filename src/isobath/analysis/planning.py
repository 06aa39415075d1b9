"""What a design could see: the smallest difference detectable at 80 % power."""

from __future__ import annotations

from scipy import stats

PILOT_BASE_SD, PILOT_QUESTION_SD = 0.10, 0.25
"""Pilot standard deviations of a paired difference of rates: between bases, and between questions of one base.

Round figures from the feasibility runs of the embedded world (docs/decisions/12-world-feasibility.md); replace them by
those of a pilot of your own.
"""

POWER, LEVEL = 0.80, 0.95


def detectable(se: float, df: float, power: float = POWER, level: float = LEVEL) -> float:
    """Smallest true difference that a t test with this standard error finds with `power` (two-sided).

    (t_{level, df} + t_{power, df}) x SE, the usual approximation to the noncentral t.
    """
    return float(stats.t.ppf(0.5 + level / 2, df) + stats.t.ppf(power, df)) * se


def detectable_effect(
    replicates: int,
    questions: int = 176,
    base_sd: float = PILOT_BASE_SD,
    question_sd: float = PILOT_QUESTION_SD,
) -> float:
    """`detectable` for a paired design before it is run, from pilot standard deviations."""
    variance = base_sd**2 / replicates + question_sd**2 / (replicates * questions)
    return detectable(variance**0.5, replicates - 1)
