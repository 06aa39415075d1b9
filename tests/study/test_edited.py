"""Decisions on pairs of scenarios, from stored answers."""

import math

import pytest

from isobath.base.row import State
from isobath.design.edit import Edit
from isobath.grading.response import Response
from isobath.study.edited import COLUMNS, Decided, decided_by, pairs_frame

CELL = {
    **{"gpe": "g", "arm": "plain", "role": "plain", "base": "b", "base_seed": 0, "seed": 1, "model": "m"},
    "trait": "left out",
}


def response(shares, tokens=None):
    options = tuple(shares)
    logprobs = tuple(math.log(p) for p in shares.values())
    return Response("r", "", options, logprobs, tokens or (1,) * len(options), "", State.OK)


def test_the_decision_is_the_likeliest_option_and_shares_sum_to_1():
    made = decided_by(response({"do": 0.2, "ask": 0.3, "refuse": 0.1}))
    assert made.decision == "ask" and sum(made.shares.values()) == pytest.approx(1)
    assert made.shares["ask"] == pytest.approx(0.5)


def test_length_is_corrected_for_only_where_the_score_does():
    long = response({"do": 0.3, "say it in many words": 0.2}, (1, 5))
    assert decided_by(long).decision == "do"
    assert decided_by(long, corrected=True).decision == "say it in many words"


def test_a_pair_needs_both_answers_and_says_how_far_the_shares_moved():
    edits = [
        ("b", Edit(of="a", factor="place", relevant=False, flips=False)),
        ("c", Edit(of="a", factor="stakes", relevant=True, flips=True)),
    ]
    decided = {
        "a": Decided("do", {"do": 0.7, "ask": 0.3}),
        "b": Decided("ask", {"do": 0.4, "ask": 0.6}),
    }
    frame = pairs_frame(edits, [(CELL, decided)])
    assert list(frame.columns) == list(COLUMNS) and len(frame) == 1
    row = frame.iloc[0]
    assert (row["question"], row["of"], row["decision"], row["edited_decision"]) == ("b", "a", "do", "ask")
    assert row["moved"] == pytest.approx(0.3) and not row["gold_flips"] and row["seed"] == 1


def test_no_pairs_are_an_empty_frame_with_its_columns():
    assert list(pairs_frame([], []).columns) == list(COLUMNS)
