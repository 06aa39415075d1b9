"""Tables of transfer triples: one number per model, intervention and measure over shifts, with its interval.

The shift is the cluster: rows of one shift share its items, its baseline and its reference. Base models are the
replicates, run seeds are averaged within a base. Where there is one run per cell, as in GENIES' tables, intervals
generalise over shifts alone and say nothing of another training run; `transfer_claim` puts it in a sentence.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from isobath.analysis.intervals import difference_interval, rate_interval
from isobath.analysis.multiplicity import benjamini_hochberg, holm
from isobath.analysis.pairs import HEADLINE_PAIRS
from isobath.analysis.replicates import FIXED
from isobath.analysis.transfer import Defined, shift_names, with_measures
from isobath.analysis.two_way import Array, Over, Spread, two_way
from isobath.analysis.verdict import FEWEST_REPLICATES, MOST_MISSING
from isobath.base.errors import InputError

RATES = (
    "generalisation_accuracy",
    "baseline_accuracy",
    "target_tuned_capability",
    "own_capability",
    "source_accuracy",
    "calibration_error",
    "expected_calibration_error",
    "brier",
)
"""Measures in [0, 1]: their intervals stay inside."""

DIFFERENCES = ("gap", "over_guess")
"""Differences of two rates: their intervals stay inside [-1, 1]."""

MEASURES = (*RATES, *DIFFERENCES, "elicitation", "guess_elicitation", "recovered", "gap_index")
"""Every measure a table has, in order; `isobath.analysis.transfer.with_measures` defines the last six."""

SMALLEST = 0.05
"""An elicitation below this is not worth a warning."""


@dataclass(frozen=True)
class _Side:
    """One measure of one intervention as replicates x shifts (NaN: no number), and why numbers are not there."""

    replicates: tuple[str, ...]
    shifts: tuple[str, ...]
    values_RS: Array
    missing: int
    undefined: int
    definitions: tuple[str, ...]

    @property
    def cells(self) -> int:
        """Shifts of replicates that have a row."""
        return int((~np.isnan(self.values_RS)).sum()) + self.missing + self.undefined

    @property
    def measurable(self) -> bool:
        """Whether it is a number: few of its accuracies are missing, and all are by one definition.

        Shifts on which a measure means nothing are left out and counted, not held against it.
        """
        few = self.missing <= MOST_MISSING * self.cells
        return few and len(self.definitions) < 2 and not bool(np.isnan(self.values_RS).all())


def transfer_table(frame: pd.DataFrame, measures: Sequence[str] = MEASURES) -> pd.DataFrame:
    """One row per model, intervention and measure, in the order of `frame`; `frame` is a `transfer_frame`.

    Columns: model, intervention, measure; mean (over shifts, of the mean over bases), low, high (95 %); shifts and
    replicates (with a number), undefined and missing (cells without one, see `Defined`); measurable; over (what the
    interval generalises over: both | replicates | questions, which here are shifts, or nothing); definition (of a
    calibration error). A mean that is not measurable is null.
    """
    rows = []
    for (model, intervention), part in with_measures(frame).groupby(["model", "intervention"], sort=False):
        for measure in measures:
            side = _side(part, measure)
            if side.cells == side.missing:
                continue  # the table has no such column
            spread = _spread(side.values_RS) if side.measurable else None
            low, high = _interval(measure, spread)
            rows.append(
                {
                    "model": str(model),
                    "intervention": str(intervention),
                    "measure": measure,
                    "mean": _mean(side.values_RS) if side.measurable else math.nan,
                    "low": low,
                    "high": high,
                    **_counts(side),
                    "undefined": side.undefined,
                    "missing": side.missing,
                    "measurable": side.measurable,
                    "over": spread.over if spread else "nothing",
                    "definition": " and ".join(side.definitions),
                }
            )
    return pd.DataFrame(rows)


def transfer_differences(
    frame: pd.DataFrame, reference: str, measures: Sequence[str] = ("generalisation_accuracy", "elicitation")
) -> pd.DataFrame:
    """Each intervention minus `reference` on the shifts (and bases) both have: what makes a shift hard drops out.

    Columns: model, intervention, reference, measure, difference, low, high, p, p_adjusted (Holm for up to ten of a
    measure, else Benjamini-Hochberg), shifts, replicates, over. Raises `InputError` if no row has the reference.
    """
    frame = with_measures(frame)
    names = list(dict.fromkeys(frame["intervention"].astype(str)))
    if reference not in names:
        raise InputError(
            f"no intervention {reference!r}", f"the table has {', '.join(names)}", "compare with one of these"
        )
    rows = []
    for model, part in frame.groupby("model", sort=False):
        kinds = {str(name): rows_of for name, rows_of in part.groupby("intervention", sort=False)}
        for measure in measures:
            for name in kinds.keys() - {reference} if reference in kinds else ():
                made = _difference(_side(kinds[name], measure), _side(kinds[reference], measure), measure)
                rows.append({"model": str(model), "intervention": name, "reference": reference, **made})
    found = pd.DataFrame([r for r in rows if r["shifts"]])
    if found.empty:
        return found
    order = {name: i for i, name in enumerate(names)}
    found = found.sort_values("intervention", key=lambda c: c.map(order), kind="stable")
    found = found.sort_values("measure", key=lambda c: c.map(list(measures).index), kind="stable")
    return _adjusted(found.reset_index(drop=True))


def shift_table(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per model, shift and intervention: means over bases, with an interval where there are at least two.

    Columns: model, shift, category, intervention, generalisation_accuracy, low, high, baseline_accuracy,
    target_tuned_capability, elicitation and why it is no number (elicitation_state: the commonest reason of its rows),
    replicates.
    """
    frame = with_measures(frame)
    frame["shift"] = shift_names(frame)
    rows = []
    for (model, shift, intervention), part in frame.groupby(["model", "shift", "intervention"], sort=False):
        sides = {m: _side(part, m) for m in ("generalisation_accuracy", "baseline_accuracy", "target_tuned_capability")}
        gen = sides["generalisation_accuracy"]
        low, high = _interval("generalisation_accuracy", _spread(gen.values_RS))
        states = part["elicitation_state"].astype(str)
        elicited = _side(part, "elicitation")
        rows.append(
            {
                "model": str(model),
                "shift": str(shift),
                "category": None if part["category"].isna().all() else str(part["category"].dropna().iloc[0]),
                "intervention": str(intervention),
                **{name: _mean(side.values_RS) for name, side in sides.items()},
                "low": low,
                "high": high,
                "elicitation": _mean(elicited.values_RS) if not elicited.undefined + elicited.missing else math.nan,
                "elicitation_state": str(states[states != str(Defined.OK)].mode().get(0, str(Defined.OK))),
                "replicates": len(gen.replicates),
            }
        )
    return pd.DataFrame(rows)


