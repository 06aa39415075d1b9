"""Tables of rates, with what they rest on."""

import numpy as np
import pandas as pd
import pytest

from isobath.analysis.estimates import PROFILE_COLUMNS, arm_estimates, leak_table, profile_table, replicate_rates
from isobath.analysis.table import validate
from isobath.base.row import Claim
from isobath.models.scripted_study import ScriptedArm, ScriptedStudy, scripted_rows

ARMS = (
    ScriptedArm(name="untrained", role="untrained", shift=-2.0),
    ScriptedArm(name="plain", role="plain", shifts={"training": 1.0}),
    ScriptedArm(name="lost"),
)
STUDY = ScriptedStudy(
    arms=ARMS, rate=0.4, conditions=("none", "training", "paraphrase"), missing={"lost": 0.5, "plain": 0.02}, seeds=2
)


@pytest.fixture(scope="module")
def drawn():
    frame, truth = scripted_rows(STUDY, 3)
    return validate(frame), truth


def test_every_number_has_its_interval_and_what_it_rests_on(drawn):
    frame, _ = drawn
    made = arm_estimates(frame).set_index(["arm", "condition"])
    assert len(made) == 9
    plain = made.loc[("plain", "none")]
    assert (plain["rows"], plain["questions"], plain["replicates"]) == (400, 40, 5)
    assert plain["low"] < plain["mean"] < plain["high"]
    assert plain["bound_low"] <= plain["mean"] <= plain["bound_high"]
    assert plain["naive_high"] - plain["naive_low"] < (plain["high"] - plain["low"]) / 2
    assert plain["design_effect"] > 4
    assert plain["over"] == "both" and plain["measurable"]


def test_estimates_are_near_the_truth(drawn):
    frame, truth = drawn
    for row in arm_estimates(frame).itertuples():
        assert abs(row.mean - truth.suite[(row.arm, row.condition)]) < 0.25


def test_a_rate_with_half_its_responses_missing_is_marked_and_bounded(drawn):
    lost = arm_estimates(drawn[0]).set_index(["arm", "condition"]).loc[("lost", "none")]
    assert not lost["measurable"]
    assert lost["missing"] == pytest.approx(0.5, abs=0.05)
    assert lost["bound_high"] - lost["bound_low"] == pytest.approx(lost["missing"], abs=0.02)


def test_one_checkpoint_has_an_interval_over_questions_and_none_for_the_claim():
    frame = validate(scripted_rows(STUDY.model_copy(update={"bases": 1, "seeds": 1}), 1)[0])
    made = arm_estimates(frame)
    assert made["low"].isna().all() and made["high"].isna().all()
    assert (made["over"] == "nothing").all()
    assert (made["checkpoint_low"] < made["mean"]).all() and (made["mean"] < made["checkpoint_high"]).all()


def test_under_this_model_the_untrained_model_itself_is_what_is_claimed():
    frame = validate(scripted_rows(STUDY.model_copy(update={"bases": 1, "seeds": 5}), 1)[0])
    made = arm_estimates(frame, Claim.THIS_MODEL).set_index(["arm", "condition"])
    assert made.loc[("untrained", "none"), "over"] == "questions"
    assert made.loc[("untrained", "none"), "low"] == made.loc[("untrained", "none"), "checkpoint_low"]
    assert made.loc[("plain", "none"), "over"] == "both"


def test_rows_without_a_gpe_are_kept():
    frame = validate(scripted_rows(STUDY, 1)[0].assign(gpe=pd.Series(pd.NA, dtype="string")))
    assert set(arm_estimates(frame)["gpe"]) == {"-"}
    assert len(arm_estimates(frame)) == 9


def test_pooling_by_fewer_names(drawn):
    made = arm_estimates(drawn[0], by=("arm", "trait"))
    assert list(made["arm"]) == ["untrained", "plain", "lost"]
    assert made["rows"].sum() == len(drawn[0])


def test_the_leak_is_each_arm_under_each_condition(drawn):
    leak = leak_table(arm_estimates(drawn[0]), "trait", "scripted")
    assert list(leak["condition"][:3]) == ["none", "training", "paraphrase"]
    assert len(leak) == 9
    assert leak_table(arm_estimates(drawn[0]), "other").empty


def test_the_profile_is_every_arm_minus_the_reference(drawn):
    made = profile_table(drawn[0])
    assert list(made.columns) == list(PROFILE_COLUMNS)
    assert list(made["arm"]) == ["plain", "lost"]
    plain = made.iloc[0]
    means = arm_estimates(drawn[0]).set_index(["arm", "condition"])["mean"]
    assert plain["difference"] == pytest.approx(means[("plain", "none")] - means[("untrained", "none")])
    assert plain["low"] < plain["difference"] < plain["high"]
    assert made["measurable"].tolist() == [True, False]
    assert profile_table(drawn[0], reference="nobody").empty


def test_the_dots_behind_an_interval_average_to_its_estimate(drawn):
    dots = replicate_rates(drawn[0]).groupby(["arm", "condition"])["value"].mean()
    means = arm_estimates(drawn[0]).set_index(["arm", "condition"])["mean"]
    for key in (("plain", "none"), ("untrained", "training")):
        assert dots[key] == pytest.approx(means[key])


def test_order_of_rows_does_not_matter(drawn):
    shuffled = drawn[0].sample(frac=1, random_state=np.random.RandomState(0)).reset_index(drop=True)
    keys = ["arm", "condition"]
    one, two = (arm_estimates(f).set_index(keys).sort_index() for f in (drawn[0], shuffled))
    pd.testing.assert_frame_equal(one, two)
