"""Texts as words between single spaces: what phrases are looked up in, whatever the case and punctuation."""

from __future__ import annotations

import string
from collections.abc import Sequence
from functools import lru_cache

END = "."
"""Any end of a sentence."""
APOSTROPHE = "'"
REMEMBERED = 32_768
"""Texts whose words are kept at hand: some 1 KB each."""

_PLAIN = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "."})
_MARKS = str.maketrans({**dict.fromkeys(string.punctuation, " "), "!": END, "?": END, END: END})


@lru_cache(maxsize=REMEMBERED)
def plain(text: str) -> str:
    """The words and ends of `text` between single spaces. Several checks in a row read the same texts."""
    lower = text.lower() if text.isascii() else text.lower().translate(_PLAIN)
    # translate maps one character to one, which is fast; one regular expression would take ten times as long
    return f" {' '.join(lower.replace(APOSTROPHE, '').translate(_MARKS).replace(END, f' {END} ').split())} "


def tokens(text: str) -> list[str]:
    """Lower-case words, and `END` for each end of a sentence. Apostrophes are dropped (``dont``)."""
    return plain(text).split()


def spaced(words: Sequence[str]) -> str:
    """The words between single spaces, with one at either end: `" a b "` holds the phrase `" a "`."""
    return f" {' '.join(words)} "


def trimmed(words: list[str]) -> list[str]:
    """Without the ends of sentences at either end: a register may leave a full stop out."""
    start, stop = 0, len(words)
    while start < stop and words[start] == END:
        start += 1
    while stop > start and words[stop - 1] == END:
        stop -= 1
    return words[start:stop]


def sentences(text: str) -> list[str]:
    """The sentences of a text as `spaced` words, in order."""
    parts = plain(text).split(f" {END} ")
    return [f" {part.strip()} " for part in parts if part.strip()]
