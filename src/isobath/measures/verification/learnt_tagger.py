"""`LearntTagger`: n-gram classifiers that learnt each factor's levels from other drafts, with no table of phrases.

Logistic regression on words and pairs of words, one classifier per factor, fitted on drafts of the same scenario at
other points and with other seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isobath.analysis.intervals import clopper_pearson
from isobath.base.errors import InputError
from isobath.base.seeding import rng, stream_seed
from isobath.gpe.scenarios.draft import Draft
from isobath.gpe.scenarios.scenario import Scenario
from isobath.measures.logistic import Linear
from isobath.measures.verification.agreement import Agreement
from isobath.measures.verification.level_classifier import ABSENT, fit_levels, sure_levels
from isobath.measures.verification.ngrams import NGrams, words_of
from isobath.measures.verification.phrase_tagger import PhraseIndex, Wording
from isobath.measures.verification.reading import Levels, Reading
from isobath.measures.verification.words import spaced

ROWS, TESTED = 1_500, 400
SURE = 0.8
"""Probability that a level must have to be named."""
SURE_UNSEEN = 0.5
"""The same, where the wording was not seen in the fit."""
LEAST_RIGHT = 0.98
"""Share of the levels named in its own test that must be right, by the lower end of its interval."""


@dataclass(frozen=True)
class _Fold:
    """A classifier that has not seen the wordings numbered `unseen` modulo the folds; -1: it has seen them all."""

    unseen: int
    linear: Linear


class LearntTagger:
    """Reads levels from n-grams; None where no level has the probability `SURE`.

    `accuracy` is what it named rightly on drafts kept from the fit, per factor; a factor below `LEAST_RIGHT` there, or
    named in less than half of them, is not told. With `folds` > 0, a draft is read by a classifier that has not seen
    the wording it uses: the wordings of each factor are dealt into so many parts, and each part's classifier is fitted
    without it. That is the independent reading of a wording (does it mean what the others of its level mean?), and a
    hard one. With `folds` 0 it has seen every wording, beside other points and seeds. What it cannot see: words that no
    draft of the fit had, order beyond pairs of words, and an error that all wordings of a level share.

    Fit it with `LearntTagger.fit`.
    """

    name = "learnt tagger"

    def __init__(
        self,
        scenario: Scenario,
        grams: NGrams,
        fitted: dict[str, tuple[_Fold, ...]],
        accuracy: tuple[Agreement, ...],
        folds: int,
    ) -> None:
        self._scenario, self._grams, self._fitted = scenario, grams, fitted
        self.accuracy, self.folds = accuracy, folds
        self._index = PhraseIndex(scenario) if folds else None
        if folds:
            self.name = "learnt tagger, unseen wordings"

    @classmethod
    def fit(cls, scenario: Scenario, seed: int = 0, rows: int = ROWS, folds: int = 0) -> LearntTagger:
        """Fit on `rows` drafts at random points, in every rendering; their seeds come from a stream of their own.

        From half of the drafts the phrase of one factor is cut, so that a factor which is not told is a class of its
        own. Raises `InputError` for a `rows` below 100.
        """
        if rows < 100:
            raise InputError(f"rows = {rows}", "levels are learnt from 100 drafts or more", "use more")
        index = PhraseIndex(scenario)
        drafts = _drafts(scenario, seed, rows, "fit")
        texts, labels = _examples(scenario, drafts, index, seed)
        grams = NGrams(texts)
        values = grams.matrix(texts)
        fitted = {}
        for factor in scenario.space.factors:
            classes = labels[factor.name]
            used = _wordings_used(drafts, index, factor.name, folds) if folds else np.zeros(0)
            parts = [_Fold(-1, fit_levels(values, classes, len(factor.domain)))]
            for part in range(folds):  # no example of absence: an unseen wording would be taken for one
                kept = np.flatnonzero(used != part)
                parts.append(_Fold(part, fit_levels(values[kept], classes[kept], len(factor.domain))))
            fitted[factor.name] = tuple(parts)
        made = cls(scenario, *_pruned(grams, fitted), (), folds)
        made.accuracy = made._tested(_drafts(scenario, seed, TESTED, "test"))
        return made

    def tells(self, scenario: Scenario) -> tuple[str, ...]:
        """The factors that it told rightly in its own test."""
        self._check(scenario)
        return tuple(
            part.factor
            for part in self.accuracy
            if 2 * (named := part.agree + part.differ) >= part.drafts > 0
            and clopper_pearson(part.agree, named).low >= LEAST_RIGHT
        )

    def read(self, drafts: Sequence[Draft], scenario: Scenario) -> list[Levels]:
        """One reading per draft. Raises `InputError` for another scenario than it was fitted on."""
        self._check(scenario)
        texts = [words_of(draft.text) for draft in drafts]
        values = self._grams.matrix(texts)
        used = self._used(texts)
        columns: list[list[str | None]] = []
        for factor in scenario.space.factors:
            folds = self._fitted[factor.name]
            named = np.full(len(drafts), ABSENT)
            for fold in folds:
                mine = used[factor.name] == fold.unseen
                if mine.any():
                    part = values if mine.all() else values[mine]
                    named[mine] = sure_levels(fold.linear, part, SURE if fold.unseen < 0 else SURE_UNSEEN)
            columns.append([factor.domain[i] if i != ABSENT else None for i in named.tolist()])
        names = scenario.space.names
        return [Reading(dict(zip(names, levels, strict=True))) for levels in zip(*columns, strict=True)]

    def _used(self, texts: Sequence[Sequence[str]]) -> dict[str, NDArray[np.int64]]:
        """Per factor, the fold whose classifier has not seen the wording each text uses; -1 where none is known."""
        used = {name: np.full(len(texts), -1) for name in self._fitted}
        if self._index is not None:
            for row, text in enumerate(texts):
                for wording in self._index.in_words(text):
                    used[wording.factor][row] = wording.number % self.folds
        return used

    def _tested(self, drafts: Sequence[Draft]) -> tuple[Agreement, ...]:
        from isobath.measures.verification.agreement import agreement

        return agreement(self.name, drafts, self.read(drafts, self._scenario), self._scenario.space.names)

    def _check(self, scenario: Scenario) -> None:
        if (scenario.name, scenario.version) != (self._scenario.name, self._scenario.version):
            raise InputError(
                f"a tagger fitted on {self._scenario.name!r} asked about {scenario.name!r}",
                "a tagger knows the scenario it was fitted on",
                "fit one for each scenario and version",
            )


def _pruned(grams: NGrams, fitted: dict[str, tuple[_Fold, ...]]) -> tuple[NGrams, dict[str, tuple[_Fold, ...]]]:
    """Without the features that no classifier looks at."""
    weights = [fold.linear.weights for folds in fitted.values() for fold in folds]
    used = np.flatnonzero(np.any([np.abs(one).max(1) > 0 for one in weights], axis=0))
    small = {
        name: tuple(_Fold(f.unseen, Linear(f.linear.weights[used], f.linear.bias)) for f in folds)
        for name, folds in fitted.items()
    }
    return grams.only(used), small


def _drafts(scenario: Scenario, seed: int, rows: int, part: str) -> list[Draft]:
    """Drafts at random points that can be; seeds of 63 bits, which no run of a user's has."""
    stream = rng(seed, "learnt tagger", scenario.name, part)
    shape = np.array(scenario.space.shape)
    codes = np.empty((0, len(shape)), dtype=np.int16)
    for _ in range(100):
        drawn = stream.integers(0, shape, (2 * rows, len(shape))).astype(np.int16)
        codes = np.concatenate([codes, drawn[scenario.space.allowed(drawn)]])[:rows]
        if len(codes) == rows:
            break
    forms = scenario.renderings
    return [
        scenario.draft(point, stream_seed(seed, "learnt tagger", part, i), forms[i % len(forms)])
        for i, point in enumerate(scenario.space.decode(codes))
    ]


