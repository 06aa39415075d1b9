"""Transfer triples: the formulas on published numbers, undefined states, and intervals on simulated truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isobath.analysis.transfer import (
    Defined,
    differential_elicitation,
    gap_index,
    recovered,
    shift_names,
    transfer_frame,
    with_measures,
)
from isobath.base.errors import InputError
from isobath.base.transfer_row import COLUMNS

# generalisation, baseline, target-tuned capability, differential elicitation: four rows of llama-30b, LoRA, as the
# authors published them (Joshuaclymer/GENIES, results/generalization_metrics, commit 70bd2ea)
PUBLISHED = (
    (0.9773333333333334, 0.7146666666666667, 0.9973333333333333, 0.2633689839572193),
    (0.6, 0.7613333333333333, 0.948, -0.170182841068917),
    (0.048, 0.044, 0.8826666666666667, 0.0045317220543806686),
    (0.64, 0.336, 1.0, 0.304),
)


def row(**cells):
    usual = {
        "model": "m",
        "intervention": "tuning",
        "source": "easy",
        "target": "hard",
        "target_reference": "hard",
        "generalisation_accuracy": 0.7,
        "baseline_accuracy": 0.6,
        "target_tuned_capability": 0.9,
        "source_accuracy": 0.95,
        "chance": 0.5,
        "items": 400,
        "reference_items": 400,
        "source_items": 400,
    }
    return {**usual, **cells}


def measured(**cells):
    return with_measures(transfer_frame([row(**cells)])).iloc[0]


@pytest.mark.parametrize(("gen", "baseline", "capability", "published"), PUBLISHED)
def test_the_formula_gives_the_published_numbers_to_the_last_digit(gen, baseline, capability, published):
    assert differential_elicitation(gen, baseline, capability) == published
    found = measured(
        generalisation_accuracy=gen, baseline_accuracy=baseline, target_tuned_capability=capability, items=None
    )
    assert found["elicitation"] == published and found["elicitation_state"] == "ok"


def test_the_other_two_normalisations_by_hand():
    assert recovered(0.7, 0.6, 0.9) == pytest.approx(1 / 3)
    assert gap_index(0.7, 0.95, 0.5) == pytest.approx(0.25 / 0.45)
    found = measured()
    assert found["gap"] == pytest.approx(0.2) and found["over_guess"] == pytest.approx(0.2)
    assert found["recovered"] == pytest.approx(1 / 3) and found["gap_index"] == pytest.approx(0.25 / 0.45)
    assert found["guess_elicitation"] == pytest.approx(-0.1 / 0.9)


SHARES = st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0.01, 1))


@settings(max_examples=15, deadline=None)
@given(st.lists(SHARES, min_size=1, max_size=12))
def test_a_number_is_there_if_and_only_if_the_state_is_ok_and_zero_shot_elicits_nothing(shares):
    names = ("generalisation_accuracy", "baseline_accuracy", "target_tuned_capability")
    records = [row(target=f"t{i}", **dict(zip(names, three, strict=True))) for i, three in enumerate(shares)]
    found = with_measures(
        transfer_frame([*records, *(dict(r, intervention="0", **{names[0]: r[names[1]]}) for r in records)])
    )
    for name in ("gap", "elicitation", "recovered", "gap_index"):
        assert (found[name].isna() == (found[f"{name}_state"] != "ok")).all()
    assert found.loc[found[names[1]] > found[names[2]], "elicitation"].isna().all()
    assert (found.loc[found["intervention"] == "0", "elicitation"].dropna() == 0).all()


@pytest.mark.parametrize(
    ("cells", "name", "state"),
    [
        ({"target_tuned_capability": 0.54}, "elicitation", Defined.AT_CHANCE),  # 2 SE at 400 items: .05
        ({"target_tuned_capability": 0.54, "baseline_accuracy": 0.7}, "gap", Defined.AT_CHANCE),
        ({"baseline_accuracy": 0.93}, "elicitation", Defined.BASELINE_ABOVE),
        ({"baseline_accuracy": 0.93}, "recovered", Defined.BASELINE_ABOVE),
        ({"baseline_accuracy": 0.88}, "recovered", Defined.NO_ROOM),
        ({"baseline_accuracy": 0.88}, "elicitation", Defined.OK),
        ({"source_accuracy": 0.53}, "gap_index", Defined.SOURCE_AT_CHANCE),
        ({"source_accuracy": None}, "gap_index", Defined.MISSING),
        ({"baseline_accuracy": None}, "elicitation", Defined.MISSING),
        ({"baseline_accuracy": None}, "gap", Defined.OK),
        ({"chance": None}, "gap_index", Defined.MISSING),
        ({"target_tuned_capability": 0.0, "baseline_accuracy": 0.0, "chance": None}, "elicitation", Defined.AT_CHANCE),
    ],
)
def test_what_means_nothing_is_a_state_and_never_a_number(cells, name, state):
    found = measured(**cells)
    assert found[f"{name}_state"] == str(state) and pd.isna(found[name]) == (state is not Defined.OK)


def test_noise_is_counted_only_where_items_are_known():
    assert measured(target_tuned_capability=0.52)["elicitation_state"] == str(Defined.AT_CHANCE)
    assert (
        measured(target_tuned_capability=0.52, baseline_accuracy=0.4, reference_items=None)["elicitation_state"] == "ok"
    )


def test_a_shift_with_another_reference_says_so():
    frame = transfer_frame([row(), row(target_reference="quotes")])
    assert shift_names(frame).tolist() == ["easy -> hard", "easy -> hard (reference: quotes)"]


def test_a_frame_has_every_column_and_its_types():
    frame = transfer_frame([row(seed=3)])
    assert list(frame.columns) == list(COLUMNS)
    assert frame["brier"].isna().all() and str(frame["seed"].dtype) == "Int64"
    assert transfer_frame(frame.to_dict("records")).equals(frame)


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([], "no transfer row"),
        ([{**row(), "accuracy": 1}], "unknown columns accuracy"),
        ([row(source=None)], "no source"),
        ([row(generalisation_accuracy=57.0, place="t.csv:2")], "t.csv:2: generalisation_accuracy 57"),
        ([row(generalisation_accuracy="many")], "generalisation_accuracy holds something else"),
        ([row(items=0)], "items below 1"),
        ([row(chance=1.0)], "chance 1"),
        ([row(place="a:2"), row(brier=0.2, place="a:3")], "a:3: a second row of"),
    ],
)
def test_what_no_frame_can_hold_is_refused_with_its_place(records, said):
    with pytest.raises(InputError) as caught:
        transfer_frame(records)
    assert said in str(caught.value) and caught.value.rule


def test_arrays_go_through_the_formulas_too():
    gen = np.array([0.5, 0.7])
    assert differential_elicitation(gen, np.array([0.5, 0.5]), np.array([1.0, 0.8])).tolist() == pytest.approx(
        [0, 0.25]
    )
