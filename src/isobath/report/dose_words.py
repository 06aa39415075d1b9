"""What the tables of doses say, in sentences; every number is one of theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from isobath.analysis.dose import BEYOND, ISLAND, DoseSpec
from isobath.analysis.dose_response import State
from isobath.report.words import capital, count, known, label, points, points_interval

if TYPE_CHECKING:
    import pandas as pd

READING = (
    "A dose is how many rows of a pool went into training, as a share of the signal's number: in the place of signal "
    "rows (fixed budget) or beside all of them (added budget). Dose 0 is the plain arm. EC50 is the dose that brings "
    "half of the whole effect, from the rate at 0 to the plateau of the curve; its 95% interval comes from the "
    "replicates. It is given only where the whole interval lies within the doses tried: otherwise there is a bound, or "
    "what the rates say instead.\n\n"
    "Gains and losses are differences from the plain arm in points, paired within replicates, with the t interval over "
    "them; p is adjusted by Holm over the doses of one trait in one place."
)

PLACES = {"": "everywhere", BEYOND: "lake, bay and sea together"}
STATES = {
    State.NO_RESPONSE: "no response",
    State.DISAGREE: "replicates disagree",
    State.LINEAR: "no plateau seen",
    State.OPEN: "not located",
    State.FEW_DOSES: "too few doses",
    State.FEW_REPLICATES: "one replicate",
}


def place_label(place: str) -> str:
    """A region, or what stands for several."""
    return PLACES.get(place, place)


def dose_label(share: float) -> str:
    """A share of the signal's number: ``0``, ``2.5%``, ``100%``."""
    return f"{100 * share:.3g}%" if share else "0"


def series_label(pool: str, at: str) -> str:
    """A pool and its budget: ``relevant, added``."""
    return f"{label(pool)}, {'added' if at == 'added budget' else 'fixed'}"


def ec50_words(row: Mapping[Any, Any]) -> str:
    """The EC50 in a few words: a number with its interval, a bound, or why there is none."""
    state = State(str(row["state"]))
    if state is State.FITTED:
        return f"{dose_label(row['ec50'])} [{dose_label(row['low']).rstrip('%')}–{dose_label(row['high'])}]"
    if state is State.BELOW:
        return f"below {dose_label(row['high'])}"
    if state is State.ABOVE:
        return f"above {dose_label(row['low'])}"
    return STATES[state]


def dose_sentences(
    spec: DoseSpec, curves: pd.DataFrame, changes: pd.DataFrame, pairs: pd.DataFrame, costs: pd.DataFrame
) -> list[str]:
    """Where half of the effect comes, what is gained and lost, against narrow rows and against replacing, the price."""
    few = [str(s) for s in (State.FEW_DOSES, State.FEW_REPLICATES)]
    said = [_response(curves[~curves["state"].isin(few)], spec, pool, at) for pool, at in spec.curved]
    said.append(_too_few(curves[curves["state"].isin(few)], spec))
    said += [_gains(changes, spec), *_losses(changes, spec), *_pairs(pairs, spec), _price(costs)]
    return [s for s in said if s]


def _response(curves: pd.DataFrame, spec: DoseSpec, pool: str, at: str) -> str:
    mine = curves[(curves["pool"] == pool) & (curves["at"] == at) & (curves["trait"] == spec.headline)]
    if mine.empty:
        return ""
    how = "beside all signal rows" if at == "added budget" else "in the place of signal rows"
    head = f"Rows of “{label(pool)}” {how}, {count(int(mine['doses'].max()), 'dose')}"
    groups: dict[str, list[str]] = {}
    for r in mine.to_dict("records"):
        groups.setdefault(_clause(r), []).append(place_label(str(r["region"])))
    clauses = [f"{_listed(places)}: {clause}" for clause, places in groups.items()]
    return f"{head}. {label(spec.headline).capitalize()}, dose that brings half of the effect: {'; '.join(clauses)}."


def _too_few(curves: pd.DataFrame, spec: DoseSpec) -> str:
    mine = curves[curves["trait"] == spec.headline]
    named = list(
        dict.fromkeys(f"“{series_label(str(p), str(a))}”" for p, a in zip(mine["pool"], mine["at"], strict=True))
    )
    if not named:
        return ""
    return f"Rows of {_listed(named)}: no curve, which needs four doses beside the plain arm, and two replicates."


