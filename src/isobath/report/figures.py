"""The figures of a report: one function per figure, from frames of estimates to an Altair chart.

Charts name styles and roles, never colours: the theme (`isobath.report.theme`) turns one specification into a light, a
dark and a printed figure.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from isobath.report.theme import ROLES
from isobath.report.words import label

if TYPE_CHECKING:
    import pandas as pd

ROW = 30
"""Pixels per arm."""
PANEL = 330
"""Pixels of a panel's width."""
NARROW = 235

PANEL_TITLES = {
    "none": "no prompt",
    "training": "under a prompt",
    "paraphrase": "under another wording of it",
}


def arms_figure(
    estimates: pd.DataFrame, replicates: pd.DataFrame, arms: Sequence[str], panels: Sequence[tuple[str, str]]
) -> Any:
    """Every arm's rate with its interval, one panel per trait; rings are the single replicates.

    `estimates` has the columns of `analysis.estimates.arm_estimates` and `replicates` those of `replicate_rates`, both
    of one GPE under one condition. `arms` is their order from top to bottom, `panels` are trait and title. An arm
    that is not measurable shows its bounds and says so. The dashed line is the untrained model.
    """
    charts: list[Any] = []
    for trait, title in panels:
        here, rings = estimates[estimates["trait"] == trait], replicates[replicates["trait"] == trait]
        charts.append(_rate_panel(here, rings, arms, title, first=not charts, width=PANEL))
    return _side_by_side(charts)


def leak_figure(
    estimates: pd.DataFrame, replicates: pd.DataFrame, arms: Sequence[str], groups: Sequence[Sequence[str]]
) -> Any:
    """One trait of one GPE: every arm with no prompt, under a prompt, and under another wording of it.

    Each panel takes several conditions (`groups`): arms that were trained under no prompt are asked under one that they
    never saw.
    """
    charts: list[Any] = []
    for group in groups:
        here, rings = (frame[frame["condition"].isin(list(group))] for frame in (estimates, replicates))
        title = PANEL_TITLES.get(group[0], group[0])
        charts.append(_rate_panel(here, rings, arms, title, first=not charts, width=NARROW))
    return _side_by_side(charts)


def profile_figure(
    differences: pd.DataFrame, traits: Sequence[str], panels: Sequence[tuple[str, str]], reference: str
) -> Any:
    """Every trait's difference from the arm `reference`, one panel per arm (`panels`: arm and title).

    `differences` has the columns of `analysis.estimates.profile_table` and the arm's role, for one GPE.
    """
    reach = _reach(differences)
    charts: list[Any] = []
    for arm, title in panels:
        here = differences[differences["arm"] == arm]
        charts.append(_difference_panel(here, traits, title, first=not charts, reach=reach, reference=reference))
    return _side_by_side(charts)


def _side_by_side(charts: list[Any]) -> Any:
    import altair as alt

    return alt.hconcat(*charts, spacing=24).resolve_scale(color="shared")


def _rate_panel(
    estimates: pd.DataFrame, replicates: pd.DataFrame, arms: Sequence[str], title: str, *, first: bool, width: int
) -> Any:
    import altair as alt

    y = _rows_axis("arm", arms, first)
    axis = alt.Axis(format=".0%", tickCount=5, title="share of answers with the trait")
    x = alt.X("mean:Q", scale=alt.Scale(domain=[0, 1]), axis=axis)
    rings = replicates.merge(estimates[["arm", "condition", "role"]], on=["arm", "condition"])
    mask = estimates["measurable"].astype(bool)
    shown = estimates[mask]
    hidden = estimates[~mask]
    layers = [
        alt.Chart(_plain(shown[shown["role"] == "untrained"])).mark_rule(style="reference").encode(x=x),
        alt.Chart(_plain(rings.rename(columns={"value": "mean"})))
        .mark_point(style="replicate", yOffset=8)
        .encode(y=y, x=x, color=_role_colour(), tooltip=_replicate_tips()),
        *_interval_layers(_plain(shown), y, x, _tips("mean", ".1%")),
        *_unmeasured_layers(_plain(hidden), y),
    ]
    return alt.layer(*layers).properties(width=width, height=ROW * len(arms), title=_title(title, width))


