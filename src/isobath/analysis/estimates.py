"""Tables of rates with intervals: every arm, trait and condition; the leak; the profile."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from isobath.analysis.answer import MOST_MISSING, arm_rate
from isobath.analysis.contrasts import contrast, pivot
from isobath.analysis.intervals import difference_interval, naive_se
from isobath.analysis.table import KEYS, replicate_means
from isobath.analysis.two_way import two_way
from isobath.base.row import Claim

LEAK_CONDITIONS = ("none", "training", "paraphrase", "positive", "positive_paraphrase")


def arm_estimates(frame: pd.DataFrame, claim: Claim = Claim.THIS_RECIPE) -> pd.DataFrame:
    """One row per (gpe, arm, trait, condition), in the order of the frame.

    Columns: those four, trait_kind, role, score, mean, low, high, rows, questions, replicates, missing (share),
    bound_low, bound_high (missing rows put at 0 and at 1), naive_low, naive_high (every row independent: for comparison
    only), design_effect ((SE / naive SE)^2), measurable (share missing at most `MOST_MISSING`), over (what the interval
    speaks of: both | questions | replicates). `low` and `high` are NaN where a single number is all there is.
    """
    means = replicate_means(frame, claim)
    firsts = frame.drop_duplicates(list(KEYS))[[*KEYS, "trait_kind", "role", "score"]]
    details = {tuple(_text(r[k]) for k in KEYS): r for r in firsts.to_dict("records")}
    order = {key: i for i, key in enumerate(details)}
    rows = []
    for key, side in means.groupby(list(KEYS), observed=True, sort=False):
        names = tuple(str(k) for k in key)
        rows.append((order[names], _estimate(names, side, details[names])))
    made = pd.DataFrame([row for _, row in sorted(rows, key=lambda pair: pair[0])])
    return made.reset_index(drop=True)


def replicate_rates(frame: pd.DataFrame, claim: Claim = Claim.THIS_RECIPE) -> pd.DataFrame:
    """Mean value per (gpe, arm, trait, condition, replicate): the dots behind an interval."""
    means = replicate_means(frame, claim)
    grouped = means.groupby([*KEYS, "replicate"], observed=True, sort=False)["value"]
    return grouped.mean().reset_index().astype(dict.fromkeys((*KEYS, "replicate"), "string"))


def leak_table(estimates: pd.DataFrame, trait: str, gpe: str | None = None) -> pd.DataFrame:
    """The rows of `arm_estimates` for one trait under the conditions of the leak, arms and conditions in order."""
    mask = (estimates["trait"] == trait) & estimates["condition"].isin(LEAK_CONDITIONS)
    if gpe is not None:
        mask &= estimates["gpe"] == gpe
    return estimates[mask].reset_index(drop=True)


def profile_table(
    frame: pd.DataFrame, claim: Claim = Claim.THIS_RECIPE, reference: str = "untrained", condition: str = "none"
) -> pd.DataFrame:
    """Every trait of every arm minus the arm `reference`, asked under `condition`.

    Columns: gpe, arm, trait, difference, low, high, p, replicates, questions, paired. Arms without it are absent.
    """
    means = replicate_means(frame, claim)
    means = means[(means["condition"] == condition) & means["value"].notna()]
    rows = []
    for (gpe, trait), part in means.groupby(["gpe", "trait"], observed=True, sort=False):
        against = part[part["arm"] == reference]
        for arm in [a for a in frame["arm"].unique() if a != reference]:
            mine = part[part["arm"] == arm]
            made = contrast(mine, against) if len(mine) and len(against) else None
            if made is None:
                continue
            low, high = difference_interval(made.spread)
            rows.append(
                {
                    "gpe": str(gpe),
                    "arm": str(arm),
                    "trait": str(trait),
                    "difference": made.spread.mean,
                    "low": low,
                    "high": high,
                    "p": made.spread.p_value(),
                    "replicates": made.spread.replicates,
                    "questions": made.spread.questions,
                    "paired": made.paired,
                }
            )
    return pd.DataFrame(rows)


def _text(value: object) -> str:
    return "-" if value is None or value is pd.NA or value != value else str(value)


def _estimate(names: tuple[str, ...], side: pd.DataFrame, first: Mapping[Any, Any]) -> dict[str, object]:
    rate = arm_rate(side, names[1], names[3])
    valued = side[side["value"].notna()]
    answered = rate.rows - int(side["missing"].sum())
    naive = naive_se(rate.mean, answered)
    spread = two_way(pivot(valued).dropna(axis="columns").to_numpy()) if len(valued) else None
    effect = (spread.se / naive) ** 2 if spread and naive and not math.isnan(naive) else math.nan
    return {
        **dict(zip(KEYS, names, strict=True)),
        "trait_kind": first["trait_kind"],
        "role": first["role"],
        "score": first["score"],
        "mean": rate.mean,
        "low": rate.low,
        "high": rate.high,
        "rows": rate.rows,
        "questions": int(side["question"].nunique()),
        "replicates": int(side["replicate"].nunique()),
        "missing": rate.missing,
        "bound_low": rate.bounds[0],
        "bound_high": rate.bounds[1],
        "naive_low": max(0.0, rate.mean - 1.96 * naive),
        "naive_high": min(1.0, rate.mean + 1.96 * naive),
        "design_effect": effect,
        "measurable": rate.missing <= MOST_MISSING,
        "over": spread.over if spread else "nothing",
    }
