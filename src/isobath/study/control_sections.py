"""What the report of a study of interventions adds: the ranked table, costs, selectivity, the front, what composes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from isobath.analysis.control_table import UNRANKED, ControlSpec, capability_changes, control_table
from isobath.base.row import Role, TraitKind
from isobath.report.control_view import (
    READING,
    best_words,
    control_figures,
    control_view,
    cost_table,
    effects_view,
    orders_view,
    overview,
    selectivity_view,
    synergy_view,
    terminal_rows,
)
from isobath.report.report import Brief, Section
from isobath.report.words import capital, label
from isobath.study.arm import Arm
from isobath.study.components import build_gpe
from isobath.study.credit_section import credit_views

if TYPE_CHECKING:
    import pandas as pd

    from isobath.gpe.gpe import GPE
    from isobath.report.tables import TableView
    from isobath.study.results import Results

MOST_IN_FRONT = 40
"""Of more arms the front is not drawn: each pair of them would have to be compared."""


def control_sections(results: Results) -> list[Section]:
    """The sections on interventions; none for a study without a plain arm and one that is to be compared with it."""
    made = ranked_tables(results)
    if not made:
        return []
    specs, tables = [spec for spec, _ in made.values()], {name: table for name, (_, table) in made.items()}
    world = results.study.resolved_bases(results.store)[0].world
    gpes = [build_gpe(ref, world) for ref in results.study.gpes]
    return [*_ranked(results, specs, tables, {gpe.name: gpe for gpe in gpes}), *_together(results, specs, gpes)]


def ranked_tables(results: Results) -> dict[str, tuple[ControlSpec, pd.DataFrame]]:
    """GPE -> which traits its table shows, and the table (`control_table`); only of GPEs with arms to rank.

    A GPE whose headline is a wanted trait has no such table: the best arm would stand last.
    """
    study = results.study
    plain = next((a.name for a in study.arms if a.role is Role.PLAIN), None)
    if plain is None or not any(str(a.role) not in (*UNRANKED, "plain") and a.data == "signal" for a in study.arms):
        return {}
    world = study.resolved_bases(results.store)[0].world
    seconds = run_seconds(results)
    found: dict[str, tuple[ControlSpec, pd.DataFrame]] = {}
    gpes = [build_gpe(ref, world) for ref in study.gpes]
    specs = [spec_of(gpe, study.arms, plain) for gpe in gpes if _headline_is_unwanted(gpe)]
    # a model that is only asked otherwise was not trained on the signal either, and has no rank
    roles = {
        a.name: str(Role.UNTRAINED if a.data == "none" else a.role)
        for a in study.arms
        if a.data in ("signal", "control", "none")
    }
    for spec in specs:
        mine = {a: s for (g, a), s in seconds.items() if g == spec.gpe}
        table = control_table(results.means, spec, roles, mine)
        if table["rank"].notna().sum() > 1:
            found[spec.gpe] = (spec, table)
    return found


def _headline_is_unwanted(gpe: GPE) -> bool:
    return all(trait.kind is TraitKind.UNWANTED for trait in gpe.traits if trait.name == gpe.headline)


def spec_of(gpe: GPE, arms: Sequence[Arm], plain: str) -> ControlSpec:
    """Which traits of `gpe` stand in its table.

    A capability trait that asks the very questions of the headline is its other side, no capability of its own: it is
    left out unless there is no other.
    """
    headline = next((t for t in gpe.traits if t.name == gpe.headline), None)
    asked = {q.content for q in headline.questions} if headline is not None else set()
    able = [t for t in gpe.traits if t.kind is TraitKind.CAPABILITY]
    own = [t for t in able if not asked & {q.content for q in t.questions}]
    untrained = next((a.name for a in arms if a.role is Role.UNTRAINED), "untrained")
    names = {t.name for t in gpe.traits}
    wanted = getattr(gpe, "wanted", "")
    return ControlSpec(
        gpe=gpe.name,
        headline=gpe.headline,
        wanted=wanted if wanted in names else "",
        capability=tuple(t.name for t in own or able),
        coherence=next((t.name for t in gpe.traits if t.kind is TraitKind.COHERENCE), ""),
        plain=plain,
        untrained=untrained,
    )


def run_seconds(results: Results) -> dict[tuple[str, str], list[float]]:
    """(GPE, arm) -> seconds of each training run, as its manifest says; by-products that arms share are not counted."""
    from isobath.study.runner import finished_artifact

    done = finished_artifact(results.study, results.store)
    if done is None:
        return {}
    keys: Mapping[str, Mapping[str, Any]] = json.loads((done.path / "cells.json").read_text())
    arms = {a.name for a in results.study.arms if a.trains}
    found: dict[tuple[str, str], list[float]] = {}
    for cell in results.study.cells(results.store):
        own = keys.get(cell.name)
        run = None if own is None or cell.arm.name not in arms else results.store.find("run", str(own.get("run")))
        if run is not None:
            found.setdefault((cell.built().name, cell.arm.name), []).append(float(run.manifest()["seconds"]))
    return found


def _ranked(
    results: Results, specs: Sequence[ControlSpec], tables: Mapping[str, pd.DataFrame], gpes: Mapping[str, GPE]
) -> list[Section]:
    """One section for all GPEs, where there are several, and one for each."""
    sections = []
    if len(tables) > 1:
        sections.append(Section("Interventions", READING, tables=[overview(tables)], first=True))
    for spec in specs:
        table = tables[spec.gpe]
        heads, rows = terminal_rows(table)
        title = "Interventions" if len(tables) == 1 else f"Interventions: {label(spec.gpe)}"
        sections.append(
            Section(
                title,
                READING if len(tables) == 1 else best_words(table, spec),
                figures=control_figures(table, _front(results.means, spec, table), spec),
                tables=[*_tables(results, spec, table), *credit_views(results, spec, gpes[spec.gpe])],
                first=True,
                briefs=[Brief(f"Interventions, {label(spec.gpe)}: rates, change in points", heads, rows)],
            )
        )
    return sections


def _tables(results: Results, spec: ControlSpec, table: pd.DataFrame) -> list[TableView]:
    from isobath.analysis.selectivity import selectivity_table

    views = control_view(table, spec)
    ranked = [str(a) for a in table[table["rank"].notna()]["arm"]]
    if spec.wanted:
        found = selectivity_table(results.means, spec.headline, spec.wanted, ranked, spec.gpe, spec.plain)
        views += [selectivity_view(found)] if len(found) else []
    changes = capability_changes(results.means, spec, [str(a) for a in table["arm"]])
    return views + ([cost_table(changes)] if len(spec.capability) > 1 and len(changes) else [])


def _front(means: pd.DataFrame, spec: ControlSpec, table: pd.DataFrame) -> pd.DataFrame | None:
    from isobath.analysis.pareto import Objective, pareto_table

    arms = [str(a) for a in table[table["rank"].notna()]["arm"]]
    if not spec.wanted or len(arms) > MOST_IN_FRONT:
        return None
    goals = [Objective(spec.headline), Objective(spec.wanted, "higher")]
    goals += [Objective(spec.capability[0], "higher")] if spec.capability else []
    return pareto_table(means, goals, arms, spec.gpe)


def _together(results: Results, specs: Sequence[ControlSpec], gpes: Sequence[GPE]) -> list[Section]:
    """Synergy, effects and orders, where arms are combinations of one another."""
    from isobath.analysis.factorial_effects import factorial_effects, order_effects
    from isobath.analysis.synergy import synergy_table

    views = []
    for spec, gpe in ((s, g) for s in specs for g in gpes if g.name == s.gpe):
        levels = levels_of(results.study.arms, gpe)
        pairs = synergy_table(results.means, levels, spec.headline, spec.gpe)
        mine = [synergy_view(pairs)] if len(pairs) else []
        if len(pairs) > 1:
            crossed = crossed_levels(levels)
            mine += [effects_view(factorial_effects(results.means, crossed, spec.headline, spec.gpe))]
        for orders in same_entries(results.study.arms, gpe):
            found = order_effects(results.means, orders, spec.headline, spec.gpe)
            mine += [orders_view(found)] if len(found) else []
        of = f"{capital(label(gpe.name))}. " if len(specs) > 1 else ""
        views += [replace(view, caption=f"{of}{view.caption}") for view in mine]
    if not views:
        return []
    text = (
        "What two interventions do together, against what each does alone, on the unwanted trait out of distribution. "
        "The measures can disagree: they answer different questions. Intervals of Bliss and logit are over bases and "
        "speak of this suite of questions."
    )
    return [Section("Composition", text, tables=views)]


def levels_of(arms: Sequence[Arm], gpe: GPE) -> dict[str, tuple[str, ...]]:
    """Arm -> the names of its entries, for arms trained on the signal by the study's recipe; the first of each set.

    An entry is called as the arm that consists of it alone, if there is one, else by its label.
    """
    labels = {a.name: tuple(e.label for e in a.stack_for(gpe).entries) for a in arms if _composes(a)}
    alone = {of[0]: name for name, of in reversed(labels.items()) if len(of) == 1}
    found: dict[str, tuple[str, ...]] = {}
    seen = set[frozenset[str]]()
    for name, of in labels.items():
        if frozenset(of) not in seen:
            seen.add(frozenset(of))
            found[name] = tuple(alone.get(entry, entry) for entry in of)
    return found


def crossed_levels(levels: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Of `levels`, the arms made of nothing but entries that occur in a combination: what a factorial is about.

    An entry that one arm alone has tells nothing apart, so such arms are left out.
    """
    in_pairs = {name for of in levels.values() if len(of) > 1 for name in of}
    often = Counter(name for of in levels.values() for name in of)
    return {arm: of for arm, of in levels.items() if set(of) <= {name for name in in_pairs if often[name] > 1}}


def same_entries(arms: Sequence[Arm], gpe: GPE) -> list[dict[str, tuple[str, ...]]]:
    """Groups of arms that have the same entries in different orders."""
    groups: dict[frozenset[str], dict[str, tuple[str, ...]]] = {}
    for arm in arms:
        of = tuple(e.label for e in arm.stack_for(gpe).entries) if _composes(arm) else ()
        if len(of) > 1 and of not in groups.setdefault(frozenset(of), {}).values():
            groups[frozenset(of)][arm.name] = of
    return [g for g in groups.values() if len(g) > 1]


def _composes(arm: Arm) -> bool:
    return arm.data == "signal" and arm.recipe is None and arm.role in (Role.PLAIN, Role.TREATMENT)
