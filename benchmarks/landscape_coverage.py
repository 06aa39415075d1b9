"""Coverage of the landscape's intervals on simulated studies: regions apart, slopes, gap index; docs/statistics.md.

    python -m benchmarks.landscape_coverage [studies per line, 2000 unless told]

Simulated: logit P = centre(region or x) + base + base x region (or base's own slope x) + question, each normal; two 0/1
answers a question. The gap index is searched for study by study, so it gets a fifth of the studies.
"""

from __future__ import annotations

import argparse
import math
from typing import NamedTuple, get_args

import numpy as np
from scipy import special

from isobath.analysis.apart import apart_moments
from isobath.analysis.distributions import t_quantile
from isobath.analysis.gap_index import side_gap
from isobath.analysis.replicates import Side
from isobath.analysis.slopes import logit_slope_moments, slope_moments
from isobath.analysis.two_way import Array, Moments, Over
from isobath.base.logit_normal import logit_normal_mean, logit_normal_means
from isobath.base.seeding import rng

SEED = 0
ANSWERS = 2
CHANCE = 0.25
X = np.repeat([0.0, 0.5, 1.0, 1.5, 2.0, 3.0], [20, 10, 20, 10, 12, 8])


class Regions(NamedTuple):
    """Two regions of one arm: logits of the typical question, questions asked, spreads."""

    bases: int
    near: float
    far: float
    asked: tuple[int, int] = (24, 40)
    base_region_sd: float = 0.3
    question_sd: float = 1.0
    base_sd: float = 0.6

    @property
    def sd(self) -> float:
        """Standard deviation of a logit in one region."""
        return math.sqrt(self.base_sd**2 + self.base_region_sd**2 + self.question_sd**2)


