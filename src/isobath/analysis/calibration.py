"""Simulated studies with known truth: how often each interval holds it, and how often each test rejects a true null.

`python -m benchmarks.coverage` prints the tables of docs/statistics.md from here; tests hold shipped methods to them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import special, stats

from isobath.analysis.contrasts import paired_logits, welch, welch_logits
from isobath.analysis.intervals import Bounds, logit_bounds, typical_bounds
from isobath.analysis.two_way import Array, Moments, Over, moments
from isobath.base.logit_normal import centre_for, logit_normal_means
from isobath.base.seeding import rng
from isobath.base.value import Value


class Scenario(Value):
    """One design: logit P = centre + base + base x arm + question + question x arm + rest, each normal with its sd.

    `rate` is the population mean both arms have. `samples` 0 reads the probability itself, else so many draws of 0 or 1
    are averaged.
    """

    rate: float = 0.2
    replicates: int = 5
    questions: int = 40
    samples: int = 5
    base_sd: float = 0.6
    base_arm_sd: float = 0.3
    question_sd: float = 1.0
    question_arm_sd: float = 0.3
    rest_sd: float = 0.3

    @property
    def label(self) -> str:
        """How a table names it."""
        read = f"{self.samples} x 0/1" if self.samples else "probability"
        return (
            f"{self.replicates} | {self.rate:g} | {self.questions} | {read} | {self.base_sd:g} | {self.question_sd:g}"
        )


REFERENCE = tuple(
    Scenario(rate=rate, replicates=replicates, samples=samples, questions=questions)
    for replicates in (5, 10)
    for rate, samples, questions in ((0.5, 5, 40), (0.2, 5, 40), (0.05, 5, 40), (0.2, 0, 40), (0.5, 0, 176))
)
"""What shipped methods are held to: 40 questions x 5 texts at three rates; forced choices; the size of the demo."""

STRESS = tuple(
    Scenario(replicates=replicates, **fields)  # type: ignore[arg-type]
    for replicates in (5, 10)
    for fields in (
        {"rate": 0.05, "samples": 0},
        {"rate": 0.02},
        {"rate": 0.05, "samples": 1},
        {"rate": 0.05, "base_sd": 1.2, "samples": 0},
        {"rate": 0.2, "base_sd": 1.2, "question_sd": 2.0, "samples": 0},
        {"rate": 0.2, "questions": 8},
        {"rate": 0.2, "base_sd": 0.1, "base_arm_sd": 0.05},
    )
)
"""Harder designs, to know where the methods bend: rare behaviours, wide or equal bases, few questions."""


@dataclass(frozen=True)
class Drawn:
    """Simulated studies: values of two arms on the same bases and one on others (S, R, Q), and the truth of the first.

    `population` speaks of all replicates and questions, `suite` (S) of the questions drawn, `checkpoints` (S) of the
    replicates drawn, `typical` (S) of the mean logit over replicates, for the questions drawn.
    """

    scenario: Scenario
    arm: Array
    twin: Array
    stranger: Array
    population: float
    suite: Array
    checkpoints: Array
    typical: Array
    suite_gap: Array
    """True difference between arm and twin for the questions drawn, (S)."""


def draw(scenario: Scenario, studies: int, seed: int, question_arm: bool = True) -> Drawn:
    """`studies` studies of `scenario`. Without `question_arm` arms do not differ by question: a true null per suite."""
    s = scenario if question_arm else scenario.model_copy(update={"question_arm_sd": 0.0})
    model_sd = float(np.sqrt(s.base_sd**2 + s.base_arm_sd**2 + s.rest_sd**2))
    asked_sd = float(np.sqrt(s.question_sd**2 + s.question_arm_sd**2))
    centre = centre_for(s.rate, float(np.hypot(model_sd, asked_sd)))
    stream = rng(seed, "calibration", s.label, int(question_arm))
    base, other = (stream.normal(0, s.base_sd, (studies, s.replicates, 1)) for _ in range(2))
    question = stream.normal(0, s.question_sd, (studies, 1, s.questions))

    def arm(of: Array) -> tuple[Array, Array, Array]:
        model = of + stream.normal(0, s.base_arm_sd, of.shape)
        asked = question + stream.normal(0, s.question_arm_sd, question.shape)
        p = special.expit(centre + model + asked + stream.normal(0, s.rest_sd, (studies, s.replicates, s.questions)))
        values = stream.binomial(s.samples, p) / s.samples if s.samples else p
        return values, model[..., 0], asked[:, 0]

    (first, model_SR, asked_SQ), (twin, _, twin_SQ), (stranger, _, _) = arm(base), arm(base), arm(other)
    suite = logit_normal_means(centre + asked_SQ, model_sd, 31).mean(-1)
    return Drawn(
        scenario=s,
        arm=first,
        twin=twin,
        stranger=stranger,
        population=s.rate,
        suite=suite,
        checkpoints=logit_normal_means(centre + model_SR, float(np.hypot(asked_sd, s.rest_sd))).mean(-1),
        typical=_typical(centre + asked_SQ, float(np.hypot(s.base_sd, s.base_arm_sd)), s.rest_sd),
        suite_gap=suite - logit_normal_means(centre + twin_SQ, model_sd, 31).mean(-1),
    )


def _typical(centre_SQ: Array, base_sd: float, rest_sd: float) -> Array:
    """expit of the mean, over bases, of the logit of the suite's rate."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(15)
    logits = [special.logit(logit_normal_means(centre_SQ + base_sd * z, rest_sd, 9).mean(-1)) for z in nodes]
    mean: Array = np.tensordot(weights / weights.sum(), np.array(logits), axes=1)
    return np.asarray(special.expit(mean))


class Measured(NamedTuple):
    """Share of studies whose interval holds the truth, and its mean width over that of the oracle's."""

    coverage: float
    width: float


