"""Doses on the page: what each buys where, its EC50, what it costs, the front; as figures and tables with sentences."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from isobath.analysis.dose import BEYOND, EVERYWHERE, ISLAND, DoseSpec
from isobath.analysis.sentence import p_value
from isobath.report.control_view import front_table
from isobath.report.dose_figures import ec50_figure, price_figure, response_figure
from isobath.report.dose_words import READING, dose_label, dose_sentences, ec50_words, place_label, series_label
from isobath.report.gpe_view import FigureView
from isobath.report.report import Brief, Section
from isobath.report.tables import Column, TableView, Value
from isobath.report.words import known, label, percent, plain_name, points, points_interval

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class DoseFrames:
    """All that is known of the doses of one GPE: frames of `analysis.dose_curves`, `dose_table` and `dose_front`.

    `narrow` has the columns of `points`: the controls at matched budget.
    """

    points: pd.DataFrame
    curves: pd.DataFrame
    narrow: pd.DataFrame
    changes: pd.DataFrame
    pairs: pd.DataFrame
    costs: pd.DataFrame
    front: pd.DataFrame


def dose_section(spec: DoseSpec, frames: DoseFrames, title: str = "Doses") -> Section:
    """The section on the doses of one GPE."""
    said = dose_sentences(spec, frames.curves, frames.changes, frames.pairs, frames.costs)
    tables = [ec50_table(frames.curves), *change_tables(frames.changes, spec)]
    tables += [pair_table(frames.pairs, spec)] if len(frames.pairs) else []
    tables.append(cost_table(frames.costs))
    heads, rows = _terminal(spec, frames)
    return Section(
        title,
        "\n\n".join([*said, READING]),
        figures=_figures(spec, frames),
        tables=tables,
        first=True,
        briefs=[Brief(f"{title}, {label(spec.gpe)}: change from {label(spec.plain)} in points", heads, rows)],
    )


def _figures(spec: DoseSpec, frames: DoseFrames) -> list[FigureView]:
    figures = []
    for trait in spec.wanted:
        points, curves, narrow = (f[f["trait"] == trait] for f in (frames.points, frames.curves, frames.narrow))
        if points.empty:
            continue
        crosses = " Crosses: as many further narrow rows, at the same places." if len(narrow) else ""
        figures.append(
            FigureView(
                name=plain_name(f"doses-{spec.gpe}-{trait}"),
                title=f"{label(spec.gpe)}: {label(trait)} at each dose, by region.",
                caption="Across: rows of the pool as a share of the signal's number. Round marks and solid lines: in "
                "the place of signal rows; square and dashed: beside all of them; diamond at 0: the plain arm. Bars: "
                "95% intervals over replicates. The line is the description with the lowest BIC. At the foot: EC50 "
                f"with its interval (open to the edge where there is only a bound), or why there is none.{crosses}",
                chart=response_figure(points, curves, narrow),
                frame=points,
            )
        )
        figures.append(
            FigureView(
                name=plain_name(f"ec50-{spec.gpe}-{trait}"),
                title=f"{label(spec.gpe)}: dose that brings half of the effect on {label(trait)}.",
                caption="Dot and bar: EC50 and its 95% interval. An arrow: only a bound is known, and EC50 lies on "
                "that side of the bar's other end. Words: why there is neither.",
                chart=ec50_figure(curves, points),
                frame=curves,
            )
        )
    prices = price_frame(spec, frames)
    if len(prices) > 1:
        figures.append(_price_view(spec, frames, prices))
    return figures


def _price_view(spec: DoseSpec, frames: DoseFrames, prices: pd.DataFrame) -> FigureView:
    trait, place = _loss_of(spec, frames.changes)
    where = f", {place_label(place)}" if place else ""
    further = place_label(BEYOND) if (frames.changes["region"] == BEYOND).any() else "everywhere"
    axes = (f"lost: {label(trait)}{where}", f"gained: {label(spec.headline)}, {further}")
    objectives = str(frames.front["objectives"].iloc[0]) if len(frames.front) else ""
    return FigureView(
        name=plain_name(f"dose-front-{spec.gpe}"),
        title=f"{label(spec.gpe)}: what each dose gains, against what it loses.",
        caption="Points against the plain arm, which stands at 0; the upper left is wanted. Blue: fixed budget; ochre: "
        "added; grey: further narrow rows. Filled: on the front of the means (no other arm is as good in all of "
        f"{label(objectives)}, and better in one); what is dominated for certain stands in the table.",
        chart=price_figure(prices, axes),
        frame=prices,
        table=front_table(frames.front) if len(frames.front) else None,
    )


def price_frame(spec: DoseSpec, frames: DoseFrames) -> pd.DataFrame:
    """One row per arm: gain beyond the island, loss on it (or in the first trait to be kept), whether on the front.

    Columns: arm, kind, name, front, gain, gain_low, gain_high, loss, loss_low, loss_high.
    """
    import pandas as pd

    changes = frames.changes
    place = BEYOND if (changes["region"] == BEYOND).any() else EVERYWHERE
    lost = _loss_of(spec, changes)
    gain = _by_arm(changes, spec.headline, place)
    loss = _by_arm(changes, *lost)
    front = {str(r["arm"]): bool(r["front"]) for r in frames.front.to_dict("records")}
    blank = dict.fromkeys(("gain", "gain_low", "gain_high", "loss", "loss_low", "loss_high"), 0.0)
    plain = {"arm": spec.plain, "kind": "plain", "name": label(spec.plain)}
    rows: list[dict[str, Any]] = [{**plain, "front": front.get(spec.plain, False), **blank}]
    for d in spec.doses:
        if d.arm not in gain or d.arm not in loss:
            continue
        g, c = gain[d.arm], loss[d.arm]
        numbers = {"gain": g["improvement"], "gain_low": g["low"], "gain_high": g["high"]}
        numbers |= {"loss": -c["improvement"], "loss_low": -c["high"], "loss_high": -c["low"]}
        shown = front.get(d.arm, False) or len(spec.doses) <= MOST_NAMED
        names = {"arm": d.arm, "kind": "narrow" if d.narrow else d.at, "name": label(d.arm) if shown else ""}
        rows.append({**names, "front": front.get(d.arm, False), **numbers})
    return pd.DataFrame(rows)


STAR = "Star: told apart (p below 5% by Holm, five replicates or more)."
MOST_NAMED = 14
"""Of more doses only those on the front have their name beside their point."""


def _loss_of(spec: DoseSpec, changes: pd.DataFrame) -> tuple[str, str]:
    """The trait and place whose loss the front shows."""
    island = next((r for r in ISLAND if ((changes["region"] == r) & (changes["trait"] == spec.headline)).any()), None)
    if island is not None:
        return spec.headline, island
    others = [t for t in (*list(spec.wanted)[1:], *spec.kept) if (changes["trait"] == t).any()]
    return (others[0] if others else spec.headline), EVERYWHERE


def _by_arm(changes: pd.DataFrame, trait: str, place: str) -> dict[str, Mapping[Any, Any]]:
    mine = changes[(changes["trait"] == trait) & (changes["region"] == place) & changes["measurable"].astype(bool)]
    return {str(r["arm"]): r for r in mine.to_dict("records")}


def ec50_table(curves: pd.DataFrame) -> TableView:
    """Series and traits in rows, places in columns: EC50, its bound, or why there is none; with first and last rate."""
    places = list(dict.fromkeys(str(r) for r in curves["region"]))
    rows = []
    for (trait, pool, at), part in curves.groupby(["trait", "pool", "at"], sort=False):
        found = {str(r["region"]): r for r in part.to_dict("records")}
        fields = [Value(label(str(trait))), Value(series_label(str(pool), str(at)), kind="name")]
        for place in places:
            r = found.get(place)
            fields.append(Value("not asked") if r is None else Value(ec50_words(r), kind="num", note=_span(r)))
        rows.append(fields)
    heads = [Column("trait"), Column("pool"), *(Column(place_label(p), True) for p in places)]
    counts = sorted({int(n) for n in curves["replicates"]})
    basis = f"Replicates: {' to '.join(str(n) for n in dict.fromkeys((counts[0], counts[-1])))}." if counts else ""
    said = "Dose that brings half of the effect, as a share of the signal's number, with its 95% interval. Below: mean "
    return TableView(heads, rows, f"{said}rate at dose 0 and at the highest dose. {basis}")


def _span(row: Mapping[Any, Any]) -> str:
    return f"{percent(row['first'])} to {percent(row['last'])}" if known(row["first"]) else ""


def change_tables(changes: pd.DataFrame, spec: DoseSpec) -> list[TableView]:
    """What each dose gains, trait by trait in every place, and what it loses."""
    views = []
    for trait in spec.wanted:
        gains = changes[(changes["trait"] == trait) & (changes["side"] == "gain")]
        if len(gains):
            views.append(_changes(gains, f"Gained: {label(trait)}, points above the plain arm. {STAR}", 1))
    taxes = changes[changes["side"] == "tax"]
    if len(taxes):
        views.append(_changes(taxes, f"Lost: points below the plain arm; negative is a gain. {STAR}", -1))
    return views


def _changes(changes: pd.DataFrame, caption: str, sign: int) -> TableView:
    columns = list(dict.fromkeys(zip(changes["trait"], changes["region"], strict=True)))
    several = len({t for t, _ in columns}) > 1
    heads = [Column("dose")]
    for trait, place in columns:
        named = f"{label(str(trait))}{f', {place_label(str(place))}' if place else ''}"
        heads.append(Column(named if several else place_label(str(place)), True))
    rows = []
    for arm, part in changes.groupby("arm", sort=False):
        found = {(r["trait"], r["region"]): r for r in part.to_dict("records")}
        fields = [Value(label(str(arm)), kind="name", note=_dose_note(part.iloc[0].to_dict()))]
        rows.append(fields + [_change(found.get(column), sign) for column in columns])
    return TableView(heads, rows, caption)


def _dose_note(row: Mapping[Any, Any]) -> str:
    how = "further narrow rows" if row["narrow"] else "added" if row["at"] == "added budget" else "in place"
    return f"{dose_label(row['share'])} {how}"


def _change(row: Mapping[Any, Any] | None, sign: int) -> Value:
    if row is None:
        return Value("not asked")
    if not row["measurable"]:
        return Value("not measurable", kind="num")
    ends = sorted((sign * float(row["low"]), sign * float(row["high"]))) if known(row["low"]) else []
    note = f"[{points_interval(*ends).removesuffix(' points')}]" if ends else ""
    note += f" p {p_value(row['p_adjusted'])}" if known(row["p_adjusted"]) else ""
    text = points(sign * float(row["improvement"])).removesuffix(" points")
    return Value(f"{text}{' *' if row['told_apart'] else ''}", kind="num", note=note)


def pair_table(pairs: pd.DataFrame, spec: DoseSpec) -> TableView:
    """Doses against as many narrow rows, and added against replaced."""
    mine = pairs[pairs["trait"] == spec.headline]
    places = list(dict.fromkeys(str(r) for r in mine["region"]))
    rows = []
    for (side, arm, other), part in mine.groupby(["side", "arm", "reference"], sort=False):
        found = {str(r["region"]): r for r in part.to_dict("records")}
        names = [Value(str(side)), Value(label(str(arm)), kind="name", note=f"minus {label(str(other))}")]
        rows.append([*names, *(_change(found.get(place), 1) for place in places)])
    heads = [Column("compared"), Column("dose"), *(Column(place_label(p), True) for p in places)]
    said = f"{label(spec.headline).capitalize()}, in points: a dose against as many further narrow rows for the same "
    return TableView(heads, rows, f"{said}steps, and added against replaced at the same number of broad rows. {STAR}")


def cost_table(costs: pd.DataFrame) -> TableView:
    """Rows, steps and seconds of every dose."""
    timed = bool(costs["seconds"].notna().any())
    heads = [Column("arm"), *(Column(t, True) for t in ("rows", "steps", "times plain"))]
    heads += [Column("seconds a run", True)] if timed else []
    rows = []
    for r in costs.to_dict("records"):
        fields = [Value(label(str(r["arm"])), kind="name")]
        fields += [Value(f"{int(r[n]):,}" if r[n] else "unknown", kind="num") for n in ("rows", "steps")]
        fields.append(Value(f"{r['times']:.3g}" if known(r["times"]) else "1", kind="num"))
        span = f"[{r['low']:.1f}, {r['high']:.1f}], {int(r['runs'])} runs" if known(r["low"]) else ""
        if timed:
            fields.append(Value(f"{r['seconds']:.1f}" if known(r["seconds"]) else "", kind="num", note=span))
        rows.append(fields)
    return TableView(heads, rows, "What training cost. Seconds are as noisy as the machine was busy; steps are exact.")


def _terminal(spec: DoseSpec, frames: DoseFrames) -> tuple[list[str], list[list[str]]]:
    """Dose, gain beyond, loss, steps: what the terminal prints."""
    prices = {str(r["arm"]): r for r in price_frame(spec, frames).to_dict("records")}
    place = BEYOND if (frames.changes["region"] == BEYOND).any() else EVERYWHERE
    gains = _by_arm(frames.changes, spec.headline, place)
    times = {str(r["arm"]): float(r["times"]) for r in frames.costs.to_dict("records")}
    trait, place = _loss_of(spec, frames.changes)
    heads = ["dose", f"gain: {label(spec.headline)}", f"loss: {label(trait)}{f' {place}' if place else ''}", "steps"]
    rows = []
    for d in spec.doses:
        r, g = prices.get(d.arm), gains.get(d.arm)
        if r is not None or g is not None:
            found = [_number(r, "gain"), _number(r, "loss")] if r is not None else [_gain(g or {}), "not asked"]
            rows.append([d.arm, *found, f"x{times[d.arm]:.3g}" if not math.isnan(times.get(d.arm, math.nan)) else ""])
    return heads, rows


def _gain(change: Mapping[Any, Any]) -> str:
    return _number({"gain": change["improvement"], "gain_low": change["low"], "gain_high": change["high"]}, "gain")


def _number(row: Mapping[Any, Any], name: str) -> str:
    span = (
        f" [{points_interval(row[f'{name}_low'], row[f'{name}_high']).removesuffix(' points')}]"
        if known(row[f"{name}_low"])
        else ""
    )
    return f"{points(row[name]).removesuffix(' points')}{span}"
