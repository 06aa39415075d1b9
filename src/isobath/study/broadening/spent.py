"""What the answers in a journal came to."""

from __future__ import annotations

import math
from typing import NamedTuple

from isobath.study.broadening.journal import Journal


class Bill(NamedTuple):
    """Answers, how many of them read drafts back, tokens that the server counted for the others, and their US$ (None
    where no price is known)."""

    answers: int
    readings: int
    tokens_in: int
    tokens_out: int
    dollars: float | None


def bill(journal: Journal) -> Bill:
    """The whole journal's."""
    written = [entry for entry in journal.entries.values() if "judgement" not in entry]
    priced = [entry["dollars"] for entry in written if entry.get("dollars") is not None]
    return Bill(
        len(journal.entries),
        len(journal.entries) - len(written),
        sum(entry.get("tokens_in") or 0 for entry in written),
        sum(entry.get("tokens_out") or 0 for entry in written),
        math.fsum(priced) if priced else None,
    )
