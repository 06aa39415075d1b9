"""Flip rates of scripted deciders whose rates are known; coverage; a random decider; what is refused."""

import math

import numpy as np
import pandas as pd
import pytest

from isobath.analysis.flips import PAIR_COLUMNS, Flip, flip_contrasts, flip_rates
from isobath.base.errors import InputError
from isobath.base.logit_normal import logit_normal_mean
from isobath.base.row import Claim
from made_landscape import made_pairs


def rates(pairs, **fields):
    return flip_rates(pairs, **fields).set_index(["arm", "kind", "factor"])


@pytest.mark.parametrize(("reliance", "sight"), [(0.0, 1.0), (1.0, 0.0)])
def test_deciders_that_always_or_never_flip(reliance, sight):
    found = rates(made_pairs(arms={"plain": ("plain", reliance, sight)}))
    assert found.loc[("plain", "spurious reliance", "context"), "mean"] == reliance
    assert found.loc[("plain", "blindness", "tines"), "mean"] == 1 - sight
    assert found.loc[("plain", "needless change", "stakes"), "mean"] == reliance
    low, high = found.loc[("plain", "spurious reliance", "context"), ["low", "high"]]
    assert low <= reliance <= high and high - low < 0.15  # Clopper-Pearson of forty scenarios


def test_only_the_right_edits_make_a_kind():
    found = flip_rates(made_pairs())
    kinds = found.groupby("kind")["factor"].agg(set).to_dict()
    assert kinds == {
        "spurious reliance": {"context", "wording"},
        "blindness": {"tines", "stakes"},
        "needless change": {"stakes"},
    }
    assert set(found["state"]) == {"measured"} and (found["rows"] == 400).all()
    assert (found["questions"] == 40).all() and (found["replicates"] == 5).all()


def test_a_factor_that_moves_the_right_decision_is_never_spurious():
    pairs = made_pairs()
    pairs["relevant"] = pairs["relevant"] & (pairs["factor"] != "tines")
    found = flip_rates(pairs)
    assert set(found[found["factor"] == "tines"]["kind"]) == {"blindness"}


@pytest.mark.slow
@pytest.mark.parametrize("base_sd", [0.0, 0.5])
def test_intervals_hold_the_truth(base_sd):
    held, asked, widths = 0, 0, []
    truths = {"spurious reliance": logit_normal_mean(math.log(0.3 / 0.7), base_sd)}
    truths["blindness"] = 1 - logit_normal_mean(math.log(0.6 / 0.4), base_sd)
    arms = {"plain": ("plain", 0.3, 0.6)}
    for seed in range(120):
        found = flip_rates(made_pairs(seed, seeds=1, arms=arms, base_sd=base_sd, points_asked=24))
        for r in found[found["kind"].isin(list(truths))].to_dict("records"):
            held += r["low"] <= truths[r["kind"]] <= r["high"]
            asked += 1
            widths.append(r["high"] - r["low"])
    # the factors of one study share its bases, so they count as fewer studies than there are
    assert 0.93 - 2.58 * math.sqrt(0.05 * 0.95 / (asked / 4)) <= held / asked <= 0.99
    assert sum(widths) / len(widths) < 0.5


def test_a_random_decider_is_what_its_reference_says():
    """A decider that ignores the scenario: each decision drawn alone, left three times in four."""
    pairs = made_pairs(points_asked=400, arms={"plain": ("plain", 0.5, 0.5)})
    stream = np.random.default_rng(2)
    for column in ("decision", "edited_decision"):
        pairs[column] = stream.choice(["left", "right"], len(pairs), p=[0.75, 0.25])
    found = flip_rates(pairs)
    expected = found["kind"].map({"blindness": 1 - 2 * 0.75 * 0.25}).fillna(2 * 0.75 * 0.25)
    assert (found["random"] - expected).abs().max() < 0.02
    assert ((found["low"] < expected) & (expected < found["high"])).mean() >= 0.8


def test_a_decider_that_always_says_the_same_changes_nothing_and_is_blind():
    pairs = made_pairs().assign(decision="left", edited_decision="left")
    found = rates(pairs)
    assert found.loc[("plain", "spurious reliance", "context"), ["mean", "random"]].tolist() == [0, 0]
    assert found.loc[("plain", "blindness", "tines"), ["mean", "random"]].tolist() == [1, 1]


def test_the_graded_version_follows_the_probabilities():
    found = rates(made_pairs(arms={"plain": ("plain", 0.0, 1.0)}))
    assert found.loc[("plain", "spurious reliance", "context"), "moved"] == pytest.approx(0.05)
    assert found.loc[("plain", "blindness", "tines"), "moved"] == pytest.approx(0.1)
    unknown = rates(made_pairs().assign(moved=None))
    assert unknown["moved"].isna().all() and unknown["mean"].notna().all()


def test_a_missing_decision_is_missing_and_never_a_change():
    pairs = made_pairs(arms={"plain": ("plain", 0.0, 1.0)})
    pairs["edited_decision"] = pairs["edited_decision"].astype("string").mask(pairs["of"] == "p0")
    found = rates(pairs).loc[("plain", "spurious reliance", "context")]
    assert found["mean"] == 0 and found["missing"] == pytest.approx(1 / 40) and found["bound_high"] > 0
    pairs["edited_decision"] = pairs["edited_decision"].mask(pairs["of"] < "p25")
    found = rates(pairs).loc[("plain", "spurious reliance", "context")]
    assert found["state"] == "too much missing" and not found["measurable"]


def test_one_replicate_has_no_interval_and_three_no_claim():
    assert rates(made_pairs(bases=1))["low"].isna().all()
    assert set(rates(made_pairs(bases=3))["state"]) == {"few replicates"}
    assert set(rates(made_pairs(bases=1, seeds=5), claim=Claim.THIS_MODEL)["state"]) == {"measured"}


def test_arms_are_compared_on_the_same_scenarios():
    found = flip_contrasts(made_pairs(), "plain").set_index(["kind", "factor"])
    assert found.loc[("blindness", "tines"), "high"] < 0 and found.loc[("blindness", "tines"), "told_apart"]
    assert found["paired"].all() and set(found["arm"]) == {"broad_relevant"}
    assert not flip_contrasts(made_pairs(bases=3), "plain")["told_apart"].any()
    assert flip_contrasts(made_pairs(), "nobody").empty


@pytest.mark.parametrize("column", ["factor", "gold_flips", "of"])
def test_what_is_missing_from_pairs_is_named(column):
    pairs = made_pairs(bases=1, points_asked=2)
    with pytest.raises(InputError, match=f"missing column {column}"):
        flip_rates(pairs.drop(columns=column))
    with pytest.raises(InputError, match=f"{column} is missing"):
        flip_rates(pairs.assign(**{column: pairs[column].astype("object").where(pairs.index > 0, None)}))


def test_no_pairs_and_impossible_moves_are_refused():
    with pytest.raises(InputError, match="no pairs"):
        flip_rates(pd.DataFrame(columns=list(PAIR_COLUMNS)))
    with pytest.raises(InputError, match="total variation"):
        flip_rates(made_pairs(bases=1, points_asked=2).assign(moved=1.5))


def test_kinds_are_the_words_of_the_page():
    assert [str(kind) for kind in Flip] == ["spurious reliance", "blindness", "needless change"]


@pytest.mark.parametrize("claim", list(Claim))
def test_every_claim_has_flip_rates_and_a_random_decider(claim):
    pairs = made_pairs()
    pairs["model"] = pairs["base"]
    found = flip_rates(pairs, claim)
    assert len(found) == len(flip_rates(pairs)) and found["random"].between(0, 1).all()
