"""Pairs of answers to a point and to the same point with one factor changed: what flip rates are counted from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from isobath.base.row import State
from isobath.design.edit import Edit
from isobath.gpe.tagged.edits import one_factor_edits
from isobath.gpe.tagged.gpe import RIGHT
from isobath.grading.response import Response
from isobath.grading.score import OptionScore
from isobath.study.respond import stored_responses

if TYPE_CHECKING:
    import pandas as pd

    from isobath.gpe.gpe import GPE
    from isobath.store import Store

CELL = ("gpe", "arm", "role", "base", "base_seed", "seed", "model")
COLUMNS = (*CELL, "factor", "relevant", "gold_flips", "question", "of", "decision", "edited_decision", "moved")


class Decided(NamedTuple):
    """What one answer decided: the option with the most probability, and the share of each option by its text."""

    decision: str
    shares: Mapping[str, float]


Edits = Sequence[tuple[str, Edit]]
"""Question ids, and what was changed to make each."""


def edits_of(gpe: GPE) -> Edits:
    """The edits that the questions of `gpe` declare; where none does, those found among its points."""
    questions = [q for trait in gpe.traits for q in trait.questions]
    declared = [(q.id, q.edit) for q in questions if q.edit is not None]
    if declared or gpe.space is None:
        return declared
    named = [(q.id, q.levels, next((o.text for o in q.options if o.label == RIGHT), None)) for q in questions]
    return one_factor_edits(gpe.space, [one for one in named if set(one[1]) == set(gpe.space.names)])


def edited_pairs(gpe: GPE, rows: pd.DataFrame, store: Store) -> pd.DataFrame:
    """One row per edited question and checkpoint, asked without a prompt; columns `COLUMNS`.

    A pair needs both answers. Of answers to several samples or option orders the first is taken.
    """
    edits = edits_of(gpe)
    wanted = {name for question, edit in edits for name in (question, edit.of)}
    corrected = _corrected(gpe)
    mine = rows[(rows["gpe"] == gpe.name) & (rows["condition"] == "none") & rows["question"].isin(wanted)]
    mine = mine[mine["trait"].isin(corrected)]
    cells = []
    for (run, _), of_cell in mine.groupby(["run", "arm"], sort=False, observed=True):
        responses = stored_responses(str(run), store, set(of_cell["response_id"]))
        decided: dict[str, Decided] = {}
        for question, key, trait in zip(of_cell["question"], of_cell["response_id"], of_cell["trait"], strict=True):
            response = responses.get(str(key))
            if response is not None and response.state is State.OK and response.options:
                decided.setdefault(str(question), decided_by(response, corrected[str(trait)]))
        cells.append((dict(of_cell.iloc[0]), decided))
    return pairs_frame(edits, cells)


def pairs_frame(edits: Edits, cells: Iterable[tuple[Mapping[str, Any], Mapping[str, Decided]]]) -> pd.DataFrame:
    """The frame of `edited_pairs` from what each cell (its row columns) decided on each question."""
    import pandas as pd

    made = [{**{c: cell[c] for c in CELL}, **pair} for cell, decided in cells for pair in _pairs(edits, decided)]
    return pd.DataFrame(made, columns=list(COLUMNS))


def _corrected(gpe: GPE) -> dict[str, bool]:
    """Traits whose answers are chosen among options, and whether their score divides by the options' lengths."""
    return {t.name: t.score.measure == "corrected_share" for t in gpe.traits if isinstance(t.score, OptionScore)}


def _pairs(edits: Edits, decided: Mapping[str, Decided]) -> Iterator[dict[str, Any]]:
    for question, edit in edits:
        if question in decided and edit.of in decided:
            before, after = decided[edit.of], decided[question]
            yield {
                "factor": edit.factor,
                "relevant": edit.relevant,
                "gold_flips": edit.flips,
                "question": question,
                "of": edit.of,
                "decision": before.decision,
                "edited_decision": after.decision,
                "moved": _moved(before.shares, after.shares),
            }


def decided_by(response: Response, corrected: bool = False) -> Decided:
    """What `response` decided; `corrected` divides each option's log-probability by its tokens first."""
    scale = [lp / max(1, n) if corrected else lp for lp, n in zip(response.logprobs, response.tokens, strict=True)]
    top = max(scale)
    weights = [math.exp(s - top) for s in scale]
    shares = {text: w / sum(weights) for text, w in zip(response.options, weights, strict=True)}
    return Decided(response.options[scale.index(top)], shares)


def _moved(before: Mapping[str, float], after: Mapping[str, float]) -> float:
    """Total variation distance of two shares."""
    return 0.5 * sum(abs(before.get(text, 0.0) - after.get(text, 0.0)) for text in {*before, *after})
