"""Irrelevant dimensions in training: what varying, fixing, choosing and blurring wordings buys in the decision world.

    python -m benchmarks.broaden_irrelevant --store FOLDER [--groups development shipped] [--seeds 0 1]

runs every arm on the bases of a group (about 8 CPU-seconds a cell) and prints Markdown tables with t intervals over
bases. The design, and what counts as what, is in docs/broadening/irrelevant.md and was written before the shipped bases
were looked at.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pandas as pd
from scipy import stats

from benchmarks.decision_feasibility import REGIONS, by_base, difference, rows_of, table
from isobath.analysis.multiplicity import holm
from isobath.base.row import Role
from isobath.interventions.hardest import Hardest
from isobath.interventions.intervention import Intervention
from isobath.interventions.latent_paraphrase import LatentParaphrase
from isobath.interventions.vary import Vary
from isobath.interventions.worst_paraphrase import WorstParaphrase
from isobath.study.arm import PLAIN, UNTRAINED, Arm
from isobath.study.bases import BuiltBase, shipped
from isobath.study.landscape_study import RECIPE, decision_study
from isobath.study.study import Study
from isobath.world.base_spec import BaseSpec
from isobath.world.decisions.scenario import IRRELEVANT, RELEVANT
from isobath.world.decisions.spec import DecisionsSpec

DEVELOPMENT = (100, 101)
"""Base seeds of world seed 9: other facts and another support than the shipped bases have."""
WIDTH = 4
TAU = 0.5
MEAN = 1e6
"""A tau at which the tilted mean is the mean to many digits."""
WEAK, STRONG = 0.1, 0.3
"""Noise as a share of each token's own embedding norm."""

VARIED = Vary(source="wordings", same=RELEVANT)


def fixed(m: int) -> Vary:
    """Every row in one of the same m guises."""
    return Vary(source="guises", same=RELEVANT, fixed=m, guise=("guise",))


def tilted(tau: float, consistency: float = 0.0) -> WorstParaphrase:
    """Batches of eight sets of four wordings."""
    return WorstParaphrase(same=RELEVANT, width=WIDTH, tau=tau, consistency=consistency)


def blurred(strength: float, tokens: Literal["asked", "answers"] = "asked") -> LatentParaphrase:
    """Noise of a share of each token's norm."""
    return LatentParaphrase(strength=strength, size="token", tokens=tokens)


STACKS: dict[str, tuple[Role, tuple[Intervention, ...]]] = {
    "randomised": (Role.TREATMENT, (VARIED,)),
    "fixed_2": (Role.TREATMENT, (fixed(2),)),
    "fixed_4": (Role.TREATMENT, (fixed(4),)),
    "fixed_8": (Role.TREATMENT, (fixed(8),)),
    "hardest": (Role.TREATMENT, (VARIED, Hardest(same=RELEVANT, m=WIDTH))),
    "sets": (Role.PLACEBO, (VARIED, tilted(MEAN))),
    "tilted": (Role.TREATMENT, (VARIED, tilted(TAU))),
    "tilted_js": (Role.TREATMENT, (VARIED, tilted(TAU, 1.0))),
    "noise_weak": (Role.TREATMENT, (blurred(WEAK),)),
    "noise_strong": (Role.TREATMENT, (blurred(STRONG),)),
    "noise_placebo": (Role.PLACEBO, (blurred(STRONG, "answers"),)),
}
AGAINST: tuple[tuple[str, str], ...] = (
    ("randomised", "plain"),
    ("fixed_2", "plain"),
    ("fixed_4", "plain"),
    ("fixed_8", "plain"),
    ("fixed_8", "randomised"),
    ("hardest", "randomised"),
    ("sets", "randomised"),
    ("tilted", "sets"),
    ("tilted_js", "tilted"),
    ("noise_weak", "plain"),
    ("noise_strong", "plain"),
    ("noise_strong", "noise_placebo"),
)
"""Arms that differ in the one thing that is asked about."""


def study_of(group: str, seeds: Sequence[int]) -> Study:
    """Every arm on one group of bases."""
    arms = tuple(Arm(name=name, role=role, stack=stack) for name, (role, stack) in STACKS.items())
    specs = [BaseSpec(world=DecisionsSpec(world_seed=9), base_seed=seed) for seed in DEVELOPMENT]
    bases = shipped(world="decisions") if group == "shipped" else tuple(BuiltBase(spec=spec) for spec in specs)
    return decision_study().changed(
        name=f"irrelevant-{group}",
        bases=bases,
        arms=(UNTRAINED, PLAIN, *arms),
        seeds=tuple(seeds),
        questions=(),
        measures=(),
    )


def passes(arm: str) -> tuple[int, int]:
    """(rows forward without gradient, rows forward and backward) of one run."""
    rows = RECIPE.steps * RECIPE.batch_size
    return (WIDTH * rows if arm == "hardest" else 0), rows


