"""The rows of one scenario, from points to a finished part: words, verification, refilling, selection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from isobath.study.broadening.asking import Asking
from isobath.study.broadening.candidates import candidates_of
from isobath.study.broadening.checking import checks_of, tagger_of
from isobath.study.broadening.making import Making
from isobath.study.broadening.measuring import measured
from isobath.study.broadening.numbers import ScenarioNumbers
from isobath.study.broadening.own_data import own_data
from isobath.study.broadening.picking import picked
from isobath.study.broadening.questions import island_questions, test_questions
from isobath.study.broadening.rows import line_of, tagged_test
from isobath.study.broadening.sources import scenario_of
from isobath.study.broadening.space_text import space_text
from isobath.study.broadening.spec import Broadening
from isobath.study.broadening.spool import Spool
from isobath.study.broadening.whole_file import write_text, write_whole


@dataclass(frozen=True)
class Part:
    """One scenario of a specification to be made: its place in the list, its rows and the folders of its files.

    What only an unfinished run needs lies in `folder`; tagged rows and space go to `landscape` at once.
    """

    spec: Broadening
    index: int
    rows: int
    folder: Path
    landscape: Path

    @property
    def train(self) -> Path:
        """Its training rows."""
        return self.folder / f"{self.index:03d}.train.jsonl"

    @property
    def test(self) -> Path:
        """Its test questions."""
        return self.folder / f"{self.index:03d}.test.jsonl"

    @property
    def island(self) -> Path:
        """Its questions where training data is."""
        return self.folder / f"{self.index:03d}.island.jsonl"

    @property
    def numbers(self) -> Path:
        """What was counted; written last, so that a part with numbers is whole."""
        return self.folder / f"{self.index:03d}.numbers.json"


def run_part(part: Part) -> ScenarioNumbers:
    """Make a part that templates word (in any process), unless it is there already."""
    return make_part(part, None)


def make_part(part: Part, asking: Asking | None) -> ScenarioNumbers:
    """Make `part`. A part cut short (`stopped`) is made again from the journal next time."""
    if part.numbers.is_file():
        found = ScenarioNumbers.model_validate_json(part.numbers.read_text(encoding="utf-8"))
        if not found.stopped:
            return found
    scenario = scenario_of(part.spec.scenarios[part.index])
    own = own_data(part.spec, scenario)
    candidates = candidates_of(part.spec, scenario, part.rows, own)
    tests = test_questions(part.spec, candidates)
    tagger = tagger_of(part.spec, scenario, asking)
    checks = checks_of(part.spec, scenario, candidates.held, [draft for _, _, draft in tests], tagger)
    writer = None if asking is None else asking.writer
    part.folder.mkdir(parents=True, exist_ok=True)
    with (
        Spool(part.folder / f"{part.index:03d}.kept") as spool,
        Spool(part.folder / f"{part.index:03d}.lines") as lines,
    ):
        making = Making(part.spec, candidates, writer, spool, lines, checks)
        making.run()
        chosen = picked(part.spec, making.candidates, making.rows, part.rows, spool)
        codes = making.candidates.codes[np.array(chosen, dtype=np.int64)]
        known = island_questions(part.spec, making.candidates, own, codes)
        asked, kept = ([tagged_test(scenario, name, draft) for name, _, draft in some] for some in (tests, known))
        write_whole(part.train, spool.lines(chosen))
        write_whole(part.test, _lines(asked))
        write_whole(part.island, _lines(kept))
        write_whole(part.landscape / f"{scenario.name}.jsonl", _both(lines.lines(chosen), [*asked, *kept]))
        write_text(part.landscape / f"{scenario.name}.space.yaml", space_text(scenario, own.absent))
        numbers = measured(part, making, own, chosen, tests, len(known))
    write_text(part.numbers, numbers.model_dump_json())
    return numbers


def _lines(values: Sequence[dict[str, object]]) -> Iterator[bytes]:
    return (line_of(one) for one in values)


def _both(train: Iterator[bytes], asked: Sequence[dict[str, object]]) -> Iterator[bytes]:
    yield from train
    yield from _lines(asked)
