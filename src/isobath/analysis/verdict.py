"""The verdict rules (docs/decisions/06-questions-and-claims.md): what follows from a finding's numbers, and why."""

from __future__ import annotations

from dataclasses import replace

from isobath.analysis.question import Finding, Verdict
from isobath.analysis.sentence import REPLICATES, detectable_words, points, size

FEWEST_REPLICATES = 5
"""Below this a claim about more of the same is not made (DESIGN 8); the numbers are shown with a warning."""

MOST_MISSING = 0.10
"""Above this share of responses without a value a rate is not measurable; its bounds are shown."""

ALPHA = 0.05


def decide(finding: Finding) -> Finding:
    """`finding` with its verdict and the reason. A finding without an estimate stays not measurable."""
    if finding.estimate is None:
        return finding
    one, many = REPLICATES[finding.question.claim]
    count, claim = finding.n_replicates, finding.question.claim
    if finding.low is None or finding.high is None:
        reason = f"One {one} says nothing of how another would differ, so there is no interval for the claim '{claim}'."
        return replace(finding, verdict=Verdict.TOO_UNCERTAIN, reason=f"{reason}{_these(finding)}")
    if count < FEWEST_REPLICATES and finding.over != "questions":
        reason = f"{count} {one if count == 1 else many} cannot carry the claim '{claim}'."
        return replace(finding, verdict=Verdict.TOO_UNCERTAIN, reason=f"{reason}{_these(finding)}")
    p = finding.p_adjusted if finding.p_adjusted is not None else finding.p
    passed = p is not None and p < ALPHA
    rule = _same if finding.question.expect == "same" else _directed
    verdict, reason = rule(finding, finding.estimate, finding.low, finding.high, passed)
    return replace(finding, verdict=verdict, reason=reason)


def _these(finding: Finding) -> str:
    """What can be said where the claim cannot: an interval over questions, these checkpoints being all there is."""
    if finding.these is None or finding.estimate is None:
        return ""
    low, high = finding.these
    return (
        f" About these very checkpoints, put to more questions like these: {points(finding.estimate)} "
        f"[{points(low).removesuffix(' points')} to {points(high)}]."
    )


def _same(finding: Finding, estimate: float, low: float, high: float, passed: bool) -> tuple[Verdict, str]:
    s = finding.question.smallest_effect
    if low > -s and high < s:
        if passed:
            return Verdict.YES, f"Any difference is smaller than {size(s)}, the smallest that matters."
        return Verdict.TOO_UNCERTAIN, _not_once_counted(finding, f"lies within {size(s)} of no difference")
    if (low > 0 or high < 0) and abs(estimate) >= s:
        return Verdict.NO, f"They differ, and by an estimated {size(abs(estimate))}."
    return Verdict.TOO_UNCERTAIN, f"Differences of {size(s)} or more are not excluded.{_seen(finding)}"


def _directed(finding: Finding, estimate: float, low: float, high: float, passed: bool) -> tuple[Verdict, str]:
    """`higher`, `lower` and `any`, read along the expected direction (`any`: that of the estimate)."""
    expect, s = finding.question.expect, finding.question.smallest_effect
    sign = -1.0 if expect == "lower" or (expect == "any" and estimate < 0) else 1.0
    gain = sign * estimate
    near, far = sorted((sign * low, sign * high))
    if near > 0 and gain >= s:
        if passed:
            return Verdict.YES, ""
        return Verdict.TOO_UNCERTAIN, _not_once_counted(finding, "excludes no difference")
    if expect != "any" and far < 0:
        return Verdict.NO, "The difference goes the other way."
    if far < s and (expect != "any" or near > -s):
        return Verdict.NO, f"Any such difference is smaller than {size(s)}, the smallest that matters.{_seen(finding)}"
    if near > 0:
        return Verdict.TOO_UNCERTAIN, f"There is a difference, but it may be smaller than {size(s)}."
    return Verdict.TOO_UNCERTAIN, f"The interval reaches from {points(low)} to {points(high)}.{_seen(finding)}"


def _not_once_counted(finding: Finding, what: str) -> str:
    p = f" (adjusted p {finding.p_adjusted:.2g})" if finding.p_adjusted is not None else ""
    return f"The interval {what}, but not once all {finding.question.family} questions are counted{p}."


def _seen(finding: Finding) -> str:
    """What effect a null could have seen."""
    if finding.detectable is None:
        return ""
    return f" {detectable_words(finding.detectable)}"
