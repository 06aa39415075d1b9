"""`PhraseTagger`: looks up the scenario's own phrases. It knows the words, neither the point nor the frame."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from isobath.gpe.scenarios.draft import Draft
from isobath.gpe.scenarios.scenario import Scenario
from isobath.measures.verification.reading import Levels, Reading
from isobath.measures.verification.words import END, plain, spaced, tokens, trimmed

_SLOT = re.compile(r"\{\w+\}")
LONGEST_SLOT = 12
"""Words that may stand where a phrase has a slot; never over the end of a sentence."""


class Wording(NamedTuple):
    """One way to word a level: its `pieces` (spaced words between slots) and, where there are slots, their pattern."""

    factor: str
    level: str
    number: int
    pieces: tuple[str, ...]
    pattern: re.Pattern[str] | None

    def found(self, text: str) -> bool:
        """Whether the spaced `text` holds it."""
        if self.pattern is None:
            return self.pieces[0] in text
        return all(piece in text for piece in self.pieces) and self.pattern.search(text) is not None

    def cut(self, text: str) -> str:
        """The spaced `text` without it."""
        pattern = self.pattern or re.compile(re.escape(self.pieces[0]))
        return pattern.sub(" ", text)


class PhraseIndex:
    """Every wording of a scenario, found by its rarest word: few are tried on a text."""

    def __init__(self, scenario: Scenario) -> None:
        self.wordings = [
            made
            for factor in scenario.space.names
            for level, texts in scenario.phrases(factor).items()
            for number, text in enumerate(texts)
            if (made := _wording(factor, level, number, text)) is not None
        ]
        self.factors = tuple(dict.fromkeys(wording.factor for wording in self.wordings))
        common = Counter(word for wording in self.wordings for word in set(_words(wording)))
        self._at: dict[str, list[Wording]] = {}
        for wording in self.wordings:
            rarest = min(_words(wording), key=lambda word: (common[word], word))
            self._at.setdefault(rarest, []).append(wording)
        self._anchors = frozenset(self._at)

    def found(self, text: str) -> list[Wording]:
        """The wordings that stand in `text`."""
        return self._in(plain(text))

    def in_words(self, words: Sequence[str]) -> list[Wording]:
        """The wordings that stand in a text given as its `tokens`."""
        return self._in(spaced(words))

    def _in(self, whole: str) -> list[Wording]:
        at = self._at
        return [w for anchor in self._anchors.intersection(whole.split()) for w in at[anchor] if w.found(whole)]


class PhraseTagger:
    """The level whose phrase stands in the text; None where none does, or phrases of two levels do.

    What it cannot see: a phrase filed under the wrong level (it looks up the same table), and levels worded otherwise,
    as a model does.
    """

    name = "phrase tagger"

    def __init__(self) -> None:
        self._for: Scenario | None = None
        self._index: PhraseIndex | None = None
        self._last: dict[str, Reading] = {}

    def tells(self, scenario: Scenario) -> tuple[str, ...]:
        """The factors that the scenario has phrases for."""
        return self.index(scenario).factors

    def read(self, drafts: Sequence[Draft], scenario: Scenario) -> list[Levels]:
        """One reading per draft. Those of the last call are remembered: checks in a row read the same texts."""
        index, before = self.index(scenario), self._last
        texts = [draft.text for draft in drafts]
        self._last = {
            text: before.get(text) or _reading(index.factors, index.found(text)) for text in dict.fromkeys(texts)
        }
        return [self._last[text] for text in texts]

    def index(self, scenario: Scenario) -> PhraseIndex:
        """The phrases of `scenario`, compiled once."""
        if self._index is None or self._for is not scenario:
            self._for, self._index, self._last = scenario, PhraseIndex(scenario), {}
        return self._index


def _reading(factors: tuple[str, ...], found: Sequence[Wording]) -> Reading:
    levels: dict[str, str | None] = dict.fromkeys(factors)
    why: dict[str, str] = {}
    for wording in found:
        said = levels[wording.factor]
        if said is None and wording.factor not in why:
            levels[wording.factor] = wording.level
        elif said != wording.level:
            two = {wording.level, *([said] if said is not None else [])}
            levels[wording.factor] = None
            why.setdefault(wording.factor, f"the text says two levels, {' and '.join(map(repr, sorted(two)))}")
    return Reading(levels, why)


def _wording(factor: str, level: str, number: int, text: str) -> Wording | None:
    parts = [trimmed(tokens(part)) for part in _SLOT.split(text)]
    pieces = [spaced(words) for words in parts if words]
    if not pieces:
        return None  # nothing but a slot
    pattern = None
    if len(pieces) > 1:
        gap = rf"(?:[^ {re.escape(END)}]+ ){{0,{LONGEST_SLOT}}}?"
        pattern = re.compile(
            gap.join(re.escape(piece) if i == 0 else re.escape(piece[1:]) for i, piece in enumerate(pieces))
        )
    return Wording(factor, level, number, tuple(pieces), pattern)


def _words(wording: Wording) -> list[str]:
    return [word for piece in wording.pieces for word in piece.split()]
