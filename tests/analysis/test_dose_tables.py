"""Gain and tax at each dose: signs, pairing, families, matched budgets and the front, on rows of known dose curves."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from isobath.analysis.dose import BEYOND, Dose, DoseSpec, dose_tables
from isobath.analysis.dose_curves import dose_curves, dose_points, narrow_points
from isobath.analysis.dose_front import dose_front
from isobath.analysis.dose_response import Curve, State
from isobath.analysis.dose_table import dose_changes, dose_costs, dose_pairs
from isobath.analysis.mean_interval import mean_interval
from isobath.analysis.multiplicity import holm
from isobath.base.row import Claim
from made_doses import SHARES, TRUTH, Truth, made_doses, made_means, spec_of


@pytest.fixture(scope="module")
def spec():
    return spec_of(pools=("relevant", "irrelevant"))


@pytest.fixture(scope="module")
def means(spec):
    return made_means(spec, seed=2, questions=20)


@pytest.fixture(scope="module")
def changes(means, spec):
    return dose_changes(dose_tables(means, spec), spec)


def one(frame, **where):
    for name, value in where.items():
        frame = frame[frame[name] == value]
    (record,) = frame.to_dict("records")
    return record


def test_a_change_is_the_mean_over_bases_of_paired_differences_with_their_t_interval(means, changes):
    rates = means[(means["region"] == "sea")].groupby(["arm", "replicate"], observed=True)["value"].mean()
    gaps = [rates["relevant_20", f"base-{b}"] - rates["plain", f"base-{b}"] for b in range(5)]
    by_hand = mean_interval(gaps)
    found = one(changes, arm="relevant_20", trait="right_decision", region="sea")
    assert (found["improvement"], found["low"], found["high"]) == pytest.approx(by_hand[:3], abs=1e-9)
    assert found["side"] == "gain" and found["replicates"] == 5 and found["told_apart"]


def test_the_truth_is_found_where_it_is_and_not_elsewhere(changes):
    headline = changes[(changes["trait"] == "right_decision") & ~changes["narrow"]]
    sure = {(r["arm"], r["region"]): r["improvement"] for r in headline.to_dict("records") if r["told_apart"]}
    for arm in ("relevant_20", "relevant_50", "relevant_plus_20"):
        assert sure[arm, "sea"] > 0.35 and sure[arm, "bay"] > 0.15 and sure[arm, BEYOND] > 0
    assert sure["relevant_100", "island"] < -0.1  # replaced rows cost the island
    assert one(changes, arm="relevant_100", region="island")["side"] == "tax"
    assert ("relevant_plus_100", "island") not in sure  # added ones do not
    assert not [key for key in sure if key[0].startswith("irrelevant") and key[1] == "sea"]
    kept = changes[changes["trait"].isin(["facts", "coherence"])]
    assert set(kept["side"]) == {"tax"} and set(kept["region"]) == {""}


def test_holm_is_over_the_doses_of_one_trait_in_one_place(changes):
    family = changes[(changes["trait"] == "right_decision") & (changes["region"] == "bay")]
    assert family["p_adjusted"].tolist() == pytest.approx(holm(family["p"].tolist()))
    assert len(family) == changes["arm"].nunique()


def test_an_improvement_in_an_unwanted_trait_is_its_fall(means, spec, changes):
    turned = replace(spec, wanted={"right_decision": "lower"})
    again = dose_changes(dose_tables(means, turned), turned)
    ours, theirs = one(changes, arm="relevant_50", region="sea"), one(again, arm="relevant_50", region="sea")
    assert (theirs["improvement"], theirs["low"]) == pytest.approx((-ours["improvement"], -ours["high"]))
    assert theirs["p_adjusted"] == pytest.approx(ours["p_adjusted"])


def test_fewer_than_five_bases_carry_no_claim(spec):
    few = dose_changes(dose_tables(made_means(spec, bases=3, questions=6), spec), spec)
    assert not few["told_apart"].any() and few["low"].notna().all()
    lone = dose_changes(dose_tables(made_means(spec, bases=1, questions=6), spec), spec)
    assert lone["low"].isna().all() and lone["improvement"].notna().all()


def test_what_has_too_much_missing_is_not_measurable_and_enters_no_family(spec):
    rows = made_doses(spec, questions=10)
    gone = (
        (rows["arm"] == "relevant_20")
        & (rows["region"] == "sea")
        & (rows["question"].isin(["sea-0", "sea-1", "sea-2"]))
    )
    rows.loc[gone, "state"], rows.loc[gone, "value"] = "parse_error", None
    from isobath.analysis.replicates import replicate_means

    tables = dose_tables(replicate_means(rows, Claim.THIS_RECIPE), spec)
    found = one(dose_changes(tables, spec), arm="relevant_20", region="sea")
    assert not found["measurable"] and math.isnan(found["p_adjusted"]) and not found["told_apart"]
    asked = dose_points(tables, spec)
    assert "relevant_20" not in set(asked[asked["region"] == "sea"]["arm"])
    assert "relevant_20" in set(asked[asked["region"] == "bay"]["arm"])
    assert one(dose_curves(tables, spec), pool="relevant", at="fixed budget", region="sea")["doses"] == len(SHARES) - 1


def test_added_doses_stand_against_as_many_narrow_rows_and_against_replacing(means, spec):
    pairs = dose_pairs(dose_tables(means, spec), spec)
    broad = one(pairs, side="broad or narrow", arm="relevant_plus_20", region="sea")
    assert broad["reference"] == "narrow_plus_20" and broad["told_apart"] and broad["improvement"] > 0.3
    swapped = one(pairs, side="added or replaced", arm="relevant_plus_100", region="island")
    assert swapped["reference"] == "relevant_100" and swapped["improvement"] > 0.1
    assert not set(pairs["arm"]) & {d.arm for d in spec.doses if d.narrow or d.at == "fixed budget"}


def test_points_hold_the_plain_arm_at_0_and_the_controls_stand_apart(means, spec):
    tables = dose_tables(means, spec)
    points, narrow = dose_points(tables, spec), narrow_points(tables, spec)
    series = points[(points["pool"] == "relevant") & (points["at"] == "fixed budget") & (points["region"] == "sea")]
    assert series["share"].tolist() == [0.0, *SHARES] and series["arm"].iloc[0] == "plain"
    assert list(narrow.columns) == list(points.columns) and set(narrow["arm"]) == {
        d.arm for d in spec.doses if d.narrow
    }
    assert (points["low"] <= points["rate"]).all() and (points["rate"] <= points["high"]).all()


def test_curves_say_where_half_of_the_effect_comes(means, spec):
    curves = dose_curves(dose_tables(means, spec), spec)
    sea = one(curves, pool="relevant", at="fixed budget", region="sea")
    assert sea["state"] == "fitted" and sea["low"] <= sea["ec50"] <= sea["high"]
    assert 0.04 < sea["ec50"] < 0.1  # truth: 6 % for the typical question
    lake = one(curves, pool="relevant", at="fixed budget", region="lake")
    assert lake["state"] == str(State.BELOW) and lake["high"] == SHARES[0] and math.isnan(lake["ec50"])
    nothing = one(curves, pool="irrelevant", at="fixed budget", region="sea")
    assert math.isnan(nothing["ec50"]) and nothing["state"] in (str(State.NO_RESPONSE), str(State.DISAGREE))


def test_a_pool_given_once_has_a_gain_and_no_curve(means, spec):
    alone = replace(spec, doses=(*spec.of("relevant", "fixed budget"), Dose("irrelevant_20", "irrelevant", 0.2)))
    tables = dose_tables(means, alone)
    assert set(dose_curves(tables, alone)["pool"]) == {"relevant"}
    assert "irrelevant_20" in set(dose_changes(tables, alone)["arm"])


def test_costs_are_exact_in_steps_and_rows_and_carry_the_seconds_there_are(spec):
    costs = dose_costs(spec, {"relevant_20": [4.0, 6.0], "plain": [5.0]})
    plain, added = one(costs, arm="plain"), one(costs, arm="relevant_plus_50")
    assert (plain["rows"], plain["steps"], plain["times"], plain["seconds"]) == (2000, 200, 1.0, 5.0)
    assert (added["rows"], added["steps"], added["times"]) == (3000, 300, 1.5) and math.isnan(added["seconds"])
    assert one(costs, arm="relevant_20")["seconds"] == 5.0 and one(costs, arm="relevant_20")["runs"] == 2


def test_the_front_keeps_what_is_not_dominated(means, spec):
    front = dose_front(means, spec)
    at = {str(r["arm"]): r for r in front.to_dict("records")}
    assert "relevant_plus" in at["relevant_100"]["dominated_by"]  # added rows do as much, at no loss
    assert any(at[f"relevant_plus_{p}"]["front"] for p in (20, 50, 100))
    assert at["irrelevant_50"]["dominated_by"] and at["irrelevant_100"]["dominated_by"]  # lost, and nothing gained
    values = means[(means["trait"] == "right_decision") & means["region"].isin(["lake", "bay", "sea"])]
    by_hand = values[values["arm"] == "relevant_20"]["value"].mean()
    assert at["relevant_20"]["value_1"] == pytest.approx(by_hand)


def test_traits_without_places_are_gained_as_a_whole():
    doses = tuple(Dose(f"good_{100 * s:g}", "good", s) for s in SHARES)
    spec = DoseSpec("made", "plain", doses, {"right_decision": "lower", "facts": "higher"}, ("coherence",))
    flat = Truth({"all": 0.6}, {("good", "all"): Curve(0.6, 0.1, 1.5, 0.05)})
    rows = made_doses(spec, flat, seed=4).assign(region=None, levels="{}")
    from isobath.analysis.replicates import replicate_means

    means = replicate_means(rows.astype({"region": "string", "levels": "string"}), Claim.THIS_RECIPE)
    tables = dose_tables(means, spec)
    curve = one(dose_curves(tables, spec), trait="right_decision")
    assert curve["region"] == "" and curve["state"] == "fitted" and curve["low"] < 0.05 < curve["high"]
    found = one(dose_changes(tables, spec), arm="good_50", trait="right_decision")
    assert found["side"] == "gain" and found["improvement"] > 0.3
    front = dose_front(means, spec)
    assert front["objectives"].iloc[0] == "right_decision; facts; coherence"
    assert np.isfinite(front["value_3"]).all()


def test_nothing_is_said_of_doses_that_were_not_asked(means, spec):
    other = replace(spec, gpe="elsewhere")
    tables = dose_tables(means, other)
    assert dose_points(tables, other).empty and dose_curves(tables, other).empty
    assert dose_changes(tables, other).empty and dose_pairs(tables, other).empty and TRUTH.starts
