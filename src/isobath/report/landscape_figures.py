"""The figures of a landscape: rates by region, along distance, over two factors, and how often decisions flip.

As in `isobath.report.figures`, charts name styles and roles, never colours, and hold their numbers once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
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
from isobath.report.words import count, known, label, percent

if TYPE_CHECKING:
    import pandas as pd

ROW, FOREST = 22, 250
"""Height of an arm's row and width of a forest, in pixels: a forest with its labels fits on a telephone."""
CURVE = (180, 150)
"""Width and height of a panel of curves."""
WIDEST = 11
"""Letters of a level that a column of the map is wide enough for; longer ones take a line per word."""
STEP = (74, 82)
"""Width and height of a point's field on the map of two factors."""
WIDEST = 880
"""Pixels of a line of panels."""

AXES = {
    "d": "distance from the training points",
    "k": "relevant factors away from the training points",
    "q": "size of the smallest combination never seen",
}

NOTES = {"contested": "no agreed answer here", "not asked": "not asked"}


def regions_figure(
    regions: pd.DataFrame, replicates: pd.DataFrame, arms: Sequence[str], order: Sequence[str], chance: float | None
) -> Any:
    """A forest by region: every arm's rate with its interval, regions outwards from top to bottom.

    `regions` has the columns of `analysis.region_rates.region_rates` and `replicates` those of `Landscape.replicates`,
    of one GPE, trait and condition. Rings are single replicates; the dashed line is `chance`, if it is known.
    """
    roles = {str(r["arm"]): str(r["role"]) for r in regions.to_dict("records")}
    records = [_rate_record(r, "region") for r in regions.to_dict("records")]
    for r in replicates.to_dict("records"):
        if str(r["replicate"]) != "-":
            names = {"group": str(r["region"]), "arm": str(r["arm"]), "replicate": str(r["replicate"])}
            role = roles.get(str(r["arm"]), "")
            records.append({**names, "role": role, "part": "replicate", "value": float(r["value"])})
    if chance is not None:
        records += [{"group": region, "part": "chance", "value": chance} for region in order]
    asked = regions.groupby("region", sort=False)["questions"].max().to_dict()
    names = {region: f"{region} ({count(int(asked.get(region, 0)), 'question')})" for region in order}
    return with_numbers(_forest(order, arms, "share of answers with the trait", names), records)


