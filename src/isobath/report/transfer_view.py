"""Transfer triples as a section of the page: what was elicited, where each shift lies, and the numbers of both."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from isobath.analysis.transfer import Defined
from isobath.analysis.transfer_table import (
    MEASURES,
    shift_table,
    transfer_claim,
    transfer_differences,
    transfer_table,
    transfer_warnings,
)
from isobath.report.gpe_view import FigureView
from isobath.report.report import Section
from isobath.report.tables import Column, TableView, Value
from isobath.report.transfer_figures import elicitation_figure, shifts_figure
from isobath.report.words import count, known, label, percent, points, points_interval, rate_interval

if TYPE_CHECKING:
    import pandas as pd

READING = (
    "Each row of the table is one way of training on a source and being tested on a target. Differential elicitation "
    "is (accuracy on the target - baseline) / target-tuned capability: how much of what the model could do on the "
    "target training on the source brought out. Share recovered divides by (target-tuned - baseline) instead: 0 is "
    "zero-shot, 1 as good as tuned on the target. The gap index compares with the source: 0 nothing lost on the way, 1 "
    "all of it."
)
HEADINGS = {
    "generalisation_accuracy": "on the target",
    "baseline_accuracy": "baseline",
    "target_tuned_capability": "target-tuned",
    "own_capability": "itself target-tuned",
    "source_accuracy": "on the source",
    "calibration_error": "calibration error (RMS)",
    "expected_calibration_error": "expected calibration error",
    "brier": "Brier score",
    "gap": "gap to target-tuned",
    "over_guess": "above a guess",
    "elicitation": "elicitation",
    "guess_elicitation": "of a guess",
    "recovered": "share recovered",
    "gap_index": "gap index",
}
POINTS = ("gap", "over_guess")
"""Measures that are differences of accuracies."""
SIGNED = ("elicitation", "guess_elicitation", "recovered", "gap_index")
PLAIN = ("calibration_error", "expected_calibration_error", "brier")


def transfer_section(frame: pd.DataFrame, reference: str | None = None, first: bool = False) -> Section:
    """Everything the page says of a `transfer_frame`.

    `reference` is the intervention the others are compared with (none given: ``fine_tuning``, or the first that is not
    zero-shot). Raises `InputError` if no row has it.
    """
    table, shifts = transfer_table(frame), shift_table(frame)
    trained = [str(i) for i in dict.fromkeys(frame["intervention"]) if i != "zero_shot"]
    shown = trained or [str(i) for i in dict.fromkeys(frame["intervention"])]
    figures, used = [], set[str]()
    if (table["measure"] == "elicitation").any():
        figures.append(_elicitation(table, shown))
    for model, part in shifts.groupby("model", sort=False):
        figures.append(_shifts(part, frame[frame["model"] == model], shown, _unused(f"transfer-shifts-{model}", used)))
    tables = [_intervention_table(table)]
    reference = reference or ("fine_tuning" if "fine_tuning" in trained else shown[0])
    differences = transfer_differences(frame, reference, ["generalisation_accuracy", "elicitation"])
    if len(differences):
        tables.append(_difference_table(differences))
    said = [READING, transfer_claim(frame), *(f"Beware: {warning}" for warning in transfer_warnings(frame))]
    return Section("Transfer", "\n\n".join(said), figures=figures, tables=tables, first=first)


def _elicitation(table: pd.DataFrame, interventions: Sequence[str]) -> FigureView:
    mine = table[table["measure"].isin(["elicitation", "guess_elicitation"])]
    return FigureView(
        name="transfer-elicitation",
        title="What training on the source brought out on the target.",
        caption="Dot and bar: mean over shifts and 95% interval. Upright tick: what guessing would show; where "
        "baselines lie below chance that is above 0, and an elicitation counts only with an accuracy above a guess.",
        chart=elicitation_figure(mine, interventions),
        frame=mine,
    )


def _shifts(shifts: pd.DataFrame, rows: pd.DataFrame, interventions: Sequence[str], name: str) -> FigureView:
    chances = rows["chance"].dropna().unique()
    chance = float(chances[0]) if len(chances) == 1 else None
    model = str(shifts["model"].iloc[0])
    return FigureView(
        name=name,
        title=f"{model}: between baseline and target-tuned, shift by shift.",
        caption="Filled dot: accuracy on the target after training on the source, with its 95% interval over bases "
        "where there are several. Rings, joined by dots: the same model zero-shot, and tuned on the target reference."
        + (f" Dashed line: chance ({percent(chance)})." if chance is not None else ""),
        chart=shifts_figure(shifts, interventions, chance),
        frame=shifts,
        table=_shift_table(shifts),
    )


def _intervention_table(table: pd.DataFrame) -> TableView:
    """Interventions in rows, the measures that anybody has in columns."""
    there = [m for m in MEASURES if (table["measure"] == m).any()]
    several = table["model"].nunique() > 1
    columns = [*([Column("model")] if several else []), Column("intervention")]
    columns += [Column(HEADINGS[m], True) for m in there] + [Column("shifts", True), Column("replicates", True)]
    rows = []
    for (model, intervention), part in table.groupby(["model", "intervention"], sort=False):
        found = {str(r["measure"]): r for r in part.to_dict("records")}
        fields = [Value(str(model))] if several else []
        fields += [Value(label(str(intervention)))]
        fields += [_number(found[m]) if m in found else Value("", kind="num") for m in there]
        most = max(found.values(), key=lambda r: (r["shifts"], r["replicates"]))
        fields += [Value(f"{int(most[name]):,}", kind="num") for name in ("shifts", "replicates")]
        rows.append(fields)
    definitions = [str(d) for d in dict.fromkeys(table["definition"]) if d]
    caption = f"Calibration error: {', '.join(definitions)}." if definitions else ""
    return TableView(columns, rows, caption)


def _number(record: Mapping[Any, Any]) -> Value:
    measure, undefined = str(record["measure"]), int(record["undefined"])
    cells = undefined + int(record["missing"])
    if not record["measurable"]:
        why = "undefined" if undefined == cells and cells else "not measurable"
        return Value(why, f"on {count(cells, 'cell')}" if cells else "", kind="num")
    note = f"undefined on {count(undefined, 'cell')}" if undefined else ""
    low, high = record["low"], record["high"]
    if measure in POINTS:
        text, span = points(record["mean"]), points_interval(low, high) if known(low) else ""
    elif measure in SIGNED:
        text, span = _signed(record["mean"]), f"{_signed(low)} to {_signed(high)}" if known(low) else ""
    elif measure in PLAIN:
        text, span = f"{record['mean']:.2f}", f"{low:.2f} to {high:.2f}" if known(low) else ""
    else:
        text, span = percent(record["mean"]), rate_interval(low, high) if known(low) else ""
    return Value(text, f"[{span}]" if span else "", kind="num", note=note)


def _difference_table(differences: pd.DataFrame) -> TableView:
    several = differences["model"].nunique() > 1
    columns = [*([Column("model")] if several else []), Column("intervention"), Column("measure")]
    columns += [
        Column("difference", True),
        Column("adjusted p", True),
        Column("shifts", True),
        Column("replicates", True),
    ]
    rows = []
    for r in differences.to_dict("records"):
        of_shares = r["measure"] == "generalisation_accuracy"
        said = points(r["difference"]) if of_shares else _signed(r["difference"])
        ends = (
            (points_interval(r["low"], r["high"]) if of_shares else f"{_signed(r['low'])} to {_signed(r['high'])}")
            if known(r["low"])
            else ""
        )
        fields = [Value(str(r["model"]))] if several else []
        fields += [Value(label(str(r["intervention"]))), Value(HEADINGS[str(r["measure"])])]
        fields += [Value(said, f"[{ends}]" if ends else "nothing varies", kind="num")]
        fields += [Value(f"{r['p_adjusted']:.2g}" if known(r["p_adjusted"]) else "", kind="num")]
        fields += [Value(f"{int(r[name]):,}", kind="num") for name in ("shifts", "replicates")]
        rows.append(fields)
    reference = label(str(differences["reference"].iloc[0]))
    return TableView(columns, rows, f"Differences from {reference} on the shifts that both have, pair by pair.")


def _shift_table(shifts: pd.DataFrame) -> TableView:
    categories = shifts["category"].notna().any()
    columns = [Column("shift"), *([Column("kind")] if categories else []), Column("intervention")]
    columns += [Column(HEADINGS[m], True) for m in ("baseline_accuracy", "generalisation_accuracy")]
    columns += [Column(HEADINGS[m], True) for m in ("target_tuned_capability", "elicitation")]
    rows = []
    for r in shifts.to_dict("records"):
        span = f"[{rate_interval(r['low'], r['high'])}]" if known(r["low"]) else ""
        fields = [Value(str(r["shift"]), kind="wide")]
        fields += [Value(label(str(r["category"] or "")))] if categories else []
        fields += [Value(label(str(r["intervention"]))), _share(r["baseline_accuracy"])]
        fields += [_share(r["generalisation_accuracy"], span), _share(r["target_tuned_capability"])]
        undefined = str(r["elicitation_state"]) != str(Defined.OK)
        fields += [
            Value("undefined", note=str(r["elicitation_state"]), kind="num")
            if undefined
            else Value(_signed(r["elicitation"]), kind="num")
        ]
        rows.append(fields)
    return TableView(columns, rows)


def _share(value: Any, span: str = "") -> Value:
    return Value(percent(value), span, kind="num") if known(value) else Value("missing", kind="num")


def _signed(value: float) -> str:
    """``+0.92``; a zero has no sign."""
    text = f"{value:+.2f}"
    return "0.00" if float(text) == 0 else text.replace("-", "−")


def _unused(name: str, used: set[str]) -> str:
    """A name fit for a file and an element's id that no other figure has."""
    plain = re.sub(r"[^a-zA-Z0-9]+", "-", name).strip("-")
    made = plain
    number = 1
    while made in used:
        number += 1
        made = f"{plain}-{number}"
    used.add(made)
    return made
