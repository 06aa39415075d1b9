"""Differences between two sets of questions: regions of one landscape. Replicates are paired, questions are not.

The sides share what makes a base high or low, which drops out of the difference; each side draws its own questions, so
both sets add to its variance. With A the variance that replicates show in the paired differences, B1 and B2 those that
the questions of either side show, E1 and E2 those of the residuals, SE^2 = A + B1 + B2 - E1 - E2: `two_way` for each
side, with the covariance over replicates that pairing takes out. Never below A or B1 + B2; degrees of freedom:
Satterthwaite (1946).
"""

from __future__ import annotations

import numpy as np

from isobath.analysis.contrasts import Contrast, paired_logits, welch_logits
from isobath.analysis.replicates import Side, mean_of
from isobath.analysis.two_way import Array, Moments, Over, Parts, Spread, parts, root


def apart(treatment: Side, reference: Side, over: Over = "both") -> Contrast | None:
    """Treatment minus reference, sides that were asked different questions; None if one has no value at all.

    Replicates that both sides have are paired; without any in common it is Welch's comparison. A side without
    replicates (an untrained model under *this model*) is the partner of every replicate of the other. A single
    replicate has a difference and no spread, unless `over` is ``questions``. With a single question on a side nothing
    is known of others like it, and the spread is over replicates.
    """
    sides = _matched(treatment, reference)
    if sides is None:
        return None
    a, b, paired, dropped = sides
    responses = [max(1, round(s.rows / len(s.replicates))) for s in (treatment, reference)]
    tests, counts = paired_logits if paired else welch_logits, (len(a.values), len(b.values))
    return Contrast(
        mean=mean_of(a.values, a.weights) - mean_of(b.values, b.weights),
        spread=_spread(a, b, "questions" if treatment.fixed and reference.fixed else over, paired),
        paired=paired,
        replicates=min(counts),
        questions=min(a.values.shape[1], b.values.shape[1]),
        dropped=dropped,
        p_logits=float(tests(a.rates, b.rates, min(responses))) if min(counts) > 1 else None,
    )


def apart_spread(treatment: Side, reference: Side, over: Over = "both", scale: float = 1.0) -> Spread | None:
    """The spread of `scale` x treatment - reference, as in `apart`; None where too little is there for one."""
    sides = _matched(treatment, reference)
    if sides is None:
        return None
    a, b, paired, _ = sides
    return _spread(a, b, "questions" if treatment.fixed and reference.fixed else over, paired, scale)


def apart_moments(
    a: Array,
    b: Array,
    weights: tuple[Array | None, Array | None] = (None, None),
    over: Over = "both",
    scale: float = 1.0,
) -> Moments:
    """Mean of `scale` x a - b, its standard error and degrees of freedom, for tables a (..., R, Qa) and b (..., R, Qb)
    of the same replicates and different questions. No row or column may consist of gaps alone."""
    one, two = parts(a, weights[0]), parts(b, weights[1])
    gap_R = scale * _rates(a, weights[0]) - _rates(b, weights[1])
    replicates = gap_R.shape[-1]
    shown = gap_R.var(-1, ddof=1) / replicates if replicates > 1 else np.zeros_like(one.mean)
    return _joined(one, two, shown, np.full_like(one.mean, max(replicates - 1, 1)), over, scale)


def unpaired_moments(
    a: Array,
    b: Array,
    weights: tuple[Array | None, Array | None] = (None, None),
    over: Over = "both",
    scale: float = 1.0,
) -> Moments:
    """As `apart_moments`, for sides that share no replicate either (Welch 1947)."""
    one, two = parts(a, weights[0]), parts(b, weights[1])
    own = scale**2 * one.replicates
    shown = own + two.replicates
    inner = own**2 / one.df_replicates + two.replicates**2 / two.df_replicates
    df = np.where(inner > 0, shown**2 / np.where(inner > 0, inner, 1.0), one.df_replicates + two.df_replicates)
    return _joined(one, two, shown, df, over, scale)