def _clause(row: Mapping[Any, Any]) -> str:
    state = State(str(row["state"]))
    if state in (State.FITTED, State.BELOW, State.ABOVE):
        return ec50_words(row)
    return {
        State.NO_RESPONSE: "no response that the doses tried show",
        State.DISAGREE: "the replicates disagree about which way it goes",
        State.LINEAR: "unknown, since it goes on in a straight line of the log dose and no plateau was seen",
        State.OPEN: "unknown, it could lie below or above the doses tried",
    }[state]


def _gains(changes: pd.DataFrame, spec: DoseSpec) -> str:
    place = BEYOND if (changes["region"] == BEYOND).any() else ""
    mine = _real(changes[(changes["trait"] == spec.headline) & (changes["region"] == place)])
    if mine.empty:
        return ""
    sure = mine[mine["told_apart"] & (mine["improvement"] > 0)]
    worse = mine[mine["told_apart"] & (mine["improvement"] < 0)]
    best = _ordered(mine, "improvement")[-1]
    where = f" ({place_label(place)})" if place else ""
    said = f"{capital(label(spec.headline))}{where}: {len(sure)} of {count(len(mine), 'dose')} gain for certain"
    said += f", {len(worse)} lose for certain" if len(worse) else ""
    return f"{said}. The largest mean gain is {_change(best)} with {label(str(best['arm']))}."


def _losses(changes: pd.DataFrame, spec: DoseSpec) -> list[str]:
    said = []
    taxes = changes[changes["side"] == "tax"]
    for trait, place in dict.fromkeys(zip(taxes["trait"], taxes["region"], strict=True)):
        mine = _real(taxes[(taxes["trait"] == trait) & (taxes["region"] == place)])
        if mine.empty:
            continue
        sure = mine[mine["told_apart"] & (mine["improvement"] < 0)]
        worst = _ordered(mine, "improvement")[0]
        where = " on the island" if place == ISLAND[0] else f" {place_label(place)}" if place else ""
        lost = f"{len(sure)} of {count(len(mine), 'dose')} certainly lose some" if len(sure) else "no certain loss"
        least = f"the lowest mean is {_change(worst)} with {label(str(worst['arm']))}"
        said.append(f"{capital(label(str(trait)))}{where}: {lost}; {least}.")
    return said


def _pairs(pairs: pd.DataFrame, spec: DoseSpec) -> list[str]:
    said = []
    heads = {
        "broad or narrow": "Broad rows against as many further narrow ones, same steps",
        "added or replaced": "The same broad rows beside the signal rather than in its place",
    }
    place = BEYOND if (pairs["region"] == BEYOND).any() else ""
    for side, head in heads.items():
        mine = pairs[(pairs["side"] == side) & (pairs["trait"] == spec.headline) & (pairs["region"] == place)]
        records = mine.to_dict("records")
        sure = [r for r in records if r["told_apart"]]
        found = [f"{label(str(r['arm']))} {_change(r)}" for r in sure]
        if records:
            where = f", {place_label(place)}" if place else ""
            told = f"{len(sure)} of {count(len(records), 'pair')} told apart" + (
                f": {'; '.join(found)}" if sure else ""
            )
            said.append(f"{head} ({label(spec.headline)}{where}): {told}.")
    return said


def _price(costs: pd.DataFrame) -> str:
    most = costs[costs["times"].notna()]
    if most.empty or float(most["times"].max()) <= 1:
        return "Every dose was trained for the plain arm's steps."
    row = _ordered(most, "times")[-1]
    return (
        f"Doses at added budget were trained longer: up to {row['times']:.3g} times the plain arm's steps "
        f"({label(str(row['arm']))})."
        if row["at"] == "added budget"
        else f"The longest training has {row['times']:.3g} times the plain arm's steps ({label(str(row['arm']))})."
    )


def _real(changes: pd.DataFrame) -> pd.DataFrame:
    """Doses of pools, without the narrow controls and what is not measurable."""
    return changes[~changes["narrow"].astype(bool) & changes["measurable"].astype(bool)]


def _ordered(frame: pd.DataFrame, column: str) -> list[dict[Any, Any]]:
    return sorted(frame.to_dict("records"), key=lambda r: float(r[column]))


def _change(row: Mapping[Any, Any]) -> str:
    ends = f" [{points_interval(row['low'], row['high']).removesuffix(' points')}]" if known(row["low"]) else ""
    return f"{points(row['improvement'])}{ends}"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
