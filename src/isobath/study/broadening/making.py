"""`Making`: the rows of one scenario through words, verification and refilling."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from isobath.gpe.scenarios.draft import TEMPLATES, Draft
from isobath.gpe.scenarios.scenario import Scenario
from isobath.measures.verification.check import Check
from isobath.measures.verification.verify import verify
from isobath.study.broadening.candidates import Candidates, replaced
from isobath.study.broadening.rows import tagged_train, train_row
from isobath.study.broadening.spec import Broadening
from isobath.study.broadening.spool import Spool
from isobath.study.broadening.tally import WRITER, Tally
from isobath.study.broadening.writing import EndpointWriter

CHUNK = 2000
"""Drafts in memory at once."""

SPOKEN = ("the judge refused", "the reply was cut")
"""Endings of what a reader said for good: asking it again would bring the same."""


class Making:
    """Drafts in words through verification, and those turned down again in other words, round by round."""

    def __init__(
        self,
        spec: Broadening,
        candidates: Candidates,
        writer: EndpointWriter | None,
        spool: Spool,
        lines: Spool,
        checks: Sequence[Check],
    ) -> None:
        self.spec, self.candidates, self.writer, self.spool, self.lines = spec, candidates, writer, spool, lines
        self.tally, self.stopped, self.rounds, self.left_out = Tally(), "", 0, 0
        self._checks = checks

    @property
    def scenario(self) -> Scenario:
        """Whose rows are made."""
        return self.candidates.scenario

    @property
    def source(self) -> str:
        """Who words the rows."""
        return TEMPLATES if self.writer is None else self.writer.endpoint.model

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """Rows that may be chosen: kept ones, of points with all their wordings."""
        kept = np.array(self.spool.rows, dtype=np.int64)
        same = self.candidates.same
        if same is None or not len(kept):
            return kept
        whole = np.bincount(same[kept], minlength=int(same.max()) + 1) == self.spec.wordings
        self.left_out = int((~whole[same[kept]]).sum())
        found: npt.NDArray[np.int64] = kept[whole[same[kept]]]
        return found

    def run(self) -> None:
        """All rounds."""
        todo = list(range(len(self.candidates)))
        for number in range(self.spec.rounds + 1):
            if number and number == self.spec.rounds and self.candidates.same is None:
                # other words did not help: other points may
                self.candidates = replaced(self.spec, self.candidates, todo)
            self.rounds = number
            for start in range(0, len(todo), CHUNK):
                self._batch(todo[start : start + CHUNK], number)
                if self.stopped:
                    return
            todo = [row for row in todo if row not in self.spool]
            if not todo:
                return

    def _batch(self, rows: Sequence[int], number: int) -> None:
        drafts = self.candidates.drafts(rows, number)
        row_of = {draft.id: row for draft, row in zip(drafts, rows, strict=True)}
        worded = self._worded(drafts)
        if not worded:
            return
        found = verify(worded, self.scenario, self._checks)
        self.tally.drafted += len(worded)
        self.tally.add(found)
        for one in found.pending:
            if one.reason.endswith(SPOKEN):
                self.tally.reject(one.draft, one.check, one.reason, one.reason)
        open_ = [one for one in found.pending if not one.reason.endswith(SPOKEN)]
        if open_:
            self.stopped = self.stopped or f"{len(open_):,} drafts could not be checked: {open_[0].reason}"
        for draft in found.kept:
            row = row_of[draft.id]
            same = None if self.candidates.same is None else int(self.candidates.same[row])
            self.spool.add(row, train_row(draft, same))
            self.lines.add(row, tagged_train(draft))

    def _worded(self, drafts: Sequence[Draft]) -> list[Draft]:
        """Those that have words; what an endpoint did not give as asked is counted as turned down."""
        if self.writer is None:
            return list(drafts)
        given = self.writer.write(self.scenario, drafts)
        self.stopped = self.stopped or given.stopped
        found = []
        for draft, words in zip(drafts, given.drafts, strict=True):
            if isinstance(words, str):
                self.tally.drafted += 1
                self.tally.reject(draft, WRITER, words, words)
            elif words is not None:
                found.append(words)
        return found