def _examples(
    scenario: Scenario, drafts: Sequence[Draft], index: PhraseIndex, seed: int
) -> tuple[list[list[str]], dict[str, NDArray[np.int64]]]:
    """Every draft whole, and once more without the phrase of one factor (drawn), with the labels of both."""
    whole = [words_of(draft.text) for draft in drafts]
    levels = np.tile(scenario.space.encode([draft.point for draft in drafts]).astype(np.int64), (2, 1))
    names, cut = list(scenario.space.names), []
    stream = rng(seed, "learnt tagger", "cut")
    for row, words in enumerate(whole):
        found = index.in_words(words)
        text = words
        if found:
            gone = found[int(stream.integers(len(found)))].factor
            text = _without(words, [wording for wording in found if wording.factor == gone])
            levels[len(whole) + row, names.index(gone)] = ABSENT
        cut.append(text)
    return whole + cut, {name: levels[:, i] for i, name in enumerate(names)}


def _without(words: Sequence[str], wordings: Sequence[Wording]) -> list[str]:
    text = spaced(words)
    for wording in wordings:
        text = wording.cut(text)
    return text.split()


def _wordings_used(drafts: Sequence[Draft], index: PhraseIndex, factor: str, folds: int) -> NDArray[np.int64]:
    """The fold of the wording of `factor` in each draft; -1 where none is found."""
    used = np.full(len(drafts), -1)
    for row, draft in enumerate(drafts):
        for wording in index.found(draft.text):
            if wording.factor == factor:
                used[row] = wording.number % folds
    return used
