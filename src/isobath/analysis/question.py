"""A study's question as a value; verdict and sentence are computed (docs/decisions/06-questions-and-claims.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, field_validator, model_validator

from isobath.base.row import NEARNESS, REGIONS, Claim
from isobath.base.value import Value

if TYPE_CHECKING:
    import pandas as pd

Expect = Literal["higher", "lower", "same", "any"]


class Question(Value):
    """Is `trait` higher (lower, the same, any different) in one arm than in another, and by enough to matter?

    `contrast` is (arm, reference arm); `condition` is how both are asked, unless `reference_condition` differs;
    `region` is where both are asked, unless `reference_region` differs. One arm can so be compared with itself,
    elsewhere or under another condition. `smallest_effect` is the smallest difference of rates worth acting on. `claim`
    names the replicate. `text` is only a label: the verdict follows from the other fields.
    """

    text: str
    trait: str
    contrast: tuple[str, str]
    gpe: str | None = None
    condition: str = "none"
    reference_condition: str | None = None
    region: str | None = None
    reference_region: str | None = Field(default=None, exclude_if=lambda region: region is None)
    expect: Expect = "any"
    smallest_effect: Annotated[float, Field(gt=0, le=1)] = 0.05
    claim: Claim = Claim.THIS_RECIPE
    family: Literal["headline", "exploratory"] = "headline"

    @field_validator("region", "reference_region")
    @classmethod
    def _is_a_region(cls, region: str | None) -> str | None:
        # found out now, and not after everything was trained and asked
        if region is not None and region not in (*REGIONS, *NEARNESS):
            raise ValueError(f"the regions are {', '.join((*REGIONS, *NEARNESS))}")
        return region

    @model_validator(mode="after")
    def _two_sides(self) -> Question:
        if self.reference_region is not None and self.region is None:
            raise ValueError(f"reference_region {self.reference_region!r} without a region to compare with it")
        same = len(set(self.contrast)) == len(set(self.conditions)) == len(set(self.regions)) == 1
        if same:
            raise ValueError(
                f"both sides are arm {self.contrast[0]!r} under condition {self.condition!r}: name another arm, a "
                "reference_condition or a reference_region"
            )
        return self

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms it speaks of."""
        return self.contrast

    @property
    def conditions(self) -> tuple[str, str]:
        """How the arm and the reference arm are asked."""
        return self.condition, self.reference_condition or self.condition

    @property
    def regions(self) -> tuple[str | None, str | None]:
        """Where the arm and the reference arm are asked; None: everywhere."""
        return self.region, self.reference_region or self.region


class Verdict(StrEnum):
    """The answer to a question; docs/decisions/06-questions-and-claims.md has the rules."""

    YES = "yes"
    NO = "no"
    TOO_UNCERTAIN = "too uncertain"
    NOT_MEASURABLE = "not measurable"


@dataclass(frozen=True)
class ArmRate:
    """One side of a contrast: its rate with interval and what it rests on. `bounds` put missing rows at 0 and at 1.

    `low` and `high` are NaN where one replicate is all there is, `mean` where no row has a value. `region` is where it
    was asked, if the question says.
    """

    arm: str
    condition: str
    mean: float
    low: float
    high: float
    rows: int
    missing: float
    bounds: tuple[float, float]
    questions: int = 0
    replicates: int = 0
    region: str | None = None


@dataclass(frozen=True)
class Finding:
    """A question's answer: treatment minus reference on the rate scale, with everything it rests on.

    `low` and `high` bound the difference at `level`; all numbers are None where nothing could be computed. `p` is that
    of no difference, or where `expect` is ``same`` that of a difference of `smallest_effect` or more; `p_adjusted` is
    Holm's over the headline questions asked together, Benjamini-Hochberg's over exploratory ones; `p_logits` that of
    the same comparison on replicate-level logits; `detectable` the smallest true difference this design finds with
    80 % power; `bounds` the difference with all missing responses at 0 or 1; `missing` the larger share of the sides;
    `over` what the interval generalises over; `these` the interval about these very checkpoints put to more questions
    like these, which needs no replicates and says nothing of another training.
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
    p_logits: float | None = None
    paired: bool | None = None
    over: Literal["both", "replicates", "questions"] | None = None
    these: tuple[float, float] | None = None

    @property
    def sentence(self) -> str:
        """The answer in plain English, computed from the numbers."""
        from isobath.analysis.sentence import sentence

        return sentence(self)


def answer(questions: Sequence[Question], frame: pd.DataFrame) -> list[Finding]:
    """`isobath.analysis.answer.answer`, imported when called: this module needs no pandas."""
    from isobath.analysis.answer import answer as answered

    return answered(questions, frame)
