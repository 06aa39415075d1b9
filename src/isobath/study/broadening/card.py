"""`Card`: what a person must know before training on the rows, counted from the files as they were written."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from isobath.analysis.intervals import Interval, clopper_pearson
from isobath.base.seeding import rng
from isobath.study.broadening.journal import Journal
from isobath.study.broadening.numbers import ScenarioNumbers
from isobath.study.broadening.paths import Paths
from isobath.study.broadening.scenario_run import Part
from isobath.study.broadening.sources import scenario_of
from isobath.study.broadening.spec import Broadening
from isobath.study.broadening.spent import Bill, bill
from isobath.study.broadening.survey import THRESHOLD, Survey, Surveyed, words_before
from isobath.study.broadening.text_vectors import text_kernel

__all__ = ["THRESHOLD", "Card", "card_of"]

SAMPLED = 1000
"""Texts whose nearest other text is sought among all."""
DIVERSE = 1000
"""Texts of which the Vendi score is computed."""
FEWEST_COMPARED = 5
"""Texts of either side that a classifier of two sets needs."""

Look = Callable[[Sequence[Survey]], list[Surveyed]]
"""Looks through parts, in any processes."""


@dataclass(frozen=True)
class Card:
    """Numbers and words of the card. Of `sampled` texts `near_rows` have another text at or above `THRESHOLD`.

    `leaked_rows` counts training rows whose combination of relevant levels is that of a test question, `leaked_texts`
    those whose words are a question's, by comparing every row. `vendi` is (q = 1, q = infinity) of `diverse` texts;
    `realism` says whether a classifier tells those from the reference texts, empty where there are too few of either.
    """

    spec: Broadening
    name: str
    numbers: tuple[ScenarioNumbers, ...]
    rows: int
    tests: int
    near_rows: int
    sampled: int
    leaked_rows: int
    leaked_texts: int
    vendi: tuple[float, float]
    diverse: int
    realism: str
    bill: Bill
    examples: tuple[tuple[str, str, str], ...]
    command: str
    version: str

    @property
    def near(self) -> float:
        """Share of the texts drawn that have a near-duplicate among all."""
        return self.near_rows / self.sampled if self.sampled else 0.0

    @property
    def near_interval(self) -> Interval:
        """Clopper-Pearson, 95 %, for that share of all rows; a point where every row was drawn."""
        if not self.sampled or self.sampled == self.rows:
            return Interval(self.near, self.near)
        return clopper_pearson(self.near_rows, self.sampled)

    @property
    def drafted(self) -> int:
        """Drafts that were verified."""
        return sum(one.drafted for one in self.numbers)

    @property
    def rejected(self) -> int:
        """Drafts turned down."""
        return sum(one.rejected for one in self.numbers)

    @property
    def missing(self) -> int:
        """Rows asked for and not made."""
        return sum(one.missing for one in self.numbers)

    @property
    def stopped(self) -> tuple[str, ...]:
        """Why it is not finished; empty where it is."""
        return tuple(dict.fromkeys(one.stopped for one in self.numbers if one.stopped))


def card_of(
    paths: Paths, parts: Sequence[Part], numbers: Sequence[ScenarioNumbers], journal: Journal, command: str, look: Look
) -> Card:
    """The card of the files of `parts`."""
    from isobath import __version__

    spec = parts[0].spec
    surveys = _surveys(parts, [one.rows for one in numbers])
    found = look(surveys)
    near = {i for one in found for i in one.near}
    some = [text for one in found for text in one.shown]
    sampled = len(surveys[0].drawn)
    return Card(
        spec=spec,
        name=paths.train.name,
        numbers=tuple(numbers),
        rows=sum(one.rows for one in found),
        tests=sum(one.tests for one in found),
        near_rows=len(near),
        sampled=sampled,
        leaked_rows=sum(one.leaked_rows for one in found),
        leaked_texts=sum(one.leaked_texts for one in found),
        vendi=_vendi(some),
        diverse=len(some),
        realism=_realism(spec, some),
        bill=bill(journal),
        examples=tuple(example for one in found for example in one.examples),
        command=command,
        version=__version__,
    )


def _surveys(parts: Sequence[Part], rows: Sequence[int]) -> list[Survey]:
    """What to look for in each part: rows drawn from all parts by the seed."""
    spec, total = parts[0].spec, sum(rows)
    drawn = np.sort(rng(spec.seed, "broaden", "near duplicates").permutation(total)[:SAMPLED])
    shown = np.sort(rng(spec.seed, "broaden", "diversity").permutation(total)[:DIVERSE])
    starts = np.cumsum([0, *rows])
    mine = [drawn[(drawn >= a) & (drawn < b)] - a for a, b in pairwise(starts)]
    texts = [text for part, wanted in zip(parts, mine, strict=True) for text in _texts(part, set(wanted.tolist()))]
    found, before = [], 0
    for i, part in enumerate(parts):
        scenario = scenario_of(spec.scenarios[part.index])
        own = np.full(len(texts), -1)
        own[before : before + len(mine[i])] = mine[i]
        before += len(mine[i])
        here = shown[(shown >= starts[i]) & (shown < starts[i + 1])] - starts[i]
        relevant = tuple(factor.name for factor in scenario.space.relevant)
        found.append(Survey(part.train, part.test, relevant, tuple(texts), tuple(own.tolist()), tuple(here.tolist())))
    return found


def _texts(part: Part, wanted: set[int]) -> list[str]:
    with part.train.open("rb") as stream:
        return [words_before(json.loads(line)["messages"]) for i, line in enumerate(stream) if i in wanted]


def _realism(spec: Broadening, texts: Sequence[str]) -> str:
    from isobath.measures.verification.realism import Realism
    from isobath.study.broadening.checking import real_texts

    references = real_texts(spec)
    if min(len(references), len(texts)) < FEWEST_COMPARED:
        return ""
    return str(Realism(references, kind=spec.references_kind, seed=spec.seed).compare_texts(texts))


def _vendi(texts: Sequence[str]) -> tuple[float, float]:
    if not texts:
        return 0.0, 0.0
    from isobath.design.vendi import vendi

    kernel = text_kernel(texts)
    return vendi(kernel=kernel, q=1.0), vendi(kernel=kernel, q=float("inf"))
