"""Mean of a replicates x questions table and its standard error, whichever of the two stand for more of their kind.

Crossed random effects, y_rq = mu + a_r + b_q + e_rq, give Var(mean) = s_a^2/R + s_b^2/Q + s_e^2/(RQ). With A and B the
variances of the mean that replicates and questions show on their own (each also holds s_e^2/(RQ)) and E that of the
residuals, A + B - E estimates it without counting residuals twice; in a table without gaps this is the classical
(MS_r + MS_q - MS_e)/(RQ), and with gaps the two-way clustered form of it (Cameron, Gelbach and Miller 2011). Degrees of
freedom: Satterthwaite (1946). Measured coverage: docs/statistics.md.

Legend: ... simulated studies (leading axes), R replicates, Q questions. A gap is NaN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from isobath.analysis.distributions import t_quantile, t_tail

Array = npt.NDArray[np.float64]

Over = Literal["both", "replicates", "questions"]
"""What the mean is generalised over; what is not named is taken as fixed: this suite, or these checkpoints."""

FIT_ROUNDS = 25
"""Rounds of alternating means that fit replicate and question effects where the table has gaps."""

ROUNDING = 1e-12
"""A standard error of a rate, or a difference of rates, below this is none."""


class Moments(NamedTuple):
    """Mean, standard error and degrees of freedom, one of each per table."""

    mean: Array
    se: Array
    df: Array


@dataclass(frozen=True)
class Spread:
    """Mean, standard error and degrees of freedom; `replicates` and `questions` say what they rest on."""

    mean: float
    se: float
    df: float
    replicates: int
    questions: int
    over: Over

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """t interval around the mean."""
        half = float(t_quantile(0.5 + level / 2, self.df)) * self.se if self.se > 0 else 0.0
        return self.mean - half, self.mean + half

    @property
    def units(self) -> int:
        """The larger number of units that can be independent of one another: what is counted where nothing varies."""
        return max(self.replicates, self.questions)

    def p_value(self) -> float:
        """Two-sided p of the mean being 0; a sign test over `units` where nothing varies and t is undefined."""
        if self.se == 0:
            return 1.0 if abs(self.mean) < ROUNDING else min(1.0, 2 * 0.5**self.units)
        return float(2 * t_tail(abs(self.mean) / self.se, self.df))

    def p_equivalent(self, margin: float) -> float:
        """p of the mean lying `margin` or more from 0: two one-sided tests (Schuirmann 1987).

        Where nothing varies, the chance that `units` draws all miss an effect of the size that is left.
        """
        if self.se == 0:
            return min(1.0, max(0.0, 1 - max(0.0, margin - abs(self.mean))) ** self.units)
        return float(t_tail((margin - abs(self.mean)) / self.se, self.df))


class Parts(NamedTuple):
    """What the variance of a mean is made of: shown by replicates, by questions, and by residuals."""

    mean: Array
    replicates: Array
    questions: Array
    residual: Array
    df_replicates: float
    df_questions: float
    df_residual: float
    pull_Q: Array
    """Each question's share in the mean's departure from its expectation, (..., Q); sums to 0."""


def two_way(values_RQ: Array, weights_RQ: Array | None = None, over: Over = "both") -> Spread | None:
    """`Spread` of one table; None if too little is there to say anything of others.

    Rows and columns without a value are left out. ``both`` with a single question falls back to ``replicates``; with a
    single replicate there is no interval for others like it: ask for ``questions``, about these checkpoints.
    """
    has = ~np.isnan(values_RQ)
    rows, columns = has.any(axis=1), has.any(axis=0)
    table = values_RQ[np.ix_(rows, columns)]
    weights = None if weights_RQ is None else weights_RQ[np.ix_(rows, columns)]
    replicates, questions = table.shape
    if over == "both" and questions == 1:
        over = "replicates"
    if questions < (2 if over == "questions" else 1) or replicates < (1 if over == "questions" else 2):
        return None
    mean, se, df = moments(table, weights, over)
    return Spread(float(mean), float(se), float(df), replicates, questions, over)


def moments(values: Array, weights: Array | None = None, over: Over = "both") -> Moments:
    """Mean, standard error and degrees of freedom of tables (..., R, Q); each replicate counts the same.

    `weights` are relative within a replicate. No row or column may consist of gaps alone.
    """
    made = parts(values, weights)
    if over == "replicates":
        return Moments(made.mean, root(made.replicates), np.full_like(made.mean, made.df_replicates))
    if over == "questions":
        return Moments(made.mean, root(made.questions), np.full_like(made.mean, made.df_questions))
    return _crossed(made)


def root(variance: Array) -> Array:
    """Standard error; exactly 0 where equal values differ by rounding alone."""
    se = np.sqrt(variance)
    return np.where(se < ROUNDING, 0.0, se)


def _crossed(made: Parts) -> Moments:
    """A + B - E; a component estimated below zero is left out rather than let to shrink the error."""
    a, b, e = made.replicates, made.questions, made.residual
    total, floor = a + b - e, np.maximum(a, b)
    spread = a**2 / made.df_replicates + b**2 / made.df_questions + e**2 / max(made.df_residual, 1.0)
    satterthwaite = total**2 / np.where(spread > 0, spread, 1.0)
    alone = np.where(a >= b, made.df_replicates, made.df_questions)
    df = np.where((total <= floor) | (spread == 0), alone, satterthwaite)
    least = min(made.df_replicates, made.df_questions)
    return Moments(made.mean, root(np.maximum(total, floor)), np.maximum(df, least))


def parts(values: Array, weights: Array | None = None) -> Parts:
    """The parts of the variance of the mean of tables (..., R, Q)."""
    replicates, questions = values.shape[-2:]
    has = ~np.isnan(values)
    gaps = not bool(has.all())
    y = np.where(has, values, 0.0) if gaps else values
    share = np.where(has, 1.0 if weights is None else weights, 0.0)
    share = share / share.sum(-1, keepdims=True) / replicates
    mean = (share * y).sum((-2, -1))
    rates_R = (share * y).sum(-1) * replicates
    shown_r = ((rates_R - mean[..., None]) ** 2).sum(-1) / replicates / max(replicates - 1, 1)
    centred = (y - mean[..., None, None]) * has
    effect_R, effect_Q = _effects(centred, has, share)
    pull_Q = (share * (centred - effect_R[..., None] * has)).sum(-2)
    shown_q = (pull_Q**2).sum(-1) * questions / max(questions - 1, 1)
    rest = (centred - effect_R[..., None] - effect_Q[..., None, :]) * has
    cells = float(has.sum() / max(1, np.prod(values.shape[:-2])))
    df_rest = cells - replicates - questions + 1
    shown_e = ((share * rest) ** 2).sum((-2, -1)) * cells / df_rest if df_rest > 0 else np.zeros_like(mean)
    return Parts(
        mean,
        shown_r,
        shown_q,
        shown_e,
        float(max(replicates - 1, 1)),
        float(max(questions - 1, 1)),
        max(df_rest, 0.0),
        pull_Q,
    )


def _effects(centred: Array, has: npt.NDArray[np.bool_], share: Array) -> tuple[Array, Array]:
    """Replicate and question effects of the additive fit, weighted by `share`; replicate effects sum to 0."""
    in_row, in_column = share.sum(-1), share.sum(-2)
    complete = bool(has.all()) and bool(np.allclose(share, share[..., :1, :]))
    effect_Q = np.zeros(centred.shape[:-2] + centred.shape[-1:])
    effect_R = effect_Q.sum(-1, keepdims=True) * np.zeros(centred.shape[-2])
    for _ in range(1 if complete else FIT_ROUNDS):
        effect_R = (share * (centred - effect_Q[..., None, :] * has)).sum(-1) / in_row
        effect_R = effect_R - effect_R.mean(-1, keepdims=True)
        effect_Q = (share * (centred - effect_R[..., None] * has)).sum(-2) / in_column
    return effect_R, effect_Q
