"""Flip rates as a section of the page: what one changed factor does to decisions, by factor and arm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from isobath.analysis.flips import Flip
from isobath.report.gpe_view import FigureView, rate_value
from isobath.report.landscape_figures import flips_figure
from isobath.report.report import Section
from isobath.report.tables import Column, TableView, Value
from isobath.report.words import capital, known, label, percent, unused_name

if TYPE_CHECKING:
    import pandas as pd

KINDS = {
    Flip.SPURIOUS.value: "Spurious reliance: the decision changes though nothing that matters did. Less is better",
    Flip.BLIND.value: "Blindness: the decision stays though the right one changed. Less is better",
    Flip.NEEDLESS.value: "Needless change: something that matters changed, the right decision did not. Less is better",
}
READING = (
    "Pairs of scenarios that differ in one factor. Dot and bar: share of decisions and 95% interval. Upright "
    "tick: the same decisions dealt out by chance. A model that always decides alike has 0% of spurious reliance and "
    "100% of blindness."
)
RESTS = (
    "A decision rests on the right things if it changes exactly when the right one does. The questions below are "
    "pairs that differ in one factor, so what changes between the answers is that factor’s doing."
)


def flip_section(flips: pd.DataFrame, arms: Sequence[str] = (), first: bool = False) -> Section:
    """What changing one factor does to decisions, per GPE. `flips` has the columns of `analysis.flips.flip_rates`;
    `arms` is their order (none given: that of the frame)."""
    figures, used = [], set[str]()
    there = dict.fromkeys(str(a) for a in flips["arm"])
    order = [a for a in arms if a in there] + [a for a in there if a not in arms]
    for gpe in dict.fromkeys(flips["gpe"]):
        mine = flips[flips["gpe"] == gpe]
        kinds = {kind: title for kind, title in KINDS.items() if kind in set(mine["kind"])}
        figures.append(
            FigureView(
                name=unused_name(f"flips-{gpe}", used),
                title=f"{capital(label(str(gpe)))}: one factor changed, everything else kept.",
                caption=READING,
                chart=flips_figure(mine, order, kinds),
                frame=mine,
                table=_table(mine),
            )
        )
    return Section("What decisions rest on", RESTS, figures=figures, first=first)


def _table(frame: pd.DataFrame) -> TableView:
    columns = [Column("what"), Column("factor"), Column("arm"), Column("share", True), Column("by chance", True)]
    columns += [Column("mean shift of probability", True), *(Column(t, True) for t in ("scenarios", "replicates"))]
    rows = []
    for r in frame.to_dict("records"):
        record = {**r, "trait": "", "condition": ""}
        shift = Value("not known", kind="num")
        if known(r["moved"]):
            shift = rate_value({**record, "mean": r["moved"], "low": r["moved_low"], "high": r["moved_high"]}, {})
        names = [Value(str(r["kind"])), Value(label(str(r["factor"]))), Value(label(str(r["arm"])))]
        chance = Value(percent(r["random"]) if known(r["random"]) else "not known", kind="num")
        counts = [Value(f"{int(r[c]):,}", kind="num") for c in ("questions", "replicates")]
        rows.append([*names, rate_value(record, {}), chance, shift, *counts])
    return TableView(columns, rows)
