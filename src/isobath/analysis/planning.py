"""What a design could see: the smallest difference found at 80 % power, from a spread or from pilot variances."""

from __future__ import annotations

from typing import NamedTuple

from scipy import optimize

from isobath.analysis.distributions import noncentral_t_tail, t_quantile
from isobath.analysis.two_way import Array, parts

PILOT_BASE_SD, PILOT_QUESTION_SD = 0.10, 0.25
"""Pilot standard deviations of a paired difference of rates: between bases, and between questions of one base.

Round figures from the feasibility runs of the embedded world (docs/decisions/12-world-feasibility.md); replace them by
those of a pilot of your own (`variances`).
"""

POWER, LEVEL = 0.80, 0.95


class Variances(NamedTuple):
    """Variances of a rate, or of a paired difference of rates: between replicates, between questions, and the rest."""

    replicate: float
    question: float
    residual: float


def variances(values_RQ: Array) -> Variances:
    """Variance components of a replicates x questions table without gaps, from its mean squares (never below 0)."""
    replicates, questions = values_RQ.shape
    made = parts(values_RQ)
    residual = float(made.residual) * replicates * questions
    replicate = float(made.replicates) * replicates - residual / questions
    question = float(made.questions) * questions - residual / replicates
    return Variances(max(0.0, replicate), max(0.0, question), residual)


def detectable(se: float, df: float, power: float = POWER, level: float = LEVEL) -> float:
    """Smallest true difference that a t test with this standard error finds with `power` (two-sided).

    From the noncentral t distribution; the far tail, at most 1 - level, is left out. With few degrees of freedom this
    is up to a tenth below the usual (t_level + t_power) x SE.
    """
    critical = float(t_quantile(0.5 + level / 2, df))
    rough = critical + float(t_quantile(power, df))
    ratio = optimize.brentq(lambda d: noncentral_t_tail(critical, df, d) - power, 0.0, 2 * rough)
    return float(ratio) * se


def detectable_between(
    pilot: Variances, replicates: int, questions: int, paired: bool = True, power: float = POWER
) -> float:
    """`detectable` of a design before it is run.

    `pilot` are the variances of the paired difference; without pairing, those of one arm's rate, and both arms have
    `replicates`. The question variance counts as sampled (docs/statistics.md).
    """
    arms = 1 if paired else 2
    variance = arms * (
        pilot.replicate / replicates + pilot.question / questions + pilot.residual / (replicates * questions)
    )
    return detectable(variance**0.5, arms * (replicates - 1), power)


def detectable_effect(
    replicates: int,
    questions: int = 176,
    base_sd: float = PILOT_BASE_SD,
    question_sd: float = PILOT_QUESTION_SD,
) -> float:
    """`detectable_between` for a paired design over bases, from pilot standard deviations."""
    return detectable_between(Variances(base_sd**2, 0.0, question_sd**2), replicates, questions)
