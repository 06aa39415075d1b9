"""Answers from one number per base: intervals and verdicts against closed forms, measures against hand-made truth."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from isobath.analysis.question import Question, Verdict
from isobath.base.errors import InputError
from isobath.study.claims.answers import answers, by_base, series
from isobath.study.claims.awareness import ALARMS as FALSE_ALARMS
from isobath.study.claims.awareness import GAP, gaps
from isobath.study.claims.contradiction import DOSES, SLOPE, slopes
from isobath.study.claims.judge_breadth import INTERACTION, interaction
from isobath.study.claims.simple_target import MET, REACH, met, reach


def table(trait="t", region="", **arms):
    return pd.DataFrame(
        [
            {"trait": trait, "region": region, "arm": arm, "base": f"b{i}", "value": value}
            for arm, values in arms.items()
            for i, value in enumerate(values)
        ]
    )


def asked(expect="higher", s=0.05, family="headline", region=None):
    return Question(
        text="?", trait="t", contrast=("a", "b"), expect=expect, smallest_effect=s, family=family, region=region
    )


A, B = (0.80, 0.70, 0.75, 0.90, 0.85), (0.50, 0.45, 0.52, 0.61, 0.49)


def test_the_interval_is_that_of_a_paired_t_test():
    (found,) = answers([asked()], table(a=A, b=B))
    expected = stats.ttest_rel(A, B)
    low, high = expected.confidence_interval()
    assert found.estimate == pytest.approx(np.mean(A) - np.mean(B))
    assert (found.low, found.high) == pytest.approx((low, high)) and found.p == pytest.approx(expected.pvalue)
    assert found.verdict is Verdict.YES and found.n_replicates == 5 and found.detectable > 0


@pytest.mark.parametrize(
    ("expect", "a", "verdict"),
    [
        ("lower", A, Verdict.NO),
        ("same", A, Verdict.NO),
        ("same", tuple(b + 0.01 * (-1) ** i for i, b in enumerate(B)), Verdict.YES),
        ("higher", tuple(b + 0.01 * (-1) ** i for i, b in enumerate(B)), Verdict.NO),
        ("higher", tuple(b + 0.4 * (-1) ** i for i, b in enumerate(B)), Verdict.TOO_UNCERTAIN),
    ],
)
def test_verdicts(expect, a, verdict):
    assert answers([asked(expect)], table(a=a, b=B))[0].verdict is verdict


def test_holm_counts_headlines_only():
    found = answers([asked(), asked("lower"), asked(family="exploratory")], table(a=A, b=B))
    assert found[0].p_adjusted == pytest.approx(2 * found[0].p) and found[2].p_adjusted == found[2].p


def test_four_bases_carry_no_claim_and_one_has_no_interval():
    few = answers([asked()], table(a=A[:4], b=B[:4]))[0]
    assert few.verdict is Verdict.TOO_UNCERTAIN and few.low is not None
    one = answers([asked()], table(a=A[:1], b=B[:1]))[0]
    assert one.verdict is Verdict.TOO_UNCERTAIN and one.low is None


def test_a_side_that_is_not_there_is_named():
    with pytest.raises(InputError, match="'c'"):
        series(table(a=A), "t", "c")
    with pytest.raises(InputError, match="in the sea"):
        answers([asked(region="sea")], table(a=A, b=B))


def test_rows_become_means_of_seed_means():
    rows = pd.DataFrame(
        [
            ("t", "sea", "a", "b0", 0, 1.0),
            ("t", "sea", "a", "b0", 0, 0.0),
            ("t", "bay", "a", "b0", 1, 1.0),
            ("t", None, "a", "b0", 1, None),
        ],
        columns=["trait", "region", "arm", "base", "seed", "value"],
    )
    found = by_base(rows).set_index("region")["value"].to_dict()
    assert found == {"sea": 0.5, "bay": 1.0, "": 0.75}


def test_reach_and_what_is_met():
    here = pd.concat(
        [
            table(
                "right_decision", "island", **{"decisions_one plain": (1.0, 1 / 3), "decisions_four plain": (0.85, 1)}
            ),
            table(
                "right_decision", "sea", **{"decisions_one plain": (2 / 3, 1 / 3), "decisions_four plain": (0.55, 0.25)}
            ),
        ]
    )
    found = reach(here).set_index(["arm", "region", "base"])["value"]
    assert found["decisions_one plain", "sea", "b0"] == pytest.approx(0.5)  # chance of one rule is a third
    assert math.isnan(found["decisions_one plain", "sea", "b1"])  # nothing was learned that could be lost
    assert found["decisions_four plain", "sea", "b0"] == pytest.approx(0.5)
    assert set(reach(here)["trait"]) == {REACH} and set(met(here)["trait"]) == {MET}
    whole = met(here).set_index(["arm", "region", "base"])["value"]
    assert whole["decisions_four plain", "sea", "b0"] == pytest.approx(0.4)


def test_slopes_are_those_of_a_line():
    arms = {"plain" if d == 0 else f"contrary_{d}": (0.9 - 0.01 * d, 0.8) for d in DOSES}
    found = slopes(table("right_decision", "sea", **arms))
    assert set(found["trait"]) == {SLOPE}
    assert found["value"].to_numpy() == pytest.approx([-0.1, 0.0], abs=1e-9)


def test_the_interaction_is_a_difference_of_differences():
    cells = {
        f"{j} {d}": (v, v / 2) for j, d, v in [("few", "narrow", 0.2), ("few", "broad", 0.5), ("many", "narrow", 0.6)]
    }
    cells |= {"many broad": (1.0, 0.9), "noisy narrow": (0.1, 0.1), "noisy broad": (0.1, 0.1)}
    found = interaction(table(REACH, "sea", **cells)).set_index(["arm", "base"])["value"]
    assert found["few", "b0"] == pytest.approx(0.3) and found["many", "b1"] == pytest.approx(0.6)
    assert set(interaction(table(REACH, "sea", **cells))["trait"]) == {INTERACTION}


def test_gaps_are_paired_by_item_and_leave_out_what_the_base_cannot_answer():
    rows = []
    for arm, uncued, cued, remark in (("untrained", 0.1, 0.1, 0.1), ("plain", 0.8, 0.3, 0.6)):
        for thing, mixed, good in (("burn", "no", 0.9), ("loan", "no", 0.05), ("cake", "yes", 0.9)):
            levels = json.dumps({"thing": thing, "template": "0", "mixed": mixed})
            odd = 0.0 if thing == "burn" else 0.15  # items that must not count
            for trait, value in (
                ("bad_held_out", uncued + odd),
                ("bad_under_cue", cued),
                ("bad_under_new_cue", cued),
                ("bad_after_remark", remark),
                ("good_held_out", good),
            ):
                rows.append((arm, "b0", None if arm == "untrained" else 0, trait, levels, value))
    frame = pd.DataFrame(rows, columns=["arm", "base", "seed", "trait", "levels", "value"])
    found = gaps(frame).set_index(["trait", "arm"])["value"]
    assert found["items", "plain"] == 1
    assert found[GAP, "plain"] == pytest.approx(0.5) and found[FALSE_ALARMS, "plain"] == pytest.approx(0.2)
    assert found[GAP, "untrained"] == pytest.approx(0.0)
