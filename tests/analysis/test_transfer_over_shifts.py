"""Tables over shifts: means, intervals that hold the truth, pairing, states, and what is said of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from test_transfer import row

from isobath.analysis.transfer import transfer_frame
from isobath.analysis.transfer_table import (
    shift_table,
    transfer_claim,
    transfer_differences,
    transfer_table,
    transfer_warnings,
)
from isobath.base.errors import InputError
from isobath.base.transfer_row import GENIES, MASS


def table_of(records, measure):
    found = transfer_table(transfer_frame(records))
    return found[found["measure"] == measure].set_index("intervention")


def shifts(gens, **cells):
    return [
        row(source=f"s{i}", target=f"t{i}", target_reference=f"t{i}", generalisation_accuracy=float(g), **cells)
        for i, g in enumerate(gens)
    ]


def test_the_mean_is_over_shifts_and_the_interval_is_students_t():
    gens = np.array([0.62, 0.7, 0.75, 0.81])
    found = table_of(shifts(gens), "elicitation").loc["tuning"]
    values = (gens - 0.6) / 0.9
    half = 3.182446305284263 * values.std(ddof=1) / 2  # t(.975, 3)
    assert found["mean"] == pytest.approx(values.mean())
    assert (found["low"], found["high"]) == pytest.approx((values.mean() - half, values.mean() + half))
    assert found["over"] == "questions" and (found["shifts"], found["replicates"]) == (4, 1)


def test_seeds_of_a_base_are_averaged_before_bases_are_counted():
    records = [
        row(
            source=f"s{i}", base=b, seed=k, generalisation_accuracy=0.6 + 0.05 * i + 0.02 * k + (0.1 if b == "b" else 0)
        )
        for i in range(3)
        for b in ("a", "b")
        for k in (0, 1)
    ]
    found = table_of(records, "generalisation_accuracy").loc["tuning"]
    assert found["replicates"] == 2 and found["over"] == "both" and found["mean"] == pytest.approx(0.71)


def test_one_shift_and_one_run_have_a_mean_and_no_interval():
    found = table_of([row()], "elicitation").loc["tuning"]
    assert found["mean"] == pytest.approx(1 / 9) and math.isnan(found["low"]) and found["over"] == "nothing"
    assert "no interval is possible" in transfer_claim(transfer_frame([row()]))


def test_undefined_shifts_are_left_out_and_counted_missing_ones_make_it_unmeasurable():
    records = shifts([0.7, 0.75, 0.8, 0.7])
    records[0]["target_tuned_capability"] = 0.51
    found = table_of(records, "elicitation").loc["tuning"]
    assert found["undefined"] == 1 and found["shifts"] == 3 and found["measurable"]
    records[1]["generalisation_accuracy"] = None
    found = table_of(records, "elicitation").loc["tuning"]
    assert found["missing"] == 1 and not found["measurable"] and math.isnan(found["mean"]) and math.isnan(found["low"])


def test_zero_shots_elicitation_is_zero_without_an_interval():
    found = table_of(shifts([0.6, 0.6, 0.6], intervention="zero_shot"), "elicitation").loc["zero_shot"]
    assert found["mean"] == 0 and math.isnan(found["low"])


def test_calibration_errors_of_two_definitions_are_not_averaged():
    records = shifts([0.7, 0.8], calibration_error=0.1, calibration=MASS)
    assert table_of(records, "calibration_error").loc["tuning", "mean"] == pytest.approx(0.1)
    records[1]["calibration"] = GENIES
    found = table_of(records, "calibration_error").loc["tuning"]
    assert not found["measurable"] and math.isnan(found["mean"]) and GENIES in found["definition"]


def test_a_measure_nobody_recorded_has_no_row():
    assert "brier" not in set(transfer_table(transfer_frame(shifts([0.7, 0.8])))["measure"])


@pytest.mark.parametrize("replicates", [1, 5])
def test_intervals_hold_the_truth_about_as_often_as_they_say(replicates):
    """Shifts differ (sd .1), bases differ (sd .05); nominal 95 %, within 4 standard errors of 300 studies."""
    draw, truth, records = np.random.default_rng(0), 0.7, []
    for study in range(300):
        of_shift = draw.normal(0, 0.1, 12)
        of_base = draw.normal(0, 0.05, replicates) if replicates > 1 else np.zeros(1)  # one run: this very model
        gens = np.clip(truth + of_shift[None] + of_base[:, None] + draw.normal(0, 0.02, (replicates, 12)), 0, 1)
        records += [r for b in range(replicates) for r in shifts(gens[b], base=f"b{b}", model=f"study {study}")]
    found = transfer_table(transfer_frame(records), ["gap"])
    held = ((found["low"] < 0.9 - truth) & (0.9 - truth < found["high"])).mean()
    assert len(found) == 300 and held > 0.95 - 4 * 0.0126


def test_pairing_takes_out_what_makes_shifts_hard():
    hard = np.linspace(-0.15, 0.15, 8)
    wiggle = 0.01 * np.array([1, -1, 1, -1, 1, -1, 1, -1])
    records = shifts(0.7 + hard, intervention="tuning") + shifts(0.75 + hard + wiggle, intervention="readout")
    frame = transfer_frame(records)
    found = transfer_differences(frame, "tuning", ["generalisation_accuracy"]).iloc[0]
    alone = transfer_table(frame, ["generalisation_accuracy"]).iloc[0]
    assert found["difference"] == pytest.approx(0.05) and found["low"] > 0.03 and found["p_adjusted"] < 0.001
    assert found["high"] - found["low"] < (alone["high"] - alone["low"]) / 5


def test_only_shared_shifts_are_compared_and_holm_counts_the_comparisons():
    records = shifts([0.7, 0.72, 0.8, 0.75])
    for name, add in (("a", 0.05), ("b", 0.01)):
        records += shifts(np.array([0.7, 0.74, 0.8]) + add, intervention=name)
    found = transfer_differences(transfer_frame(records), "tuning", ["generalisation_accuracy"]).set_index(
        "intervention"
    )
    assert found["shifts"].tolist() == [3, 3]
    lowest = found["p"].idxmin()
    assert found.loc[lowest, "p_adjusted"] == pytest.approx(min(1, 2 * found.loc[lowest, "p"]))
    with pytest.raises(InputError, match="no intervention 'lora'"):
        transfer_differences(transfer_frame(records), "lora")


def test_two_runs_of_one_base_are_not_two_bases():
    records = [r for k in range(5) for r in shifts([0.7 + k / 100], seed=k, base="b")]
    assert "1 base and 1 shift" in transfer_claim(transfer_frame(records))


def test_the_claim_names_what_intervals_speak_of_and_what_is_too_little():
    one_run = transfer_claim(transfer_frame(shifts([0.7] * 6)))
    assert "6 shifts" in one_run and "nothing of another training run" in one_run and "few" not in one_run
    bases = transfer_claim(transfer_frame([r for b in "abc" for r in shifts([0.7, 0.8], base=b)]))
    assert "3 bases" in bases and "cannot carry a claim" in bases and "2 shifts are few" in bases
    shared = [dict(r, source="alpaca") for r in shifts([0.7] * 6)]
    assert "6 of the shifts start from alpaca" in transfer_claim(transfer_frame(shared))


def test_an_elicitation_that_a_coin_would_show_is_called_one():
    """Where the baseline is .1 a guess elicits (.5 - .1)/.9 = +.44."""
    coin = shifts([0.48, 0.5, 0.52, 0.5, 0.49, 0.51], baseline_accuracy=0.1, intervention="coin")
    able = shifts([0.8, 0.82, 0.79, 0.8, 0.81, 0.8], baseline_accuracy=0.1, intervention="able")
    said = transfer_warnings(transfer_frame(coin + able))
    assert len(said) == 1 and "coin" in said[0] and "+0.44" in said[0]
    assert transfer_warnings(transfer_frame(shifts([0.5] * 6, baseline_accuracy=0.6))) == []


def test_the_shift_table_says_why_an_elicitation_is_not_there():
    records = shifts([0.7, 0.8], category="difficulty")
    records[1]["baseline_accuracy"] = 0.95
    found = shift_table(transfer_frame(records))
    assert found["elicitation_state"].tolist() == ["ok", "baseline above the target-tuned model"]
    assert math.isnan(found["elicitation"][1]) and found["category"].tolist() == ["difficulty"] * 2
