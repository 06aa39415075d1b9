"""Measured coverage, width and type-I error of every shipped interval and test: the tables of docs/statistics.md.

python -m benchmarks.coverage [studies per line, 4000 unless told]
"""

from __future__ import annotations

import argparse

import numpy as np

from isobath.analysis.calibration import (
    NAIVE_TESTS,
    REFERENCE,
    STRESS,
    TESTS,
    Scenario,
    bootstrap_coverage,
    draw,
    gap_coverage,
    naive_coverage,
    rate_coverage,
    type_one,
    typical_coverage,
)

SEED = 0
HEAD = "replicates | rate | questions | value | base sd | question sd"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("studies", type=int, nargs="?", default=4000)
    studies = parser.parse_args().studies
    error = np.sqrt(0.95 * 0.05 / studies)
    print(f"{studies} simulated studies per line, seed {SEED}; Monte-Carlo standard error {error:.4f}.\n")
    for title, scenarios in (("Reference designs", REFERENCE), ("Harder designs", STRESS)):
        print(f"### {title}: intervals, coverage of a 95 % interval (mean width over the oracle's)\n")
        print_coverage(scenarios, studies)
        print(f"\n### {title}: tests, type-I error at 5 %\n")
        print_type_one(scenarios, studies)
        print()


def print_coverage(scenarios: tuple[Scenario, ...], studies: int) -> None:
    names = ("default", "this suite", "these checkpoints", "typical", "paired", "paired suite", "naive", "bootstrap")
    print(f"| {HEAD} | {' | '.join(names)} |")
    print("|" + " --- |" * (6 + len(names)))
    for scenario in scenarios:
        drawn = draw(scenario, studies, SEED)
        cells = [
            rate_coverage(drawn, "both"),
            rate_coverage(drawn, "replicates"),
            rate_coverage(drawn, "questions"),
            typical_coverage(drawn),
            gap_coverage(drawn, "both"),
            gap_coverage(drawn, "replicates"),
            naive_coverage(drawn),
            bootstrap_coverage(drawn),
        ]
        print(f"| {scenario.label} | {' | '.join(f'{c.coverage:.3f} ({c.width:.2f})' for c in cells)} |", flush=True)


def print_type_one(scenarios: tuple[Scenario, ...], studies: int) -> None:
    tests = {**TESTS, **NAIVE_TESTS}
    print(f"| {HEAD} | {' | '.join(tests)} |")
    print("|" + " --- |" * (6 + len(tests)))
    for scenario in scenarios:
        by_null = {q: draw(scenario, studies, SEED + 1, question_arm=q) for q in (True, False)}
        cells = [type_one(p_of(by_null[sampled])) for sampled, p_of in tests.values()]
        print(f"| {scenario.label} | {' | '.join(f'{c:.3f}' for c in cells)} |", flush=True)


if __name__ == "__main__":
    main()
