"""Slots: places in a sentence that a context or a persona fills, such as ``{place}``."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import NamedTuple

from isobath.base.errors import InputError

SLOTS: tuple[str, ...] = ("asker", "place", "team", "thing")
"""Who asks; where; with whom; about what."""

_BRACED = re.compile(r"\{([^{}]*)\}")
_START = re.compile(r"(^|[.!?]\s+|\n)\{([a-z])")


class Sentence(NamedTuple):
    """A text ready to be filled; a slot that begins a sentence takes its fill with a capital letter."""

    text: str
    slotted: bool

    def filled(self, fills: Mapping[str, str]) -> str:
        """The text with `fills` (see `fills_of`) in its slots."""
        return self.text.format_map(fills) if self.slotted else self.text


def sentence(text: str) -> Sentence:
    """`text` ready to be filled. Raises `InputError` for a slot that is none or a brace that is no slot's."""
    check_slots(text)
    capital = _START.sub(lambda found: f"{found[1]}{{{found[2].upper()}", text)
    return Sentence(capital, bool(_BRACED.search(text)))


def check_slots(text: str) -> None:
    """Raise `InputError` (without a place) for a slot that is none, or a brace that is no slot's."""
    known = ", ".join(f"{{{name}}}" for name in SLOTS)
    for name in _BRACED.findall(text):
        if name not in SLOTS:
            near = difflib.get_close_matches(name, SLOTS, 1, cutoff=0.5)
            remedy = f"did you mean {'{' + near[0] + '}'!r}?" if near else "correct it"
            raise InputError(f"unknown slot {'{' + name + '}'!r} in {text!r}", f"the slots are {known}", remedy)
    if "{" in (rest := _BRACED.sub("", text)) or "}" in rest:
        raise InputError(f"a brace that belongs to no slot in {text!r}", f"the slots are {known}", "close or drop it")


class Fill(NamedTuple):
    """What fills a slot, within a sentence and at the start of one."""

    plain: str
    capital: str


def fill(text: str) -> Fill:
    """`text` as a fill."""
    return Fill(text, capitalised(text))


def fills_of(asker: Fill, place: Fill, team: Fill, thing: Fill) -> dict[str, str]:
    """What `Sentence.filled` takes: every slot, and with a capital name the same for the start of a sentence."""
    return {
        "asker": asker.plain,
        "Asker": asker.capital,
        "place": place.plain,
        "Place": place.capital,
        "team": team.plain,
        "Team": team.capital,
        "thing": thing.plain,
        "Thing": thing.capital,
    }


def capitalised(text: str) -> str:
    """`text` with its first letter as a capital and the others as they are."""
    return text[:1].upper() + text[1:]


def pattern_of(text: str) -> re.Pattern[str]:
    """What finds `text` in words, whatever fills its slots; case and white space do not count."""
    pieces = [re.escape(piece) for piece in _BRACED.split(text)[::2]]
    spaced = r"[^\s.!?][^.!?\n]{0,79}?".join(re.sub(r"(?:\\\s|\s)+", r"\\s+", piece) for piece in pieces)
    return re.compile(spaced, re.IGNORECASE)
