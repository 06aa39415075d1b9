"""Coverage, width and type-I error of the shipped intervals and contrasts on scripted truth. Prints Markdown.

python -m benchmarks.coverage [simulations]
"""

import sys
from dataclasses import dataclass

import numpy as np
from scipy import stats

from isobath.analysis.intervals import difference_interval, rate_interval
from isobath.analysis.two_way import two_way
from isobath.models.scripted import ScriptedStudy

SETTINGS = {
    "mid rate, forced choice": {"arms": {"a": 0.0, "b": 0.0}},
    "low rate (.1), forced choice": {"arms": {"a": -2.5, "b": -2.5}},
    "bases vary much": {"arms": {"a": 0.0, "b": 0.0}, "base_sd": 1.0, "arm_base_sd": 0.6},
    "questions vary much, few": {"arms": {"a": 0.0, "b": 0.0}, "questions": 12, "question_sd": 1.5},
    "as the demo (176 questions)": {"arms": {"a": 1.0, "b": 1.0}, "questions": 176},
    "0/1 draws, 2 per question": {"arms": {"a": -1.0, "b": -1.0}, "samples": 2},
}


@dataclass(frozen=True)
class Measured:
    """What `measure` found for one setting and number of bases."""

    setting: str
    bases: int
    coverage: float
    width_ratio: float
    type_one: float
    difference_coverage: float
    difference_width_ratio: float
    naive_coverage: float
    naive_type_one: float
    simulations: int


def measure(setting: str, bases: int, simulations: int, seed: int = 20261121) -> Measured:
    """Simulate `setting` and count. The seed is the date this was written; it was not chosen."""
    study = ScriptedStudy(bases=bases, **SETTINGS[setting])
    truth = study.truth("a")
    hits = rejected = inside = naive_hits = naive_rejected = 0
    means, widths, gaps, gap_widths = [], [], [], []
    for i in range(simulations):
        drawn = study.values(seed * 100_000 + i)
        a, b = drawn["a"].mean(axis=1), drawn["b"].mean(axis=1)
        one, gap = two_way(a), two_way(a - b)
        low, high = rate_interval(one)
        hits += low <= truth <= high
        means.append(one.mean)
        widths.append(high - low)
        low, high = difference_interval(gap)
        inside += low <= 0 <= high
        rejected += gap.p_value() < 0.05
        gaps.append(gap.mean)
        gap_widths.append(high - low)
        naive = np.sqrt(one.mean * (1 - one.mean) / a.size)
        naive_hits += abs(one.mean - truth) <= 1.96 * naive
        pooled = (a.mean() + b.mean()) / 2
        z = gap.mean / np.sqrt(2 * pooled * (1 - pooled) / a.size)
        naive_rejected += 2 * stats.norm.sf(abs(z)) < 0.05
    oracle = 2 * 1.959964 * np.array([np.std(means), np.std(gaps)])  # width of an interval that knows the true error
    n = simulations
    return Measured(
        setting,
        bases,
        hits / n,
        float(np.mean(widths) / oracle[0]),
        rejected / n,
        inside / n,
        float(np.mean(gap_widths) / oracle[1]),
        naive_hits / n,
        naive_rejected / n,
        n,
    )


def main(simulations: int = 2000) -> None:
    """Print the table."""
    print(f"{simulations} simulations a row; Monte-Carlo error of a 95 % coverage: {0.4272 / simulations**0.5:.1%}\n")
    print(
        "| setting | bases | rate: coverage | width / oracle | difference: coverage | width / oracle | type I | "
        "naive binomial coverage | naive z type I |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for setting in SETTINGS:
        for bases in (5, 10):
            m = measure(setting, bases, simulations)
            print(
                f"| {m.setting} | {m.bases} | {m.coverage:.3f} | {m.width_ratio:.2f} | {m.difference_coverage:.3f} | "
                f"{m.difference_width_ratio:.2f} | {m.type_one:.3f} | {m.naive_coverage:.2f} | {m.naive_type_one:.2f} |"
            )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
