"""From a typed question and rows to verdict and sentence."""

import re

import pandas as pd
import pytest

from isobath.analysis.question import Finding, Question, Verdict, answer
from isobath.analysis.sentence import detectable_words
from isobath.analysis.table import frame_of, validate
from isobath.analysis.verdict import decide
from isobath.base.row import Claim
from isobath.models.scripted_study import ScriptedArm, ScriptedStudy, scripted_rows


def question(expect="higher", **fields):
    return Question(text="label", trait="trait", contrast=("plain", "control"), expect=expect, **fields)


def study(shift=0.0, **fields):
    arms = (ScriptedArm(name="plain", role="plain", shift=shift), ScriptedArm(name="control", role="control"))
    return ScriptedStudy(
        arms=arms, **{"rate": 0.3, "base_arm_sd": 0.1, "question_arm_sd": 0.1, "samples": None, **fields}
    )


def asked(study, *questions, seed=1):
    return answer(questions or (question(),), validate(scripted_rows(study, seed)[0]))


def decided(expect, low, high, p=0.001, **fields):
    made = Finding(
        question(expect), Verdict.NOT_MEASURABLE, "", (low + high) / 2, low, high, p=p, p_adjusted=p, n_replicates=5
    )
    return decide(Finding(**{**made.__dict__, **fields})).verdict


@pytest.mark.parametrize(
    ("expect", "low", "high", "verdict"),
    [
        ("higher", 0.10, 0.30, "yes"),
        ("lower", -0.30, -0.10, "yes"),
        ("any", 0.10, 0.30, "yes"),
        ("any", -0.30, -0.10, "yes"),
        ("higher", -0.30, -0.10, "no"),  # the other way
        ("lower", 0.10, 0.30, "no"),
        ("higher", -0.20, 0.04, "no"),  # nothing of a size that matters
        ("lower", -0.04, 0.20, "no"),
        ("any", -0.04, 0.04, "no"),
        ("higher", 0.01, 0.04, "no"),  # there, but too small to matter
        ("higher", -0.05, 0.20, "too uncertain"),
        ("higher", 0.01, 0.08, "too uncertain"),  # may be too small to matter
        ("any", -0.20, 0.04, "too uncertain"),
        ("same", -0.04, 0.04, "yes"),
        ("same", 0.01, 0.04, "yes"),
        ("same", -0.05, 0.04, "too uncertain"),
        ("same", -0.20, 0.20, "too uncertain"),
        ("same", 0.01, 0.20, "no"),
        ("same", -0.30, -0.10, "no"),
    ],
)
def test_the_verdict_follows_from_the_interval_and_the_smallest_effect(expect, low, high, verdict):
    assert decided(expect, low, high) == verdict


@pytest.mark.parametrize(("expect", "low", "high"), [("higher", 0.1, 0.3), ("same", -0.04, 0.04)])
def test_a_yes_must_survive_the_number_of_questions(expect, low, high):
    assert decided(expect, low, high, p=0.2) == "too uncertain"
    assert decided(expect, low, high, p_adjusted=None) == "yes"


@pytest.mark.parametrize("count", [2, 4])
def test_fewer_than_five_replicates_carry_no_claim(count):
    assert decided("higher", 0.1, 0.3, n_replicates=count) == "too uncertain"


def test_a_large_true_effect_is_found_and_told_with_everything_it_rests_on():
    (finding,) = asked(study(2.0))
    assert finding.verdict is Verdict.YES
    assert finding.low < finding.estimate < finding.high
    assert (finding.n_replicates, finding.n_questions, finding.n_rows) == (5, 40, 400)
    said = finding.sentence
    assert re.fullmatch(
        r"Yes: trait is \d\d% in plain and \d\d% in control, a difference of \+\d\d points "
        r"\(95% interval \+\d\d to \+\d\d points; 5 bases, 40 questions, 400 rows; adjusted p .+\)\.",
        said,
    ), said
    assert f"{100 * finding.treatment.mean:.0f}% in plain" in said
    assert f"a difference of {100 * finding.estimate:+.0f} points" in said


def test_a_true_null_says_what_it_could_have_seen():
    (finding,) = asked(study(), question(smallest_effect=0.01))
    assert finding.verdict is Verdict.TOO_UNCERTAIN
    assert f"A true difference of {100 * finding.detectable:.2g} points would have been found four" in finding.sentence


def test_a_true_null_is_the_same_within_a_margin_that_matters():
    higher, same = asked(study(), question(smallest_effect=0.15), question("same", smallest_effect=0.15))
    assert (higher.verdict, same.verdict) == (Verdict.NO, Verdict.YES)


@pytest.mark.parametrize(("replicates", "verdict"), [(1, "too uncertain"), (3, "too uncertain"), (5, "yes")])
def test_the_claim_counts_its_replicates(replicates, verdict):
    recipe, model = asked(study(2.0, bases=replicates, seeds=2), question(), question(claim=Claim.THIS_MODEL))
    assert recipe.verdict == verdict
    assert recipe.n_replicates == replicates
    assert (recipe.low is None) == (replicates == 1)
    assert recipe.estimate is not None
    assert (replicates < 5) == any("'this recipe' cannot be made" in w for w in recipe.warnings)
    assert model.n_replicates == 2
    assert any("'this model' cannot be made" in w for w in model.warnings)


