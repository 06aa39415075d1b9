"""What a `failure_table` comes to, in plain words: an answer to "what is the shape of the distribution?"."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from isobath.analysis.replicates import KEYS
from isobath.measures.failure import ENOUGH, PERPLEXITY, PLACE, REGION

CALLED = {
    REGION: "the region",
    "k": "depth k (how many relevant factors differ)",
    "q": "novelty order q (the smallest combination never seen)",
    "d": "distance d in levels",
    PERPLEXITY: "the base model's own perplexity",
    "knn": "distance to the nearest training texts",
    "mahalanobis": "Mahalanobis distance",
    "density_ratio": "density ratio",
    "c2st": "likeness to a test text (C2ST)",
    "p_knn": "conformal p of the nearest texts",
    "p_mahalanobis": "conformal p of the Mahalanobis distance",
}
Line = Mapping[str, Any]


def failure_sentences(table: pd.DataFrame, by: Sequence[str] = KEYS) -> list[str]:
    """A few sentences per group of a `failure_table`.

    Which covariate follows the failures, what it knows beyond the region, and how much of the base's perplexity is the
    region said again.
    """
    found: list[str] = []
    groups = list(table.groupby(list(by), observed=True, sort=False, dropna=False))
    for keys, group in groups:
        names = [str(k) for k in (keys if isinstance(keys, tuple) else (keys,))]
        head = f"{', '.join(names)}: " if len(groups) > 1 else ""
        found += [head + text for text in _sentences([dict(line) for _, line in group.iterrows()])]
    return found


def _sentences(lines: Sequence[Line]) -> list[str]:
    best = lines[0]
    if not best["measurable"]:
        return [
            f"Which covariate predicts failure cannot be measured: {best['wrong']:.1f} wrong and {best['right']:.1f} "
            f"right answers per replicate, of which {ENOUGH:g} each are needed."
        ]
    by_name = {line["covariate"]: line for line in lines}
    said = [_best(best, len(lines)), _shape([by_name[name] for name in PLACE if name in by_name])]
    if REGION in by_name and PERPLEXITY in by_name:
        said.append(_tautology(by_name[PERPLEXITY]))
    if REGION in by_name:
        said.append(_inside([line for line in lines if line["covariate"] not in (REGION, PERPLEXITY)]))
    return [text for text in said if text]


def _best(best: Line, tried: int) -> str:
    text = (
        f"Of {tried} covariates {CALLED.get(best['covariate'], best['covariate'])} predicts failure best: AUROC "
        f"{_area(best)}, the chance that a wrong answer lies further out than a right one (0.50: no relation; "
        f"{_rests_on(best)})"
    )
    if not math.isnan(best["beyond_region"]):
        low, high = best["beyond_low"], best["beyond_high"]
        verdict = "more than" if low > 0 else "less than" if high < 0 else "not told apart from"
        apart = f"{_signed(best['beyond_region'])}, {_signed(low)} to {_signed(high)}"
        text += f"; that is {verdict} the region alone ({apart})"
    if not math.isnan(best["p_adjusted"]) and best["p_adjusted"] > 0.05:
        return f"No covariate is shown to predict failure (p adjusted for {tried}: {best['p_adjusted']:.2f}). {text}."
    return f"{text}. The best of several flatters itself a little."


def _shape(placed: Sequence[Line]) -> str:
    """The answer in terms of factors."""
    if not placed:
        return (
            "What the shape of the distribution is cannot be said in terms of factors: the questions have no place in "
            "a factor space."
        )
    told = [line for line in placed if line["low"] > 0.5]
    listed = "; ".join(f"{CALLED[line['covariate']]} {_area(line)}" for line in placed)
    if told:
        return f"The shape of the distribution, as far as failures show it, is that of the named factors: {listed}."
    return f"Failures are not shown to follow the named factors: {listed}."


def _tautology(line: Line) -> str:
    """How much of perplexity is familiarity by another name, and how much the region."""
    head = (
        "Perplexity is the model's own surprise, so that it says that a text is unfamiliar and not in what. "
        f"Its AUROC for failure is {_area(line)}, and within regions {_within(line)}"
    )
    if math.isnan(line["explained"]):
        return f"{head}: it is not shown to predict failure at all."
    share = min(1.0, max(0.0, line["explained"]))
    if line["within_low"] > 0.5:
        return f"{head}: {share:.0%} of what it says of failure is the region said again, and the rest is its own."
    return f"{head}: {share:.0%} of what it says of failure is the region said again; the rest may be none."


def _inside(lines: Sequence[Line]) -> str:
    """What others still know once the region is known."""
    told = [line for line in lines if line["within_low"] > 0.5]
    if not lines:
        return ""
    if told:
        listed = "; ".join(f"{CALLED.get(x['covariate'], x['covariate'])} {_within(x)}" for x in told)
        return f"Within regions, failure is still predicted by: {listed}."
    return "Within regions none of the other covariates is shown to predict failure."


def _area(line: Line) -> str:
    return _number(line["auroc"], line["low"], line["high"])


def _within(line: Line) -> str:
    return _number(line["within"], line["within_low"], line["within_high"])


def _number(mean: float, low: float, high: float) -> str:
    if math.isnan(mean):
        return "no number"
    return f"{mean:.2f}" + ("" if math.isnan(low) else f" ({low:.2f} to {high:.2f})")


def _rests_on(line: Line) -> str:
    one = "" if line["replicates"] == 1 else "s"
    left = f", {line['undefined']} more without a wrong or a right answer" if line["undefined"] else ""
    return (
        f"{line['replicates']} replicate{one}, {line['questions']} questions, {line['wrong']:.0f} "
        f"wrong and {line['right']:.0f} right answers in each{left}"
    )


def _signed(value: float) -> str:
    return f"{round(value, 2) + 0.0:+.2f}"
