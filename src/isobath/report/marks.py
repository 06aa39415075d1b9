"""Marks that all figures share: intervals, bounds of what was not measured, axes of rows, colours of roles."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from isobath.report.theme import PAPER_FONT, ROLES, chart_config
from isobath.report.words import label

Record = dict[str, Any]


def with_numbers(chart: Any, records: list[Record]) -> Any:
    """The chart with its numbers and the light theme, so that it stands by itself in a notebook."""
    chart.datasets = {"numbers": records}
    chart.config = chart_config(font=PAPER_FONT)
    return chart


def interval_layers(y: Any, x: Any, tips: list[Any]) -> list[Any]:
    """Dot and 95 % interval of every number that was measured."""
    import altair as alt

    base = alt.Chart().transform_filter(is_("part", "measured"))
    ends: dict[str, Any] = {"x": alt.X("low:Q"), "x2": "high:Q"}
    return [
        base.mark_rule(style="interval").encode(y=y, color=role_colour(), tooltip=tips, **ends),
        base.mark_point(style="estimate").encode(y=y, x=x, color=role_colour(), tooltip=tips),
    ]


def unmeasured_layers(y: Any) -> list[Any]:
    """What could still be true of a number that was not measured: its bounds, dotted; never a dot at 0."""
    import altair as alt

    tips = [alt.Tooltip("arm:N"), alt.Tooltip("low:Q", format=".0%"), alt.Tooltip("high:Q", format=".0%")]
    base, low = alt.Chart().transform_filter(is_("part", "unmeasured")), alt.X("low:Q")
    return [
        base.mark_rule(style="bounds").encode(y=y, x=low, x2="high:Q", tooltip=tips),
        base.mark_text(style="unmeasured", yOffset=-9).encode(y=y, x=low, text=alt.value("not measurable")),
    ]


def is_(field: str, value: str | int) -> Any:
    """The records whose `field` is `value`."""
    import altair as alt

    return alt.FieldEqualPredicate(field=field, equal=value)


def rows_axis(field: str, order: Sequence[str]) -> Any:
    """One row per name, from top to bottom."""
    import altair as alt

    axis = alt.Axis(title=None, labelExpr="replace(datum.label, /_/g, ' ')")
    return alt.Y(f"{field}:N", sort=list(order), axis=axis, scale=alt.Scale(domain=list(order)))


def wrapped(title: str, width: int) -> str:
    """A title in lines that fit above a panel of `width` pixels."""
    return "\n".join(textwrap.wrap(label(title), max(16, width // 8))) or " "


def role_colour() -> Any:
    """One colour per role in every chart. No legend: each row is labelled with its arm already."""
    import altair as alt

    return alt.Color("role:N", scale=alt.Scale(domain=list(ROLES), range="category"), legend=None)
