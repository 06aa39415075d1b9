"""The figures of a report: one function per figure, from frames of estimates to an Altair chart.

Charts name styles and roles, never colours: the theme (`isobath.report.theme`) turns one specification into a light, a
dark and a printed figure. Each figure holds its numbers once, as a named dataset whose records say which panel and part
of it they belong to; panels and layers filter it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from isobath.report.marks import (
    Record,
    interval_layers,
    is_,
    role_colour,
    rows_axis,
    unmeasured_layers,
    with_numbers,
    wrapped,
)
from isobath.report.words import condition_label, known, label

if TYPE_CHECKING:
    import pandas as pd

ROW = 30
"""Pixels per arm."""
PANEL = 330
"""Pixels of a panel's width."""
NARROW = 235
PER_LINE = 3

LINE_BREAKS = "\u2028\u2029"
"""Marks that end a line in JavaScript: Vega puts names into expressions, which a name with one of these would break."""

PANEL_TITLES = {"none": "no prompt", "training": "under a prompt", "paraphrase": "under another wording of it"}


def arms_figure(
    estimates: pd.DataFrame, replicates: pd.DataFrame, arms: Sequence[str], panels: Sequence[tuple[str, str]]
) -> Any:
    """Every arm's rate with its interval, one panel per trait; rings are the single replicates.

    `estimates` has the columns of `analysis.estimates.arm_estimates` and `replicates` those of `replicate_rates`, both
    of one GPE under one condition. `arms` is their order from top to bottom, `panels` are trait and title. An arm
    that is not measurable shows its bounds and says so. The dashed line is the untrained model.
    """
    titles = {trait: wrapped(title, PANEL) for trait, title in panels}
    records = _rate_records(estimates, replicates, lambda r: titles.get(r["trait"]))
    return with_numbers(_rate_panels(list(titles.values()), arms, PANEL), records)


def leak_figure(
    estimates: pd.DataFrame, replicates: pd.DataFrame, arms: Sequence[str], groups: Sequence[Sequence[str]]
) -> Any:
    """One trait of one GPE: every arm with no prompt, under a prompt, and under another wording of it.

    Each panel takes several conditions (`groups`): arms that were trained under no prompt are asked under one that they
    never saw.
    """
    titles = {condition: PANEL_TITLES.get(group[0], group[0]) for group in groups for condition in group}
    records = _rate_records(estimates, replicates, lambda r: titles.get(r["condition"]))
    return with_numbers(_rate_panels(list(dict.fromkeys(titles.values())), arms, NARROW), records)


def profile_figure(
    differences: pd.DataFrame, traits: Sequence[str], panels: Sequence[tuple[str, str]], reference: str
) -> Any:
    """Every trait's difference from the arm `reference`, one panel per arm (`panels`: arm and title).

    `differences` has the columns of `analysis.estimates.profile_table` and the arm's role, for one GPE.
    """
    import altair as alt

    titles = {arm: wrapped(title, NARROW) for arm, title in panels}
    records = [_difference_record(r, titles[r["arm"]]) for r in differences.to_dict("records") if r["arm"] in titles]
    reach, names = _reach(records), list(titles.values())
    lines = [
        _difference_panels(names[i : i + PER_LINE], traits, reach, reference) for i in range(0, len(names), PER_LINE)
    ]
    return with_numbers(alt.vconcat(*lines, spacing=18), records)


def specification(chart: Any) -> dict[str, Any]:
    """A chart's Vega-Lite specification, without a configuration and without the address of a schema."""
    import altair as alt

    bare = chart.copy(deep=False)
    bare.datasets = alt.Undefined  # altair copies and checks every record, twice; they are plain already
    spec: dict[str, Any] = bare.to_dict(validate=False)
    spec["datasets"] = chart.datasets
    kept = {key: value for key, value in spec.items() if key not in ("$schema", "config")}
    text = json.dumps(kept, ensure_ascii=False)
    if not any(mark in text for mark in LINE_BREAKS):
        return kept
    whole: dict[str, Any] = json.loads(text.translate({ord(mark): " " for mark in LINE_BREAKS}))
    return whole


def _rate_panels(titles: Sequence[str], arms: Sequence[str], width: int) -> Any:
    import altair as alt

    y = rows_axis("arm", arms)
    axis = alt.Axis(format=".0%", values=[0, 0.25, 0.5, 0.75, 1], title="share of answers with the trait")
    x = alt.X("value:Q", scale=alt.Scale(domain=[0, 1]), axis=axis)
    rings = alt.Chart().mark_point(style="replicate", yOffset=8).transform_filter(is_("part", "replicate"))
    layers = [
        alt.Chart().mark_rule(style="reference").encode(x=x).transform_filter(is_("part", "untrained")),
        rings.encode(y=y, x=x, color=role_colour(), tooltip=_replicate_tips()),
        *interval_layers(y, x, _tips(".1%")),
        *unmeasured_layers(y),
    ]
    return _panels(layers, titles, width, ROW * len(arms))


