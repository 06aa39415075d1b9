"""What the report of a study in a factor space adds: the landscape, flip rates, each arm's own support, measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from isobath.base.row import Claim, TraitKind
from isobath.design.region import Region
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
    "of the smallest combination of relevant levels never seen (none on island and shore); the larger, the less is "
    "new. Means over the questions counted."
)
ASSUMED = "How the file was read. A region is only as right as its tags and the roles of its factors."


@dataclass(frozen=True)
class LandscapeParts:
    """What the landscape of one GPE is made of.

    `rows` are its rows, with regions; `traits` those to draw (none: all that have regions), `headline` the one
    whose failures are looked at. `support` is what the
    signal covers; `pairs` are decisions on edited points, `own` each arm's own regions (`own_places`), `measured` the
    frames of `frames_of`; `reference` is the arm others are read against, `chance` what a model that knows nothing
    would score, `said` what was assumed.
    """

    gpe: str
    rows: pd.DataFrame
    claim: Claim
    traits: Sequence[str] = ()
    headline: str = ""
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
    frames = _measured(results) if study.measures else {}
    sections: list[Section] = []
    for ref in study.gpes:
        gpe = build_gpe(ref, bases[0].world)
        rows = results.df[results.df["gpe"] == gpe.name]
        if rows["region"].notna().any():
            sections += landscape_sections(_parts(results, gpe, rows, frames, bases))
    return sections


def _measured(results: Results) -> dict[str, pd.DataFrame]:
    """What was measured; the rows say which checkpoint is whose."""
    import pandas as pd

    names = ["gpe", "arm", "base", "seed"]
    runs = results.df[[*names, "run"]].drop_duplicates(names).itertuples(index=False, name=None)
    known = {(str(g), str(a), str(b), None if pd.isna(s) else int(s)): str(run) for g, a, b, s, run in runs}
    cells = results.study.cells(results.store)
    keys = {}
    for cell in cells:
        seed = None if cell.arm.data == "none" else cell.seed
        run = known.get((cell.built().name, cell.arm.name, cell.base.name, seed))
        if run is not None:
            keys[cell.name] = run
    return frames_of(results.study, results.store, cells, keys)


def _parts(
    results: Results, gpe: GPE, rows: pd.DataFrame, frames: Mapping[str, pd.DataFrame], bases: Sequence[ResolvedBase]
) -> LandscapeParts:
    study = results.study
    drawn = [
        t.name for t in gpe.traits if t.kind is not TraitKind.COHERENCE and all(q.edit is None for q in t.questions)
    ]
    there = set(rows["arm"])
    return LandscapeParts(
        gpe=gpe.name,
        rows=rows,
        claim=claim_of(study),
        traits=drawn,
        headline=gpe.headline,
        arms=[arm.name for arm in study.arms if arm.name in there],
        support=support_in(gpe, gpe.signal.rows),
        pairs=edited_pairs(gpe, rows, results.store),
        own=own_places(gpe, study.arms, study.seeds[0]) if len({str(b.world) for b in bases}) == 1 else None,
        measured={name: frame[frame["gpe"] == gpe.name] for name, frame in frames.items() if len(frame)},
        reference="untrained" if "untrained" in there and len(there) > 1 else "",
        chance={t.name: t.chance for t in gpe.traits if t.chance is not None},
    )


def shown_conditions(rows: pd.DataFrame) -> list[str]:
    """The conditions whose landscape is drawn: ``none``, or all of them where nothing was asked without a prompt."""
    there = [str(condition) for condition in rows["condition"].unique()]
    return ["none"] if "none" in there else there


def landscape_sections(parts: LandscapeParts) -> list[Section]:
    """The landscape first, then what decisions rest on, the arms' own regions, and what was measured besides."""
    from isobath.analysis.flips import flip_rates
    from isobath.analysis.landscape import landscape
    from isobath.report.flip_view import flip_section
    from isobath.report.landscape_view import MapOptions
    from isobath.report.landscape_view import landscape_sections as drawn

    rows = parts.rows[parts.rows["region"].notna()]
    if parts.traits:
        rows = rows[rows["trait"].isin(parts.traits)]
    rows = rows[rows["condition"].isin(shown_conditions(rows))]
    chance = {name: level for name, level in parts.chance.items() if name in set(rows["trait"])}
    reference = parts.reference if parts.reference in set(rows["arm"]) else ""
    found = landscape(rows, parts.claim, reference=reference, chance=chance)
    sections = drawn(found, _options(parts.support, MapOptions), parts.arms, first=True)
    if parts.pairs is not None and len(parts.pairs):
        sections.append(flip_section(flip_rates(parts.pairs, parts.claim), parts.arms, first=True))
    if parts.own is not None and parts.own["arm"].nunique() > 1:
        sections.append(_own_section(parts.own))
    if "distances" in parts.measured:
        headline = rows[rows["trait"] == parts.headline] if parts.headline else rows
        sections.append(distance_section(headline, parts.measured, parts.claim, parts.reference))
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
    factors = support.space.factors
    relevant = [f.name for f in factors if f.relevant]
    return kind(levels={f.name: f.domain for f in factors}, support=support.points, relevant=relevant)


def _own_section(own: pd.DataFrame) -> Section:
    regions = [str(r) for r in Region if (own["region"] == str(r)).any()]
    found = {(str(r["arm"]), str(r["region"])): r for r in own.to_dict("records")}
    rows = [
        [Value(label(arm)), *(_own_field(found.get((arm, region))) for region in regions)]
        for arm in dict.fromkeys(str(a) for a in own["arm"])
    ]
    table = TableView([Column("arm"), *(Column(region, True) for region in regions)], rows, "Questions in each region.")
    return Section("Where the questions lie around each arm's own training", OWN, tables=[table])


def _own_field(record: Mapping[Any, Any] | None) -> Value:
    if record is None:
        return Value("0", kind="num")
    note = f"k {record['mean_k']:.2f}"
    if record["q_none"] < record["questions"]:
        note += f", q {record['mean_q']:.2f}"
    return Value(f"{int(record['questions']):,}", kind="num", note=note)
