"""Findings in plain English. Every word follows from a number or a field."""

from __future__ import annotations

from isobath.analysis.question import Finding, Verdict
from isobath.base.row import Claim

REPLICATES = {
    Claim.THIS_MODEL: ("training run", "training runs"),
    Claim.THIS_RECIPE: ("base", "bases"),
    Claim.MODELS_LIKE_THESE: ("model-dataset pair", "model-dataset pairs"),
}


def sentence(finding: Finding) -> str:
    """The verdict, the two rates, the difference with its interval, and what they rest on."""
    question = finding.question
    if finding.estimate is None or finding.treatment is None or finding.reference is None:
        return f"{question.trait}: not measurable. {finding.reason}"
    arm, reference = _names(finding)
    rates = (
        f"{question.trait} is {finding.treatment.mean:.3f} in {arm} and {finding.reference.mean:.3f} in {reference}: "
        f"a difference of {finding.estimate:+.3f}"
    )
    if finding.low is not None and finding.high is not None:
        rates += f" [{finding.low:+.3f}, {finding.high:+.3f}]"
    return f"{_verdict_words(finding)}: {rates} ({basis(finding)}). {finding.reason}".rstrip()


def basis(finding: Finding) -> str:
    """What the numbers rest on, such as ``95 % interval; 5 bases, 176 questions, 1,760 rows``."""
    one, many = REPLICATES[finding.question.claim]
    count = f"{finding.n_replicates} {one if finding.n_replicates == 1 else many}"
    level = f"{100 * finding.level:.0f} % interval; " if finding.low is not None else ""
    return f"{level}{count}, {finding.n_questions} questions, {finding.n_rows:,} rows"


def _names(finding: Finding) -> tuple[str, str]:
    treatment, reference = finding.treatment, finding.reference
    assert treatment is not None and reference is not None
    if treatment.arm == reference.arm or treatment.condition != reference.condition:
        return (
            f"{treatment.arm} under condition '{treatment.condition}'",
            f"{reference.arm} under condition '{reference.condition}'",
        )
    return treatment.arm, reference.arm


def _verdict_words(finding: Finding) -> str:
    words = {
        Verdict.YES: "Yes",
        Verdict.NO: "No",
        Verdict.TOO_UNCERTAIN: "Too uncertain to say",
        Verdict.NOT_MEASURABLE: "Not measurable",
    }
    return words[finding.verdict]
