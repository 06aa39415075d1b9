"""How fast a rate changes with distance, depth or novelty order: a slope per replicate, then t over replicates.

Each replicate has its own line through the values of its questions; the slope reported is the mean of theirs. The lines
share their questions, so what a question has of its own moves all slopes at once. With A the variance of the mean slope
that replicates show, B what questions show (their mean departure from the lines, weighted as the slope weighs them) and
E what residuals show, SE^2 = A + B - E as in `two_way`; over replicates alone it is A, the plain t interval of the
replicates' slopes. A rate that does not fall in a straight line has the slope of the best line through it; what it
departs from the line is counted with the questions, so the interval is then too wide rather than too narrow.

The same on the logit scale (logistic regression per replicate), for rates near 0 or 1. Its estimates are kept finite by
Firth's penalty (Firth 1993; Heinze and Schemper 2002).

Legend: ... simulated studies (leading axes), R replicates, Q questions. A gap is NaN.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from isobath.analysis.multiplicity import adjusted
from isobath.analysis.region_rates import Along, placed
from isobath.analysis.replicates import FIXED, KEYS, Side, replicate_means, sides
from isobath.analysis.two_way import ROUNDING, Array, Moments, Over, Spread, root
from isobath.analysis.verdict import ALPHA, FEWEST_REPLICATES, MOST_MISSING
from isobath.base.logit_normal import expit
from isobath.base.row import Claim

FEWEST_QUESTIONS = 3
"""A line through two questions leaves nothing to judge it by."""

ROUNDS = 60
"""Rounds of the logistic fit; it stops earlier when nothing moves."""

COLUMNS = (
    *("gpe", "arm", "trait", "condition", "along", "slope", "low", "high", "p"),
    *("logit_slope", "logit_low", "logit_high", "logit_p", "replicates", "questions", "levels", "missing"),
    *("measurable", "over", "p_adjusted", "adjusted_by", "told_apart"),
)


def slopes(
    frame: pd.DataFrame,
    along: Along,
    claim: Claim = Claim.THIS_RECIPE,
    over: Over = "both",
    means: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """One row per (gpe, arm, trait, condition): change of the rate per unit of `along`, with a 95 % interval.

    Columns: `COLUMNS`. `slope` is in rate per unit, `logit_slope` in logits per unit; `levels` counts the distinct
    values of the covariate; p values are adjusted over the arms of one trait under one condition. Intervals are NaN
    with a single replicate, and where nothing varies at all. Questions without the covariate are left out: along
    novelty order those where nothing is new (a larger order is nearer: slopes of a rate that falls outwards are
    positive). Cells with fewer than two levels or `FEWEST_QUESTIONS` questions are absent. `means`: as in
    `region_contrasts`.
    """
    every = placed(frame)
    rows = every[every[along].notna()]
    if rows.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    at = _covariate(rows, along)
    found, whole = [], means is not None and len(rows) == len(every)
    table_of = means if means is not None and whole else replicate_means(rows, claim)
    for name, table in sides(table_of, KEYS).items():
        x_Q = np.array([at[name[0], q] for q in table.questions])
        record = _record(table, x_Q, over)
        if record is not None:
            found.append({**dict(zip(KEYS, name, strict=True)), "along": along, **record})
    return _adjusted(pd.DataFrame(found), rows)


def slope_moments(values: Array, x_Q: Array, over: Over = "both", weights: Array | None = None) -> Moments:
    """Mean slope on the rate scale, standard error and degrees of freedom of tables (..., R, Q), one each per table.

    Every replicate needs two distinct values of `x_Q`.
    """
    has = ~np.isnan(values)
    share = np.where(has, 1.0 if weights is None else weights, 0.0)
    total = share.sum(-1, keepdims=True)
    y = np.where(has, values, 0.0)
    away = (x_Q - (share * x_Q).sum(-1, keepdims=True) / total) * has
    pull = share * away / (share * away**2).sum(-1, keepdims=True)
    slope_R = (pull * y).sum(-1)
    rest = (y - (share * y).sum(-1, keepdims=True) / total - slope_R[..., None] * away) * has
    return _moments(slope_R, pull * rest, np.abs(pull).sum(-2), over)


def logit_slope_moments(values: Array, x_Q: Array, over: Over = "both", weights: Array | None = None) -> Moments:
    """As `slope_moments`, for the slope of a logistic regression per replicate."""
    has = ~np.isnan(values)
    share = np.where(has, 1.0 if weights is None else weights, 0.0)
    share = share * has.sum(-1, keepdims=True) / share.sum(-1, keepdims=True)
    y = np.where(has, values, 0.0)
    middle = (share * x_Q).sum(-1, keepdims=True) / share.sum(-1, keepdims=True)
    away = x_Q - middle
    slope, p, information = _firth(y, away, share)
    w = share * p * (1 - p)
    s0, s1, s2 = information
    det = s0 * s2 - s1**2
    pull = share * (s0[..., None] * away - s1[..., None]) / det[..., None]
    reach = (w * np.abs(s0[..., None] * away - s1[..., None]) / det[..., None]).sum(-2)
    return _moments(slope, pull * (y - p) * has, reach, over)


def _firth(y: Array, x: Array, share: Array) -> tuple[Array, Array, tuple[Array, Array, Array]]:
    """Slope, fitted p and the information's entries of penalised logistic fits along the last axis."""
    start, slope = np.zeros(y.shape[:-1]), np.zeros(y.shape[:-1])
    for _ in range(ROUNDS):
        p = expit(start[..., None] + slope[..., None] * x)
        w = share * p * (1 - p)
        s0, s1, s2 = w.sum(-1), (w * x).sum(-1), (w * x**2).sum(-1)
        det = np.maximum(s0 * s2 - s1**2, 1e-12)
        leverage = w * (s2[..., None] - 2 * s1[..., None] * x + s0[..., None] * x**2) / det[..., None]
        score = share * (y - p) + leverage * (0.5 - p)
        u0, u1 = score.sum(-1), (score * x).sum(-1)
        step0, step1 = (s2 * u0 - s1 * u1) / det, (s0 * u1 - s1 * u0) / det
        longest = np.maximum(np.abs(step0), np.abs(step1) * np.abs(x).max(-1))
        short = np.minimum(1.0, 2.0 / np.maximum(longest, 1e-12))  # a step of two logits at most
        start, slope = start + short * step0, slope + short * step1
        if float(longest.max()) < 1e-8:
            break
    return slope, expit(start[..., None] + slope[..., None] * x), (s0, s1, s2)


