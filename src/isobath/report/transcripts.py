"""Transcripts as the page shows them: who answered, what it was asked, what it said or how likely each option was."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from isobath.analysis.sentence import in_region
from isobath.report.examples import CELL, RULE, choose_examples
from isobath.report.words import STATES, condition_label, count, known, label, percent, text_of

if TYPE_CHECKING:
    import pandas as pd

OPTIONS_SHOWN = 8
BAR = 140
"""Pixels of a probability of 1."""

CellName = tuple[str, str, str, str]
"""GPE, arm, trait and condition: what names a number."""


@dataclass(frozen=True)
class OptionView:
    """One option of a forced choice, with the width of its bar in pixels."""

    text: str
    label: str
    probability: str
    width: float


@dataclass(frozen=True)
class Transcript:
    """One response. `text` is None for a forced choice; `region` is where its question lies, if that is known."""

    facts: Sequence[str]
    prompt: str
    text: str | None
    options: Sequence[OptionView]
    more_options: int
    region: str = ""


@dataclass(frozen=True)
class CellView:
    """The responses behind one number."""

    id: str
    title: str
    rule: str
    transcripts: Sequence[Transcript]


def cell_views(rows: pd.DataFrame, responses: pd.DataFrame | None, estimates: pd.DataFrame) -> dict[CellName, CellView]:
    """The transcripts behind every number of `estimates` whose responses are given, by `CELL`."""
    if responses is None or not len(responses) or not len(rows):
        return {}
    total = {_name(record): int(record["rows"]) for record in estimates.to_dict("records")}
    spoken = {r["response_id"]: r for r in responses.to_dict("records")}
    grouped: dict[CellName, list[Transcript]] = {}
    for row in choose_examples(rows[rows["response_id"].isin(list(spoken))]).to_dict("records"):
        grouped.setdefault(_name(row), []).append(_transcript(row, spoken[row["response_id"]]))
    return {
        name: CellView(f"c{i}", cell_title(name), _rule(len(shown), total[name]), shown)
        for i, (name, shown) in enumerate(grouped.items())
    }


def cell_title(name: CellName) -> str:
    """A number's name as prose."""
    gpe, arm, trait, condition = name
    head = f"{label(gpe)}: " if gpe != "-" else ""
    return f"{head}{label(arm)}, {label(trait)}, {condition_label(condition)}"


def _rule(shown: int, total: int) -> str:
    return f"{shown} of {count(total, 'response')}, {RULE}."


def _name(row: Mapping[Any, Any]) -> CellName:
    gpe, arm, trait, condition = (text_of(row[column]) for column in CELL)
    return gpe or "-", arm, trait, condition


def _transcript(row: Mapping[Any, Any], response: Mapping[Any, Any]) -> Transcript:
    state = text_of(row["state"])
    by = f"by {text_of(row['score'])}" if text_of(row["score"]) else ""
    score = f"score {float(row['value']):.3f} {by}" if known(row["value"]) else STATES.get(state, state)
    place = [text_of(row["base"]) or text_of(row["model"])]
    if known(row["seed"]):
        place.append(f"run seed {int(row['seed'])}")
    region = text_of(row.get("region"))
    asked = f"question {text_of(row['question'])}{f' ({in_region(region)})' if region else ''}"
    facts = [" · ".join(p for p in place if p), asked, score]
    if text_of(response.get("judged")):
        facts.append(f"judged {text_of(response['judged'])}")
    options = list(_options(response["options"]))
    text = None if options and response["kind"] == "choice" else text_of(response["text"])
    shown = options[:OPTIONS_SHOWN]
    return Transcript(facts, text_of(response["prompt"]), text, shown, len(options) - len(shown), region)


def _options(encoded: object) -> Iterable[OptionView]:
    """Options, most likely first."""
    listed = json.loads(encoded) if isinstance(encoded, str) and encoded else []
    for option in sorted(listed, key=lambda o: -o["logprob"]):
        p = math.exp(option["logprob"])
        yield OptionView(str(option["text"]), str(option.get("label") or ""), percent(p), round(max(1.0, BAR * p), 1))