def _joined(one: Parts, two: Parts, shown: Array, df_shown: Array, over: Over, scale: float) -> Moments:
    mean = scale * one.mean - two.mean
    if over == "replicates":
        return Moments(mean, root(shown), df_shown)
    asked = [scale**2 * one.questions, two.questions]
    of_questions = asked[0] + asked[1]
    spread_q = asked[0] ** 2 / one.df_questions + asked[1] ** 2 / two.df_questions
    least_q = float(min(one.df_questions, two.df_questions))
    df_q = np.where(spread_q > 0, of_questions**2 / np.where(spread_q > 0, spread_q, 1.0), least_q)
    if over == "questions":
        return Moments(mean, root(of_questions), df_q)
    rest = [scale**2 * one.residual, two.residual]
    total, floor = shown + of_questions - rest[0] - rest[1], np.maximum(shown, of_questions)
    spread = shown**2 / df_shown + spread_q
    spread = spread + sum(r**2 / max(p.df_residual, 1.0) for r, p in zip(rest, (one, two), strict=True))
    satterthwaite = total**2 / np.where(spread > 0, spread, 1.0)
    alone = np.where(shown >= of_questions, df_shown, df_q)
    df = np.where((total <= floor) | (spread == 0), alone, satterthwaite)
    return Moments(mean, root(np.maximum(total, floor)), np.maximum(df, np.minimum(df_shown, df_q)))


def _rates(values: Array, weights: Array | None) -> Array:
    """Weighted mean of each replicate (..., R)."""
    has = ~np.isnan(values)
    share = np.where(has, 1.0 if weights is None else weights, 0.0)
    out: Array = (share * np.where(has, values, 0.0)).sum(-1) / share.sum(-1)
    return out


class _Table:
    """Values and weights (R, Q) without a row or column of gaps."""

    def __init__(self, values: Array, weights: Array) -> None:
        self.values, self.weights = values, weights

    @property
    def size(self) -> int:
        return int(self.values.size)

    @property
    def count(self) -> int:
        return int((~np.isnan(self.values)).sum())

    @property
    def rates(self) -> Array:
        return _rates(self.values, self.weights)

    def rows(self, kept: list[int]) -> _Table:
        return _Table(self.values[kept], self.weights[kept])

    def repeated(self, count: int) -> _Table:
        return self.rows([0] * count)

    def trimmed(self) -> _Table:
        """Without questions that no replicate has left."""
        has = (~np.isnan(self.values)).any(axis=0)
        return _Table(self.values[:, has], self.weights[:, has])


def _filled(side: Side) -> _Table:
    has = ~np.isnan(side.values_RQ)
    place = np.ix_(has.any(axis=1), has.any(axis=0))
    return _Table(side.values_RQ[place], side.weights_RQ[place])


def _names(side: Side) -> list[str]:
    """Replicates with a value, in order."""
    full = np.flatnonzero((~np.isnan(side.values_RQ)).any(axis=1))
    return [side.replicates[i] for i in full]


def _matched(treatment: Side, reference: Side) -> tuple[_Table, _Table, bool, int] | None:
    """Both tables on the replicates they share (or all, if none), whether they share any, and how many values that
    leaves out; None if a side has no value."""
    a, b = _filled(treatment), _filled(reference)
    if not a.size or not b.size:
        return None
    if treatment.fixed != reference.fixed:
        a, b = (a, b.repeated(len(a.values))) if reference.fixed else (a.repeated(len(b.values)), b)
        return a, b, True, 0
    names = [_names(side) for side in (treatment, reference)]
    common = [name for name in names[0] if name in set(names[1])]
    if not common:
        return a, b, False, 0
    kept = [t.rows([of.index(n) for n in common]).trimmed() for t, of in zip((a, b), names, strict=True)]
    return kept[0], kept[1], True, a.count + b.count - kept[0].count - kept[1].count


def _spread(a: _Table, b: _Table, over: Over, paired: bool, scale: float = 1.0) -> Spread | None:
    replicates, questions = min(len(a.values), len(b.values)), min(a.values.shape[1], b.values.shape[1])
    if over == "both" and questions == 1:
        over = "replicates"
    if questions < (2 if over == "questions" else 1) or replicates < (1 if over == "questions" else 2):
        return None
    made = (apart_moments if paired else unpaired_moments)(a.values, b.values, (a.weights, b.weights), over, scale)
    return Spread(float(made.mean), float(made.se), float(made.df), replicates, questions, over)