def _difference_panel(
    differences: pd.DataFrame, traits: Sequence[str], title: str, *, first: bool, reach: float, reference: str
) -> Any:
    import altair as alt

    y = _rows_axis("trait", traits, first)
    axis = alt.Axis(format="+.0%", tickCount=5, title=f"difference from {label(reference)}")
    x = alt.X("difference:Q", scale=alt.Scale(domain=[-reach, reach]), axis=axis)
    layers = [
        alt.Chart(alt.InlineData(values=[{"zero": 0}])).mark_rule(style="zero").encode(x=alt.X("zero:Q")),
        *_interval_layers(_plain(differences), y, x, _tips("difference", "+.1%")),
    ]
    return alt.layer(*layers).properties(width=NARROW, height=24 * len(traits), title=_title(title, NARROW))


def _interval_layers(frame: pd.DataFrame, y: Any, x: Any, tips: list[Any]) -> list[Any]:
    import altair as alt

    bounded = frame[frame["low"].notna()] if len(frame) else frame
    return [
        alt.Chart(bounded)
        .mark_rule(style="interval")
        .encode(y=y, x=alt.X("low:Q"), x2="high:Q", color=_role_colour(), tooltip=tips),
        alt.Chart(frame).mark_point(style="estimate").encode(y=y, x=x, color=_role_colour(), tooltip=tips),
    ]


def _unmeasured_layers(hidden: pd.DataFrame, y: Any) -> list[Any]:
    """What could still be true of a number that was not measured: its bounds, dotted; never a dot at 0."""
    import altair as alt

    tips = [alt.Tooltip("arm:N"), alt.Tooltip("bound_low:Q", format=".0%"), alt.Tooltip("bound_high:Q", format=".0%")]
    base = alt.Chart(hidden)
    return [
        base.mark_rule(style="bounds").encode(y=y, x=alt.X("bound_low:Q"), x2="bound_high:Q", tooltip=tips),
        base.mark_text(style="unmeasured", yOffset=-9).encode(
            y=y, x=alt.X("bound_low:Q"), text=alt.value("not measurable")
        ),
    ]


def _rows_axis(field: str, order: Sequence[str], first: bool) -> Any:
    import altair as alt

    axis = alt.Axis(title=None, labels=first, labelExpr="replace(datum.label, /_/g, ' ')")
    return alt.Y(f"{field}:N", sort=list(order), axis=axis, scale=alt.Scale(domain=list(order)))


def _role_colour() -> Any:
    """One colour per role in every chart. No legend: each row is labelled with its arm already."""
    import altair as alt

    return alt.Color("role:N", scale=alt.Scale(domain=list(ROLES), range="category"), legend=None)


def _tips(value: str, number: str) -> list[Any]:
    import altair as alt

    return [
        alt.Tooltip("arm:N"),
        alt.Tooltip("trait:N"),
        alt.Tooltip(f"{value}:Q", title="estimate", format=number),
        alt.Tooltip("low:Q", title="95% interval from", format=number),
        alt.Tooltip("high:Q", title="to", format=number),
        alt.Tooltip("replicates:Q"),
        alt.Tooltip("questions:Q"),
    ]


def _replicate_tips() -> list[Any]:
    import altair as alt

    return [alt.Tooltip("arm:N"), alt.Tooltip("replicate:N"), alt.Tooltip("mean:Q", title="its rate", format=".1%")]


def _title(text: str, width: int) -> Any:
    return textwrap.wrap(label(text), max(16, width // 8)) or [""]


def _reach(differences: pd.DataFrame) -> float:
    """Half the width of the axis: the furthest end of an interval, in tenths, and never beyond 1."""
    import numpy as np

    ends = differences[["low", "high"]].to_numpy(dtype=float)
    furthest = float(np.nanmax(np.abs(ends))) if np.isfinite(ends).any() else 1.0
    return min(1.0, max(0.1, float(np.ceil(furthest * 10) / 10)))


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Nullable columns as numpy ones, so that a missing number is written as JSON null."""
    import pandas as pd

    plain: dict[str, pd.Series[Any]] = {}
    for name in frame.columns:
        column = frame[name]
        if pd.api.types.is_bool_dtype(column.dtype):
            plain[name] = column.astype(bool)
        elif pd.api.types.is_numeric_dtype(column.dtype):
            plain[name] = column.astype("float64")
        else:
            plain[name] = column.astype("object")
    return pd.DataFrame(plain).reset_index(drop=True)
