import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from isobath.analysis.answer import answer
from isobath.analysis.contrasts import benjamini_hochberg, contrast, holm
from isobath.analysis.estimates import arm_estimates, leak_table, profile_table, replicate_rates
from isobath.analysis.intervals import difference_interval, rate_interval
from isobath.analysis.planning import detectable, detectable_effect
from isobath.analysis.question import Question, Verdict
from isobath.analysis.table import frame_of, replicate_means, validate
from isobath.analysis.two_way import Spread, two_way
from isobath.base.errors import InputError
from isobath.base.row import COLUMNS, Claim
from isobath.models.scripted import ScriptedStudy

STUDY = ScriptedStudy(arms={"untrained": -2.0, "plain": 1.0, "control": -2.0}, bases=6, questions=12)
ASK = Question(text="Does it rise?", trait="trait", contrast=("plain", "untrained"), expect="higher")

p_lists = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@given(p_lists)
def test_adjusted_p_values_agree_with_statsmodels(ps):
    assert holm(ps) == pytest.approx(list(multipletests(ps, method="holm")[1]))
    assert benjamini_hochberg(ps) == pytest.approx(list(multipletests(ps, method="fdr_bh")[1]))


tables = st.integers(2, 6).flatmap(
    lambda r: st.integers(2, 6).flatmap(
        lambda q: st.lists(st.lists(st.floats(0.01, 0.99), min_size=q, max_size=q), min_size=r, max_size=r)
    )
)


@given(tables)
@settings(deadline=None)
def test_the_spread_is_symmetric_in_replicates_and_questions(table):
    values = np.array(table)
    one, other = two_way(values), two_way(values.T)
    assert one.mean == pytest.approx(other.mean) and one.se == pytest.approx(other.se, abs=1e-12)
    low, high = rate_interval(one)
    assert 0 <= low <= one.mean + 1e-12 and one.mean - 1e-12 <= high <= 1


@given(tables, st.floats(-0.5, 0.5))
@settings(deadline=None)
def test_adding_a_constant_moves_a_difference_and_not_its_error(table, shift):
    values = np.array(table)
    one, other = two_way(values), two_way(values + shift)
    assert other.mean == pytest.approx(one.mean + shift) and other.se == pytest.approx(one.se, abs=1e-9)


def test_the_error_never_falls_below_that_of_either_margin():
    values = np.random.default_rng(0).normal(size=(5, 40)) + np.linspace(0, 3, 5)[:, None]
    margin = values.mean(axis=1).std(ddof=1) / 5**0.5
    assert two_way(values).se >= margin - 1e-12


def test_one_replicate_speaks_of_questions_only_and_a_single_number_of_nothing():
    assert two_way(np.array([[0.1, 0.4, 0.3]])).over == "questions"
    assert two_way(np.array([[0.1], [0.4]])).over == "replicates"
    assert two_way(np.array([[0.1]])) is None


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_where_nothing_varies_the_interval_is_exact_and_not_empty(value):
    spread = two_way(np.full((5, 44), value))
    low, high = rate_interval(spread)
    assert (low, high) != (value, value) and low <= value <= high
    assert high - low == pytest.approx(1 - 0.025 ** (1 / 44))
    low, high = difference_interval(two_way(np.zeros((5, 44))))
    assert low < 0 < high


def test_pairing_by_base_removes_what_a_base_adds_to_all_arms():
    bases = np.linspace(-0.3, 0.3, 5)[:, None]
    noise = np.random.default_rng(1).normal(0, 0.01, (2, 5, 30))
    frames = [
        pd.DataFrame(
            {
                "replicate": np.repeat([f"b{i}" for i in range(5)], 30),
                "question": list(range(30)) * 5,
                "value": (0.5 + bases + noise[k] + k * 0.1).ravel(),
            }
        )
        for k in (0, 1)
    ]
    made = contrast(frames[1], frames[0])
    assert made.paired and made.spread.mean == pytest.approx(0.1, abs=0.01) and made.spread.se < 0.01
    apart = frames[0].assign(replicate=lambda f: "other " + f["replicate"])
    unpaired = contrast(frames[1], apart)
    assert not unpaired.paired and unpaired.spread.se > 0.1