def _moments(slope_R: Array, influence_RQ: Array, reach_Q: Array, over: Over) -> Moments:
    """Mean of the replicates' slopes with its standard error; `influence_RQ` is what each value's residual adds to its
    replicate's slope, `reach_Q` how much each question weighs."""
    replicates, questions = influence_RQ.shape[-2:]
    mean = slope_R.mean(-1)
    shown = slope_R.var(-1, ddof=1) / replicates if replicates > 1 else np.zeros_like(mean)
    df_r = float(max(replicates - 1, 1))
    if over == "replicates":
        return Moments(mean, root(shown), np.full_like(mean, df_r))
    spare = questions / max(questions - 2, 1)
    pull_Q = influence_RQ.mean(-2)
    asked = (pull_Q**2).sum(-1) * spare
    # few questions at the ends of the line carry most of it: fewer degrees of freedom than questions
    weight_Q = reach_Q**2
    df_q = np.clip(weight_Q.sum(-1) ** 2 / (weight_Q**2).sum(-1), 1.0, max(questions - 2, 1))
    if over == "questions":
        return Moments(mean, root(asked), df_q)
    rest = ((influence_RQ - pull_Q[..., None, :]) ** 2).sum((-2, -1)) * spare / replicates / df_r
    total, floor = shown + asked - rest, np.maximum(shown, asked)
    df_rest = df_r * max(questions - 2, 1)
    spread = shown**2 / df_r + asked**2 / df_q + rest**2 / df_rest
    satterthwaite = total**2 / np.where(spread > 0, spread, 1.0)
    alone = np.where(shown >= asked, df_r, df_q)
    df = np.where((total <= floor) | (spread == 0), alone, satterthwaite)
    return Moments(mean, root(np.maximum(total, floor)), np.maximum(df, np.minimum(df_r, df_q)))


