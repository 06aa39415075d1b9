"""From questions and rows to findings: estimate, adjust for how many were asked, decide, say why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from isobath.analysis.contrasts import Contrast, benjamini_hochberg, contrast, holm, pivot
from isobath.analysis.intervals import difference_interval, rate_interval
from isobath.analysis.planning import detectable
from isobath.analysis.question import ArmRate, Finding, Question, Verdict
from isobath.analysis.sentence import REPLICATES
from isobath.analysis.table import replicate_means
from isobath.analysis.two_way import two_way
from isobath.base.row import Claim

FEWEST_REPLICATES = 5
"""Below this a claim about more of the same is not made (DESIGN 8); the numbers are shown with a warning."""

MOST_MISSING = 0.10
"""Above this share of responses without a value a rate is not measurable; its bounds are shown."""

ALPHA = 0.05


def answer(questions: Sequence[Question], frame: pd.DataFrame) -> list[Finding]:
    """A finding for each question, in order. `frame` is a checked rows frame (`table.validate`)."""
    means = {claim: replicate_means(frame, claim) for claim in {q.claim for q in questions}}
    found = [_estimate(q, means[q.claim]) for q in questions]
    for family, adjust in (("headline", holm), ("exploratory", benjamini_hochberg)):
        tested = [i for i, f in enumerate(found) if f.question.family == family and f.p is not None]
        adjusted = adjust([p for i in tested if (p := found[i].p) is not None])
        for i, p in zip(tested, adjusted, strict=True):
            found[i] = replace(found[i], p_adjusted=p)
    return [_decided(f) for f in found]


def cell(means: pd.DataFrame, question: Question, arm: str, condition: str) -> pd.DataFrame:
    """The replicate means one side of `question` rests on."""
    mask = (means["arm"] == arm) & (means["trait"] == question.trait) & (means["condition"] == condition)
    if question.gpe is not None:
        mask &= means["gpe"] == question.gpe
    if question.region is not None:
        mask &= means["region"] == question.region
    return means[mask]


def arm_rate(side: pd.DataFrame, arm: str, condition: str) -> ArmRate:
    """Rate, interval and bounds of one side (which has at least one row)."""
    rows, missing = int(side["rows"].sum()), int(side["missing"].sum())
    share = missing / rows
    valued = side[side["value"].notna()]
    if valued.empty:
        return ArmRate(arm, condition, float("nan"), 0.0, 1.0, rows, share, (0.0, 1.0))
    table = pivot(valued)
    whole = table.dropna(axis="columns")
    spread = two_way((whole if whole.shape[1] else table.mean(axis=1).to_frame()).to_numpy())
    mean = float(valued.groupby("replicate", observed=True)["value"].mean().mean())
    low, high = rate_interval(replace(spread, mean=mean)) if spread else (float("nan"), float("nan"))
    return ArmRate(arm, condition, mean, low, high, rows, share, ((1 - share) * mean, (1 - share) * mean + share))


def _estimate(question: Question, means: pd.DataFrame) -> Finding:
    arm, reference_arm = question.contrast
    other = question.reference_condition or question.condition
    sides = [cell(means, question, arm, question.condition), cell(means, question, reference_arm, other)]
    for side, name, condition in zip(sides, question.contrast, (question.condition, other), strict=True):
        if side.empty:
            reason = f"There are no rows for arm {name!r}, trait {question.trait!r}, condition {condition!r}."
            return Finding(question, Verdict.NOT_MEASURABLE, reason)
    treatment, reference = arm_rate(sides[0], arm, question.condition), arm_rate(sides[1], reference_arm, other)
    rows = treatment.rows + reference.rows
    missing = max(treatment.missing, reference.missing)
    bounds = (treatment.bounds[0] - reference.bounds[1], treatment.bounds[1] - reference.bounds[0])
    blank = Finding(
        question,
        Verdict.NOT_MEASURABLE,
        "",
        treatment=treatment,
        reference=reference,
        n_rows=rows,
        missing=missing,
        bounds=bounds,
        n_replicates=int(sides[0]["replicate"].nunique()),
        n_questions=int(sides[0]["question"].nunique()),
    )
    made = contrast(*(side[side["value"].notna()] for side in sides))
    if missing > MOST_MISSING or made is None:
        why = f"{missing:.0%} of the responses of one arm have no value" if made else "Too few values to compare"
        reason = f"{why}; had they all been 0 or 1 the difference would lie in [{bounds[0]:+.2f}, {bounds[1]:+.2f}]."
        return replace(blank, reason=reason)
    return _measured(blank, made)


def _measured(blank: Finding, made: Contrast) -> Finding:
    spread = made.spread
    low, high = difference_interval(spread)
    return replace(
        blank,
        estimate=spread.mean,
        low=low,
        high=high,
        p=spread.p_value(),
        n_replicates=spread.replicates,
        n_questions=spread.questions,
        detectable=detectable(spread.se, spread.df) if spread.se > 0 else None,
        warnings=_warnings(blank, made),
    )


def _warnings(blank: Finding, made: Contrast) -> tuple[str, ...]:
    claim, count = blank.question.claim, made.spread.replicates
    one, many = REPLICATES[claim]
    out = []
    if made.spread.over == "questions":
        out.append(
            f"One {one}: the interval speaks of other questions put to this very {one}. The claim '{claim}' cannot be "
            f"made; it takes at least {FEWEST_REPLICATES} {many}."
        )
    elif count < FEWEST_REPLICATES:
        out.append(f"{count} {many}: the claim '{claim}' cannot be made; it takes at least {FEWEST_REPLICATES}.")
    if made.spread.over == "replicates":
        out.append("One question: nothing is known about others like it.")
    if not made.paired:
        out.append(f"The two arms share no {one}, so they are compared unpaired.")
    if blank.missing > 0:
        out.append(
            f"{blank.missing:.1%} of the responses of one arm have no value; they are left out, not counted as 0."
        )
    return tuple(out)


def _decided(finding: Finding) -> Finding:
    if finding.estimate is None or finding.low is None or finding.high is None:
        return finding
    one, many = REPLICATES[finding.question.claim]
    count = finding.n_replicates
    if count < FEWEST_REPLICATES:
        reason = f"{count} {one if count == 1 else many} cannot carry the claim '{finding.question.claim}'."
        return replace(finding, verdict=Verdict.TOO_UNCERTAIN, reason=reason)
    verdict, reason = _verdict(finding, finding.estimate, finding.low, finding.high)
    return replace(finding, verdict=verdict, reason=reason)


def _verdict(finding: Finding, estimate: float, low: float, high: float) -> tuple[Verdict, str]:
    """Yes and no both need the interval on their side; what lies between is too uncertain."""
    question, s = finding.question, finding.question.smallest_effect
    seen = f" This design would have seen a difference of {finding.detectable:.3f}." if finding.detectable else ""
    inside = f"Any difference is smaller than {s:g}, the smallest that matters.{seen}"
    if question.expect == "same":
        if low >= -s and high <= s:
            return Verdict.YES, f"The interval lies within {s:g} of no difference."
        if low > s or high < -s:
            return Verdict.NO, f"They differ by more than {s:g}."
        return Verdict.TOO_UNCERTAIN, f"The interval neither lies within {s:g} of no difference nor outside it.{seen}"
    sign = -1.0 if question.expect == "lower" else 1.0
    if question.expect == "any" and estimate < 0:
        sign = -1.0
    gain, near = sign * estimate, min(sign * low, sign * high)
    far = max(sign * low, sign * high)
    p = finding.p_adjusted if finding.p_adjusted is not None else finding.p
    if near > 0 and gain >= s and p is not None and p < ALPHA:
        return Verdict.YES, ""
    if far < s and (question.expect != "any" or near > -s):
        opposite = far < 0 and question.expect != "any"
        return Verdict.NO, "The difference goes the other way." if opposite else inside
    if near > 0 and gain >= s:
        return Verdict.TOO_UNCERTAIN, f"The interval excludes 0, but not once {question.family} questions are counted."
    return Verdict.TOO_UNCERTAIN, f"The interval reaches from no difference to more than {s:g}.{seen}"


def claim_words(claim: Claim) -> str:
    """What a claim's interval speaks of."""
    return {
        Claim.THIS_MODEL: "other training runs of this very model and data",
        Claim.THIS_RECIPE: "other bases pretrained like these and fine-tuned the same way",
        Claim.MODELS_LIKE_THESE: "other models and datasets like these",
    }[claim]
