"""The whole loop of broadening, measured in the decision world: which doses and dimensions fill what, at what cost.

    python -m benchmarks.broaden_study --store FOLDER [--groups shipped fresh] [--arms NAME ...]

verifies the pools, runs the broadening study on the five shipped bases x 2 run seeds (295 cells, about 55 CPU-minutes),
on request its main arms on five bases of two other worlds with one run seed (built first, 3 CPU-minutes each), and
prints Markdown tables with t intervals over bases. The rule for it is in docs/decisions/21-broadening-study.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from benchmarks.decision_feasibility import (
    FRESH,
    REGIONS,
    by_base,
    difference,
    edited_table,
    finer,
    interval,
    rows_of,
)
from isobath.study.bases import BuiltBase
from isobath.study.broaden_study import FACTORS, GPE_NAME, broaden_study
from isobath.study.study import Study
from isobath.world.base_spec import BaseSpec
from isobath.world.decisions.as_scenario import DecisionsScenario
from isobath.world.decisions.broadened import POOLS, pool_drafts
from isobath.world.decisions.spec import DecisionsSpec

FRESH_ARMS = (
    "untrained",
    "plain",
    *(f"relevant_{dose}" for dose in (1, 2, 5, 10, 20, 50, 100)),
    *("irrelevant_50", "both_50", "kind_20", "principal_20", "stakes_20", "count_20"),
    *("relevant_plus_20", "narrow_plus_20"),
)
"""What is asked once more on bases of other worlds."""
EDITS = ("plain", "relevant_20", "relevant_100", "irrelevant_50", "both_50", "both_100")


def study_of(group: str) -> Study:
    """The study on one group of bases."""
    whole = broaden_study().changed(name=f"broadening-{group}", questions=())
    if group == "shipped":
        return whole
    bases = tuple(BuiltBase(spec=BaseSpec(world=DecisionsSpec(world_seed=w), base_seed=b)) for w, b in FRESH)
    return whole.changed(bases=bases, arms=tuple(a for a in whole.arms if a.name in FRESH_ARMS), seeds=(0,))


def verified(world_seed: int) -> str:
    """What verification says of every pool of a world."""
    from isobath.measures.verification.metamorphic import Metamorphic
    from isobath.measures.verification.phrase_tagger import PhraseTagger
    from isobath.measures.verification.round_trip import RoundTrip
    from isobath.measures.verification.verify import verify

    scenario, tagger = DecisionsScenario(world_seed=world_seed), PhraseTagger()
    lines = ["| pool | drafts | kept | rejected, by check | read rightly, all factors |", "|---|---|---|---|---|"]
    for name in POOLS:
        found = verify(pool_drafts(world_seed, name), scenario, [RoundTrip(tagger), Metamorphic(tagger, "all")])
        least = min(part.share for part in found.agreement)
        by = ", ".join(f"{check}: {count}" for check, count in found.by_check().items())
        lines.append(f"| {name} | {found.drafts:,} | {len(found.kept):,} | {by} | {least:.1%} |")
    return "\n".join(lines)


def against(rows: pd.DataFrame, reference: str, arms: list[str]) -> str:
    """Every arm less `reference`, region by region: mean and t interval over bases."""
    found = by_base(rows.dropna(subset=["value"]), "region", "arm").sort_index()
    regions = [r for r in REGIONS if r in set(rows["region"].dropna())]
    lines = [f"| less {reference} | {' | '.join(regions)} |", "|---" * (len(regions) + 1) + "|"]
    for arm in arms:
        cells = [interval(found[r, arm] - found[r, reference]) for r in regions]
        lines.append(f"| {arm} | {' | '.join(cells)} |")
    return "\n".join(lines)


def pairs(rows: pd.DataFrame, asked: list[tuple[str, str]]) -> str:
    """One arm less another, in every region."""
    found = by_base(rows.dropna(subset=["value"]), "region", "arm").sort_index()
    lines = ["| region: difference | mean | bases with this sign |", "|---|---|---|"]
    for arm, other in asked:
        lines += [difference(f"{r}: {arm} - {other}", found[r, arm] - found[r, other]) for r in REGIONS]
    return "\n".join(lines)


def doses(study: Study, results_means: pd.DataFrame) -> str:
    """EC50 of every curve, or why there is none."""
    from isobath.analysis.dose import dose_tables
    from isobath.analysis.dose_curves import dose_curves
    from isobath.report.dose_words import ec50_words
    from isobath.study.components import build_gpe
    from isobath.study.dose import dose_spec

    spec = dose_spec(study, build_gpe(study.gpes[0], None))
    if spec is None:
        return "too few doses"
    lines = ["| rows | budget | trait | region | rate at 0 | at the highest | EC50 |", "|---|---|---|---|---|---|---|"]
    for row in dose_curves(dose_tables(results_means, spec), spec).to_dict("records"):
        ends = f"{row['first']:.3f} | {row['last']:.3f}"
        lines.append(f"| {row['pool']} | {row['at']} | {row['trait']} | {row['region']} | {ends} | {ec50_words(row)} |")
    return "\n".join(lines)


def report(study: Study, store: Path, out: Path, engine: str) -> None:
    rows = rows_of(study, store, out, engine)
    results = study.run(store, out / study.name, engine=engine)
    decided = rows[rows["trait"] == "right_decision"]
    moved = rows[rows["trait"] == "right_in_new_contexts"]
    arms = [a.name for a in study.arms if a.name not in ("untrained", "plain")]
    print(f"\n## {study.name}\n\n### Share of the right decision\n\n{transposed(decided)}")
    print(f"\n### Against plain\n\n{against(decided, 'plain', arms)}")
    print(f"\n### In contexts, wordings and names kept for tests, against plain\n\n{against(moved, 'plain', arms)}")
    single = [a for a in ("plain", "relevant_20", *(f"{name}_20" for name in FACTORS)) if a in set(rows["arm"])]
    print(f"\n### One factor at a time\n\n{finer(decided[decided['arm'].isin(single)])}")
    print(f"\n### Budgets\n\n{pairs(decided, [p for p in BUDGETS if set(p) <= set(rows['arm'])])}")
    edits = rows[rows["arm"].isin(EDITS)]
    print(f"\n### After one factor was changed\n\n{edited_table(edits)}")
    kept = rows[rows["trait"].isin(("level_facts", "coherence"))]
    print(f"\n### Kept\n\n{kept_table(kept)}")
    print(f"\n### Dose-response\n\n{doses(study, results.means)}", flush=True)


BUDGETS = (
    ("relevant_plus_20", "narrow_plus_20"),
    ("relevant_plus_50", "narrow_plus_50"),
    ("relevant_plus_20", "relevant_20"),
    ("relevant_plus_100", "relevant_50"),
    ("narrow_plus_50", "plain"),
    ("both_plus_100", "both_50"),
)
"""Added against narrow, and against replaced rows; 100 % added is half of all rows, as 50 % at a fixed budget is."""


def transposed(rows: pd.DataFrame) -> str:
    """Arm x region: mean and t interval over bases."""
    found = by_base(rows.dropna(subset=["value"]), "arm", "region").sort_index()
    lines = [f"| arm | {' | '.join(REGIONS)} |", "|---" * (len(REGIONS) + 1) + "|"]
    for arm in dict.fromkeys(rows["arm"]):
        lines.append(f"| {arm} | {' | '.join(interval(found[arm, r]) for r in REGIONS)} |")
    return "\n".join(lines)


def kept_table(rows: pd.DataFrame) -> str:
    """Facts and form, and what each arm changes of them."""
    found = by_base(rows.dropna(subset=["value"]), "trait", "arm").sort_index()
    lines = ["| arm | level_facts | less plain | coherence | less plain |", "|---|---|---|---|---|"]
    for arm in dict.fromkeys(rows["arm"]):
        cells = []
        for trait in ("level_facts", "coherence"):
            cells += [interval(found[trait, arm]), interval(found[trait, arm] - found[trait, "plain"])]
        lines.append(f"| {arm} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, default=Path(".isobath") / "store")
    parser.add_argument("--out", type=Path, default=Path("out") / "broadening")
    parser.add_argument("--groups", nargs="+", choices=("shipped", "fresh"), default=["shipped"])
    parser.add_argument("--arms", nargs="+", default=None, help="these arms alone, beside untrained and plain")
    parser.add_argument("--engine", choices=("inline", "local"), default="local")
    options = parser.parse_args()
    print(f"Pools of {GPE_NAME!r}, verified (round trip; every one-factor edit):\n\n{verified(0)}")
    for group in options.groups:
        study = study_of(group)
        if options.arms:
            wanted = {"untrained", "plain", *options.arms}
            study = study.changed(arms=tuple(a for a in study.arms if a.name in wanted))
        report(study, options.store, options.out, options.engine)


if __name__ == "__main__":
    main()
