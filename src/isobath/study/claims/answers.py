"""Questions answered from one number per base: means of rows, and measures that no single row holds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from isobath.analysis.question import Finding, Question, Verdict
from isobath.base.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

TABLE = ("trait", "region", "arm", "base", "value")
"""Columns of a table by base; `region` is "" where a measure speaks of everywhere."""


class _Interval(NamedTuple):
    """Mean of the paired differences, 95 % t interval, standard error, degrees of freedom."""

    mean: float
    low: float
    high: float
    error: float
    df: int


def by_base(rows: pd.DataFrame, arm: Sequence[str] = ("arm",)) -> pd.DataFrame:
    """One value per trait, region, arm and base (columns `TABLE`): mean over questions, then over run seeds.

    `rows` is a results table; rows without a value are left out. `arm` names the columns that make up the arm, joined
    by a blank: ``("gpe", "arm")`` where several GPEs are compared. Every trait stands once for each region and once
    over all of them (region "").
    """
    import pandas as pd

    kept = rows[rows["value"].notna()].copy()
    kept["arm"] = kept[list(arm)].astype(str).agg(" ".join, axis=1)
    kept["seed"] = kept["seed"].fillna(-1)
    kept["value"] = kept["value"].astype(float)
    parts = []
    for keys in (("trait", "region", "arm", "base"), ("trait", "arm", "base")):
        placed = kept.dropna(subset=["region"]) if "region" in keys else kept
        seeds = placed.groupby([*keys, "seed"], sort=False)["value"].mean()
        parts.append(seeds.groupby(list(keys), sort=False).mean().reset_index())
    made = pd.concat([parts[0], parts[1].assign(region="")], ignore_index=True)
    return made[list(TABLE)]


def series(table: pd.DataFrame, trait: str, arm: str, region: str | None = None) -> pd.Series[float]:
    """Base -> value of one arm. Raises `InputError` for what the table does not hold."""
    mask = (table["trait"] == trait) & (table["arm"] == arm) & (table["region"] == (region or ""))
    if not mask.any():
        raise InputError(
            f"{trait!r} of the arm {arm!r}" + (f" in the {region}" if region else ""),
            f"the table has the traits {', '.join(sorted(set(table['trait'])))} and the arms "
            f"{', '.join(sorted(set(table['arm'])))}",
            "ask about one of these",
        )
    found: pd.Series[float] = table[mask].set_index("base")["value"].astype(float)
    return found


def answers(questions: Iterable[Question], table: pd.DataFrame) -> list[Finding]:
    """A finding for each question: the paired difference within bases with a t interval over bases.

    p values are adjusted by Holm within the headline questions, by Benjamini and Hochberg within the exploratory ones;
    the verdicts are those of docs/decisions/06-questions-and-claims.md. The interval speaks of other bases asked these
    very questions. Raises `InputError` for a question about something the table lacks.
    """
    from dataclasses import replace

    from isobath.analysis.multiplicity import benjamini_hochberg, holm
    from isobath.analysis.verdict import decide

    found = [_measured(question, table) for question in questions]
    for family, adjust in (("headline", holm), ("exploratory", benjamini_hochberg)):
        tested = [(i, f.p) for i, f in enumerate(found) if f.question.family == family and f.p is not None]
        for (i, _), p in zip(tested, adjust([p for _, p in tested]), strict=True):
            found[i] = replace(found[i], p_adjusted=p)
    return [decide(f) for f in found]


def _measured(question: Question, table: pd.DataFrame) -> Finding:
    (ours, theirs), (here, there) = question.contrast, question.regions
    apart = (series(table, question.trait, ours, here) - series(table, question.trait, theirs, there)).dropna()
    if not len(apart):
        return Finding(question, Verdict.NOT_MEASURABLE, "No base has both sides.")
    found = _interval(apart.to_numpy())
    if math.isnan(found.low):
        return Finding(question, Verdict.TOO_UNCERTAIN, "", estimate=found.mean, n_replicates=len(apart), paired=True)
    from isobath.analysis.planning import detectable

    return Finding(
        question,
        Verdict.TOO_UNCERTAIN,
        "",
        estimate=found.mean,
        low=found.low,
        high=found.high,
        p=_p(question, found),
        n_replicates=len(apart),
        paired=True,
        over="replicates",
        detectable=detectable(found.error, found.df),
    )


def _interval(values: np.ndarray) -> _Interval:
    from isobath.analysis.mean_interval import mean_interval

    found = mean_interval(values.tolist())
    if found.n < 2:
        return _Interval(found.mean, math.nan, math.nan, math.nan, 0)
    return _Interval(found.mean, found.low, found.high, float(values.std(ddof=1)) / found.n**0.5, found.n - 1)


def _p(question: Question, found: _Interval) -> float:
    """Two-sided p of no difference; for ``same``, the larger one-sided p of a difference of the smallest effect."""
    from scipy import stats

    if question.expect == "same":
        s = question.smallest_effect
        if found.error == 0:
            return 0.0 if abs(found.mean) < s else 1.0
        return float(stats.t.sf((s - abs(found.mean)) / found.error, found.df))
    if found.error == 0:
        return 1.0 if found.mean == 0 else 0.0
    return float(2 * stats.t.sf(abs(found.mean) / found.error, found.df))
