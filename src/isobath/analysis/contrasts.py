"""Differences between two cells of a study (an arm under a condition, and another), paired where the design pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from isobath.analysis.distributions import t_tail
from isobath.analysis.intervals import half_response
from isobath.analysis.replicates import Side, mean_of
from isobath.analysis.two_way import Array, Moments, Over, Spread, parts, root, two_way


@dataclass(frozen=True)
class Contrast:
    """Mean difference of rates, with its spread where there are replicates to judge it by.

    `paired` says whether replicates were matched, `dropped` how many values of either side had no partner and were left
    out, `p_logits` is the p of the same comparison on replicate-level logits (about this suite; see `paired_logits`).
    """

    mean: float
    spread: Spread | None
    paired: bool
    replicates: int
    questions: int
    dropped: int
    p_logits: float | None = None


def contrast(treatment: Side, reference: Side, over: Over = "both") -> Contrast | None:
    """Treatment minus reference; None if they share no question with values.

    Replicates that both sides have are paired (same base: what makes a base high or low drops out), and so are
    questions. A side without replicates (an untrained model under *this model*) is compared with each replicate of the
    other. With no replicate in common: `welch`. One replicate has a mean difference and no spread, unless `over` is
    ``questions``; two sides without replicates are the whole of what is claimed: their spread is over questions.
    """
    a, b = _same_questions(treatment, reference)
    if treatment.fixed != reference.fixed:
        a, b = _repeated(a, b) if reference.fixed else _repeated(b, a)[::-1]
        names = treatment.replicates if reference.fixed else reference.replicates
        return _paired(a, b, names, treatment, reference, over)
    if treatment.fixed:
        over = "questions"
    common = tuple(r for r in treatment.replicates if r in set(reference.replicates))
    if common:
        rows = [[s.replicates.index(r) for r in common] for s in (treatment, reference)]
        return _paired(_rows(a, rows[0]), _rows(b, rows[1]), common, treatment, reference, over)
    return _unpaired(a, b, treatment, reference, over)


@dataclass(frozen=True)
class _Table:
    values_RQ: Array
    weights_RQ: Array


def _same_questions(treatment: Side, reference: Side) -> tuple[_Table, _Table]:
    known = {q: i for i, q in enumerate(reference.questions)}
    mine = [i for i, q in enumerate(treatment.questions) if q in known]
    theirs = [known[treatment.questions[i]] for i in mine]
    return (
        _Table(treatment.values_RQ[:, mine], treatment.weights_RQ[:, mine]),
        _Table(reference.values_RQ[:, theirs], reference.weights_RQ[:, theirs]),
    )


def _repeated(many: _Table, one: _Table) -> tuple[_Table, _Table]:
    rows = [0] * len(many.values_RQ)
    return many, _rows(one, rows)


def _rows(table: _Table, rows: list[int]) -> _Table:
    return _Table(table.values_RQ[rows], table.weights_RQ[rows])


def _paired(
    a: _Table, b: _Table, names: tuple[str, ...], treatment: Side, reference: Side, over: Over
) -> Contrast | None:
    gap_RQ = a.values_RQ - b.values_RQ
    has = ~np.isnan(gap_RQ)
    if not has.any():
        return None
    weights_RQ = (a.weights_RQ + b.weights_RQ) / 2
    rows, columns = has.any(axis=1), has.any(axis=0)
    used = [_Table(np.where(has, t.values_RQ, np.nan)[rows], t.weights_RQ[rows]) for t in (a, b)]
    responses = [max(1, round(side.rows / len(side.replicates))) for side in (treatment, reference)]
    rates = [
        np.array([mean_of(v[None], w[None]) for v, w in zip(t.values_RQ, t.weights_RQ, strict=True)]) for t in used
    ]
    return Contrast(
        mean=mean_of(gap_RQ, weights_RQ),
        spread=two_way(gap_RQ, weights_RQ, over),
        paired=True,
        replicates=1 if names == () else int(rows.sum()),
        questions=int(columns.sum()),
        dropped=_values(treatment) + _values(reference) - 2 * int(has.sum()) if _matched(treatment, reference) else 0,
        p_logits=float(paired_logits(rates[0], rates[1], min(responses))) if rows.sum() > 1 else None,
    )


def _matched(treatment: Side, reference: Side) -> bool:
    return treatment.fixed == reference.fixed


def _values(side: Side) -> int:
    return int((~np.isnan(side.values_RQ)).sum())


def _unpaired(a: _Table, b: _Table, treatment: Side, reference: Side, over: Over) -> Contrast | None:
    both = (~np.isnan(a.values_RQ)).any(axis=0) & (~np.isnan(b.values_RQ)).any(axis=0)
    if not both.any():
        return None
    a, b = (_Table(t.values_RQ[:, both], t.weights_RQ[:, both]) for t in (a, b))
    a, b = (_rows(t, np.flatnonzero((~np.isnan(t.values_RQ)).any(axis=1)).tolist()) for t in (a, b))
    counts, questions = (len(a.values_RQ), len(b.values_RQ)), int(both.sum())
    mean = mean_of(a.values_RQ, a.weights_RQ) - mean_of(b.values_RQ, b.weights_RQ)
    spread, p_logits = None, None
    if min(counts) > 1 and over != "questions":
        over = "replicates" if questions == 1 else over
        made = welch(a.values_RQ, b.values_RQ, (a.weights_RQ, b.weights_RQ), over)
        spread = Spread(float(made.mean), float(made.se), float(made.df), min(counts), questions, over)
        rates = [
            np.array([mean_of(v[None], w[None]) for v, w in zip(t.values_RQ, t.weights_RQ, strict=True)])
            for t in (a, b)
        ]
        responses = (round(treatment.rows / counts[0]), round(reference.rows / counts[1]))
        p_logits = float(welch_logits(rates[0], rates[1], max(1, min(responses))))
    dropped = _values(treatment) + _values(reference) - int(sum((~np.isnan(t.values_RQ)).sum() for t in (a, b)))
    return Contrast(mean, spread, False, min(counts), questions, dropped, p_logits)


def welch(
    a: Array, b: Array, weights: tuple[Array | None, Array | None] = (None, None), over: Over = "both"
) -> Moments:
    """Difference of the means of two sets of replicates (..., R, Q) asked the same questions (Welch 1947).

    With ``both`` the variance that questions add to the *difference* joins that of the replicates, as in `two_way`.
    """
    one, two = parts(a, weights[0]), parts(b, weights[1])
    mean, shown = one.mean - two.mean, one.replicates + two.replicates
    inner = one.replicates**2 / one.df_replicates + two.replicates**2 / two.df_replicates
    df_welch = shown**2 / np.where(inner > 0, inner, 1.0)
    df_welch = np.where(inner > 0, df_welch, one.df_replicates + two.df_replicates)
    if over == "replicates":
        return Moments(mean, root(shown), df_welch)
    questions = a.shape[-1]
    asked = ((one.pull_Q - two.pull_Q) ** 2).sum(-1) * questions / (questions - 1)
    rest = one.residual + two.residual
    total, floor = shown + asked - rest, np.maximum(shown, asked)
    spread = inner + asked**2 / (questions - 1)
    spread = spread + sum(p.residual**2 / max(p.df_residual, 1.0) for p in (one, two))
    satterthwaite = total**2 / np.where(spread > 0, spread, 1.0)
    alone = np.where(shown >= asked, df_welch, questions - 1)
    df = np.where((total <= floor) | (spread == 0), alone, satterthwaite)
    least = np.minimum(df_welch, questions - 1)
    return Moments(mean, root(np.maximum(total, floor)), np.maximum(df, least))


def paired_logits(a_R: Array, b_R: Array, responses: int) -> Array:
    """p of a paired t test on replicate-level logits of rates (..., R): about this suite and the typical replicate.

    Rare behaviours have skewed rates, for which tests on the rate scale reject too seldom; rates near 0 whose exact
    size does not matter make this one lose power. `half_response` says what becomes of 0 and 1.
    """
    gap_R = special.logit(half_response(a_R, responses)) - special.logit(half_response(b_R, responses))
    count = gap_R.shape[-1]
    return _two_sided(gap_R.mean(-1), root(gap_R.var(-1, ddof=1) / count), count - 1)


def welch_logits(a_R: Array, b_R: Array, responses: int) -> Array:
    """p of Welch's test on replicate-level logits of two unpaired sets of rates (..., R); as `paired_logits`."""
    a, b = (special.logit(half_response(rates, responses)) for rates in (a_R, b_R))
    shown = [side.var(-1, ddof=1) / side.shape[-1] for side in (a, b)]
    inner = sum(v**2 / (side.shape[-1] - 1) for v, side in zip(shown, (a, b), strict=True))
    total = shown[0] + shown[1]
    df = np.where(inner > 0, total**2 / np.where(inner > 0, inner, 1.0), a.shape[-1] + b.shape[-1] - 2)
    return _two_sided(a.mean(-1) - b.mean(-1), root(total), df)


def _two_sided(mean: Array, se: Array, df: Array | float) -> Array:
    """Two-sided p; 1 where nothing varies, since nothing can be tested there."""
    t = np.abs(mean) / np.where(se > 0, se, 1.0)
    return np.where(se > 0, 2 * t_tail(t, df), 1.0)
