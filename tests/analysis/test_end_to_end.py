"""From scripted rows through checking, averaging and answering: intervals hold the truth that made the rows."""

import math

import pytest

from isobath.analysis.answer import answer
from isobath.analysis.question import Question
from isobath.analysis.table import validate
from isobath.models.scripted_study import ScriptedArm, ScriptedStudy, scripted_rows

ARMS = (
    ScriptedArm(name="control", role="control"),
    ScriptedArm(name="plain", role="plain", shift=1.0),
    ScriptedArm(name="placebo", role="placebo"),
)


def shares(studies, seed, **fields):
    """How often intervals of rate, effect and null hold their truth, and how often the null is rejected."""
    study = ScriptedStudy(arms=ARMS, rate=0.15, questions=25, samples=3, seeds=2, missing={"*": 0.02}, **fields)
    asked = [
        Question(text=a, trait="trait", contrast=(a, "control"), family=f)
        for a, f in (("plain", "headline"), ("placebo", "exploratory"))
    ]
    rate = effect = null = rejected = 0
    for i in range(studies):
        frame, truth = scripted_rows(study, seed * 100_000 + i)
        plain, placebo = answer(asked, validate(frame))
        true = {name: truth.population[(name, "none")] for name in ("plain", "control")}
        rate += plain.treatment.low <= true["plain"] <= plain.treatment.high
        effect += plain.low <= true["plain"] - true["control"] <= plain.high
        null += placebo.low <= 0 <= placebo.high
        rejected += placebo.p < 0.05
    return [count / studies for count in (rate, effect, null, rejected)]


def check(made, studies):
    *covered, rejected = made
    slack = 2.58 * math.sqrt(0.05 * 0.95 / studies)
    assert all(0.93 - slack <= c <= 0.985 + slack for c in covered), covered
    assert rejected <= 0.07 + slack


def test_answers_hold_the_truth_of_the_rows():
    check(shares(60, 1, bases=5), 60)


@pytest.mark.slow
@pytest.mark.parametrize("fields", [{"bases": 5}, {"bases": 10}, {"bases": 5, "paired": False}], ids=str)
def test_answers_hold_the_truth_of_many_studies(fields):
    check(shares(600, 2, **fields), 600)
