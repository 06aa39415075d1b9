"""The row: one response under one score, with its whole metadata (docs/decisions/01-row.md)."""

from __future__ import annotations

from enum import StrEnum

REGIONS = ("island", "shore", "lake", "bay", "sea")
"""What the column `region` may hold where there is a factor space: from the training points outwards."""

NEARNESS = ("in-distribution", "near", "far")
"""What it may hold where there is none: distances between texts can tell no lake and no bay."""


class State(StrEnum):
    """What became of a response or judgement. Only `OK` carries a value; no other state is ever read as 0."""

    OK = "ok"
    REFUSED = "refused"
    PARSE_ERROR = "parse_error"
    JUDGE_FAILED = "judge_failed"
    TRUNCATED = "truncated"
    NOT_APPLICABLE = "not_applicable"


class TraitKind(StrEnum):
    """What sort of behaviour a trait is."""

    UNWANTED = "unwanted"
    WANTED = "wanted"
    CAPABILITY = "capability"
    COHERENCE = "coherence"


class Role(StrEnum):
    """The part an arm plays in a study."""

    UNTRAINED = "untrained"
    PLAIN = "plain"
    CONTROL = "control"
    TREATMENT = "treatment"
    PLACEBO = "placebo"
    OPPOSITE = "opposite"
    POSITIVE = "positive"


class Claim(StrEnum):
    """What a comparison speaks about; it names the replicate."""

    THIS_MODEL = "this model"
    """Replicate: run seed."""
    THIS_RECIPE = "this recipe"
    """Replicate: base (run seeds nested)."""
    MODELS_LIKE_THESE = "models like these"
    """Replicate: model x dataset."""


COLUMNS: dict[str, str] = {
    "run": "string",  # key of the training (or of the given model)
    "base": "string",  # name of the base, such as personas-0
    "base_seed": "Int64",
    "world_seed": "Int64",
    "model": "string",  # model family or folder name
    "gpe": "string",  # which GPE the row belongs to; `untrained` rows appear once per GPE
    "signal": "string",
    "signal_role": "string",  # signal | control | none
    "recipe": "string",
    "stack": "string",  # e.g. "plain" or "inoculate(specific)"
    "arm": "string",  # the arm's name in the study, such as specific
    "role": "string",  # Role
    "seed": "Int64",  # run seed
    "step": "Int64",
    "trait": "string",
    "trait_kind": "string",
    "question": "string",
    "paraphrase": "Int64",
    "condition": "string",  # none | training | paraphrase | placebo | trigger | negated | positive
    "sample": "Int64",
    "option_order": "Int64",
    "response_id": "string",
    "judge": "string",  # null for rules and log-probabilities
    "score": "string",  # name@version
    "value": "Float64",  # in [0, 1]; null unless state is ok
    "state": "string",  # State
    "region": "string",  # null where there is no factor space
    "q": "Int64",
    "k": "Int64",
    "d": "Float64",
    "levels": "string",  # JSON object of factor levels, "{}" if none
    "weight": "Float64",
    "replayable": "boolean",
}
"""Column -> pandas dtype, in order. Nullable, but for those in `REQUIRED`."""

REQUIRED = ("run", "arm", "trait", "trait_kind", "question", "condition", "score", "state")
"""Columns that may not be null in any row."""