REGIONS = tuple(
    Regions(bases, near, far, asked, base_region_sd, question_sd)
    for bases in (5, 10)
    for near, far, asked, base_region_sd, question_sd in (
        (0.0, 0.0, (24, 40), 0.3, 1.0),
        (0.0, 0.0, (24, 40), 0.6, 0.3),
        (0.0, 0.0, (6, 24), 0.3, 1.0),
        (2.0, 0.0, (24, 40), 0.3, 1.0),
        (3.5, 1.0, (24, 40), 0.3, 1.0),
    )
)
SLOPES = tuple((bases, start, slope) for bases in (5, 10) for start, slope in ((0.0, 0.0), (1.0, -0.6), (2.5, -1.5)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("studies", type=int, nargs="?", default=2000)
    studies = parser.parse_args().studies
    print(f"{studies} simulated studies per line, seed {SEED}; Monte-Carlo standard error {error(studies):.4f}.\n")
    print("### Two regions of one arm: coverage of the difference\n")
    print("| bases | rates | questions | base x region sd | question sd | default | bases alone | questions alone |")
    print("|" + " --- |" * 8)
    for regions in REGIONS:
        print_regions(regions, studies)
    print("\n### Slopes: coverage\n")
    print("| bases | logit at 0 | logits per unit | rate scale | rate scale, bases alone | logit scale |")
    print("|" + " --- |" * 6)
    for bases, start, slope in SLOPES:
        print_slopes(bases, start, slope, studies)
    few = max(50, studies // 5)
    print(f"\n### Gap index (chance {CHANCE:.0%}): coverage; {few} studies, standard error {error(few):.4f}\n")
    print("| bases | rates | true index | Fieller, default | no interval | t over the bases' own ratios |")
    print("|" + " --- |" * 6)
    for regions in (r for r in REGIONS if r.near != r.far):
        print_gap(regions, few)


def error(studies: int) -> float:
    return math.sqrt(0.95 * 0.05 / studies)


def covered(made: Moments, truth: float) -> str:
    held = np.abs(made.mean - truth) <= t_quantile(0.975, made.df) * made.se
    return f"{float(np.mean(held)):.3f}"


def drawn(regions: Regions, studies: int, *names: str) -> tuple[Array, Array]:
    """Values in the near region and the far one, (studies, bases, questions) each."""
    stream = rng(SEED, "landscape coverage", *names, repr(regions))
    base, out = stream.normal(0, regions.base_sd, (studies, regions.bases, 1)), []
    for centre, count in zip((regions.near, regions.far), regions.asked, strict=True):
        own = stream.normal(0, regions.base_region_sd, base.shape)
        asked = stream.normal(0, regions.question_sd, (studies, 1, count))
        out.append(stream.binomial(ANSWERS, special.expit(centre + base + own + asked)) / ANSWERS)
    return out[0], out[1]


def print_regions(regions: Regions, studies: int) -> None:
    near, far = drawn(regions, studies)
    rates = [logit_normal_mean(c, regions.sd) for c in (regions.near, regions.far)]
    truth, overs = rates[1] - rates[0], get_args(Over)
    cells = [covered(apart_moments(far, near, over=over), truth) for over in overs]
    head = [str(regions.bases), f"{rates[0]:.2f}, {rates[1]:.2f}", "{}, {}".format(*regions.asked)]
    print("| " + " | ".join([*head, f"{regions.base_region_sd:g}", f"{regions.question_sd:g}", *cells]) + " |")


def print_slopes(bases: int, start: float, slope: float, studies: int) -> None:
    base_sd, slope_sd, question_sd = 0.5, 0.2, 0.8
    stream = rng(SEED, "landscape coverage", "slopes", bases, repr((start, slope)))
    own = stream.normal(0, base_sd, (studies, bases, 1)) + stream.normal(0, slope_sd, (studies, bases, 1)) * X
    logit = start + slope * X + own + stream.normal(0, question_sd, (studies, 1, len(X)))
    values = stream.binomial(ANSWERS, special.expit(logit)) / ANSWERS
    sds = np.sqrt(base_sd**2 + slope_sd**2 * X**2 + question_sd**2)
    rates = np.array([logit_normal_mean(start + slope * x, sd) for x, sd in zip(X, sds, strict=True)])
    away = X - X.mean()
    line, curve = float(away @ rates / (away @ away)), logit_truth(start, slope, base_sd, slope_sd, question_sd)
    cells = [covered(slope_moments(values, X), line), covered(slope_moments(values, X, "replicates"), line)]
    print(
        f"| {bases} | {start:g} | {slope:g} | {' | '.join(cells)} | {covered(logit_slope_moments(values, X), curve)} |"
    )


def logit_truth(start: float, slope: float, base_sd: float, slope_sd: float, question_sd: float) -> float:
    """Mean, over bases, of the slope of the logistic curve that best fits a base's rates at X."""
    from scipy import optimize

    nodes, weights = np.polynomial.hermite_e.hermegauss(9)
    weights, total = weights / weights.sum(), 0.0
    for u, wu in zip(nodes, weights, strict=True):
        for v, wv in zip(nodes, weights, strict=True):
            rates = logit_normal_means(start + base_sd * u + (slope + slope_sd * v) * X, question_sd)

            def normal(b: Array, rates: Array = rates) -> list[float]:
                left = rates - special.expit(b[0] + b[1] * X)
                return [float(left.sum()), float((left * X).sum())]

            total += wu * wv * float(optimize.root(normal, [start, slope]).x[1])
    return total


def print_gap(regions: Regions, studies: int) -> None:
    near, far = drawn(regions, studies, "gap")
    rates = [logit_normal_mean(c, regions.sd) for c in (regions.near, regions.far)]
    truth = (rates[0] - rates[1]) / (rates[0] - CHANCE)
    made = [side_gap(as_side(a), as_side(b), CHANCE) for a, b in zip(near, far, strict=True)]
    known = [m for m in made if m["state"] == "measured"]
    held = np.mean([m["low"] <= truth <= m["high"] for m in known])
    own = (near.mean(-1) - far.mean(-1)) / (near.mean(-1) - CHANCE)
    half = t_quantile(0.975, regions.bases - 1) * own.std(-1, ddof=1) / math.sqrt(regions.bases)
    plain = np.mean(np.abs(own.mean(-1) - truth) <= half)
    head = f"| {regions.bases} | {rates[0]:.2f}, {rates[1]:.2f} | {truth:.2f}"
    print(f"{head} | {held:.3f} | {len(made) - len(known)} | {plain:.3f} |")


def as_side(values_RQ: Array) -> Side:
    ones, (bases, questions) = np.ones_like(values_RQ), values_RQ.shape
    names = tuple(map(str, range(bases))), tuple(map(str, range(questions)))
    return Side(*names, values_RQ, ones, values_RQ, values_RQ, values_RQ.size, 0.0, 0)


if __name__ == "__main__":
    main()