def along_figure(frame: pd.DataFrame, along: str, arms: Sequence[str], reference: str = "") -> Any:
    """Rates against distance (`along` d), depth (k) or novelty order (q), one panel per arm; bars are intervals.

    `frame` has the columns of `analysis.region_rates.rates_along`, of one GPE, trait and condition. The dashed line in
    every panel is the arm `reference`.
    """
    import altair as alt

    width = CURVE[0]
    titles = {arm: wrapped(arm, width) for arm in arms}
    records = [{**_rate_record(r, "level"), **_where(r, along)} for r in frame.to_dict("records")]
    shown = [{**r, "panel": titles[r["arm"]]} for r in records if r["arm"] in titles]
    again = [r for r in shown if r["arm"] == reference and r["part"] == "measured"]
    shown += [
        {**r, "panel": panel, "part": "comparison"} for panel in titles.values() for r in again if r["panel"] != panel
    ]
    levels = list(dict.fromkeys(str(r["level"]) for r in frame.sort_values("place").to_dict("records")))
    columns = max(1, WIDEST // (width + 40))
    names = list(titles.values())
    lines = [_curves(along, levels, names[i : i + columns]) for i in range(0, len(names), columns)]
    return with_numbers(alt.vconcat(*lines, spacing=16), shown)


def points_figure(
    points: pd.DataFrame,
    factors: tuple[str, str],
    levels: Mapping[str, Sequence[str]],
    arms: Sequence[str],
    fewest: int,
) -> Any:
    """Two factors crossed, one panel per arm: a disc per combination, coloured by rate, with the rate and n beside it.

    `points` has the columns of `analysis.region_rates.point_rates` for these `factors` (rows, columns). Combinations
    with fewer than `fewest` answers are dashed and grey; a second ring marks the support; what is contested says so.
    """
    import altair as alt

    records = [_point_record(r, factors, fewest) for r in points.to_dict("records")]
    width = STEP[0] * len(levels[factors[1]])
    titles = {arm: wrapped(arm, max(width, 120)) for arm in arms}
    shown = [{**r, "panel": titles[r["arm"]]} for r in records if r["arm"] in titles]
    columns = max(1, WIDEST // (width + 60))
    names = list(titles.values())
    lines = [_map(factors, levels, names[i : i + columns]) for i in range(0, len(names), columns)]
    return with_numbers(alt.vconcat(*lines, spacing=18), shown)


def flips_figure(flips: pd.DataFrame, arms: Sequence[str], kinds: Mapping[str, str]) -> Any:
    """Forests by factor, one for each kind of flip (`kinds`: kind and title): each arm's share with its interval.

    `flips` has the columns of `analysis.flips.flip_rates`, of one GPE. The upright tick is what the same decisions
    dealt out by chance would give.
    """
    import altair as alt

    parts, records = [], []
    for kind, title in kinds.items():
        mine = flips[flips["kind"] == kind]
        factors = list(dict.fromkeys(str(f) for f in mine["factor"]))
        if not factors:
            continue
        for r in mine.to_dict("records"):
            record = {**_rate_record(r, "factor"), "group": f"{kind}: {r['factor']}", "random": _number(r["random"])}
            records += [record, {**record, "part": "random"}]
        names = {f"{kind}: {f}": label(f) for f in factors}
        forest = _forest(list(names), arms, "share of decisions", names)
        parts.append(forest.properties(title=alt.TitleParams(wrapped(title, FOREST + 110), anchor="start", offset=8)))
    return with_numbers(alt.vconcat(*parts, spacing=24), records)


def _forest(groups: Sequence[str], arms: Sequence[str], what: str, names: Mapping[str, str] | None = None) -> Any:
    """Rows of arms under a heading for each group."""
    import altair as alt

    axis = alt.Axis(format=".0%", values=[0, 0.25, 0.5, 0.75, 1], title=what)
    x = alt.X("value:Q", scale=alt.Scale(domain=[0, 1]), axis=axis)
    y = rows_axis("arm", arms)
    tips = _tips()
    tick = alt.X("random:Q")
    layers = [
        alt.Chart().mark_rule(style="reference").encode(x=x).transform_filter(is_("part", "chance")),
        alt.Chart().mark_tick(style="by_chance").encode(y=y, x=tick).transform_filter(is_("part", "random")),
        alt.Chart()
        .mark_point(style="replicate", yOffset=6)
        .transform_filter(is_("part", "replicate"))
        .encode(y=y, x=x, color=role_colour(), tooltip=[alt.Tooltip(f"{n}:N") for n in ("arm", "replicate")]),
        *interval_layers(y, x, tips),
        *unmeasured_layers(y),
        alt.Chart()
        .mark_text(style="unmeasured", align="left")
        .encode(y=y, x=alt.XDatum(0), text="said:N")
        .transform_filter(is_("part", "note")),
    ]
    words = "datum.label" if names is None else f"({json.dumps(dict(names))})[datum.label]"
    header = alt.Header(title=None, labelOrient="top", labelAnchor="start", labelPadding=3, labelExpr=words)
    chart = alt.layer(*layers, data=alt.NamedData(name="numbers")).properties(width=FOREST, height=ROW * len(arms))
    faceted = chart.facet(row=alt.Row("group:N", sort=list(groups), header=header), spacing=8)
    return faceted.transform_filter(alt.FieldOneOfPredicate(field="group", oneOf=list(groups)))


def _curves(along: str, levels: Sequence[str], titles: Sequence[str]) -> Any:
    import altair as alt

    title = wrapped(AXES[along], CURVE[0])
    if along == "d":
        scale = alt.Scale(nice=False, zero=True, padding=8)
        x: Any = alt.X("at:Q", axis=alt.Axis(title=title, tickCount=4, grid=False), scale=scale)
    else:
        x = alt.X("level:N", sort=list(levels), axis=alt.Axis(title=title, labelAngle=0))
    axis = alt.Axis(format=".0%", values=[0, 0.25, 0.5, 0.75, 1], title="share of answers with the trait", grid=True)
    y = alt.Y("value:Q", scale=alt.Scale(domain=[0, 1]), axis=axis)
    ordered = alt.Order("place:Q")
    measured, tips = alt.Chart().transform_filter(is_("part", "measured")), _tips()
    layers = [
        alt.Chart()
        .mark_line(style="comparison")
        .encode(x=x, y=y, order=ordered)
        .transform_filter(is_("part", "comparison")),
        measured.mark_line(style="through").encode(x=x, y=y, order=ordered, color=role_colour()),
        measured.mark_rule(style="interval").encode(
            x=x, y=alt.Y("low:Q"), y2="high:Q", color=role_colour(), tooltip=tips
        ),
        measured.mark_point(style="estimate").encode(x=x, y=y, color=role_colour(), tooltip=tips),
    ]
    width, height = CURVE
    header = alt.Header(title=None, labelAnchor="start", labelPadding=6)
    chart = alt.layer(*layers, data=alt.NamedData(name="numbers")).properties(width=width, height=height)
    faceted = chart.facet(column=alt.Column("panel:N", sort=list(titles), header=header), spacing=20)
    return faceted.transform_filter(alt.FieldOneOfPredicate(field="panel", oneOf=list(titles)))


def _map(factors: tuple[str, str], levels: Mapping[str, Sequence[str]], titles: Sequence[str]) -> Any:
    import altair as alt

    rows, columns = (list(levels[f]) for f in factors)
    scales = [alt.Scale(domain=names) for names in (rows, columns)]
    titles_of = [alt.Axis(title=label(f), labelAngle=0, grid=False, ticks=False, domain=False) for f in factors]
    titles_of[1].labelExpr = f"length(datum.label) > {WIDEST} ? split(datum.label, ' ') : datum.label"
    y = alt.Y("row:N", sort=rows, scale=scales[0], axis=titles_of[0])
    x = alt.X("column:N", sort=columns, scale=scales[1], axis=titles_of[1])
    legend = alt.Legend(title="rate", format=".0%", orient="top", gradientLength=160, values=[0, 0.5, 1])
    colour = alt.Color("value:Q", scale=alt.Scale(domain=[0, 1], range="ramp"), legend=legend)
    tips = [
        *(alt.Tooltip(f"{n}:N") for n in ("arm", "point", "regions")),
        alt.Tooltip("value:Q", title="rate", format=".1%"),
        alt.Tooltip("low:Q", title="95% interval from", format=".1%"),
        alt.Tooltip("high:Q", title="to", format=".1%"),
        *(alt.Tooltip(f"{n}:Q", format=",") for n in ("answers", "questions", "replicates", "contested")),
    ]
    base = alt.Chart().encode(x=x, y=y)
    enough, few = base.transform_filter(is_("part", "enough")), base.transform_filter(is_("part", "few"))
    layers = [
        enough.mark_point(style="point", yOffset=-6).encode(color=colour, tooltip=tips),
        few.mark_point(style="few", yOffset=-6).encode(tooltip=tips),
        base.transform_filter(is_("supported", "yes")).mark_point(style="support", yOffset=-6),
        base.mark_text(style="note", yOffset=-29).encode(text="between:N"),
        enough.mark_text(style="said", yOffset=17).encode(text="said:N"),
        few.mark_text(style="faint", yOffset=17).encode(text="said:N"),
        base.transform_filter(is_("part", "note")).mark_text(style="note", yOffset=17).encode(text="said:N"),
        base.mark_text(style="note", yOffset=29).encode(text="count:N"),
    ]
    header = alt.Header(title=None, labelAnchor="start", labelPadding=6)
    size = {"width": STEP[0] * len(columns), "height": STEP[1] * len(rows)}
    chart = alt.layer(*layers, data=alt.NamedData(name="numbers")).properties(**size)
    faceted = chart.facet(column=alt.Column("panel:N", sort=list(titles), header=header), spacing=24)
    return faceted.transform_filter(alt.FieldOneOfPredicate(field="panel", oneOf=list(titles)))


def _tips() -> list[Any]:
    import altair as alt

    return [
        *(alt.Tooltip(f"{n}:N") for n in ("arm", "where")),
        alt.Tooltip("value:Q", title="estimate", format=".1%"),
        alt.Tooltip("low:Q", title="95% interval from", format=".1%"),
        alt.Tooltip("high:Q", title="to", format=".1%"),
        *(alt.Tooltip(f"{n}:Q", format=",") for n in ("replicates", "questions")),
    ]


def _rate_record(row: Mapping[Any, Any], group: str) -> Record:
    """A rate as a record: measured, with its bounds only, or a note."""
    names = {
        "group": str(row[group]),
        "where": str(row[group]),
        "arm": str(row["arm"]),
        "role": str(row["role"]),
        "replicates": int(row["replicates"]),
        "questions": int(row["questions"]),
    }
    if str(row["state"]) in NOTES:
        return {**names, "part": "note", "said": NOTES[str(row["state"])]}
    ends = ("low", "high") if row["measurable"] and known(row["mean"]) else ("bound_low", "bound_high")
    numbers = {to: _number(row[at]) for to, at in zip(("low", "high"), ends, strict=True)}
    if ends[0] != "low":
        return {**names, "part": "unmeasured", "value": None, **numbers}
    return {**names, "part": "measured", "value": _number(row["mean"]), **numbers}


def _where(row: Mapping[Any, Any], along: str) -> Record:
    return {
        "level": str(row["level"]),
        "at": _number(row["at"]),
        "place": int(row["place"]),
        "where": _said(row, along),
    }


def _said(row: Mapping[Any, Any], along: str) -> str:
    return f"{AXES[along]}: {row['level']}"


def _point_record(row: Mapping[Any, Any], factors: tuple[str, str], fewest: int) -> Record:
    levels = json.loads(str(row["levels"]))
    answers = int(row["rows"]) - int(row["not_applicable"])
    record: Record = {
        "arm": str(row["arm"]),
        "row": str(levels.get(factors[0], "")),
        "column": str(levels.get(factors[1], "")),
        "point": ", ".join(f"{label(f)} {levels.get(f, '')}" for f in factors),
        "regions": str(row["regions"]),
        "between": _between(str(row["regions"]).split(", ")),
        "supported": "yes" if row["supported"] else "no",
        "answers": answers,
        "questions": int(row["questions"]),
        "replicates": int(row["replicates"]),
        "contested": int(row["not_applicable"]),
    }
    if not answers or not row["measurable"] or not known(row["mean"]):
        said = "contested" if not answers else "too much missing"
        return {**record, "part": "note", "said": said, "count": ""}
    numbers = {"value": _number(row["mean"]), "low": _number(row["low"]), "high": _number(row["high"])}
    part = "enough" if answers >= fewest else "few"
    return {**record, **numbers, "part": part, "said": percent(row["mean"]), "count": f"n {answers}"}


def _between(regions: Sequence[str]) -> str:
    """The regions of a pooled combination, short enough for its field: ``island to bay``."""
    return regions[0] if len(regions) == 1 else f"{regions[0]}–{regions[-1]}"


def _number(value: object) -> float | None:
    return float(value) if known(value) else None  # type: ignore[arg-type]