def test_a_finding_carries_what_it_rests_on_and_says_it():
    finding = answer([ASK], STUDY.rows(0))[0]
    assert finding.verdict is Verdict.YES
    assert (finding.n_replicates, finding.n_questions, finding.n_rows) == (6, 12, 144)
    assert finding.low < finding.estimate < finding.high and finding.p_adjusted < 0.05
    assert "6 bases, 12 questions, 144 rows" in finding.sentence and f"{finding.estimate:+.3f}" in finding.sentence


def test_fewer_than_five_bases_cannot_carry_the_claim_and_say_which():
    few = ScriptedStudy(**{**STUDY.model_dump(), "bases": 4}).rows(0)
    finding = answer([ASK], few)[0]
    assert finding.verdict is Verdict.TOO_UNCERTAIN and finding.estimate is not None
    assert "this recipe" in finding.warnings[0] and "at least 5" in finding.warnings[0]
    one = answer([ASK], ScriptedStudy(**{**STUDY.model_dump(), "bases": 1}).rows(0))[0]
    assert one.verdict is Verdict.TOO_UNCERTAIN and "cannot be made" in one.warnings[0]


def test_a_null_says_what_would_have_been_seen():
    finding = answer(
        [replace_question(ASK, contrast=("control", "untrained"), expect="any", smallest_effect=0.3)], STUDY.rows(3)
    )[0]
    assert finding.verdict is Verdict.NO
    assert f"{finding.detectable:.3f}" in finding.sentence


def replace_question(question, **fields):
    return question.model_copy(update=fields)


def test_sameness_needs_the_interval_inside_not_a_large_p():
    same = replace_question(ASK, contrast=("control", "untrained"), expect="same")
    wide = answer([replace_question(same, smallest_effect=0.001)], STUDY.rows(1))[0]
    assert wide.verdict is Verdict.TOO_UNCERTAIN
    assert answer([replace_question(same, smallest_effect=0.3)], STUDY.rows(1))[0].verdict is Verdict.YES
    assert answer([replace_question(same, contrast=("plain", "untrained"))], STUDY.rows(1))[0].verdict is Verdict.NO


def test_the_direction_asked_for_decides():
    down = answer([replace_question(ASK, expect="lower")], STUDY.rows(0))[0]
    assert down.verdict is Verdict.NO and "other way" in down.reason
    either = answer([replace_question(ASK, expect="any")], STUDY.rows(0))[0]
    assert either.verdict is Verdict.YES


def test_too_much_missing_is_not_measurable_with_bounds_and_never_zero():
    rows = ScriptedStudy(**{**STUDY.model_dump(), "missing": 0.3}).rows(0)
    finding = answer([ASK], rows)[0]
    assert finding.verdict is Verdict.NOT_MEASURABLE and finding.estimate is None
    low, high = finding.bounds
    assert -1 <= low < high <= 1 and high - low > 0.4
    assert "not measurable" in finding.sentence.lower()


def test_a_few_missing_rows_are_left_out_and_said():
    rows = ScriptedStudy(**{**STUDY.model_dump(), "missing": 0.04}).rows(0)
    finding = answer([ASK], rows)[0]
    assert finding.estimate is not None and any("no value" in w for w in finding.warnings)
    whole = answer([ASK], STUDY.rows(0))[0]
    assert finding.estimate == pytest.approx(whole.estimate, abs=0.06)


def test_a_trait_without_rows_is_not_measurable():
    finding = answer([replace_question(ASK, trait="courage")], STUDY.rows(0))[0]
    assert finding.verdict is Verdict.NOT_MEASURABLE and "courage" in finding.sentence