def transfer_claim(frame: pd.DataFrame) -> str:
    """What the intervals of `transfer_table` speak about, in plain English, warnings included."""
    shifts = shift_names(frame).nunique()
    said, few = [], []
    for model, part in frame.groupby("model", sort=False):
        bases = len(_replicates(part).unique())
        kind = "base" if part["base"].notna().any() else "training run"
        over = f"{bases} {kind}{'s' * (bases != 1)} and {shift_names(part).nunique()} shifts"
        said.append(f"{model}: {over.replace(' 1 shifts', ' 1 shift')}")
        if 1 < bases < FEWEST_REPLICATES:
            few.append(f"{bases} {kind}s of {model} cannot carry a claim about more of them.")
    single = [len(_replicates(part).unique()) == 1 for _, part in frame.groupby("model", sort=False)]
    parts = ["; ".join(said) + "."]
    if shifts == 1 and any(single):
        parts.append("One shift and one run: no interval is possible, and nothing can be said of another of either.")
    elif any(single):
        parts.append(
            "With one training run per cell an interval says what more shifts like these would show of this very "
            "model; it says nothing of another training run."
        )
    if not all(single):
        parts.append(
            f"{'With several, an' if any(single) else 'An'} interval says what more of them would show on "
            + ("this one shift; other shifts may differ." if shifts == 1 else "more shifts like these.")
        )
    sources = frame.assign(shift=shift_names(frame)).groupby("source")["shift"].nunique()
    if shifts > 1 and sources.max() > 1:
        parts.append(
            f"{int(sources.max())} of the shifts start from {sources.idxmax()}: they share its training runs, so they "
            "are fewer independent pieces of evidence than they look, and intervals over shifts are too narrow for it."
        )
    if 1 < shifts < FEWEST_REPLICATES:
        parts.append(f"{shifts} shifts are few: a mean over them describes these shifts better than others.")
    return " ".join([*parts, *few])


def transfer_warnings(frame: pd.DataFrame) -> list[str]:
    """Interventions at least half of whose elicitation a guess would show as well, in sentences.

    Where a baseline lies below chance (the model prefers the wrong answer), any coin elicits: (chance - baseline)/TTC.
    An elicitation is credited only with an accuracy above a guess.
    """
    table = transfer_table(frame, ("over_guess", "elicitation", "guess_elicitation"))
    if table.empty:
        return []
    said = []
    for (model, intervention), part in table.groupby(["model", "intervention"], sort=False):
        found = {str(r["measure"]): r for r in part.to_dict("records") if r["measurable"]}
        if len(found) < 3:
            continue
        elicited, coin = (float(found[m]["mean"]) for m in ("elicitation", "guess_elicitation"))
        if elicited >= SMALLEST and coin >= elicited / 2 and not _above_zero(found["over_guess"]):
            said.append(
                f"{model}, {intervention}: an elicitation of {elicited:+.2f}, but its accuracy is not shown to be "
                f"above a guess; guessing would show {coin:+.2f}, for baselines lie below chance."
            )
    return said


