"""Answers that somebody judged, as rows with their place in the landscape."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from isobath.base.row import COLUMNS, Role, State
from isobath.gpe.tagged.gpe import TRAIT
from isobath.gpe.tagged.line import TaggedLine
from isobath.gpe.tagged.spec import Landscape

UNTRAINED = ("untrained", "base", "before")
"""Arm names that stand for a model as it was before training."""


def judged_rows(landscape: Landscape) -> Iterator[dict[str, Any]]:
    """One record per judged test line, with the columns of `isobath.base.row.COLUMNS`.

    Lines without a `base` share one, named after their model; then several `seed`s are training runs of it. Where no
    decision is agreed, an answer has no value as a right decision (`TRAIT`), whatever somebody judged.
    """
    place_of = {line.id: i for i, line in enumerate(landscape.questions)}
    for line in landscape.file.test:
        i = place_of[line.id]
        row = {**dict.fromkeys(COLUMNS), **line_labels(line), **_where(landscape, i)}
        if line.trait == TRAIT and (line.contested or line.id in landscape.contested):
            row |= {"value": None, "state": str(State.NOT_APPLICABLE)}
        yield row


def line_labels(line: TaggedLine) -> dict[str, Any]:
    """The row columns that a judged line decides; not where its point lies."""
    model = line.model or line.base or "given"
    base = line.base or model
    return {
        "run": "/".join(map(str, (line.arm, base, model, line.seed))),
        "base": base,
        "model": model,
        "gpe": "tagged",
        "signal_role": "none",
        "stack": "given",
        "arm": line.arm,
        "role": str(line.role or (Role.UNTRAINED if line.arm in UNTRAINED else Role.PLAIN)),
        "seed": line.seed,
        "trait": line.trait,
        "trait_kind": str(line.kind),
        "question": line.id,
        "paraphrase": 0,
        "condition": line.condition,
        "sample": 0,
        "option_order": 0,
        "judge": line.judge,
        "score": "judged elsewhere",
        "value": line.value,
        "state": str(line.state),
        "weight": 1.0,
        "replayable": False,
    }


def _where(landscape: Landscape, i: int) -> dict[str, Any]:
    place = landscape.places.place(i)
    return {
        "region": str(place.region),
        "q": place.q,
        "k": place.k,
        "d": place.d,
        "levels": json.dumps(landscape.points[i], sort_keys=True),
    }


def judged_decisions(landscape: Landscape) -> list[tuple[dict[str, Any], dict[str, str]]]:
    """What was decided on each question, by checkpoint: its row columns, and question id -> decision."""
    found: dict[str, tuple[dict[str, Any], dict[str, str]]] = {}
    for line in landscape.file.test:
        if line.decision is not None and line.condition == "none":
            labels = {**dict.fromkeys(COLUMNS), **line_labels(line)}
            found.setdefault(labels["run"], (labels, {}))[1].setdefault(line.id, line.decision)
    return list(found.values())