def test_asking_more_headline_questions_costs_power_and_exploratory_ones_do_not():
    rows = STUDY.rows(0)
    alone = answer([ASK], rows)[0]
    many = answer([ASK] + [replace_question(ASK, contrast=("control", "untrained"))] * 4, rows)[0]
    apart = answer([ASK, replace_question(ASK, family="exploratory")], rows)[0]
    assert many.p_adjusted == pytest.approx(5 * alone.p) and apart.p_adjusted == pytest.approx(alone.p)


def test_run_seeds_do_not_count_as_bases():
    seeds = ScriptedStudy(arms=STUDY.arms, bases=5, seeds=4, questions=12)
    finding = answer([ASK], seeds.rows(0))[0]
    assert finding.n_replicates == 5
    model = answer([replace_question(ASK, claim=Claim.THIS_MODEL)], seeds.rows(0)[lambda f: f["base"] == "base-0"])[0]
    assert model.n_replicates == 4


@given(st.integers(2, 40), st.floats(0.001, 0.5))
def test_more_replicates_see_smaller_effects(replicates, sd):
    assert detectable_effect(replicates + 1, base_sd=sd) < detectable_effect(replicates, base_sd=sd)
    assert detectable(sd, replicates) > 2.4 * sd


def test_estimates_stand_beside_their_naive_interval_and_keep_order():
    made = arm_estimates(STUDY.rows(0))
    assert list(made["arm"]) == ["untrained", "plain", "control"]
    assert (made["low"] < made["mean"]).all() and (made["mean"] < made["high"]).all()
    assert (made["rows"] == 72).all() and (made["replicates"] == 6).all() and made["measurable"].all()
    assert len(leak_table(made, "trait")) == 3 and len(leak_table(made, "courage")) == 0
    assert len(replicate_rates(STUDY.rows(0))) == 18


def test_the_profile_is_against_the_reference():
    made = profile_table(STUDY.rows(0)).set_index("arm")
    assert made.loc["plain", "difference"] > 0.3 and abs(made.loc["control", "difference"]) < 0.2
    assert bool(made["paired"].all())


def test_order_of_rows_changes_nothing():
    rows = STUDY.rows(0)
    turned = rows.sample(frac=1, random_state=0)
    one, other = answer([ASK], rows)[0], answer([ASK], turned)[0]
    assert (one.estimate, one.low, one.p) == pytest.approx((other.estimate, other.low, other.p))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda f: f.drop(columns="state"), "missing"),
        (lambda f: f.assign(extra=1), "extra"),
        (lambda f: f.assign(value=1.5), "outside|in \\[0, 1\\]"),
        (lambda f: f.assign(state="fine"), "'fine'"),
        (lambda f: f.assign(state="refused"), "has a value"),
        (lambda f: f.assign(value=pd.NA), "no value"),
        (lambda f: f.assign(trait=pd.NA), "trait is null"),
        (lambda f: f.assign(seed="many"), "another type"),
    ],
)
def test_a_frame_that_is_no_rows_frame_says_what_is_wrong(change, says):
    with pytest.raises(InputError, match=says):
        validate(change(STUDY.rows(0)))


def test_records_become_a_typed_frame():
    frame = frame_of(STUDY.rows(0).head(3).to_dict("records"))
    assert list(frame.columns) == list(COLUMNS) and {c: str(t) for c, t in frame.dtypes.items()} == COLUMNS


def test_means_weigh_rows_by_their_weight():
    rows = STUDY.rows(0).head(2).assign(question="q", value=[0.0, 1.0], weight=[1.0, 3.0])
    assert replicate_means(validate(rows), Claim.THIS_RECIPE)["value"].tolist() == [0.75]


def test_a_spread_without_error_has_an_honest_p():
    still = Spread(0.0, 0.0, 4, 5, 5, "both")
    assert still.p_value() == 1.0 and replace(still, mean=0.1).p_value() == 0.0 and not math.isnan(still.interval()[0])
