"""`Card`: what a person must know before training on the rows, counted from the files as they were written."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from isobath.design.region import Region
from isobath.study.broadening.journal import Journal
from isobath.study.broadening.numbers import ScenarioNumbers
from isobath.study.broadening.paths import Paths
from isobath.study.broadening.sources import scenario_of
from isobath.study.broadening.spec import Broadening
from isobath.study.broadening.spent import Bill, bill
from isobath.study.broadening.text_vectors import text_vectors

SAMPLED = 2000
"""Texts whose nearest other text is sought among all."""
DIVERSE = 1000
"""Texts of which the Vendi score is computed."""
THRESHOLD = 0.8
EXAMPLES = 2


@dataclass(frozen=True)
class Card:
    """Numbers and words of the card. `near` is the share of `sampled` texts with another text at or above `THRESHOLD`.

    `leaked_rows` counts training rows whose combination of relevant levels is that of a test question, `leaked_texts`
    those whose words are a question's; by comparing every row. `vendi` is (q = 1, q = infinity) of `diverse` texts.
    """

    spec: Broadening
    name: str
    numbers: tuple[ScenarioNumbers, ...]
    rows: int
    tests: int
    near: float
    sampled: int
    leaked_rows: int
    leaked_texts: int
    vendi: tuple[float, float]
    diverse: int
    bill: Bill
    examples: tuple[tuple[str, str, str], ...]
    command: str
    version: str

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

    @property
    def held(self) -> dict[str, int]:
        """Test questions by region."""
        counts = Counter[str]()
        for one in self.numbers:
            counts.update(one.tests)
        order = [*map(str, Region), "contested"]
        return {name: counts[name] for name in order if counts[name]}


def card_of(spec: Broadening, paths: Paths, numbers: Sequence[ScenarioNumbers], journal: Journal, command: str) -> Card:
    """The card of the files at `paths`."""
    from isobath import __version__

    read = _read(paths, spec)
    near, sampled = _near(read.texts, spec.seed)
    some = read.texts[:: max(1, len(read.texts) // DIVERSE)][:DIVERSE]
    return Card(
        spec=spec,
        name=paths.train.name,
        numbers=tuple(numbers),
        rows=len(read.texts),
        tests=read.tests,
        near=near,
        sampled=sampled,
        leaked_rows=read.leaked_rows,
        leaked_texts=read.leaked_texts,
        vendi=_vendi(some),
        diverse=len(some),
        bill=bill(journal),
        examples=tuple(read.examples),
        command=command,
        version=__version__,
    )


@dataclass
class _Read:
    texts: list[str]
    examples: list[tuple[str, str, str]]
    tests: int = 0
    leaked_rows: int = 0
    leaked_texts: int = 0


def _read(paths: Paths, spec: Broadening) -> _Read:
    """Every row of the files, compared with every question by brute force."""
    relevant = {}
    for reference in spec.scenarios:
        scenario = scenario_of(reference)
        relevant[scenario.name] = [f.name for f in scenario.space.relevant]
    cells, words, tests = _questions(paths.test, relevant)
    found = _Read([], [], tests)
    shown = Counter[str]()
    with paths.train.open(encoding="utf-8") as stream:
        for line in stream:
            row = json.loads(line)
            told, messages = row["metadata"], row["messages"]
            name = told["scenario"]
            text = "\n".join(m["content"] for m in messages[:-1])
            found.texts.append(text)
            found.leaked_rows += (name, *(told[f] for f in relevant[name])) in cells
            found.leaked_texts += text in words
            if shown[name] < EXAMPLES:
                shown[name] += 1
                said = "\n\n".join(f"{m['role']}: {m['content']}" for m in messages)
                found.examples.append((name, told["id"], said))
    found.examples.sort(key=lambda one: list(relevant).index(one[0]))
    return found


def _questions(path: Path, relevant: dict[str, list[str]]) -> tuple[set[tuple[str, ...]], set[str], int]:
    """Combinations of relevant levels that are held out, the questions' words, and how many questions there are."""
    cells, words, count = set[tuple[str, ...]](), set[str](), 0
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            row = json.loads(line)
            name = row["id"].split(":")[0]
            count += 1
            cells.add((name, *(row["levels"][f] for f in relevant[name])))
            words.add("\n".join(m["content"] for m in row["messages"]))
    return cells, words, count


def _near(texts: Sequence[str], seed: int) -> tuple[float, int]:
    if len(texts) < 2:
        return 0.0, len(texts)
    from isobath.design.near_duplicates import exact_rate

    sample = min(SAMPLED, len(texts))
    return float(exact_rate(texts, sample, THRESHOLD, seed)), sample


def _vendi(texts: Sequence[str]) -> tuple[float, float]:
    if not texts:
        return 0.0, 0.0
    from isobath.design.vendi import vendi

    vectors = text_vectors(texts).astype(float)
    return float(vendi(vectors, q=1)), float(vendi(vectors, q=float("inf")))
