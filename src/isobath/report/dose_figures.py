"""The figures of doses: rate against dose by region with EC50 marks, EC50 side by side, and gain against loss.

As in `isobath.report.figures`, charts name styles and roles, never colours, and hold their numbers once. The axis of a
dose is the logarithm of its share; 0 stands left of a gap.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from isobath.analysis.dose_response import Curve, State
from isobath.report.dose_words import ec50_words, place_label, series_label
from isobath.report.marks import Record, is_, role_colour, with_numbers
from isobath.report.words import known, label

if TYPE_CHECKING:
    import pandas as pd

PANEL = (136, 128)
"""Width and height of a panel: five regions and an axis fit on a page."""
ROW, FOREST = 20, 120
SQUARE = 380
SHAPES = {"fixed budget": "circle", "added budget": "square", "plain": "diamond", "narrow": "cross"}
NAMED = "'rows of ' + replace(datum.value, /_/g, ' ')"
STEPS = 48
"""Points that a curve is drawn through."""
GAP = 0.45
"""How far left of the lowest dose the dose 0 stands, in powers of ten."""
LOOK = {"fixed budget": "treatment", "added budget": "opposite", "narrow": "untrained", "plain": "plain"}
"""The role whose colour each kind of dose has."""
NOTED = {"fixed budget": 0.14, "added budget": 0.04}
"""Heights of the notes on EC50, and of its marks, in a panel."""


def response_figure(points: pd.DataFrame, curves: pd.DataFrame, narrow: pd.DataFrame) -> Any:
    """Panels of pools by regions: rates with intervals, the curve of each budget, EC50 marks below.

    `points` and `curves` are those of `analysis.dose_curves`, of one GPE and trait; `narrow` has the columns of
    `points`: the controls at matched budget, crosses in the panels of added doses. Round and solid: fixed budget;
    square and dashed: added budget.
    """
    import altair as alt

    axis = _DoseAxis(points)
    pools = list(dict.fromkeys(str(p) for p in points["pool"]))
    regions = list(dict.fromkeys(str(r) for r in points["region"]))
    records = [_point(r, axis, str(r["at"])) for r in points.to_dict("records") if r["share"] > 0]
    zeros = points[points["share"] == 0].drop_duplicates(["pool", "region"])
    records += [_point(r, axis, "plain") for r in zeros.to_dict("records")]
    with_added = {str(p) for p in points.loc[points["at"] == "added budget", "pool"]}
    records += [
        {**_point(r, axis, "narrow"), "pool": pool}
        for r in narrow.to_dict("records")
        for pool in pools
        if pool in with_added and str(r["region"]) in regions
    ]
    for r in curves.to_dict("records"):
        records += _line(r, points, axis) + _marks(r, axis)
    pool = alt.Row("pool:N", sort=pools, title=None, header=alt.Header(labelExpr=NAMED, labelAngle=-90))
    chart = _panel(axis).facet(row=pool, column=_columns(regions), spacing={"row": 14, "column": 10})
    return with_numbers(chart, [{**r, "region": place_label(r["region"])} for r in records])


def _columns(regions: Sequence[str]) -> Any:
    import altair as alt

    order = [place_label(r) for r in regions]
    return alt.Column("region:N", sort=order, title=None, header=alt.Header(labelFontWeight="normal", labelFontSize=12))


class _DoseAxis:
    """Where doses stand on a logarithmic axis with a place for 0."""

    def __init__(self, points: pd.DataFrame) -> None:
        shares = sorted({float(s) for s in points["share"] if s > 0})
        self.least, self.most = math.log10(shares[0]), math.log10(shares[-1])
        self.zero = self.least - GAP

    def place(self, share: float) -> float:
        """The place of a dose; open ends go to the edges."""
        if share <= 0:
            return self.zero
        return self.most + GAP / 2 if math.isinf(share) else math.log10(share)

    def clipped(self, share: float, open_end: float) -> float:
        """The place of an end of an interval, `open_end` where it is open, within the axis."""
        at = open_end if not known(share) or share <= 0 else self.place(share)
        return min(max(at, self.zero), self.most + GAP / 2)

    def encoding(self, title: str | None) -> Any:
        """The x axis: 0, powers of ten and their thirds where they are few."""
        import altair as alt

        whole = [v for v in range(math.floor(self.least), math.ceil(self.most) + 1) if self.least <= v <= self.most]
        ticks = [float(v) for v in whole] or [self.least, self.most]
        if len(ticks) < 2:
            ticks = sorted({self.least, *ticks, self.most})
        between = self.least - GAP / 2
        said = f"datum.value < {between:.4f} ? '0' : format(pow(10, datum.value), '.2~%')"
        axis = alt.Axis(values=[self.zero, *ticks], labelExpr=said, title=title, grid=False)
        ends = [self.zero - 0.12, self.most + GAP / 2]
        return alt.X("x:Q", scale=alt.Scale(domain=ends, nice=False, zero=False), axis=axis)


def _point(row: Mapping[Any, Any], axis: _DoseAxis, kind: str) -> Record:
    ends = {n: float(row[n]) if known(row[n]) else None for n in ("low", "high")}
    names = {"part": kind, "pool": str(row["pool"]), "region": str(row["region"]), "role": LOOK[kind]}
    return {
        **names,
        **ends,
        **{"arm": label(str(row["arm"])), "dose": float(row["share"]), "x": axis.place(float(row["share"]))},
        **{"value": float(row["rate"]), "replicates": int(row["replicates"])},
    }


def _line(row: Mapping[Any, Any], points: pd.DataFrame, axis: _DoseAxis) -> list[Record]:
    """The curve, line or level that describes the rates best; through the points where there are too few."""
    keys = ("pool", "at", "region")
    mine = points[np.logical_and.reduce([points[k] == row[k] for k in keys])]
    at, rates = mine["share"].to_numpy(dtype=float), mine["rate"].to_numpy(dtype=float)
    state = State(str(row["state"]))
    logs = np.linspace(axis.least, math.log10(at.max()), STEPS)
    if state in (State.FEW_DOSES, State.FEW_REPLICATES):
        x, y = np.array([axis.place(float(d)) for d in at]), rates
    elif state in (State.NO_RESPONSE, State.DISAGREE):
        x, y = np.array([axis.zero, logs[-1]]), np.full(2, rates.mean())
    elif state is State.LINEAR:
        above = at > 0
        slope, start = np.polyfit(np.log10(at[above]), rates[above], 1)
        x, y = logs, start + slope * logs
    else:
        x, y = logs, Curve(*(float(row[n]) for n in ("lo", "hi", "slope", "middle"))).at(10**logs)
    names = {"part": "line", "budget": str(row["at"]), "role": LOOK[str(row["at"])]}
    names |= {"pool": str(row["pool"]), "region": str(row["region"])}
    return [{**names, "x": float(a), "value": float(b), "order": i} for i, (a, b) in enumerate(zip(x, y, strict=True))]


def _marks(row: Mapping[Any, Any], axis: _DoseAxis) -> list[Record]:
    """A bar for the interval of EC50 and a tick at its number, or its words alone."""
    at = str(row["at"])
    names = {"pool": str(row["pool"]), "region": str(row["region"]), "role": LOOK[at], "value": NOTED[at]}
    state = State(str(row["state"]))
    if state not in (State.FITTED, State.BELOW, State.ABOVE):
        return [{**names, "part": "note", "x": axis.zero, "said": ec50_words(row)}]
    ends = {"x": axis.clipped(row["low"], axis.zero), "x2": axis.clipped(row["high"], axis.most + GAP / 2)}
    found: list[Record] = [{**names, "part": "interval", **ends, "said": ec50_words(row)}]
    if state is State.FITTED:
        found.append({**names, "part": "ec50", "x": axis.place(float(row["ec50"])), "said": ec50_words(row)})
    return found


def _panel(axis: _DoseAxis) -> Any:
    """Lines, intervals, points, and what is known of EC50, of one pool in one region."""
    import altair as alt

    ticks = alt.Axis(format=".0%", values=[0, 0.5, 1], title=None, grid=True)
    y, low = (alt.Y(f"{n}:Q", scale=alt.Scale(domain=[0, 1]), axis=ticks) for n in ("value", "low"))
    x, colour = axis.encoding(None), role_colour()
    tips = [alt.Tooltip("arm:N"), alt.Tooltip("dose:Q", format=".2~%")]
    tips += [alt.Tooltip(f"{n}:Q", format=".1%") for n in ("value", "low", "high")] + [alt.Tooltip("replicates:Q")]
    said = [alt.Tooltip("said:N", title="EC50")]
    dash = alt.StrokeDash("budget:N", scale=alt.Scale(domain=list(NOTED), range=[[1, 0], [5, 3]]), legend=None)
    shape = alt.Shape("part:N", scale=alt.Scale(domain=list(SHAPES), range=list(SHAPES.values())), legend=None)
    base, kinds = alt.Chart(), alt.FieldOneOfPredicate(field="part", oneOf=list(SHAPES))
    lines = base.transform_filter(is_("part", "line")).mark_line(strokeWidth=1.8)
    points = base.transform_filter(kinds)
    bars = base.transform_filter(is_("part", "interval")).mark_rule(style="interval")
    dots = base.transform_filter(is_("part", "ec50")).mark_point(style="estimate", shape="diamond", size=70)
    notes = base.transform_filter(is_("part", "note")).mark_text(style="note", align="left", baseline="middle")
    layers = [
        lines.encode(x=x, y=y, color=colour, order="order:Q", strokeDash=dash),
        points.mark_rule(style="through").encode(x=x, y=low, y2="high:Q", color=colour, tooltip=tips),
        points.mark_point(size=42, filled=True, opacity=1).encode(x=x, y=y, color=colour, shape=shape, tooltip=tips),
        bars.encode(x=x, x2="x2:Q", y=y, color=colour, tooltip=said),
        dots.encode(x=x, y=y, color=colour, tooltip=said),
        notes.encode(x=x, y=y, text="said:N"),
    ]
    return alt.layer(*layers, data=alt.NamedData(name="numbers")).properties(width=PANEL[0], height=PANEL[1])


def ec50_figure(curves: pd.DataFrame, points: pd.DataFrame) -> Any:
    """EC50 of every series, a panel per region: dot and interval, an arrow where an end is open, words where none is.

    `curves` and `points` are of one GPE and trait.
    """
    axis = _DoseAxis(points)
    series = list(dict.fromkeys(series_label(str(r["pool"]), str(r["at"])) for r in curves.to_dict("records")))
    regions = list(dict.fromkeys(str(r) for r in curves["region"]))
    records = []
    for r in curves.to_dict("records"):
        name = series_label(str(r["pool"]), str(r["at"]))
        for mark in _marks(r, axis):
            mark = {**mark, "series": name, "state": str(r["state"])}
            records.append(mark)
            if mark["part"] == "interval":
                ends = ((State.BELOW, "x", "triangle-left"), (State.ABOVE, "x2", "triangle-right"))
                records += [
                    {**mark, "part": shape, "x": mark[end]} for state, end, shape in ends if r["state"] == str(state)
                ]
    chart = _forest(series, axis).facet(column=_columns(regions), spacing=10)
    return with_numbers(chart, [{**r, "region": place_label(r["region"])} for r in records])


def _forest(series: Sequence[str], axis: _DoseAxis) -> Any:
    import altair as alt

    y = alt.Y("series:N", sort=list(series), scale=alt.Scale(domain=list(series)), axis=alt.Axis(title=None))
    x, colour, tips = axis.encoding(None), role_colour(), [alt.Tooltip("series:N"), alt.Tooltip("said:N", title="EC50")]
    base = alt.Chart()
    ends = {"ec50": "circle", "triangle-left": "triangle-left", "triangle-right": "triangle-right"}
    shape = alt.Shape("part:N", scale=alt.Scale(domain=list(ends), range=list(ends.values())), legend=None)
    bars = base.transform_filter(is_("part", "interval")).mark_rule(style="interval")
    marks = base.transform_filter(alt.FieldOneOfPredicate(field="part", oneOf=list(ends)))
    notes = base.transform_filter(is_("part", "note")).mark_text(style="unmeasured", baseline="middle", fontSize=10)
    layers = [
        bars.encode(x=x, x2="x2:Q", y=y, color=colour, tooltip=tips),
        marks.mark_point(size=60, filled=True, opacity=1).encode(x=x, y=y, color=colour, shape=shape, tooltip=tips),
        notes.encode(x=x, y=y, text="said:N"),
    ]
    height = ROW * len(series)
    return alt.layer(*layers, data=alt.NamedData(name="numbers")).properties(width=FOREST, height=height)


def price_figure(frame: pd.DataFrame, axes: tuple[str, str]) -> Any:
    """Gain (up) against loss (right), in points from the plain arm; the upper left is wanted. Bars: 95 % intervals.

    `frame` has arm, kind (a key of `LOOK`), name, front (bool), gain, gain_low, gain_high, loss, loss_low, loss_high.
    Filled: on the front of the means.
    """
    import altair as alt

    records: list[Record] = [
        {
            **{"arm": label(str(r["arm"])), "role": LOOK[str(r["kind"])], "name": str(r["name"])},
            **{"front": "yes" if r["front"] else "no"},
            **{n: float(r[n]) if known(r[n]) else None for n in PRICES},
        }
        for r in frame.to_dict("records")
    ]
    ends = {
        n: [v for r in records for k in PRICES if k.startswith(n) and (v := r[k]) is not None] for n in ("gain", "loss")
    }
    scales = {n: alt.Scale(domain=[min(0.0, *v) - 0.01, max(0.0, *v) + 0.01], nice=True) for n, v in ends.items()}
    axis = [alt.Axis(format="+.0%", tickCount=6, title=title) for title in axes]
    x = alt.X("loss:Q", scale=scales["loss"], axis=axis[0])
    y = alt.Y("gain:Q", scale=scales["gain"], axis=axis[1])
    tips = [alt.Tooltip("arm:N"), *(alt.Tooltip(f"{n}:Q", format="+.1%") for n in PRICES)]
    base, colour = alt.Chart(), role_colour()
    layers = [
        base.mark_rule(style="zero").encode(y=alt.datum(0)),
        base.mark_rule(style="zero").encode(x=alt.datum(0)),
        base.mark_rule(style="through").encode(x="loss_low:Q", x2="loss_high:Q", y=y, color=colour),
        base.mark_rule(style="through").encode(y="gain_low:Q", y2="gain_high:Q", x=x, color=colour),
        base.transform_filter(is_("front", "yes")).mark_point(style="estimate"),
        base.transform_filter(is_("front", "no")).mark_point(style="replicate", size=60),
        base.mark_text(style="note", align="left", dx=7, dy=-7).encode(x=x, y=y, text="name:N"),
    ]
    layers[4:6] = [layer.encode(x=x, y=y, color=colour, tooltip=tips) for layer in layers[4:6]]
    chart = alt.layer(*layers, data=alt.NamedData(name="numbers")).properties(width=SQUARE + 120, height=SQUARE)
    return with_numbers(chart, records)


PRICES = ("gain", "gain_low", "gain_high", "loss", "loss_low", "loss_high")
