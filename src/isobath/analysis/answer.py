"""From questions and rows to findings: estimate, adjust for how many were asked, decide, say why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pandas as pd

from isobath.analysis.apart import apart
from isobath.analysis.contrasts import Contrast, contrast
from isobath.analysis.intervals import difference_interval, rate_interval
from isobath.analysis.multiplicity import benjamini_hochberg, holm
from isobath.analysis.planning import detectable
from isobath.analysis.question import ArmRate, Finding, Question, Verdict
from isobath.analysis.replicates import Side, mean_of, replicate_means, side
from isobath.analysis.sentence import REPLICATES, in_region, points
from isobath.analysis.two_way import Over, two_way
from isobath.analysis.verdict import FEWEST_REPLICATES, MOST_MISSING, decide
from isobath.base.row import Claim


def answer(
    questions: Sequence[Question],
    frame: pd.DataFrame,
    over: Over = "both",
    means: Mapping[Claim, pd.DataFrame] | None = None,
) -> list[Finding]:
    """A finding for each question, in order. `frame` is a checked rows frame (`table.validate`).

    `over` ``both`` (the default) speaks of more questions like those of the suite, ``replicates`` of this very suite
    (docs/statistics.md). p values are adjusted within each family of the questions given: headline ones by Holm,
    exploratory ones by Benjamini-Hochberg. `means` are the frame's `replicate_means` by claim, where they are there.
    """
    known = dict(means or {})
    for claim in {q.claim for q in questions} - set(known):
        known[claim] = replicate_means(frame, claim)
    found = [_measured(q, known[q.claim], over) for q in questions]
    for family, adjust in (("headline", holm), ("exploratory", benjamini_hochberg)):
        tested = [(i, f.p) for i, f in enumerate(found) if f.question.family == family and f.p is not None]
        for (i, _), p in zip(tested, adjust([p for _, p in tested]), strict=True):
            found[i] = replace(found[i], p_adjusted=p)
    return [decide(f) for f in found]


def rows_of(
    means: pd.DataFrame, question: Question, arm: str, condition: str, region: str | None = None
) -> pd.DataFrame:
    """The replicate means that one side of `question` rests on; `region` None: wherever the side was asked."""
    mask = (means["arm"] == arm) & (means["trait"] == question.trait) & (means["condition"] == condition)
    if question.gpe is not None:
        mask &= means["gpe"] == question.gpe
    if region is not None:
        mask &= means["region"] == region
    return means[mask]


def arm_rate(table: Side, arm: str, condition: str, over: Over = "both", region: str | None = None) -> ArmRate:
    """Rate, interval and bounds of one side. The interval is NaN where a single replicate is all there is."""
    spread = two_way(table.values_RQ, table.weights_RQ, "questions" if table.fixed else over)
    low, high = rate_interval(spread) if spread else (float("nan"), float("nan"))
    return ArmRate(
        arm,
        condition,
        mean_of(table.values_RQ, table.weights_RQ),
        low,
        high,
        table.rows,
        table.missing,
        table.bounds,
        len(table.questions),
        len(table.replicates),
        region,
    )


def _measured(question: Question, means: pd.DataFrame, over: Over) -> Finding:
    """The finding with its numbers; the verdict comes later, when all p values are known."""
    named = list(zip(question.contrast, question.conditions, question.regions, strict=True))
    parts = [rows_of(means, question, *name) for name in named]
    for part, (arm, condition, region) in zip(parts, named, strict=True):
        if part.empty:
            where = f" in region {region!r}" if region else ""
            reason = f"There are no rows for arm {arm!r}, trait {question.trait!r}, condition {condition!r}{where}."
            return Finding(question, Verdict.NOT_MEASURABLE, reason)
    sides = [side(part) for part in parts]
    treatment, reference = (arm_rate(s, arm, c, over, region) for s, (arm, c, region) in zip(sides, named, strict=True))
    compare = _comparison(question)
    made = compare(sides[0], sides[1], over)
    blank = Finding(
        question,
        Verdict.NOT_MEASURABLE,
        "",
        treatment=treatment,
        reference=reference,
        n_rows=treatment.rows + reference.rows,
        n_questions=min(treatment.questions, reference.questions),
        n_replicates=min(treatment.replicates, reference.replicates),
        missing=max(treatment.missing, reference.missing),
        bounds=(treatment.bounds[0] - reference.bounds[1], treatment.bounds[1] - reference.bounds[0]),
    )
    if blank.missing > MOST_MISSING:
        worse = max((treatment, reference), key=lambda rate: rate.missing)
        return replace(blank, reason=_too_much_missing(blank, worse), warnings=_sides_warnings(blank, sides))
    if made is None:
        elsewhere = question.reference_region is not None
        reason = "The two sides share no question that both have values for."
        reason = "One of the two sides has no value at all." if elsewhere else reason
        return replace(blank, reason=reason, warnings=_sides_warnings(blank, sides))
    return _with_contrast(blank, made, sides)


def _comparison(question: Question) -> Callable[[Side, Side, Over], Contrast | None]:
    """Two regions are asked different questions; anything else pairs them."""
    return apart if question.regions[0] != question.regions[1] else contrast


def _too_much_missing(blank: Finding, worse: ArmRate) -> str:
    low, high = blank.bounds or (-1.0, 1.0)
    place = f" {in_region(worse.region)}" if blank.question.reference_region else ""
    return (
        f"{worse.missing:.0%} of the responses of {worse.arm} under condition '{worse.condition}'{place} have no "
        f"value (the limit is {MOST_MISSING:.0%}). Were they all 0 or all 1, the difference would lie anywhere from "
        f"{points(low)} to {points(high)}."
    )


def _with_contrast(blank: Finding, made: Contrast, sides: Sequence[Side]) -> Finding:
    spread, question = made.spread, blank.question
    alone = _comparison(question)(sides[0], sides[1], "questions")
    measured = replace(
        blank,
        estimate=made.mean,
        n_replicates=made.replicates,
        n_questions=made.questions,
        paired=made.paired,
        p_logits=made.p_logits,
        these=difference_interval(alone.spread) if alone is not None and alone.spread is not None else None,
        warnings=(*_contrast_warnings(blank, made), *_sides_warnings(blank, sides)),
    )
    if spread is None:
        return measured
    low, high = difference_interval(spread)
    return replace(
        measured,
        low=low,
        high=high,
        over=spread.over,
        p=spread.p_equivalent(question.smallest_effect) if question.expect == "same" else spread.p_value(),
        detectable=detectable(spread.se, spread.df) if spread.se > 0 else None,
    )


def _contrast_warnings(blank: Finding, made: Contrast) -> tuple[str, ...]:
    claim = blank.question.claim
    one, many = REPLICATES[claim]
    out = []
    fixed = made.spread is not None and made.spread.over == "questions"
    if made.replicates < FEWEST_REPLICATES and not fixed:
        count = f"{made.replicates} {one if made.replicates == 1 else many}"
        out.append(f"{count}: the claim '{claim}' cannot be made; it takes at least {FEWEST_REPLICATES} {many}.")
    if made.questions == 1:
        out.append("One question: nothing is known about others like it.")
    if not made.paired:
        out.append(f"The two sides share no {one}, so they are compared unpaired.")
    if made.dropped:
        out.append(f"{made.dropped} values have no partner on the other side and are left out of the difference.")
    return tuple(out)


def _sides_warnings(blank: Finding, sides: Sequence[Side]) -> tuple[str, ...]:
    out = []
    if 0 < blank.missing <= MOST_MISSING and blank.bounds is not None:
        low, high = blank.bounds
        out.append(
            f"Up to {blank.missing:.1%} of the responses of a side have no value and are left out, not counted as 0; "
            f"were they all 0 or all 1, the difference would lie between {points(low)} and {points(high)}."
        )
    if any(s.not_applicable for s in sides):
        counts = " and ".join(f"{s.not_applicable:,} of {s.rows:,}" for s in sides)
        out.append(f"The score does not apply to {counts} responses of the two sides; they are not counted.")
    return tuple(out)
