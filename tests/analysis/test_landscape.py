"""Rates over a landscape, comparisons of its regions, and what is said of them; on made rows with known truth."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from isobath.analysis.estimates import arm_estimates
from isobath.analysis.landscape import (
    REGIONS,
    arm_contrasts,
    landscape,
    point_rates,
    rates_along,
    region_contrasts,
    region_orders,
    region_rates,
)
from isobath.analysis.landscape_sentence import fall_sentence
from isobath.analysis.replicates import replicate_means, sides
from isobath.base.errors import InputError
from isobath.base.logit_normal import logit_normal_mean
from isobath.base.row import Claim
from made_landscape import Fork, contested, made_landscape, place

PLAIN = (Fork("plain", "plain", 3.0, -1.9),)


@pytest.fixture(scope="module")
def frame():
    return made_landscape()


@pytest.fixture(scope="module")
def whole(frame):
    return landscape(frame, reference="plain", chance=0.25, tuned=("untrained", "broad_relevant"))


def by(found, *columns):
    return found.set_index(list(columns))


def test_a_region_has_the_mean_of_its_questions(frame):
    found = by(region_rates(frame), "arm", "region")
    for arm in ("plain", "untrained"):
        for region in REGIONS:
            mine = frame[(frame["arm"] == arm) & (frame["region"] == region) & (frame["state"] == "ok")]
            assert found.loc[(arm, region), "mean"] == pytest.approx(mine["value"].mean())
            assert found.loc[(arm, region), "questions"] == mine["question"].nunique()
            assert found.loc[(arm, region), "points"] == mine["levels"].nunique()
    assert list(region_rates(frame)["region"][:5]) == list(REGIONS)
    assert set(region_rates(frame)["state"]) == {"measured"}


def test_the_interval_is_that_of_arm_estimates(frame):
    sea = frame[frame["region"] == "sea"]
    expected = by(arm_estimates(sea), "arm").loc["plain", ["low", "high"]]
    found = by(region_rates(frame), "arm", "region").loc[("plain", "sea"), ["low", "high"]]
    assert found.tolist() == pytest.approx(expected.tolist())


@pytest.mark.slow
def test_intervals_of_regions_hold_the_truth():
    """The truth of a region: the mean, over bases and questions like its own, at the distances its points have."""
    held, asked = 0, 0
    for seed in range(60):
        found = by(region_rates(made_landscape(seed, forks=PLAIN, per_region=40)), "region")
        rows = made_landscape(seed, bases=1, seeds=1, forks=PLAIN, per_region=40)
        for region in ("shore", "lake", "bay", "sea"):
            mine = rows[(rows["region"] == region) & (rows["state"] == "ok")]
            truth = np.mean([logit_normal_mean(3.0 - 1.9 * d, math.hypot(0.4, 0.6)) for d in mine["d"]])
            held += found.loc[region, "low"] <= truth <= found.loc[region, "high"]
            asked += 1
    assert 0.93 - 2.58 * math.sqrt(0.05 * 0.95 / asked) <= held / asked  # points differ, so it may be wider


def test_contested_points_enter_no_rate_and_are_never_nought():
    frame = made_landscape(forks=PLAIN, per_region=200)
    assert (frame["state"] == "not_applicable").any()
    found = by(region_rates(frame), "region").loc["sea"]
    agreed = frame[(frame["region"] == "sea") & (frame["state"] == "ok")]
    assert found["mean"] == pytest.approx(agreed["value"].mean())
    assert found["not_applicable"] == (frame["state"] == "not_applicable").sum() and found["missing"] == 0
    only = frame[(frame["region"] != "sea") | (frame["state"] == "not_applicable")]
    found = by(region_rates(only), "region").loc["sea"]
    assert found["state"] == "contested" and math.isnan(found["mean"]) and found["questions"] == 0
    assert "sea" not in set(region_contrasts(only)["region"])


def test_states_say_why_a_number_is_less_than_it_could_be():
    assert set(region_rates(made_landscape(bases=3))["state"]) == {"few replicates"}
    one = region_rates(made_landscape(bases=1))
    assert set(one["state"]) == {"one replicate"} and one["low"].isna().all()
    assert set(region_rates(made_landscape(missing=0.4))["state"]) == {"too much missing"}


def test_a_region_that_was_not_asked_stands_there_without_numbers(frame):
    found = by(region_rates(frame[frame["region"] != "lake"]), "arm", "region")
    lake = found.loc[("plain", "lake")]
    assert lake["state"] == "not asked" and math.isnan(lake["mean"]) and lake["rows"] == 0 and not lake["measurable"]


def test_rows_without_any_region_are_refused(frame):
    bare = frame.assign(region=pd.array([None] * len(frame), dtype="string"))
    for estimate in (region_rates, region_contrasts, landscape, lambda f: rates_along(f, "d"), point_rates):
        with pytest.raises(InputError, match="no row has a region"):
            estimate(bare)
    with pytest.raises(InputError, match="swamp"):
        region_rates(frame.assign(region=frame["region"].replace("lake", "swamp")))


def test_rows_without_a_region_are_left_out_beside_others(frame):
    other = frame.assign(trait="coherence", region=pd.array([None] * len(frame), dtype="string"))
    both = pd.concat([frame, other], ignore_index=True)
    assert set(region_rates(both)["trait"]) == {"right_decision"}
    pd.testing.assert_frame_equal(region_rates(both), region_rates(frame))


def test_distances_between_texts_have_three_regions_of_their_own(frame):
    near = {"island": "in-distribution", "shore": "in-distribution", "lake": "near", "bay": "near", "sea": "far"}
    found = region_rates(frame.assign(region=frame["region"].map(near).astype("string")))
    assert list(found["region"][:3]) == ["in-distribution", "near", "far"] and len(found) == 12
    said = landscape(frame.assign(region=frame["region"].map(near).astype("string"))).sentences
    assert any("far from the training data" in s for s in said)


def test_by_distance_depth_and_novelty(frame):
    deep = by(rates_along(frame, "k"), "arm", "level")
    mine = frame[(frame["arm"] == "plain") & (frame["k"] == 2) & (frame["state"] == "ok")]
    assert deep.loc[("plain", "2"), "mean"] == pytest.approx(mine["value"].mean())
    assert deep.loc["plain"]["place"].tolist() == [0, 1, 2, 3]
    novel = rates_along(frame, "q")
    assert list(novel[novel["arm"] == "plain"]["level"]) == ["none", "2", "1"]  # from near to far
    far = rates_along(frame, "d")
    plain = far[far["arm"] == "plain"]
    assert plain["level"].iloc[0] == "0" and plain["at"].is_monotonic_increasing
    questions = frame[(frame["arm"] == "plain") & (frame["state"] == "ok")]["question"].nunique()
    assert plain["questions"].sum() == questions
    cut = rates_along(frame, "d", edges=[1.0])
    assert list(cut[cut["arm"] == "plain"]["level"]) == ["0", "0.5 to 1", "1.5 to 3.5"]


def test_bins_of_distance_do_not_depend_on_the_answers(frame):
    other = frame.assign(value=1 - frame["value"])
    assert rates_along(frame, "d")[["level", "at"]].equals(rates_along(other, "d")[["level", "at"]])


def test_a_covariate_that_no_row_has_gives_an_empty_table(frame):
    assert rates_along(frame.assign(d=pd.array([None] * len(frame), dtype="Float64")), "d").empty


def test_a_point_has_the_mean_of_its_answers(frame):
    found = point_rates(frame[frame["arm"] == "plain"])
    assert len(found) == frame["levels"].nunique()
    row = found[found["questions"] == 1].iloc[0]
    mine = frame[(frame["levels"] == row["levels"]) & (frame["arm"] == "plain")]
    assert row["mean"] == pytest.approx(mine["value"].mean()) and row["over"] in ("replicates", "nothing")
    assert row["regions"] == mine["region"].iloc[0]


def test_points_of_two_factors_pool_the_others(frame):
    found = point_rates(frame, ("tines", "stakes"))
    assert len(found) == 4 * 15
    levels = [json.loads(text) for text in found["levels"]]
    at = next(i for i, one in enumerate(levels) if one == {"tines": "3", "stakes": "low"})
    assert found["supported"].iloc[at] and found["regions"].iloc[at].startswith("island")
    far = next(i for i, one in enumerate(levels) if one == {"tines": "2", "stakes": "high"})
    assert not found["supported"].iloc[far]
    with pytest.raises(InputError, match="'colour'"):
        point_rates(frame, ("colour",))
    with pytest.raises(InputError, match="no row has levels"):
        point_rates(frame.assign(levels=pd.array(["{}"] * len(frame), dtype="string")))


def test_region_contrasts_are_paired_by_base_and_adjusted_within_an_arm(frame):
    found = by(region_contrasts(frame), "arm", "reference", "region")
    rates = by(region_rates(frame), "arm", "region")["mean"]
    sea = found.loc[("plain", "island", "sea")]
    assert sea["difference"] == pytest.approx(rates["plain", "sea"] - rates["plain", "island"])
    assert sea["high"] < 0 and sea["told_apart"] and sea["paired"] and sea["adjusted_by"] == "Holm"
    assert not found.loc[("untrained", "island", "sea"), "told_apart"]
    assert len(found.loc["plain"]) == 10 and (found["p_adjusted"] >= found["p"] - 1e-12).all()
    assert len(region_contrasts(frame, reference="island").query("arm == 'plain'")) == 4


def test_arm_contrasts_are_paired_by_question(frame):
    found = by(arm_contrasts(frame, "plain"), "arm", "region")
    sea = found.loc[("broad_relevant", "sea")]
    assert sea["low"] > 0 and sea["told_apart"] and sea["questions"] == sides_questions(frame, "sea")
    assert sea["adjusted_by"] == "Benjamini-Hochberg"  # 15 of them: a map
    assert not found.loc[("broad_irrelevant", "sea"), "told_apart"]
    assert (arm_contrasts(frame, "plain", arms=("broad_relevant",))["adjusted_by"] == "Holm").all()


def sides_questions(frame, region):
    means = replicate_means(frame, Claim.THIS_RECIPE)
    table = sides(means, ("arm", "region"))["plain", region]
    return int((~np.isnan(table.values_RQ)).any(axis=0).sum())


@pytest.mark.parametrize(
    ("slope", "verdict"), [(-1.9, "not contradicted"), (0.0, "flat"), (1.5, "contradicted"), (-9.0, "not contradicted")]
)
def test_the_order_of_the_regions(slope, verdict):
    start = -1.0 if slope > 0 else 2.0
    orders = region_orders(region_contrasts(made_landscape(forks=(Fork("plain", "plain", start, slope),))))
    assert [o.verdict for o in orders] == [verdict]
    (order,) = orders
    assert len(order.falls) + len(order.rises) + len(order.open) == 10
    # island and shore have the same distance: they can never be told apart
    assert ("island", "shore") in order.open or slope == 0.0


def test_an_order_is_ordered_when_every_neighbour_is_told_apart(frame):
    contrasts = region_contrasts(frame)
    made = contrasts[contrasts["arm"] == "plain"].assign(told_apart=True, difference=-0.1)
    assert region_orders(made)[0].verdict == "ordered"
    home = made[(made["region"] == "island") | (made["reference"] == "island")].iloc[:0]
    assert region_orders(home) == []


def test_a_fall_is_said_with_its_numbers(whole):
    said = whole.sentences
    plain = next(s for s in said if "in the plain arm:" in s and s.startswith("Right decision"))
    assert plain.startswith("Right decision falls from ")
    assert "on the island to" in plain and "at sea" in plain
    rates = by(whole.regions, "arm", "region")
    assert f"{100 * rates.loc[('plain', 'sea'), 'mean']:.0f}% [" in plain
    assert "these cannot be told apart: island and shore" in plain
    assert "Of what it has above chance at home" in plain and "Per unit of distance: a fall" in plain


def test_nulls_are_said_with_what_could_have_been_seen(whole):
    said = next(s for s in whole.sentences if "in the untrained arm" in s)
    assert "is not clearly different between" in said and "would have been found four times in five" in said
    assert "nothing to lose and no gap index" in said and "can be told apart" in said
    against = [s for s in whole.sentences if s.startswith("At sea, right decision")]
    assert len(against) == 3
    assert (
        sum("differs clearly" in s for s in against) == 1 and sum("does not differ clearly" in s for s in against) == 2
    )


def test_too_few_bases_claim_no_direction():
    for bases, words in ((3, "3 bases cannot carry a claim"), (1, "a single replicate gives no interval")):
        said = landscape(made_landscape(bases=bases, forks=PLAIN)).sentences
        assert words in said[0] and "falls" not in said[0] and "told apart" not in said[0]


def test_an_arm_that_was_not_asked_at_home_says_so(frame):
    away = frame[(frame["region"] != "island") | (frame["arm"] != "plain")]
    said = landscape(away).sentences
    assert any("was not asked on the island in the plain arm" in s for s in said)
    nobody = frame["region"] == "island"
    contested_ = frame.assign(state=frame["state"].mask(nobody, "not_applicable"), value=frame["value"].mask(nobody))
    said = landscape(contested_).sentences
    assert any("no scenario there has an agreed decision" in s for s in said) and "was not asked" not in " ".join(said)
    only = landscape(frame[frame["region"] == "island"]).sentences
    assert all("nothing further out has a value" in s for s in only)


def test_several_traits_and_conditions_are_kept_apart(frame):
    other = frame.assign(trait="capability", condition="training")
    found = landscape(pd.concat([frame, other], ignore_index=True))
    assert found.names == [("forks", "right_decision", "none"), ("forks", "capability", "training")]
    assert any("Asked under condition 'training'" in s and "Capability" in s for s in found.sentences)


def test_the_whole_holds_together(whole, frame):
    assert whole.reference == "plain" and whole.chance == {"right_decision": 0.25}
    assert set(whole.along) == {"d", "k", "q"} and set(whole.trends["along"]) == {"d", "k", "q"}
    assert len(whole.against) == 15 and len(whole.reached) == 10
    assert landscape(frame).against.empty and landscape(frame).gaps.empty
    with pytest.raises(InputError, match="'nobody'"):
        landscape(frame, reference="nobody")


def test_the_made_landscape_has_every_region_by_hand():
    assert place(("3", "metal", "low", "home", "plain"))["region"] == "island"
    assert place(("3", "metal", "low", "ship", "plain"))["region"] == "shore"
    assert place(("4", "metal", "low", "home", "plain"))["region"] == "lake"
    assert place(("3", "wood", "low", "home", "plain")) == {"region": "lake", "k": 1, "q": 2, "d": 0.0}
    assert place(("6", "wood", "low", "home", "plain"))["region"] == "bay"
    assert place(("6", "bone", "low", "home", "plain"))["region"] == "sea"
    assert contested(("2", "bone", "high", "home", "plain"))


def test_an_interval_that_only_excludes_nothing_before_counting_says_so():
    inner, outer = {"mean": 0.9, "low": 0.85, "high": 0.95}, {"mean": 0.8, "low": 0.7, "high": 0.9}
    record = {"arm": "plain", "trait": "x", "region": "sea", "reference": "island", "measurable": True}
    record |= {"difference": -0.1, "low": -0.19, "high": -0.01, "detectable": 0.1, "p_adjusted": 0.2}
    said = fall_sentence({**record, "told_apart": False}, inner, outer)
    assert "not clearly different" in said and "not once all comparisons are counted (adjusted p 0.2)" in said
    assert "falls from" in fall_sentence({**record, "told_apart": True}, inner, outer)


def test_one_given_model_is_described_as_it_is():
    """Judged answers of one model: no replicates, so intervals are over questions and say nothing of training."""
    frame = made_landscape(bases=1, seeds=1, forks=PLAIN)
    frame["seed"] = frame["seed"].mask(frame["seed"].notna())
    found = landscape(frame, Claim.THIS_MODEL)
    assert set(found.regions["over"]) == {"questions"} and set(found.contrasts["over"]) == {"questions"}
    assert found.sentences[0].startswith("Right decision falls from") and "cannot carry" not in found.sentences[0]


def test_a_model_at_its_ceiling_falls_nowhere():
    frame = made_landscape(per_region=40, forks=(Fork("plain", "plain", 3.0, 0.0),))
    found = landscape(frame.assign(value=pd.array([1.0] * len(frame), dtype="Float64")), chance=0.25)
    assert not found.contrasts["told_apart"].any() and (found.contrasts["p"] == 1.0).all()
    assert [o.verdict for o in found.orders] == ["flat"]
    assert "falls" not in found.sentences[0] and "rises" not in found.sentences[0]
    assert not found.trends["told_apart"].any() and not found.trends[["slope", "logit_slope"]].any(axis=None)
    assert found.trends["logit_p"].isna().all()
    assert set(found.gaps["state"]) == {"no interval"} and (found.gaps["index"] == 0).all()