def _covariate(rows: pd.DataFrame, along: Along) -> dict[tuple[str, str], float]:
    """The covariate of every (gpe, question); the mean where bases place a question differently."""
    slim = pd.DataFrame(
        {
            "gpe": rows["gpe"].fillna(FIXED),
            "question": rows["question"],
            "x": rows[along].to_numpy(dtype=float, na_value=np.nan),
        }
    )
    means = slim.groupby(["gpe", "question"], observed=True)["x"].mean().reset_index()
    return {(str(g), str(q)): float(v) for g, q, v in means.itertuples(index=False, name=None)}


def _record(table: Side, x_Q: Array, over: Over) -> dict[str, Any] | None:
    has = ~np.isnan(table.values_RQ)
    several = np.array([len(np.unique(x_Q[row])) > 1 for row in has], dtype=bool)
    asked = has[several].any(axis=0) if several.any() else np.zeros(len(x_Q), dtype=bool)
    if asked.sum() < FEWEST_QUESTIONS or len(np.unique(x_Q[asked])) < 2:
        return None
    place = np.ix_(several, asked)
    values, weights, x = table.values_RQ[place], table.weights_RQ[place], x_Q[asked]
    replicates = len(values)
    over = "questions" if table.fixed else over
    numbers: dict[str, float] = {}
    for name, fit in (("", slope_moments), ("logit_", logit_slope_moments)):
        made = fit(values, x, over, weights)
        spread = Spread(float(made.mean), float(made.se), float(made.df), replicates, int(asked.sum()), over)
        # the penalty alone would tilt a line through values that are all the same
        flat = bool(np.nanmax(values) - np.nanmin(values) < ROUNDING)
        told = (replicates > 1 or over == "questions") and spread.se > 0 and not flat
        low, high = spread.interval() if told else (math.nan, math.nan)
        p = spread.p_value() if told else math.nan
        numbers |= {f"{name}slope": 0.0 if flat else spread.mean, f"{name}low": low, f"{name}high": high, f"{name}p": p}
    return {
        **numbers,
        "replicates": replicates,
        "questions": int(asked.sum()),
        "levels": len(np.unique(x)),
        "missing": table.missing,
        "measurable": table.missing <= MOST_MISSING,
        "over": over,
    }


def _adjusted(found: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    if found.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    firsts = [{str(v): i for i, v in enumerate(rows[c].fillna(FIXED).unique())} for c in KEYS]
    place: npt.NDArray[np.intp] = np.lexsort(
        [[first[str(v)] for v in found[c]] for c, first in reversed(list(zip(KEYS, firsts, strict=True)))]
    )
    found = found.iloc[place].reset_index(drop=True).assign(p_adjusted=math.nan, adjusted_by="")
    for _, part in found.groupby(["gpe", "trait", "condition"], sort=False):
        p, by = adjusted(part["p"].where(part["measurable"]).astype(float).tolist())
        found.loc[part.index, "p_adjusted"], found.loc[part.index, "adjusted_by"] = p, by
    enough = (found["replicates"] >= FEWEST_REPLICATES) | (found["over"] == "questions")
    found["told_apart"] = ((found["p_adjusted"] < ALPHA) & enough).astype(bool)
    return found[list(COLUMNS)]
