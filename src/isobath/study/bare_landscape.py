"""Judged answers to texts without levels: in-distribution, near or far by an embedding, and never a region."""

from __future__ import annotations

from typing import Any

from isobath.base.errors import InputError
from isobath.base.row import COLUMNS
from isobath.gpe.tagged.file import TaggedFile, read_tagged
from isobath.gpe.tagged.line import TaggedLine
from isobath.gpe.tagged.rows import line_labels

SAID = (
    "The scenarios have no levels, so they have no region: an embedding can say in-distribution, near or far, and "
    "cannot tell a new detail that does not matter from one that does."
)
HOW = (
    "Embedded as the mean hidden state in the middle layer of {model}. Distance d is that to the 5th nearest of the "
    "{count} training texts (unit vectors); a quarter of them is held out for comparison. In-distribution: at least 5% "
    "of the held-out texts lie as far out. Near: less far beyond their 99th percentile than that is from their median. "
    "Far: further."
)


def bare_rows(path: str, model: str) -> tuple[list[dict[str, Any]], list[str]]:
    """One record per judged test line, and sentences on how they were placed.

    `region` is a label of nearness, `d` the distance to the nearest training texts. Texts are embedded in the hidden
    states of `model`, a folder. Raises `InputError` for lines without words.
    """
    from isobath.measures.distance import distance_covariates
    from isobath.measures.embedding import state_embedding
    from isobath.study.given import model_path

    file = read_tagged(path, placed=False)
    _check(file)
    embed = state_embedding(model_path(model))
    first: dict[str, TaggedLine] = {}
    for line in file.test:
        first.setdefault(line.id, line)
    train, test = embed([line.words for line in file.train]), embed([line.words for line in first.values()])
    found = distance_covariates(train, test)
    where = dict(zip(first, zip(found["label"], found["knn"], strict=True), strict=True))
    rows = [
        {
            **dict.fromkeys(COLUMNS),
            **line_labels(line),
            "region": str(where[line.id][0]),
            "d": float(where[line.id][1]),
            "levels": "{}",
        }
        for line in file.test
    ]
    return rows, [SAID, HOW.format(model=model, count=f"{len(file.train):,}")]


def _check(file: TaggedFile) -> None:
    for line in (*file.train, *file.test):
        if not line.words.strip():
            raise InputError("the line has no words", "an embedding is of a text", "add `text`", line.at)
    unjudged = next((line for line in file.test if line.state is None), None)
    if unjudged is not None:
        raise InputError(
            "the line has no judgement",
            "scenarios without levels are read from judged answers",
            "add `value`, or give the scenarios levels and name a model to ask",
            unjudged.at,
        )