def _above_zero(record: Mapping[Any, Any]) -> bool:
    """Whether the interval is; the mean where there is none."""
    return bool((record["mean"] if math.isnan(record["low"]) else record["low"]) > 0)


def _side(part: pd.DataFrame, measure: str) -> _Side:
    values = part[measure].to_numpy(dtype=float, na_value=np.nan)
    states = part.get(f"{measure}_state")
    absent = np.isnan(values)
    undefined = (
        absent & (states != str(Defined.MISSING)).to_numpy(dtype=bool) if states is not None else np.zeros_like(absent)
    )
    replicate, replicates = pd.factorize(_replicates(part))
    shift, shifts = pd.factorize(shift_names(part))
    cell, size = replicate * len(shifts) + shift, (len(replicates), len(shifts))
    total = np.bincount(cell, weights=np.where(absent, 0.0, values), minlength=size[0] * size[1])
    count = np.bincount(cell, weights=~absent, minlength=size[0] * size[1])
    with np.errstate(invalid="ignore"):
        table = np.where(count > 0, total / count, np.nan).reshape(size)
    empty = {
        name: set(cell[mask]) - set(cell[~absent]) for name, mask in (("u", undefined), ("m", absent & ~undefined))
    }
    definitions: Sequence[str] = ()
    if measure == "calibration_error":
        definitions = list(dict.fromkeys(part.loc[~absent, "calibration"].fillna("unnamed").astype(str)))
    return _Side(
        tuple(map(str, replicates)),
        tuple(map(str, shifts)),
        table,
        missing=len(empty["m"] - empty["u"]),
        undefined=len(empty["u"]),
        definitions=tuple(definitions),
    )


def _replicates(part: pd.DataFrame) -> pd.Series[str]:
    """The base; the run seed where no base is named; one and the same where neither is."""
    column = "base" if part["base"].notna().any() else "seed"
    return part[column].astype("string").fillna(FIXED).astype(str)


def _spread(values_RS: Array) -> Spread | None:
    has = ~np.isnan(values_RS)
    replicates = int(has.any(axis=1).sum())
    over: Over = "both" if replicates > 1 else "questions"
    return two_way(values_RS, None, over) if has.any() else None


def _mean(values_RS: Array) -> float:
    """Mean over replicates of their mean over shifts, as `two_way` takes it."""
    has = ~np.isnan(values_RS)
    kept = has.any(axis=1)
    return float(np.nanmean(values_RS[kept], axis=1).mean()) if kept.any() else math.nan


def _interval(measure: str, spread: Spread | None) -> tuple[float, float]:
    """NaN where nothing varies in a ratio: zero-shot's elicitation is 0 by definition, not by luck."""
    if spread is None or (spread.se == 0 and measure not in (*RATES, *DIFFERENCES)):
        return math.nan, math.nan
    if measure in DIFFERENCES:
        low, high = difference_interval(spread)
    else:
        low, high = rate_interval(spread) if measure in RATES else spread.interval()
    return float(low), float(high)


def _counts(side: _Side) -> Mapping[str, int]:
    has = ~np.isnan(side.values_RS)
    return {"shifts": int(has.any(axis=0).sum()), "replicates": int(has.any(axis=1).sum())}


def _difference(side: _Side, reference: _Side, measure: str) -> dict[str, Any]:
    shifts = [s for s in side.shifts if s in set(reference.shifts)]
    replicates = [r for r in side.replicates if r in set(reference.replicates)]
    empty = {"measure": measure, "shifts": 0}
    comparable = side.measurable and reference.measurable and len({*side.definitions, *reference.definitions}) < 2
    if not (comparable and shifts and replicates):
        return empty
    a, b = (
        s.values_RS[np.ix_([s.replicates.index(r) for r in replicates], [s.shifts.index(n) for n in shifts])]
        for s in (side, reference)
    )
    gap_RS = a - b
    spread = _spread(gap_RS)
    if math.isnan(_mean(gap_RS)):
        return empty
    low, high, p = math.nan, math.nan, math.nan
    if spread is not None and (spread.se > 0 or measure in RATES):
        low, high = difference_interval(spread) if measure in RATES else spread.interval()
        p = spread.p_value()
    has = ~np.isnan(gap_RS)
    return {
        "measure": measure,
        "difference": _mean(gap_RS),
        "low": float(low),
        "high": float(high),
        "p": p,
        "shifts": int(has.any(axis=0).sum()),
        "replicates": int(has.any(axis=1).sum()),
        "over": spread.over if spread else "nothing",
    }


def _adjusted(found: pd.DataFrame) -> pd.DataFrame:
    adjusted = np.full(len(found), math.nan)
    for _, rows in found.groupby("measure").indices.items():
        tested = [i for i in rows if not math.isnan(found["p"].iloc[i])]
        rule = holm if len(tested) <= HEADLINE_PAIRS else benjamini_hochberg
        adjusted[tested] = rule([float(found["p"].iloc[i]) for i in tested]) if tested else []
    return found.assign(p_adjusted=adjusted)
