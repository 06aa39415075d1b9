"""Tables of rates with intervals: every arm, trait and condition; the leak; the profile."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from isobath.analysis.answer import arm_rate
from isobath.analysis.contrasts import Contrast, contrast
from isobath.analysis.intervals import design_effect, difference_interval, naive_se, rate_interval
from isobath.analysis.replicates import FIXED, KEYS, Side, replicate_means, sides
from isobath.analysis.two_way import Over, two_way
from isobath.analysis.verdict import MOST_MISSING
from isobath.base.row import Claim

LEAK_CONDITIONS = ("none", "training", "paraphrase", "positive", "positive_paraphrase")


def arm_estimates(
    frame: pd.DataFrame,
    claim: Claim = Claim.THIS_RECIPE,
    by: Sequence[str] = KEYS,
    over: Over = "both",
    means: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """One row per number that `by` names, in the order of the frame; what `by` leaves out is pooled.

    Columns: those of `by`; trait_kind, role, score; mean, low, high (95 % interval under the claim; NaN where one
    replicate is all there is); rows, questions, replicates; missing (share), not_applicable (count), bound_low,
    bound_high (missing rows at 0 and at 1); naive_low, naive_high (every row independent: for comparison only, far too
    narrow), design_effect (times the naive variance); checkpoint_low, checkpoint_high (about these very checkpoints put
    to more questions like these); measurable (at most `MOST_MISSING` missing and any value at all); over (what low and
    high generalise over: both | replicates | questions, or nothing). `means`, here and below, are the
    `replicate_means` of this frame under this claim, if they are there already.
    """
    means = replicate_means(frame, claim) if means is None else means
    firsts = frame.drop_duplicates(list(by))[[*by, *(c for c in ("trait_kind", "role", "score") if c not in by)]]
    details: dict[tuple[str, ...], dict[Any, Any]] = {}
    for r in firsts.to_dict("records"):
        details[tuple(FIXED if pd.isna(r[k]) else str(r[k]) for k in by)] = r
    groups = sides(means, by)
    rows = []
    for names, detail in details.items():
        made = _estimate(groups[names], names, over)
        rows.append({**dict(zip(by, names, strict=True)), **{k: detail[k] for k in detail if k not in by}, **made})
    return pd.DataFrame(rows)


def _estimate(table: Side, names: Sequence[str], over: Over) -> dict[str, object]:
    rate = arm_rate(table, names[0], "", over)
    spread = two_way(table.values_RQ, table.weights_RQ, "questions" if table.fixed else over)
    these = spread if table.fixed else two_way(table.values_RQ, table.weights_RQ, "questions")
    naive = naive_se(table.row_sd, table.scored)
    checkpoint = rate_interval(these) if these else (math.nan, math.nan)
    return {
        "mean": rate.mean,
        "low": rate.low,
        "high": rate.high,
        "rows": rate.rows,
        "questions": rate.questions,
        "replicates": rate.replicates,
        "missing": rate.missing,
        "not_applicable": table.not_applicable,
        "bound_low": rate.bounds[0],
        "bound_high": rate.bounds[1],
        "naive_low": max(0.0, rate.mean - 1.96 * naive),
        "naive_high": min(1.0, rate.mean + 1.96 * naive),
        "design_effect": design_effect(spread, table.row_sd, table.scored),
        "checkpoint_low": checkpoint[0],
        "checkpoint_high": checkpoint[1],
        "measurable": rate.missing <= MOST_MISSING and not math.isnan(rate.mean),
        "over": spread.over if spread else "nothing",
    }


def replicate_rates(
    frame: pd.DataFrame, claim: Claim = Claim.THIS_RECIPE, means: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Mean value per (gpe, arm, trait, condition, replicate): the dots behind an interval."""
    means = replicate_means(frame, claim) if means is None else means
    means = means[means["value"].notna()]
    means = means.assign(mass=means["value"] * means["weight"])
    by = [*KEYS, "replicate"]
    grouped = means.groupby(by, observed=True, sort=False)[["mass", "weight"]].sum().reset_index()
    grouped["value"] = grouped["mass"] / grouped["weight"]
    return grouped[[*by, "value"]].astype(dict.fromkeys(by, "string"))


def leak_table(estimates: pd.DataFrame, trait: str, gpe: str | None = None) -> pd.DataFrame:
    """The rows of `arm_estimates` for one trait under the conditions of the leak, in their order."""
    mask = (estimates["trait"] == trait) & estimates["condition"].isin(LEAK_CONDITIONS)
    if gpe is not None:
        mask &= estimates["gpe"] == gpe
    return estimates[mask].reset_index(drop=True)


PROFILE_COLUMNS = (
    *("gpe", "arm", "trait", "difference", "low", "high", "p", "replicates", "questions", "paired"),
    *("missing", "bound_low", "bound_high", "measurable"),
)


def profile_table(
    frame: pd.DataFrame,
    claim: Claim = Claim.THIS_RECIPE,
    reference: str = "untrained",
    condition: str = "none",
    means: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Every trait of every arm minus the arm `reference`, asked under `condition`.

    Columns: `PROFILE_COLUMNS`; low, high and p are NaN where one replicate is all there is. Pairs without a shared
    question are absent. The p values are as they are: adjust them for how many are looked at.
    """
    means = replicate_means(frame, claim) if means is None else means
    means = means[means["condition"] == condition]
    tables = sides(means, ("gpe", "trait", "arm"))
    rows = []
    for gpe, trait, arm in _in_order(frame, ("gpe", "trait", "arm")):
        if arm != reference and {(gpe, trait, arm), (gpe, trait, reference)} <= tables.keys():
            row = difference(tables[gpe, trait, arm], tables[gpe, trait, reference])
            if row is not None:
                rows.append({"gpe": gpe, "arm": arm, "trait": trait, **row})
    return pd.DataFrame(rows, columns=list(PROFILE_COLUMNS))


def _in_order(frame: pd.DataFrame, by: Sequence[str]) -> list[tuple[str, ...]]:
    """Combinations of `by` in the order of the frame, with traits of a GPE together."""
    firsts = frame[list(by)].drop_duplicates().fillna(FIXED)
    keys = [tuple(str(k) for k in key) for key in firsts.itertuples(index=False)]
    place = {key: i for i, key in enumerate(dict.fromkeys(k[:2] for k in keys))}
    return sorted(keys, key=lambda key: place[key[:2]])


def difference(treatment: Side, reference: Side, over: Over = "both") -> dict[str, object] | None:
    """The record of one difference of rates, as `PROFILE_COLUMNS` name it; None if the sides share no question."""
    made = contrast(treatment, reference, over)
    return None if made is None else difference_record(made, treatment, reference)


def difference_record(made: Contrast, treatment: Side, reference: Side) -> dict[str, object]:
    """`made` with what its two sides miss, as `PROFILE_COLUMNS` name it."""
    low, high = difference_interval(made.spread) if made.spread else (math.nan, math.nan)
    missing = max(treatment.missing, reference.missing)
    return {
        "difference": made.mean,
        "low": low,
        "high": high,
        "p": made.spread.p_value() if made.spread else math.nan,
        "replicates": made.replicates,
        "questions": made.questions,
        "paired": made.paired,
        "missing": missing,
        "bound_low": treatment.bounds[0] - reference.bounds[1],
        "bound_high": treatment.bounds[1] - reference.bounds[0],
        "measurable": missing <= MOST_MISSING,
    }
