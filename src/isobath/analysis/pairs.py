"""Comparisons of arms over the same questions, and the effect of every pair of a model and a dataset."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from isobath.analysis.brittleness import Effect
from isobath.analysis.contrasts import contrast
from isobath.analysis.estimates import difference
from isobath.analysis.multiplicity import HEADLINES, adjusted
from isobath.analysis.replicates import FIXED, side, sides
from isobath.analysis.two_way import Over
from isobath.analysis.verdict import MOST_MISSING

HEADLINE_PAIRS = HEADLINES


class Pair(NamedTuple):
    """`arm` minus `reference` in one dataset."""

    gpe: str
    arm: str
    reference: str


def paired_differences(means: pd.DataFrame, trait: str, pairs: Sequence[Pair], over: Over) -> pd.DataFrame:
    """One row per pair of arms that share a question: gpe, arm, reference, difference, low, high, p, p_adjusted, ...

    Differences are taken question by question, so what makes a question easy for all drops out. Further columns:
    questions, replicates, missing, bound_low, bound_high, measurable, paired, adjusted_by; `means` are replicate means.
    """
    tables = sides(means[means["trait"] == trait], ("gpe", "arm"))
    rows = []
    for pair in pairs:
        if not {(pair.gpe, pair.arm), (pair.gpe, pair.reference)} <= tables.keys():
            continue
        made = difference(tables[pair.gpe, pair.arm], tables[pair.gpe, pair.reference], over)
        if made is not None:
            rows.append({**pair._asdict(), **made})
    return _adjusted(pd.DataFrame(rows))


def _adjusted(frame: pd.DataFrame) -> pd.DataFrame:
    if frame.empty:
        return frame
    tested = frame["p"].where(frame["measurable"].astype(bool))
    p_values, by = adjusted(tested.to_numpy(dtype=float, na_value=math.nan).tolist())
    return frame.assign(p_adjusted=p_values, adjusted_by=by)


def pair_effects(means: pd.DataFrame, trait: str, pairs: Sequence[Pair], models: Sequence[str]) -> list[Effect]:
    """The effect of each pair with the variance of its estimate, the questions taken as given: all pairs share them.

    Variance: between training runs where an arm has two or more, else that of sampling answers from the one run;
    that of the reference's answers is added. `models` name the pairs' models. Pairs with too much missing are left out.
    """
    mine = means[means["trait"] == trait]
    parts = dict(list(mine.groupby(["gpe", "arm"], observed=True, sort=False)))
    found = []
    for pair, model in zip(pairs, models, strict=True):
        if not {(pair.gpe, pair.arm), (pair.gpe, pair.reference)} <= parts.keys():
            continue
        treated, reference = parts[pair.gpe, pair.arm], parts[pair.gpe, pair.reference]
        a, b = side(treated), side(reference)
        made = contrast(a, b, "replicates" if not (a.fixed and b.fixed) else "questions")
        if made is None or max(a.missing, b.missing) > MOST_MISSING:
            continue
        several = not a.fixed and len(a.replicates) > 1 and made.spread is not None and made.spread.se > 0
        own = made.spread.se**2 if several and made.spread is not None else _sampling_variance(treated)
        of_reference = _sampling_variance(reference) if b.fixed or not several else 0.0
        runs = len(a.replicates) if several else 1
        df = made.spread.df if several and made.spread is not None else math.inf
        found.append(Effect(model, pair.gpe, made.mean, own + of_reference, df, runs))
    return found


def _sampling_variance(part: pd.DataFrame) -> float:
    """Variance of a rate from sampling answers alone, questions and runs being given.

    Within a question from its own answers; questions with a single answer take the mean of the others'. Where nothing
    varies, or every question has one answer, that of as many independent answers with half a hit added.
    """
    scored = (part["rows"] - part["missing"] - part["not_applicable"]).to_numpy(dtype=float)
    total, squares = part["plain"].to_numpy(dtype=float), part["squares"].to_numpy(dtype=float)
    used = scored > 0
    scored, total, squares = scored[used], total[used], squares[used]
    n = scored.sum()
    if n == 0:
        return math.nan
    several = scored > 1
    inside = np.where(several, (squares - total**2 / scored) / np.maximum(scored - 1, 1), np.nan)
    spread = float(np.nanmean(inside)) if several.any() else 0.0
    variance = float((np.where(several, inside, spread) / scored).sum()) / len(scored) ** 2
    if variance > 0:
        return variance
    p = (total.sum() + 0.5) / (n + 1)
    return float(p * (1 - p) / n)


def all_pairs(arms: Sequence[tuple[str, str]]) -> list[Pair]:
    """Every two arms of every dataset; `arms` are (gpe, arm) in order."""
    out = []
    for i, (gpe, first) in enumerate(arms):
        out += [Pair(gpe or FIXED, other, first) for g, other in arms[i + 1 :] if g == gpe]
    return out
