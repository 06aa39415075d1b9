"""The figures of transfer triples: accuracy between baseline and target-tuned model, and what was elicited.

As in `isobath.report.figures`, charts name styles and roles, never colours, and hold their numbers once. Roles stand
for what their arms are in a study: the untrained model is the baseline, the target-tuned one the positive control.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from isobath.report.marks import Record, interval_layers, is_, role_colour, rows_axis, with_numbers, wrapped
from isobath.report.words import known

if TYPE_CHECKING:
    import pandas as pd

ROW, PANEL = 24, 200
"""Height of a row and width of a panel, in pixels."""
PER_LINE = 3
BASELINE, CAPABILITY, TRAINED = "untrained", "positive", "treatment"


def shifts_figure(shifts: pd.DataFrame, interventions: Sequence[str], chance: float | None) -> Any:
    """One panel per intervention, one row per shift: its accuracy with interval, between two rings joined by dots.

    `shifts` has the columns of `analysis.transfer_table.shift_table`, of one model. The rings are the baseline and the
    target-tuned capability; the dashed line is `chance`, if it is known.
    """
    import altair as alt

    order = list(dict.fromkeys(str(s) for s in shifts["shift"]))
    titles = {name: wrapped(name, PANEL) for name in interventions}
    records: list[Record] = []
    for r in shifts.to_dict("records"):
        if str(r["intervention"]) in titles:
            records += _shift_records(r, titles[str(r["intervention"])])
    if chance is not None:
        records += [
            {"panel": panel, "shift": s, "part": "chance", "value": chance} for panel in titles.values() for s in order
        ]
    names = list(titles.values())
    lines = [_shift_panels(names[i : i + PER_LINE], order) for i in range(0, len(names), PER_LINE)]
    return with_numbers(alt.vconcat(*lines, spacing=18), records)


def elicitation_figure(table: pd.DataFrame, interventions: Sequence[str]) -> Any:
    """Every intervention's differential elicitation with its interval, one panel per model.

    `table` has the columns of `analysis.transfer_table.transfer_table`. The upright tick is what guessing would elicit.
    """
    import altair as alt

    models = list(dict.fromkeys(str(m) for m in table["model"]))
    titles = {model: wrapped(model, PANEL) for model in models}
    records = [
        {
            "panel": titles[str(r["model"])],
            "arm": str(r["intervention"]),
            "role": TRAINED,
            "part": {"elicitation": "measured" if r["measurable"] else "note", "guess_elicitation": "guess"}[
                r["measure"]
            ],
            **_numbers(r, value="mean", low="low", high="high"),
            "shifts": int(r["shifts"]),
            "replicates": int(r["replicates"]),
            "undefined": int(r["undefined"]),
        }
        for r in table.to_dict("records")
        if r["measure"] in ("elicitation", "guess_elicitation") and str(r["intervention"]) in interventions
    ]
    names = list(titles.values())
    lines = [_elicitation_panels(names[i : i + PER_LINE], interventions) for i in range(0, len(names), PER_LINE)]
    return with_numbers(alt.vconcat(*lines, spacing=18), records)


def _shift_records(row: Mapping[Any, Any], panel: str) -> list[Record]:
    base = {"panel": panel, "arm": str(row["intervention"]), "shift": str(row["shift"])}
    ends = _numbers(row, low="baseline_accuracy", high="target_tuned_capability")
    numbers = _numbers(row, value="generalisation_accuracy", low="low", high="high")
    made = [
        {**base, "role": BASELINE, "part": "ring", "what": "baseline", "value": ends["low"]},
        {**base, "role": CAPABILITY, "part": "ring", "what": "target-tuned", "value": ends["high"]},
        {**base, "role": TRAINED, "part": "measured", **numbers, "replicates": int(row["replicates"])},
    ]
    shown = [r for r in made if r["value"] is not None]
    return [{**base, "part": "span", **ends}, *shown] if None not in ends.values() else shown


def _numbers(row: Mapping[Any, Any], **columns: str) -> dict[str, float | None]:
    return {name: float(row[column]) if known(row[column]) else None for name, column in columns.items()}


def _shift_panels(titles: Sequence[str], shifts: Sequence[str]) -> Any:
    import altair as alt

    y = alt.Y("shift:N", sort=list(shifts), axis=alt.Axis(title=None), scale=alt.Scale(domain=list(shifts)))
    axis = alt.Axis(format=".0%", values=[0, 0.25, 0.5, 0.75, 1], title="right choices on the target")
    x = alt.X("value:Q", scale=alt.Scale(domain=[0, 1]), axis=axis)
    tips = [
        *(alt.Tooltip(f"{n}:N") for n in ("arm", "shift")),
        alt.Tooltip("value:Q", title="accuracy", format=".1%"),
        alt.Tooltip("low:Q", title="95% interval from", format=".1%"),
        alt.Tooltip("high:Q", title="to", format=".1%"),
        alt.Tooltip("replicates:Q"),
    ]
    ring_tips = [alt.Tooltip("shift:N"), alt.Tooltip("what:N"), alt.Tooltip("value:Q", format=".1%")]
    low = alt.X("low:Q")
    layers = [
        alt.Chart().mark_rule(style="reference").encode(x=x).transform_filter(is_("part", "chance")),
        alt.Chart().mark_rule(style="bounds").encode(y=y, x=low, x2="high:Q").transform_filter(is_("part", "span")),
        alt.Chart()
        .mark_point(style="replicate", size=60)
        .encode(y=y, x=x, color=role_colour(), tooltip=ring_tips)
        .transform_filter(is_("part", "ring")),
        *interval_layers(y, x, tips),
    ]
    return _panels(layers, titles, ROW * len(shifts))


def _elicitation_panels(titles: Sequence[str], interventions: Sequence[str]) -> Any:
    import altair as alt

    y = rows_axis("arm", interventions)
    x = alt.X("value:Q", axis=alt.Axis(format="+.1f", tickCount=4, title="differential elicitation"))
    tips = [
        alt.Tooltip("arm:N"),
        alt.Tooltip("value:Q", title="elicitation", format="+.2f"),
        alt.Tooltip("low:Q", title="95% interval from", format="+.2f"),
        alt.Tooltip("high:Q", title="to", format="+.2f"),
        *(alt.Tooltip(f"{n}:Q", format=",") for n in ("shifts", "replicates", "undefined")),
    ]
    note = alt.Chart().mark_text(style="unmeasured", align="left").transform_filter(is_("part", "note"))
    layers = [
        alt.Chart().mark_rule(style="zero").encode(x=alt.XDatum(0)),
        alt.Chart()
        .mark_tick(style="reference", thickness=2, size=ROW - 6)
        .encode(y=y, x=x, tooltip=[alt.Tooltip("value:Q", title="a guess would show", format="+.2f")])
        .transform_filter(is_("part", "guess")),
        *interval_layers(y, x, tips),
        note.encode(y=y, x=alt.XDatum(0), text=alt.value("not measurable")),
    ]
    return _panels(layers, titles, ROW * len(interventions))


def _panels(layers: list[Any], titles: Sequence[str], height: int) -> Any:
    import altair as alt

    header = alt.Header(title=None, labelAnchor="start", labelPadding=6)
    chart = alt.layer(*layers, data=alt.NamedData(name="numbers")).properties(width=PANEL, height=height)
    faceted = chart.facet(column=alt.Column("panel:N", sort=list(titles), header=header), spacing=24)
    return faceted.transform_filter(alt.FieldOneOfPredicate(field="panel", oneOf=list(titles)))