def _difference_panels(titles: Sequence[str], traits: Sequence[str], reach: float, reference: str) -> Any:
    import altair as alt

    y = rows_axis("trait", traits)
    words = "datum.value == 0 ? '0' : format(datum.value * 100, '+.0f') + ' points'"
    axis = alt.Axis(labelExpr=words, tickCount=5, title=f"difference from {label(reference)}")
    x = alt.X("value:Q", scale=alt.Scale(domain=[-reach, reach], clamp=True), axis=axis)
    layers = [
        alt.Chart().mark_rule(style="zero").encode(x=alt.XDatum(0)),
        *interval_layers(y, x, _tips("+.1%")),
        *unmeasured_layers(y),
    ]
    return _panels(layers, titles, NARROW, 24 * len(traits))


def _panels(layers: list[Any], titles: Sequence[str], width: int, height: int) -> Any:
    """The same layers for the records of each title, side by side on one axis of rows."""
    import altair as alt

    header = alt.Header(title=None, labelAnchor="start", labelPadding=6)
    chart = alt.layer(*layers, data=alt.NamedData(name="numbers")).properties(width=width, height=height)
    faceted = chart.facet(column=alt.Column("panel:N", sort=list(titles), header=header), spacing=24)
    return faceted.transform_filter(alt.FieldOneOfPredicate(field="panel", oneOf=list(titles)))


def _tips(number: str) -> list[Any]:
    import altair as alt

    return [
        *(alt.Tooltip(f"{name}:N") for name in ("arm", "trait", "asked under")),
        alt.Tooltip("value:Q", title="estimate", format=number),
        alt.Tooltip("low:Q", title="95% interval from", format=number),
        alt.Tooltip("high:Q", title="to", format=number),
        *(alt.Tooltip(f"{name}:Q", format=",") for name in ("replicates", "questions")),
    ]


def _replicate_tips() -> list[Any]:
    import altair as alt

    return [alt.Tooltip("arm:N"), alt.Tooltip("replicate:N"), alt.Tooltip("value:Q", title="its rate", format=".1%")]


def _rate_records(estimates: pd.DataFrame, replicates: pd.DataFrame, panel_of: Any) -> list[Record]:
    records: list[Record] = []
    roles: dict[tuple[str, str], str] = {}
    for row in estimates.to_dict("records"):
        roles[row["arm"], row["condition"]] = str(row["role"])
        measured = bool(row["measurable"]) and known(row["mean"])
        record = _record(row, panel_of(row), ("mean", "low", "high") if measured else ("", "bound_low", "bound_high"))
        records.append({**record, "part": "measured" if measured else "unmeasured"})
        if measured and row["role"] == "untrained":
            records.append({**record, "part": "untrained"})
    for row in replicates.to_dict("records"):
        # an arm that has no replicates (named "-") is its own dot
        single = str(row["replicate"]) == "-"
        if (role := roles.get((row["arm"], row["condition"]))) is not None and known(row["value"]) and not single:
            names = {"arm": str(row["arm"]), "role": role, "replicate": str(row["replicate"])}
            records.append({**names, "panel": panel_of(row), "part": "replicate", "value": float(row["value"])})
    return [r for r in records if r["panel"] is not None]


def _difference_record(row: Mapping[Any, Any], place: str) -> Record:
    if row["measurable"]:
        return {**_record(row, place, ("difference", "low", "high")), "part": "measured"}
    return {**_record(row, place, ("", "bound_low", "bound_high")), "part": "unmeasured"}


def _record(row: Mapping[Any, Any], place: str | None, columns: Sequence[str]) -> Record:
    numbers = {to: row.get(at) for to, at in zip(("value", "low", "high"), columns, strict=True)}
    return {
        "panel": place,
        "arm": str(row["arm"]),
        "role": str(row["role"]),
        "trait": label(str(row["trait"])) if "difference" not in row else str(row["trait"]),
        "asked under": condition_label(str(row.get("condition", "none"))),
        **{name: float(number) if known(number) else None for name, number in numbers.items()},  # type: ignore[arg-type]
        "replicates": int(row["replicates"]),
        "questions": int(row["questions"]),
    }


def _reach(records: Iterable[Record]) -> float:
    """Half the width of the axis: the furthest end of an interval, in tenths, and never beyond 1."""
    measured = [r for r in records if r["part"] == "measured"]
    ends = [abs(r[name]) for r in measured for name in ("low", "high", "value") if r[name] is not None]
    return min(1.0, max(0.1, -(-max(ends, default=1.0) * 10 // 1) / 10))