def passes_table() -> str:
    """What a run costs in passes of a row; a backward pass is counted as two forward ones."""
    lines = ["| arm | forward alone | forward and backward | in forward passes |", "|---|---|---|---|"]
    for arm in ("plain", *STACKS):
        alone, both = passes(arm)
        lines.append(f"| {arm} | {alone:,} | {both:,} | {alone + 3 * both:,} |")
    return "\n".join(lines)


def gains(rows: pd.DataFrame, row: str, order: Sequence[str]) -> str:
    """Every arm less the one it is compared with, level by level of `row`."""
    found = by_base(rows.dropna(subset=["value"]), row, "arm").sort_index()
    lines = [f"| {row}: difference | mean | bases with this sign |", "|---|---|---|"]
    for arm, other in AGAINST:
        for level in order:
            if (level, arm) in found.index and (level, other) in found.index:
                lines.append(difference(f"{level}: {arm} - {other}", found[level, arm] - found[level, other]))
    return "\n".join(lines)


def headlines(rows: pd.DataFrame) -> str:
    """The differences of the design, over all regions: mean, p of a paired t over bases, and p after Holm."""
    found = by_base(rows.dropna(subset=["value"]), "arm").sort_index()
    known = set(found.index.get_level_values(0))
    gaps = {f"{a} - {b}": (found[a] - found[b]).dropna() for a, b in AGAINST if a in known and b in known}
    plain = [float(stats.ttest_1samp(gap, 0.0).pvalue) for gap in gaps.values()]
    lines = ["| difference | mean | bases with this sign | p | p (Holm) |", "|---|---|---|---|---|"]
    for (name, gap), p, held in zip(gaps.items(), plain, holm(plain), strict=True):
        lines.append(f"{difference(name, gap)} {p:.3f} | {held:.3f} |")
    return "\n".join(lines)


def edited(rows: pd.DataFrame) -> pd.DataFrame:
    """Edited questions with their source: what the choice did when one factor was changed.

    `change` is the share of the right action after the edit less before. `flip` (irrelevant edits): the choice is right
    on one side of the edit and wrong on the other: reliance on what should not matter. `blind` (relevant edits that
    change the right action, asked where the source was right): the edited point is wrong.
    """
    found = rows[rows["trait"] == "right_when_edited"].copy()
    parts = found["question"].str.split(":")
    found["factor"], found["source"] = parts.str[2], "decide:" + parts.str[3]
    keys = ["arm", "base", "seed"]
    before = rows[rows["trait"] == "right_decision"][[*keys, "question", "value", "point"]]
    before = before.rename(columns={"question": "source", "value": "before", "point": "was"})
    return found.merge(before, on=[*keys, "source"]).dropna(subset=["value", "before"])


def flips(rows: pd.DataFrame) -> pd.DataFrame:
    """One row for each edit, factor by factor: `value` is 1 where more than half of the share changed sides."""
    found = edited(rows)
    found["value"] = ((found["value"] > 0.5) != (found["before"] > 0.5)).astype(float)
    return found[found["factor"].isin(IRRELEVANT)]


def blindness(rows: pd.DataFrame) -> pd.DataFrame:
    """Relevant edits at points decided rightly before: 1 where the edited point is decided wrongly."""
    found = edited(rows)
    found = found[found["factor"].isin(RELEVANT) & (found["before"] > 0.5)].copy()
    found["value"] = (found["value"] <= 0.5).astype(float)
    return found


def sections(rows: pd.DataFrame) -> list[tuple[str, str]]:
    """Heading and table of everything that is reported."""
    decided = rows[rows["trait"] == "right_decision"]
    moved = rows[rows["trait"] == "right_in_new_contexts"]
    beside = rows[rows["trait"].isin(("level_facts", "coherence"))]
    spurious, blind = flips(rows), blindness(rows)
    return [
        ("Passes of one run", passes_table()),
        ("right_decision", table(decided, "region", REGIONS)),
        ("right_decision, differences", gains(decided, "region", REGIONS)),
        ("right_in_new_contexts", table(moved, "region", REGIONS[1:])),
        ("right_in_new_contexts, all regions: the headline differences", headlines(moved)),
        ("Flips under irrelevant edits", table(spurious, "factor", IRRELEVANT)),
        ("Flips, all irrelevant factors: differences", headlines(spurious)),
        ("Blind to relevant edits", table(blind, "factor", RELEVANT)),
        ("Blind, all relevant factors: differences", headlines(blind)),
        ("Beside it", table(beside, "trait", ("level_facts", "coherence"))),
        ("Beside it, differences", gains(beside, "trait", ("level_facts", "coherence"))),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, default=Path(".isobath") / "store")
    parser.add_argument("--out", type=Path, default=Path("out") / "broaden-irrelevant")
    parser.add_argument("--groups", nargs="+", default=["shipped"], choices=("development", "shipped"))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--engine", choices=("inline", "local"), default="local")
    options = parser.parse_args()
    for group in options.groups:
        rows = rows_of(study_of(group, options.seeds), options.store, options.out, options.engine)
        print(f"\n## {group}: {rows['base'].nunique()} bases, run seeds {options.seeds}")
        for heading, text in sections(rows):
            print(f"\n### {heading}\n\n{text}", flush=True)


if __name__ == "__main__":
    main()
