"""The transfer row: one intervention trained on one distribution and tested on another (in the manner of GENIES).

GENIES (Clymer et al. 2023, arXiv:2311.07723) tests a *shift*: train on a source, test on a target, and compare with a
model tuned on a reference of the target. A row is one shift under one intervention of one model, base and run seed.
"""

from __future__ import annotations

COLUMNS: dict[str, str] = {
    "model": "string",  # model family or folder name
    "intervention": "string",  # how it was trained or read: zero_shot, fine_tuning, mean_difference ...
    "source": "string",  # what it was trained on
    "target": "string",  # what it was tested on
    "target_reference": "string",  # what the target-tuned reference was tuned and tested on; often the target itself
    "category": "string",  # kind of shift, such as difficulty
    "base": "string",  # base model; null where there is one
    "seed": "Int64",  # run seed
    "generalisation_accuracy": "Float64",  # trained on the source, tested on the target
    "baseline_accuracy": "Float64",  # zero-shot on the target
    "target_tuned_capability": "Float64",  # tuned on the target reference, tested on it
    "source_accuracy": "Float64",  # trained on the source, tested on held-out source items
    "own_capability": "Float64",  # as target_tuned_capability, but by this very intervention
    "calibration_error": "Float64",  # on the target, after training on the source; what it is: next column
    "calibration": "string",  # definition of calibration_error; numbers of two definitions are never averaged
    "expected_calibration_error": "Float64",
    "brier": "Float64",
    "chance": "Float64",  # accuracy of a guess
    "items": "Int64",  # test items of the target; null where unknown
    "reference_items": "Int64",  # test items of the target reference
    "source_items": "Int64",  # held-out source items
    "baseline_intervention": "string",
    "capability_intervention": "string",
    "place": "string",  # file:line it was read from
}
"""Column -> pandas dtype, in order. A null is a number that is not there, never 0."""

REQUIRED = ("model", "intervention", "source", "target", "target_reference")
"""Columns that may not be null in any row."""

KEY = (*REQUIRED, "base", "seed")
"""What names a row: no two rows of a table share it."""

SHARES = (
    "generalisation_accuracy",
    "baseline_accuracy",
    "target_tuned_capability",
    "source_accuracy",
    "own_capability",
    "calibration_error",
    "expected_calibration_error",
    "brier",
    "chance",
)
"""Columns whose numbers lie in [0, 1]."""

MASS = "rms over equal-mass bins"
"""`calibration` of what this package computes (`isobath.analysis.calibration_error`)."""

GENIES = "as published by GENIES"
"""`calibration` of GENIES' own column. Its code compares each of five equal-width bins with the mean of *all* labels
(drawn at random for each item) and not with those of the bin: it is no calibration error in the usual sense. Zero-shot
probabilities of 0 and 1 alone give .4987 there whatever their accuracy."""
