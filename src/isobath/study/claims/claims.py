"""The five claims by name: a study, the questions it is run for, and what turns its results into numbers by base."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, NamedTuple

from isobath.analysis.question import Question
from isobath.study.bases import Base
from isobath.study.claims.awareness import QUESTIONS as AWARE
from isobath.study.claims.awareness import awareness_measures, awareness_study
from isobath.study.claims.contradiction import QUESTIONS as CONTRARY
from isobath.study.claims.contradiction import contradiction_measures, contradiction_study
from isobath.study.claims.judge_breadth import QUESTIONS as JUDGED
from isobath.study.claims.judge_breadth import judge_breadth_measures, judge_breadth_study
from isobath.study.claims.representation import QUESTIONS as REPRESENTED
from isobath.study.claims.representation import representation_measures, representation_study
from isobath.study.claims.simple_target import QUESTIONS as SIMPLE
from isobath.study.claims.simple_target import simple_target_measures, simple_target_study
from isobath.study.study import Study

if TYPE_CHECKING:
    import pandas as pd

    from isobath.study.results import Results


class ClaimStudy(NamedTuple):
    """One claim. `study` takes the bases, `measures` gives the columns of `answers.TABLE`."""

    world: Literal["personas", "decisions"]
    study: Callable[[tuple[Base, ...]], Study]
    questions: tuple[Question, ...]
    measures: Callable[[Results], pd.DataFrame]


CLAIMS: dict[str, ClaimStudy] = {
    "simple": ClaimStudy("decisions", simple_target_study, SIMPLE, lambda r: simple_target_measures(r.df)),
    "contrary": ClaimStudy("decisions", contradiction_study, CONTRARY, lambda r: contradiction_measures(r.df)),
    "judged": ClaimStudy("decisions", judge_breadth_study, JUDGED, lambda r: judge_breadth_measures(r.df)),
    "represented": ClaimStudy("decisions", representation_study, REPRESENTED, representation_measures),
    "observed": ClaimStudy("personas", awareness_study, AWARE, awareness_measures),
}
