"""A study's question as a value; verdict and sentence are computed (docs/decisions/06-questions-and-claims.md)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from isobath.base.row import Claim
from isobath.base.value import Value

Expect = Literal["higher", "lower", "same", "any"]


class Question(Value):
    """Is `trait` higher (lower, the same, any different) in one arm than in another, and by enough to matter?

    `contrast` is (arm, reference arm); `condition` is how both are asked, unless `reference_condition` differs.
    `smallest_effect` is the smallest difference of rates worth acting on. `claim` names the replicate. `text` is only a
    label: the verdict follows from the other fields.
    """

    text: str
    trait: str
    contrast: tuple[str, str]
    gpe: str | None = None
    condition: str = "none"
    reference_condition: str | None = None
    region: str | None = None
    expect: Expect = "any"
    smallest_effect: Annotated[float, Field(gt=0, le=1)] = 0.05
    claim: Claim = Claim.THIS_RECIPE
    family: Literal["headline", "exploratory"] = "headline"

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms it speaks of."""
        return self.contrast


class Verdict(StrEnum):
    """The answer to a question."""

    YES = "yes"
    NO = "no"
    TOO_UNCERTAIN = "too uncertain"
    NOT_MEASURABLE = "not measurable"


@dataclass(frozen=True)
class ArmRate:
    """One side of a contrast: its rate with interval and what it rests on. `bounds` put missing rows at 0 and at 1."""

    arm: str
    condition: str
    mean: float
    low: float
    high: float
    rows: int
    missing: float
    bounds: tuple[float, float]


@dataclass(frozen=True)
class Finding:
    """A question's answer: treatment minus reference on the rate scale, with everything it rests on.

    `low` and `high` bound the difference at `level`; all numbers are None where nothing could be computed. `p_adjusted`
    is Holm's over the headline questions asked together, Benjamini-Hochberg's over exploratory ones; `detectable` the
    smallest true difference this design finds with 80 % power.
    """

    question: Question
    verdict: Verdict
    reason: str
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    level: float = 0.95
    p: float | None = None
    p_adjusted: float | None = None
    treatment: ArmRate | None = None
    reference: ArmRate | None = None
    n_rows: int = 0
    n_questions: int = 0
    n_replicates: int = 0
    missing: float = 0.0
    bounds: tuple[float, float] | None = None
    detectable: float | None = None
    warnings: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """The answer in plain English, computed from the numbers."""
        from isobath.analysis.sentence import sentence

        return sentence(self)