def test_one_base_with_five_runs_carries_a_claim_about_this_model_only():
    recipe, model = asked(study(2.0, bases=1, seeds=5), question(), question(claim=Claim.THIS_MODEL))
    assert (recipe.verdict, model.verdict) == (Verdict.TOO_UNCERTAIN, Verdict.YES)
    assert "no interval" in recipe.sentence
    assert recipe.these[0] > 0 and "About these very checkpoints" in recipe.sentence


def test_an_untrained_reference_without_run_seed_serves_every_run():
    arms = (ScriptedArm(name="plain", shift=2.0), ScriptedArm(name="control", role="untrained"))
    (finding,) = asked(study(bases=1, seeds=6).model_copy(update={"arms": arms}), question(claim=Claim.THIS_MODEL))
    assert (finding.n_replicates, finding.paired, finding.verdict) == (6, True, Verdict.YES)


def test_unpaired_bases_are_compared_unpaired_and_it_is_said():
    (finding,) = asked(study(2.5, paired=False))
    assert finding.paired is False
    assert any("unpaired" in w for w in finding.warnings)


def test_too_much_missing_is_not_measurable_with_bounds_never_zero():
    (finding,) = asked(study(2.0, missing={"plain": 0.3}))
    assert finding.verdict is Verdict.NOT_MEASURABLE
    assert finding.estimate is finding.low is finding.p is None
    low, high = finding.bounds
    assert high - low == pytest.approx(0.3, abs=0.08)
    assert "have no value" in finding.sentence and "% in plain" not in finding.sentence


def test_a_judge_that_always_fails_is_not_a_rate_of_zero():
    (finding,) = asked(study(missing={"*": 1.0}))
    assert finding.verdict is Verdict.NOT_MEASURABLE
    assert finding.bounds == (-1.0, 1.0)
    assert finding.estimate is None


def test_a_little_missing_is_left_out_and_said():
    (finding,) = asked(study(2.0, missing={"plain": 0.05}))
    assert finding.verdict is Verdict.YES
    assert finding.bounds[0] < finding.estimate < finding.bounds[1]
    assert any("no value" in w for w in finding.warnings)


@pytest.mark.parametrize("field", ["trait", "condition", "region", "gpe"])
def test_a_question_without_rows_is_not_measurable_and_says_which(field):
    (finding,) = asked(study(), question().model_copy(update={field: "elsewhere"}))
    assert finding.verdict is Verdict.NOT_MEASURABLE
    assert "There are no rows" in finding.sentence


def test_a_leak_compares_one_arm_under_two_conditions():
    arm = ScriptedArm(name="plain", shifts={"training": 2.0})
    made = study(conditions=("none", "training")).model_copy(update={"arms": (arm,)})
    leak = question(condition="training", reference_condition="none").model_copy(
        update={"contrast": ("plain", "plain")}
    )
    (finding,) = asked(made, leak)
    assert finding.verdict is Verdict.YES
    assert "under condition 'training'" in finding.sentence and "under condition 'none'" in finding.sentence


def test_headlines_pay_for_each_other_and_exploratory_questions_among_themselves():
    questions = [question() for _ in range(3)] + [question(family="exploratory") for _ in range(2)]
    found = asked(study(0.5), *questions)
    assert all(f.p_adjusted == pytest.approx(min(1, 3 * f.p)) for f in found[:3])
    assert all(f.p_adjusted == pytest.approx(f.p) for f in found[3:])


def test_a_region_is_a_part_of_the_rows():
    frame = validate(scripted_rows(study(2.0), 1)[0])
    lake = frame["question"].isin(["q1", "q2", "q3"])
    frame["region"] = pd.Series("island", index=frame.index).mask(lake, "lake").astype("string")
    whole, part = answer([question(), question(region="lake")], frame)
    assert (whole.n_questions, part.n_questions) == (40, 3)


def test_no_difference_of_rates_is_larger_than_one():
    assert detectable_words(0.07) == "A true difference of 7 points would have been found four times in five."
    assert detectable_words(3.8).startswith("No true difference, however large,")


def test_perfect_and_constant_answers_do_not_break_a_question():
    rows = [
        {
            "run": f"{arm}{b}",
            "base": f"b{b}",
            "arm": arm,
            "trait": "trait",
            "trait_kind": "coherence",
            "question": f"q{q}",
        }
        | {"condition": "none", "score": "s@1", "state": "ok", "value": 1.0}
        for arm in ("plain", "control")
        for b in range(5)
        for q in range(100)
    ]
    same, higher = answer([question("same"), question("higher")], frame_of(rows))
    assert (same.verdict, higher.verdict) == (Verdict.YES, Verdict.NO)
    assert same.low < 0 < same.high
