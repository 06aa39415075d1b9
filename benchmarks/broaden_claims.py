"""The claims of "Broadening the training set", one study each, answered over five shipped bases.

    python -m benchmarks.broaden_claims --store FOLDER [--claims simple contrary judged represented observed]
        [--bases shipped] [--seeds 0]

prints, for each claim, its measures by arm with 95 % t intervals over bases and its questions with their verdicts, as
Markdown (docs/broadening/claims.md). The designs stand in `isobath.study.claims`; they were written before any shipped
base was looked at. ``--bases development`` takes a base of world seed 9 instead, which is
built first (2.5 CPU-minutes): that is where designs were tried.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from isobath.analysis.mean_interval import mean_interval
from isobath.study.bases import Base, BuiltBase, shipped
from isobath.study.claims.answers import answers
from isobath.study.claims.claims import CLAIMS, ClaimStudy
from isobath.world.base_spec import BaseSpec
from isobath.world.decisions.spec import DecisionsSpec
from isobath.world.personas.spec import PersonasSpec

DEVELOPMENT = {"decisions": DecisionsSpec(world_seed=9), "personas": PersonasSpec(world_seed=9)}


def bases_of(claim: ClaimStudy, group: str) -> tuple[Base, ...]:
    """Five shipped bases of the claim's world, or one of world seed 9 that may be looked at while designing."""
    if group == "shipped":
        return shipped(world=claim.world)
    return (BuiltBase(spec=BaseSpec(world=DEVELOPMENT[claim.world], base_seed=100)),)


def measured(claim: ClaimStudy, group: str, seeds: Sequence[int], store: Path, out: Path) -> pd.DataFrame:
    """Run what is missing; every measure by trait, region, arm and base."""
    study = claim.study(bases_of(claim, group)).changed(seeds=tuple(seeds))
    results = study.run(store, out / group, engine="inline")
    if results.failures:
        raise SystemExit("\n".join(f"{f.job}: {f.error}" for f in results.failures))
    return claim.measures(results)


def table(measures: pd.DataFrame, trait: str) -> str:
    """Region x arm of one measure: mean with its t interval over bases."""
    own = measures[measures["trait"] == trait]
    arms, regions = list(dict.fromkeys(own["arm"])), list(dict.fromkeys(own["region"]))
    lines = [f"| {trait} | {' | '.join(arms)} |", "|---" * (len(arms) + 1) + "|"]
    for region in regions:
        cells = [mean_interval(own[(own["region"] == region) & (own["arm"] == arm)]["value"]) for arm in arms]
        lines.append(f"| {region or 'everywhere'} | {' | '.join(spelled(c.mean, c.low, c.high) for c in cells)} |")
    return "\n".join(lines)


def spelled(mean: float, low: float, high: float) -> str:
    """Such as ``.812 [.700, .924]``."""
    return f"{mean:.3f}" if low != low else f"{mean:.3f} [{low:.3f}, {high:.3f}]"


def findings(claim: ClaimStudy, measures: pd.DataFrame) -> str:
    """The claim's questions with difference, interval and verdict."""
    lines = [
        "| question | measure | contrast | expected | difference | bases | smallest seen | verdict |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for found in answers(claim.questions, measures):
        asked = found.question
        where = "" if asked.region is None else f", {asked.region}"
        number = "" if found.estimate is None else spelled(found.estimate, found.low or 0.0, found.high or 0.0)
        seen = "" if found.detectable is None else f"{found.detectable:.3f}"
        star = "" if asked.family == "headline" else " (exploratory)"
        lines.append(
            f"| {asked.text}{star} | {asked.trait}{where} | {' - '.join(asked.contrast)} | {asked.expect}, "
            f"{asked.smallest_effect:g} | {number} | {found.n_replicates} | {seen} | **{found.verdict}** "
            f"{found.reason} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, default=Path(".isobath") / "store")
    parser.add_argument("--out", type=Path, default=Path("out") / "broaden-claims")
    parser.add_argument("--claims", nargs="+", choices=sorted(CLAIMS), default=list(CLAIMS))
    parser.add_argument("--bases", choices=("shipped", "development"), default="shipped")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    options = parser.parse_args()
    for name in options.claims:
        claim, before = CLAIMS[name], time.process_time()
        made = measured(claim, options.bases, options.seeds, options.store, options.out)
        options.out.mkdir(parents=True, exist_ok=True)
        made.to_csv(options.out / f"{name}-{options.bases}.csv", index=False)
        print(f"\n## {name}\n")
        for trait in dict.fromkeys(made["trait"]):
            print(f"{table(made, trait)}\n")
        if options.bases == "shipped":
            print(findings(claim, made))
        print(f"\n{time.process_time() - before:.0f} CPU-seconds", flush=True)


if __name__ == "__main__":
    main()
