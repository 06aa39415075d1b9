"""How numbers and names read on paper: percentages, points, intervals, labels."""

from __future__ import annotations

import math
import re

CONDITIONS = {
    "none": "no prompt",
    "training": "its training prompt",
    "paraphrase": "a paraphrase of it",
    "positive": "a prompt that asks for the trait, never trained with it",
    "positive_paraphrase": "another prompt that asks for the trait, never trained with it",
    "placebo": "an irrelevant prompt",
    "trigger": "a trigger",
    "negated": "a negated prompt",
}

STATES = {
    "ok": "scored",
    "refused": "refused to answer",
    "parse_error": "answer not readable",
    "judge_failed": "judge failed",
    "truncated": "cut off by the length limit",
    "not_applicable": "question does not apply",
}


def label(name: str) -> str:
    """A name as prose: ``bad_advice_held_out`` -> ``bad advice held out``."""
    return name.replace("_", " ")


def condition_label(name: str) -> str:
    """What a model was told when asked."""
    return CONDITIONS.get(name, label(name))


def known(value: object) -> bool:
    """Whether `value` is a number: not None, NaN or pandas' NA."""
    try:
        return math.isfinite(float(value))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False


def text_of(value: object) -> str:
    """A field of a frame as text; a missing one is empty."""
    import pandas as pd

    return "" if value is None or value is pd.NA or value != value else str(value)


LEANING = (
    "Traits put as a choice are scored by how far the model leans to an answer, per token of each: chance is "
    "indifference, and a value is a degree of preference, not how often the model would say so."
)


def percent(value: float) -> str:
    """A rate: ``41%``; one decimal below 10% and above 99%, where it matters. Never rounds a positive rate to 0."""
    number = 100 * float(value)
    if 0 < number < 0.05:
        return "<0.1%"
    if 99.95 < number < 100:
        return ">99.9%"
    return f"{number:.1f}%" if 0 < number < 9.95 or 99 < number < 100 else f"{number:.0f}%"


def points(value: float) -> str:
    """A difference of rates in percentage points, signed: ``+41 points``."""
    number = 100 * float(value)
    text = f"{number:+.1f}" if abs(number) < 9.95 else f"{number:+.0f}"
    return f"{'0.0' if float(text) == 0 else text.replace('-', '−')} points"


def rate_interval(low: float, high: float) -> str:
    """``33–49%``; one number where both ends read the same."""
    ends = percent(low), percent(high)
    return ends[0] if ends[0] == ends[1] else f"{ends[0].rstrip('%')}–{ends[1]}"


def points_interval(low: float, high: float) -> str:
    """``−3.1 to +49 points``."""
    return f"{points(low).removesuffix(' points')} to {points(high)}"


def count(number: int, noun: str) -> str:
    """``1 base``, ``5 bases``, ``1,200 responses``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """``42 s``, ``1 min 12 s``, ``2 h 05 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def capital(text: str) -> str:
    """`text` with a capital first letter, the rest as it is."""
    return text[:1].upper() + text[1:]


def plain_name(name: str) -> str:
    """`name` as the name of a file and an id: letters, digits, ``_`` and ``-`` alone, whatever a data file said."""
    return re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-") or "figure"


def unused_name(name: str, used: set[str]) -> str:
    """`plain_name`, unlike those `used`, and added to them."""
    plain = plain_name(name)
    made, count = plain, 2
    while made in used:
        made, count = f"{plain}-{count}", count + 1
    used.add(made)
    return made