def measured(bounds: Bounds, truth: Array | float, estimate: Array, on_logits: bool = True) -> Measured:
    """The oracle knows the true standard error and that estimates are normal on the scale of the interval."""
    held = float(np.mean((bounds.low <= truth) & (truth <= bounds.high)))
    error = special.logit(estimate) - special.logit(truth) if on_logits else estimate - truth
    usable = np.isfinite(error)
    half = 1.96 * float(np.sqrt(np.mean(error[usable] ** 2)))
    if on_logits:
        centre = special.logit(estimate[usable])
        oracle = float(np.mean(special.expit(centre + half) - special.expit(centre - half)))
    else:
        oracle = 2 * half
    return Measured(held, float(np.mean(bounds.high - bounds.low)) / oracle)


def rate_coverage(drawn: Drawn, over: Over) -> Measured:
    """Of `intervals.rate_interval`, about what `over` names."""
    made = moments(drawn.arm, over=over)
    everywhere = np.full(made.mean.shape, drawn.population)
    truth = {"both": everywhere, "replicates": drawn.suite, "questions": drawn.checkpoints}[over]
    inside = (made.mean > 0) & (made.mean < 1) & (made.se > 0)
    kept = Moments(*(part[inside] for part in made))
    return measured(logit_bounds(kept), truth[inside], kept.mean)


def typical_coverage(drawn: Drawn) -> Measured:
    """Of `intervals.typical_interval`."""
    rates_SR = drawn.arm.mean(-1)
    responses = drawn.scenario.questions * max(1, drawn.scenario.samples)
    bounds = typical_bounds(rates_SR, responses)
    centre = special.expit(special.logit(np.clip(rates_SR, 0.5 / (responses + 1), 1 - 0.5 / (responses + 1))).mean(-1))
    return measured(bounds, drawn.typical, centre)


def naive_coverage(drawn: Drawn) -> Measured:
    """Of the binomial interval that takes every row for independent."""
    made = drawn.arm.mean((-2, -1))
    rows = drawn.scenario.replicates * drawn.scenario.questions * max(1, drawn.scenario.samples)
    half = 1.96 * np.sqrt(made * (1 - made) / rows)
    return measured(Bounds(made - half, made + half), drawn.population, made, on_logits=False)


def bootstrap_coverage(drawn: Drawn, seed: int = 0, resamples: int = 400) -> Measured:
    """Of the percentile bootstrap over replicates, the habit of the field."""
    rates_SR = drawn.arm.mean(-1)
    replicates = rates_SR.shape[-1]
    counts = rng(seed, "bootstrap").multinomial(replicates, [1 / replicates] * replicates, resamples)
    low, high = np.quantile(rates_SR @ (counts.T / replicates), [0.025, 0.975], axis=-1)
    return measured(Bounds(low, high), drawn.suite, rates_SR.mean(-1), on_logits=False)


def gap_coverage(drawn: Drawn, over: Over) -> Measured:
    """Of the paired difference's t interval (`intervals.difference_interval` of `contrasts.contrast`)."""
    made = moments(drawn.arm - drawn.twin, over=over)
    half = stats.t.ppf(0.975, made.df) * made.se
    truth = 0.0 if over == "both" else drawn.suite_gap
    return measured(Bounds(made.mean - half, made.mean + half), truth, made.mean, on_logits=False)


def _p(made: Moments) -> Array:
    """p of `Spread.p_value`, for many."""
    t = np.abs(made.mean) / np.where(made.se > 0, made.se, 1.0)
    return np.where(made.se > 0, 2 * stats.t.sf(t, made.df), 1.0)


def _rates(values: Array) -> Array:
    return np.asarray(values.mean(-1))


def _responses(drawn: Drawn) -> int:
    return drawn.scenario.questions * max(1, drawn.scenario.samples)


TESTS: dict[str, tuple[bool, Callable[[Drawn], Array]]] = {
    "paired, questions sampled": (True, lambda d: _p(moments(d.arm - d.twin, over="both"))),
    "paired, this suite": (False, lambda d: _p(moments(d.arm - d.twin, over="replicates"))),
    "unpaired (Welch), questions sampled": (True, lambda d: _p(welch(d.arm, d.stranger, over="both"))),
    "unpaired (Welch), this suite": (False, lambda d: _p(welch(d.arm, d.stranger, over="replicates"))),
    "paired logits, this suite": (False, lambda d: paired_logits(_rates(d.arm), _rates(d.twin), _responses(d))),
    "unpaired (Welch) logits, this suite": (
        False,
        lambda d: welch_logits(_rates(d.arm), _rates(d.stranger), _responses(d)),
    ),
}
"""Shipped tests: whether arms differ by question in the null they are held to, and their p values."""

NAIVE_TESTS: dict[str, tuple[bool, Callable[[Drawn], Array]]] = {
    "paired by question, bases ignored": (
        True,
        lambda d: _p(moments((d.arm - d.stranger).mean(-2, keepdims=True), over="questions")),
    ),
    "pooled binomial z": (True, lambda d: _pooled_z(d)),
}
"""Tests that are not shipped, to show what they do."""


def _pooled_z(drawn: Drawn) -> Array:
    rows = drawn.scenario.replicates * _responses(drawn)
    a, b = drawn.arm.mean((-2, -1)), drawn.stranger.mean((-2, -1))
    pooled = (a + b) / 2
    se = np.sqrt(np.maximum(2 * pooled * (1 - pooled) / rows, 1e-300))
    return np.asarray(2 * stats.norm.sf(np.abs(a - b) / se))


def type_one(p: Array, alpha: float = 0.05) -> float:
    """Share of true nulls that were rejected."""
    return float(np.mean(p < alpha))
