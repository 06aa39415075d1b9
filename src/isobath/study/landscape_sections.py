"""What the report of a study in a factor space adds: the landscape, flip rates, each arm's own support, measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from isobath.base.row import Claim
from isobath.report.report import Section
from isobath.report.tables import Column, TableView, Value
from isobath.report.words import label
from isobath.study.bases import ResolvedBase
from isobath.study.components import build_gpe
from isobath.study.edited import edited_pairs
from isobath.study.findings import claim_of
from isobath.study.measured import frames_of
from isobath.study.measured_sections import distance_section, readout_section
from isobath.study.own_places import own_places, support_in

if TYPE_CHECKING:
    import pandas as pd

    from isobath.design.support import Support
    from isobath.gpe.gpe import GPE
    from isobath.report.landscape_view import MapOptions
    from isobath.study.results import Results

OWN = (
    "Everywhere else on this page a region is where a question lies around the signal, the same for every arm. Here it "
    "is where the question lies around what the arm itself was trained on, interventions included: what broadening "
    "turns from sea into lake or island. Depth k: relevant factors away from any training point. Novelty order q: size "
    "of the smallest combination of relevant levels never seen; the larger, the less is new."
)
ASSUMED = "How the file was read. A region is only as right as its tags and the roles of its factors."


@dataclass(frozen=True)
class LandscapeParts:
    """What the landscape of one GPE is made of.

    `rows` are its rows, with regions; `traits` those to draw (none: all that have regions). `support` is what the
    signal covers; `pairs` are decisions on edited points, `own` each arm's own regions (`own_places`), `measured` the
    frames of `frames_of`; `reference` is the arm others are read against, `chance` what a model that knows nothing
    would score, `said` what was assumed.
    """

    gpe: str
    rows: pd.DataFrame
    claim: Claim
    traits: Sequence[str] = ()
    arms: Sequence[str] = ()
    support: Support | None = None
    pairs: pd.DataFrame | None = None
    own: pd.DataFrame | None = None
    measured: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    reference: str = ""
    chance: Mapping[str, float] = field(default_factory=dict)
    said: Sequence[str] = ()


def study_landscapes(results: Results) -> list[Section]:
    """The sections of every GPE of a study whose questions have places; none for other studies."""
    study, store = results.study, results.store
    bases = study.resolved_bases(store)
    frames = frames_of(study, store, study.cells(store)) if study.measures else {}
    sections: list[Section] = []
    for ref in study.gpes:
        gpe = build_gpe(ref, bases[0].world)
        rows = results.df[results.df["gpe"] == gpe.name]
        if rows["region"].notna().any():
            sections += landscape_sections(_parts(results, gpe, rows, frames, bases))
    return sections


def _parts(
    results: Results, gpe: GPE, rows: pd.DataFrame, frames: Mapping[str, pd.DataFrame], bases: Sequence[ResolvedBase]
) -> LandscapeParts:
    study = results.study
    drawn = [t.name for t in gpe.traits if all(q.edit is None for q in t.questions)]
    there = set(rows["arm"])
    return LandscapeParts(
        gpe=gpe.name,
        rows=rows,
        claim=claim_of(study),
        traits=drawn,
        arms=[arm.name for arm in study.arms if arm.name in there],
        support=None if gpe.space is None else support_in(gpe.space, gpe.signal.rows),
        pairs=edited_pairs(gpe, rows, results.store),
        own=own_places(gpe, study.arms, study.seeds[0]) if len({str(b.world) for b in bases}) == 1 else None,
        measured={name: frame[frame["gpe"] == gpe.name] for name, frame in frames.items() if len(frame)},
        reference="untrained" if "untrained" in there and len(there) > 1 else "",
        chance={t.name: t.chance for t in gpe.traits if t.chance is not None},
    )


def landscape_sections(parts: LandscapeParts) -> list[Section]:
    """The landscape first, then what decisions rest on, the arms' own regions, and what was measured besides."""
    from isobath.analysis.flips import flip_rates
    from isobath.analysis.landscape import landscape
    from isobath.report.flip_view import flip_section
    from isobath.report.landscape_view import MapOptions
    from isobath.report.landscape_view import landscape_sections as drawn

    rows = parts.rows[parts.rows["region"].notna() & (parts.rows["condition"] == "none")]
    if parts.traits:
        rows = rows[rows["trait"].isin(parts.traits)]
    chance = {name: level for name, level in parts.chance.items() if name in set(rows["trait"])}
    found = landscape(rows, parts.claim, reference=parts.reference, chance=chance)
    sections = drawn(found, _options(parts.support, MapOptions), parts.arms, first=True)
    if parts.pairs is not None and len(parts.pairs):
        sections.append(flip_section(flip_rates(parts.pairs, parts.claim), parts.arms, first=True))
    if parts.own is not None and parts.own["arm"].nunique() > 1:
        sections.append(_own_section(parts.own))
    if "distances" in parts.measured:
        sections.append(distance_section(rows, parts.measured, parts.claim, parts.reference))
    if "readouts" in parts.measured:
        sections.append(readout_section(parts.measured["readouts"], parts.reference, parts.arms))
    if parts.said:
        table = TableView([Column("assumed, or noticed")], [[Value(sentence)] for sentence in parts.said])
        sections.append(Section("How the scenarios were placed", ASSUMED, tables=[table]))
    return sections


def _options(support: Support | None, kind: type[MapOptions]) -> MapOptions:
    """The order of levels, and the support that the map outlines; both from the rows where there is no space."""
    if support is None:
        return kind()
    return kind(levels={f.name: f.domain for f in support.space.factors}, support=support.points)


def _own_section(own: pd.DataFrame) -> Section:
    columns = [Column("arm"), Column("region"), *(Column(t, True) for t in ("questions", "mean k", "mean q"))]
    rows = [
        [
            Value(label(str(r["arm"]))),
            Value(str(r["region"])),
            Value(f"{int(r['questions']):,}", kind="num"),
            Value(f"{r['mean_k']:.2f}", kind="num"),
            Value("all covered" if r["q_none"] == r["questions"] else f"{r['mean_q']:.2f}", kind="num"),
        ]
        for r in own.to_dict("records")
    ]
    return Section("Where the questions lie around each arm's own training", OWN, tables=[TableView(columns, rows)])
