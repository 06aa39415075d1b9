"""Coverage of the interval of EC50 on simulated dose-response studies, for several ways to make it.

    python -m benchmarks.dose_coverage [studies per line, 300 unless told]

Five bases, seven doses (1, 2, 5, 10, 20, 50, 100 %) and none. Each base has a level, a height and an EC50 of its own;
every rate has noise. Ways: **replicates' profile** (`isobath.analysis.dose_response`, what reports show), the same
without its floor of pooled residuals, the usual F profile of the pooled residuals, Student's t on the logarithms of
the bases' own EC50, percentiles of 100 resamples of bases. The last column says how often a study
states no number: a bound, or why there is none.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from typing import NamedTuple

import numpy as np

from isobath.analysis import dose_response as response
from isobath.analysis.distributions import f_tail, t_quantile
from isobath.analysis.dose_response import Curve, State, dose_response
from isobath.analysis.two_way import Array
from isobath.base.seeding import rng

SEED = 0
DOSES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
RESAMPLES = 100
WITHIN = (0.0, 1.0)


class Case(NamedTuple):
    """A curve, and the standard deviations between bases of level, height and log EC50, and of the noise."""

    name: str
    curve: Curve
    level: float = 0.03
    height: float = 0.04
    moved: float = 0.2
    noise: float = 0.02
    bases: int = 5


CASES = (
    Case("in the middle", Curve(0.3, 0.9, 1.5, 0.1)),
    Case("bases alike", Curve(0.3, 0.9, 1.5, 0.1), 0.0, 0.0, 0.0),
    Case("bases far apart", Curve(0.3, 0.9, 1.5, 0.1), moved=0.5),
    Case("low", Curve(0.3, 0.9, 1.5, 0.02)),
    Case("plateau hardly seen", Curve(0.3, 0.9, 1.2, 0.4)),
    Case("small effect", Curve(0.3, 0.5, 1.5, 0.1)),
    Case("noisy", Curve(0.05, 0.7, 1.5, 0.1), noise=0.05),
    Case("ten bases", Curve(0.3, 0.9, 1.5, 0.1), bases=10),
    Case("beyond the doses", Curve(0.3, 0.9, 1.5, 3.0)),
)
NULLS = (
    Case("no response", Curve(0.4, 0.4, 1.5, 0.1), height=0.0),
    Case("bases go different ways", Curve(0.4, 0.4, 1.5, 0.1), height=0.1),
    Case("below the doses", Curve(0.3, 0.9, 1.5, 0.001)),
    Case("above the doses", Curve(0.3, 0.9, 1.5, 3.0)),
    Case("no plateau", Curve(0.2, 0.9, 0.3, 0.1)),
)
WAYS = ("replicates' profile", "without floor", "F profile", "t over bases", "bootstrap")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("studies", type=int, nargs="?", default=300)
    studies = parser.parse_args().studies
    error = math.sqrt(0.05 * 0.95 / studies)
    print(f"{studies} simulated studies per line, seed {SEED}; Monte-Carlo standard error {error:.4f}.\n")
    print("### EC50: coverage (median ratio of the ends)\n")
    print("| truth | EC50 | slope | " + " | ".join(WAYS) + " | no number |\n|" + " --- |" * (len(WAYS) + 4))
    for case in CASES:
        print_case(case, studies)
    print("\n### Where there is nothing to find: share of studies in each state\n")
    print("| truth | " + " | ".join(str(s) for s in STATES) + " |\n|" + " --- |" * (len(STATES) + 1))
    for case in NULLS:
        stream = rng(SEED, "dose coverage", case.name)
        found = Counter(dose_response(DOSES, study(stream, case)).state for _ in range(studies))
        print(f"| {case.name} | " + " | ".join(f"{found[s] / studies:.3f}" for s in STATES) + " |", flush=True)


STATES = tuple(s for s in State if s not in (State.FEW_DOSES, State.FEW_REPLICATES))


def study(stream: np.random.Generator, case: Case) -> Array:
    """Rates (R, D) of one simulated study."""
    out = []
    for _ in range(case.bases):
        height = case.curve.hi + case.height * stream.normal()
        own = Curve(case.curve.lo, height, case.curve.slope, case.curve.ec50 * math.exp(case.moved * stream.normal()))
        noise = case.noise * stream.normal(size=len(DOSES))
        out.append(own.at(DOSES) + case.level * stream.normal() + noise)
    return np.clip(np.array(out), 0, 1)


def print_case(case: Case, studies: int) -> None:
    """One line of the table."""
    stream, draw = rng(SEED, "dose coverage", case.name), rng(SEED, "dose coverage", case.name, "resamples")
    hit, ratio, silent = Counter[str](), {way: list[float]() for way in WAYS}, 0
    for _ in range(studies):
        rates = study(stream, case)
        for way, (low, high) in intervals(rates, draw).items():
            hit[way] += low <= case.curve.ec50 <= high
            ratio[way].append(high / low if low > 0 else math.inf)
        silent += dose_response(DOSES, rates).state is not State.FITTED
    told = [f"{hit[way] / studies:.3f} ({float(np.median(ratio[way])):.2f})" for way in WAYS]
    head = f"| {case.name} | {case.curve.ec50:g} | {case.curve.slope:g} | "
    print(head + " | ".join(told) + f" | {silent / studies:.3f} |", flush=True)


def intervals(rates: Array, draw: np.random.Generator) -> dict[str, tuple[float, float]]:
    """Every way's interval for one study, whatever its state."""
    dose_D, weight_D, count = np.array(DOSES), np.ones(len(DOSES)), len(rates)
    profile = response._profile(dose_D, rates.mean(0), weight_D, WITHIN)
    found = {WAYS[0]: response._interval(profile, rates, weight_D, 0.95)}
    found[WAYS[1]] = _unfloored(profile, rates)
    left = rates - rates.mean(1, keepdims=True)
    left = left - left.mean(0)
    df = (count - 1) * (len(DOSES) - 1)
    pooled = float((left**2).sum()) / df
    ratio_E = (profile.squares_E - profile.least) * count / pooled
    over_E = np.array([0.05 - f_tail(max(float(r), 0.0), 1, df) for r in ratio_E])
    found[WAYS[2]] = _ends(profile, over_E)
    logs = [_own(dose_D, r) for r in rates]
    half = float(t_quantile(0.975, count - 1)) * float(np.std(logs, ddof=1)) / math.sqrt(count)
    found[WAYS[3]] = (math.exp(float(np.mean(logs)) - half), math.exp(float(np.mean(logs)) + half))
    drawn = [_own(dose_D, rates[draw.integers(0, count, count)].mean(0)) for _ in range(RESAMPLES)]
    low, high = (float(v) for v in np.exp(np.quantile(drawn, [0.025, 0.975])))
    found[WAYS[4]] = (low, high)
    return found


