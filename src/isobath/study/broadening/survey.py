"""Looking through the rows of one scenario as they were written: leaks, near-duplicates of drawn rows, examples."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from isobath.design.shingles import Shingler

THRESHOLD, WIDTH = 0.8, 3
"""Two texts whose sets of word 3-grams have this Jaccard index or more are near-duplicates."""
AT_ONCE = 500
EXAMPLES = 2


@dataclass(frozen=True)
class Survey:
    """A part to be looked through: files of rows and questions, the relevant factors, and what is sought in it.

    `drawn` are texts whose near-duplicates are sought, `own` says which row of this part each of them is (-1: of
    another part), `shown` which rows come back as texts.
    """

    train: Path
    test: Path
    relevant: tuple[str, ...]
    drawn: tuple[str, ...]
    own: tuple[int, ...]
    shown: tuple[int, ...]


@dataclass(frozen=True)
class Surveyed:
    """What was found: rows, leaks, which of the drawn texts have a near-duplicate here, examples, the texts shown."""

    rows: int
    tests: int
    leaked_rows: int
    leaked_texts: int
    near: tuple[int, ...]
    examples: tuple[tuple[str, str, str], ...]
    shown: tuple[str, ...]


def surveyed(survey: Survey) -> Surveyed:
    """Look through a part: every row against every question, and against every text drawn. Exact."""
    cells, words, tests = _questions(survey)
    seeker, near = _Seeker(survey.drawn), set[int]()
    own = {row: i for i, row in enumerate(survey.own) if row >= 0}
    wanted, shown = set(survey.shown), list[str]()
    examples: list[tuple[str, str, str]] = []
    leaked_rows = leaked_texts = rows = 0
    for start, batch in _batches(survey.train):
        texts = [words_before(row["messages"]) for row in batch]
        for i, (row, text) in enumerate(zip(batch, texts, strict=True), start):
            told = row["metadata"]
            leaked_rows += tuple(told[name] for name in survey.relevant) in cells
            leaked_texts += text in words
            if i in wanted:
                shown.append(text)
            if len(examples) < EXAMPLES:
                said = "\n\n".join(f"{m['role']}: {m['content']}" for m in row["messages"])
                examples.append((told["scenario"], told["id"], said))
        near |= seeker.found(texts, [own.get(i, -1) for i in range(start, start + len(batch))])
        rows += len(batch)
    return Surveyed(rows, tests, leaked_rows, leaked_texts, tuple(sorted(near)), tuple(examples), tuple(shown))


def words_before(messages: Sequence[Mapping[str, str]]) -> str:
    """The words before the answer, a line per turn: what is compared."""
    return "\n".join(message["content"] for message in messages[:-1])


def _batches(path: Path) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    start, batch = 0, list[dict[str, Any]]()
    with path.open("rb") as stream:
        for line in stream:
            batch.append(json.loads(line))
            if len(batch) == AT_ONCE:
                yield start, batch
                start, batch = start + len(batch), []
    if batch:
        yield start, batch


def _questions(survey: Survey) -> tuple[set[tuple[str, ...]], set[str], int]:
    """Combinations of relevant levels of the questions, their words, and how many there are."""
    cells, words, count = set[tuple[str, ...]](), set[str](), 0
    with survey.test.open("rb") as stream:
        for line in stream:
            row = json.loads(line)
            count += 1
            cells.add(tuple(row["levels"][name] for name in survey.relevant))
            words.add("\n".join(message["content"] for message in row["messages"]))
    return cells, words, count


class _Seeker:
    """Finds near-duplicates of some texts by counting the n-grams shared with each: nothing is estimated."""

    def __init__(self, drawn: Sequence[str]) -> None:
        from scipy.sparse import csr_array

        self._shingler = Shingler(WIDTH)
        found = self._shingler(drawn)
        self.sizes = found.sizes
        self._codes, place = np.unique(found.codes, return_inverse=True)
        ones = np.ones(len(place), dtype=np.int32)
        by_text = csr_array((ones, place, found.starts), shape=(len(drawn), len(self._codes)))
        self._texts_of = by_text.T.tocsr()

    def found(self, texts: Sequence[str], own: Sequence[int]) -> set[int]:
        """Numbers of the drawn texts that one of `texts` nearly repeats; `own` says which each text is itself."""
        from scipy.sparse import csr_array

        if not len(self._codes):
            return set()
        mine = self._shingler(texts)
        at = np.minimum(np.searchsorted(self._codes, mine.codes), len(self._codes) - 1)
        hit = self._codes[at] == mine.codes
        starts = np.concatenate([[0], np.cumsum(hit)])[mine.starts]
        ones = np.ones(int(hit.sum()), dtype=np.int32)
        shared = csr_array((ones, at[hit], starts), shape=(len(texts), len(self._codes))) @ self._texts_of
        text_of = np.repeat(np.arange(len(texts)), np.diff(shared.indptr))
        union = mine.sizes[text_of] + self.sizes[shared.indices] - shared.data
        alike = (shared.data >= THRESHOLD * union) & (np.asarray(own)[text_of] != shared.indices)
        return set(np.unique(shared.indices[alike]).tolist())
