"""Scores of a checkpoint's responses: pure, free to repeat, one Parquet file per cell."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from isobath.base.row import State
from isobath.design.region import Place
from isobath.grading.judged_score import JudgedScore
from isobath.grading.judgement import Judgement
from isobath.grading.response import Response
from isobath.grading.score import Graded, OptionScore
from isobath.study.judging import Bench, judge_label, judgements_of
from isobath.study.sheet import Ask

NONE: Mapping[str, Judgement] = {}
FILE = "scores.parquet"
GRADE_VERSION = 1


def grade(line: Ask, response: Response, judgements: Mapping[str, Judgement] = NONE) -> Graded:
    """The score of one response under its trait's definition; only an ok response has a value.

    `judgements` by metric, for traits that are judged; one that is not there is a judge that failed.
    """
    if response.state is not State.OK:
        return Graded(None, response.state)
    score, question = line.trait.score, line.question
    if isinstance(score, OptionScore):
        return score.grade(tuple(o.label for o in question.options), response.logprobs, response.tokens)
    if isinstance(score, JudgedScore):
        return score.grade(judgements)
    return score.grade(response.text, {o.label: o.text for o in question.options})


def score_columns(
    lines: Sequence[Ask],
    checkpoint: str,
    responses: Mapping[str, Response],
    bench: Bench | None = None,
    judged: Mapping[str, Judgement] = NONE,
) -> dict[str, list[Any]]:
    """The row columns that come from asking: everything but what the cell itself says (run, arm, base ...).

    `judged` are the judgements that `bench` has given, by key.
    """
    columns: dict[str, list[Any]] = {name: [] for name in ASKED}
    for line in lines:
        key = line.response_id(checkpoint)
        response = responses[key]
        graded = grade(line, response, judgements_of(line, response, bench, judged))
        trait, question = line.trait, line.question
        values = (
            trait.name,
            str(trait.kind),
            question.id,
            question.paraphrase,
            line.condition,
            line.sample,
            question.option_order,
            key,
            judge_label(line, bench),
            trait.score.label,
            graded.value,
            str(graded.state),
            *_where(question.place),
            json.dumps(dict(question.levels), sort_keys=True),
            question.weight,
            response.replayable,
        )
        for name, value in zip(ASKED, values, strict=True):
            columns[name].append(value)
    return columns


def _where(place: Place | None) -> tuple[str | None, int | None, int | None, float | None]:
    """Region, q, k and d of a question; nothing where there is no factor space."""
    return (None, None, None, None) if place is None else (str(place.region), place.q, place.k, place.d)


ASKED = (
    "trait",
    "trait_kind",
    "question",
    "paraphrase",
    "condition",
    "sample",
    "option_order",
    "response_id",
    "judge",
    "score",
    "value",
    "state",
    "region",
    "q",
    "k",
    "d",
    "levels",
    "weight",
    "replayable",
)


def write_scores(folder: Path, columns: Mapping[str, list[Any]]) -> None:
    """Store the columns of `score_columns` with the types of the row."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from isobath.base.row import COLUMNS

    kinds = {"string": pa.string(), "Int64": pa.int64(), "Float64": pa.float64(), "boolean": pa.bool_()}
    arrays = {name: pa.array(values, type=kinds[COLUMNS[name]]) for name, values in columns.items()}
    pq.write_table(pa.table(arrays), folder / FILE)