def _own(dose_D: Array, mean_D: Array) -> float:
    """Log EC50 of the best candidate: what a fit of one curve says, at the candidates' resolution."""
    shape = response._shape(dose_D, SLOPES[:, None, None], CANDIDATES[None, :, None])
    squares = response._ends(shape, mean_D, np.ones(len(dose_D)), WITHIN)[2]
    return float(CANDIDATES[squares.min(0).argmin()])


SLOPES = response.SLOPES[::2]
CANDIDATES = np.linspace(math.log(0.01) - response.WIDE, math.log(1.0) + response.WIDE, 141)


def _unfloored(profile: response._Profile, rates: Array) -> tuple[float, float]:
    apart = profile.best_D - profile.rates_ED
    closer = 2 * ((rates[:, None] - (profile.best_D + profile.rates_ED) / 2) * apart).sum(-1)
    noise = closer.std(axis=0, ddof=1) / math.sqrt(len(rates))
    gain = np.maximum(profile.squares_E - profile.least, 0.0)
    return _ends(profile, 2 * gain / np.maximum(noise, 1e-15) - float(t_quantile(0.975, len(rates) - 1)))


def _ends(profile: response._Profile, over_E: Array) -> tuple[float, float]:
    start = int(np.abs(profile.log_ec50_E - math.log(profile.curve.ec50)).argmin())
    low, high = (response._crossing(profile.log_ec50_E, over_E, start, step) for step in (-1, 1))
    return min(low, profile.curve.ec50), max(high, profile.curve.ec50)


if __name__ == "__main__":
    main()
