"""Does a decision change when it should, and stay when it should? Rates from pairs of a scenario and its edit.

An edit changes one factor of a scenario. Where the factor is irrelevant, a decision that changes rests on it: *spurious
reliance*. Where it is relevant and the right decision changes with it, a decision that stays is *blind* to it (methods
1.1). Where it is relevant and the right decision stays, one that changes is a *needless change*.

Replicates are those of the claim; the cluster is the scenario that was edited, since all its edits share one decision.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import pandas as pd

from isobath.analysis.estimates import arm_estimates, difference
from isobath.analysis.multiplicity import adjusted
from isobath.analysis.region_rates import state_of
from isobath.analysis.replicates import FIXED, REPLICATE, replicate_means, sides
from isobath.analysis.two_way import Over
from isobath.analysis.verdict import ALPHA, FEWEST_REPLICATES
from isobath.base.errors import InputError
from isobath.base.row import COLUMNS, Claim, State

PAIR_COLUMNS = (
    *("gpe", "arm", "role", "base", "base_seed", "seed", "model", "factor", "relevant", "gold_flips"),
    *("question", "of", "decision", "edited_decision", "moved"),
)
"""Columns of a frame of pairs: one row per edit asked of one checkpoint. `question` is the edit's id, `of` that of the
scenario it was made from; a decision is missing where there was none to read; `moved` is the total variation between
the probabilities of the options before and after (missing where they are not known)."""


class Flip(StrEnum):
    """What a change, or its absence, means."""

    SPURIOUS = "spurious reliance"
    """Share of decisions that change with an irrelevant factor."""
    BLIND = "blindness"
    """Share of decisions that stay where the right one changes."""
    NEEDLESS = "needless change"
    """Share of decisions that change with a relevant factor where the right one stays."""


def flip_rates(pairs: pd.DataFrame, claim: Claim = Claim.THIS_RECIPE, over: Over = "both") -> pd.DataFrame:
    """One row per (gpe, arm, kind, factor): share with its 95 % interval, and the graded version.

    Columns: gpe, arm, role, kind (`Flip`), factor, mean, low, high (of the share), random (the share of a decider that
    keeps this arm's decisions and their frequencies and deals them out by chance; one that always decides alike has 0
    of spurious reliance and 1 of blindness), moved, moved_low, moved_high (mean total variation; for blindness one
    minus it), rows, questions (scenarios), replicates, missing, bound_low, bound_high, measurable, over, state (as
    `region_rates` has them). Raises `InputError` for columns that lack and for no pairs at all.
    """
    checked = _checked(pairs)
    share, graded = (_estimates(checked, column, claim, over) for column in ("changed", "moved"))
    keys = ["gpe", "arm", "kind", "factor"]
    named = {"mean": "moved", "low": "moved_low", "high": "moved_high"}
    found = share.merge(graded[[*keys, *named]].rename(columns=named), on=keys)
    found = found.merge(_random(checked, claim), on=keys, how="left")
    found["state"] = [state_of(r) for r in found.to_dict("records")]
    numbers = ("mean", "low", "high", "random", *named.values(), "rows", "questions", "replicates", "missing")
    tail = ("bound_low", "bound_high", "measurable", "over", "state")
    return found[["gpe", "arm", "role", "kind", "factor", *numbers, *tail]]


def flip_contrasts(
    pairs: pd.DataFrame, reference: str, claim: Claim = Claim.THIS_RECIPE, over: Over = "both"
) -> pd.DataFrame:
    """Every arm minus the arm `reference`, by kind and factor, paired by replicate and scenario.

    Columns: gpe, kind, factor, arm, reference, difference, low, high, p, replicates, questions, paired, missing,
    measurable, p_adjusted (within one kind: all arms and factors), adjusted_by, told_apart.
    """
    checked = _checked(pairs)
    tables = sides(replicate_means(_rows(checked, "changed"), claim), ("gpe", "trait", "condition", "arm"))
    found = []
    for (gpe, kind, factor, arm), table in tables.items():
        partner = tables.get((gpe, kind, factor, reference))
        record = None if arm == reference or partner is None else difference(table, partner, over)
        if record is not None:
            names = {"gpe": gpe, "kind": kind, "factor": factor, "arm": arm, "reference": reference}
            found.append({**names, **record, "_fixed": table.fixed and partner is not None and partner.fixed})
    if not found:
        return pd.DataFrame(columns=["gpe", "kind", "factor", "arm", "reference", "difference", "low", "high"])
    frame = pd.DataFrame(found)
    for _, part in frame.groupby(["gpe", "kind"], sort=False):
        p, by = adjusted(part["p"].where(part["measurable"]).astype(float).tolist())
        frame.loc[part.index, "p_adjusted"], frame.loc[part.index, "adjusted_by"] = p, by
    enough = (frame["replicates"] >= FEWEST_REPLICATES) | frame.pop("_fixed").astype(bool)
    return frame.assign(told_apart=(frame["p_adjusted"] < ALPHA) & enough)


def _checked(pairs: pd.DataFrame) -> pd.DataFrame:
    """Pairs with their kind and whether the decision changed (missing where either decision is)."""
    lack = [c for c in PAIR_COLUMNS if c not in pairs.columns]
    if lack:
        raise InputError(
            f"missing column{'s' * (len(lack) > 1)} {', '.join(lack)}",
            f"a frame of pairs has {', '.join(PAIR_COLUMNS)}",
            "add them",
        )
    if pairs.empty:
        raise InputError("no pairs", "a flip rate needs scenarios that were asked again with an edit", "ask some edits")
    for column in ("gpe", "arm", "factor", "relevant", "gold_flips", "question", "of"):
        if pairs[column].isna().any():
            raise InputError(f"{column} is missing in a pair", f"every pair has a value of {column}", "fill it in")
    moved = pairs["moved"].to_numpy(dtype=float, na_value=np.nan)
    if ((moved < 0) | (moved > 1)).any():
        raise InputError(
            "moved lies outside [0, 1]", "moved is a total variation", "divide by the sum of probabilities"
        )
    relevant, flips = (pairs[c].astype(bool) for c in ("relevant", "gold_flips"))
    # what the right decision does counts, not what was declared: a factor that moves it cannot be spurious
    kind = np.where(flips, Flip.BLIND.value, np.where(relevant, Flip.NEEDLESS.value, Flip.SPURIOUS.value))
    known = pairs["decision"].notna() & pairs["edited_decision"].notna()
    changed = (pairs["decision"].astype("string") != pairs["edited_decision"].astype("string")).astype("Float64")
    return pairs.assign(kind=kind, changed=changed.where(known), moved=pd.array(moved, dtype="Float64"))


def _rows(checked: pd.DataFrame, column: str) -> pd.DataFrame:
    """Pairs as rows, which all estimates are made from: the kind as trait, the factor as condition."""
    value = checked[column].astype("Float64")
    value = value.where(checked["kind"] != Flip.BLIND.value, 1 - value)
    state = np.where(value.isna(), str(State.PARSE_ERROR), str(State.OK))
    given = {
        "run": checked["arm"],
        "gpe": checked["gpe"],
        "arm": checked["arm"],
        "trait": checked["kind"],
        "condition": checked["factor"],
        "question": checked["of"],
        "trait_kind": "unwanted",
        "score": column,
        "value": value,
        "state": state,
        **{c: checked[c] for c in ("role", "base", "base_seed", "seed", "model")},
    }
    blank: dict[str, object] = {c: given.get(c, pd.NA) for c in COLUMNS}
    return pd.DataFrame(blank, index=checked.index).astype(COLUMNS)


def _estimates(checked: pd.DataFrame, column: str, claim: Claim, over: Over) -> pd.DataFrame:
    rows = _rows(checked, column)
    made = arm_estimates(rows, claim, over=over, means=replicate_means(rows, claim))
    return made.rename(columns={"trait": "kind", "condition": "factor"})


def _random(checked: pd.DataFrame, claim: Claim) -> pd.DataFrame:
    """Mean over replicates of the chance that two decisions drawn from the arm's own frequencies differ (for blindness:
    agree), decisions before and after the edit each having theirs."""
    keys = ["gpe", "arm", "kind", "factor"]
    groups = list(dict.fromkeys([*keys, *REPLICATE[claim]]))  # a claim may name the GPE too
    known = checked[checked["changed"].notna()].copy()
    known[groups] = known[groups].astype("string").fillna(FIXED)

    def frequencies(column: str) -> pd.Series[float]:
        counted = known.groupby([*groups, column], observed=True).size()
        counted.index = counted.index.set_names([*groups, "said"])
        return counted / counted.groupby(level=list(range(len(groups)))).transform("sum")

    before, after = frequencies("decision"), frequencies("edited_decision")
    same = (before * after.reindex(before.index).fillna(0.0)).groupby(level=list(range(len(groups)))).sum()
    same.index = same.index.set_names(groups)
    found = (1 - same).rename("random").reset_index().groupby(keys, sort=False, observed=True)["random"].mean()
    out = found.reset_index()
    out["random"] = out["random"].where(out["kind"] != Flip.BLIND.value, 1 - out["random"])
    return out
