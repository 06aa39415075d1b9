"""`Duplicates`: no draft nearly repeats one that was kept before it."""

from __future__ import annotations

from collections.abc import Sequence

from isobath.design.near_duplicates import NearDuplicates
from isobath.gpe.scenarios.draft import Draft
from isobath.gpe.scenarios.scenario import Scenario
from isobath.measures.verification.check import Findings, Looking, Reason

THRESHOLD = 0.8
"""Jaccard index of word 3-grams at or above which two texts are near-duplicates."""


class Duplicates(Looking):
    """Rejects a draft whose question nearly repeats that of a draft kept before it, in this batch or an earlier one.

    What it cannot see: the same scenario in other words. Answers are not compared: the same question with another
    answer is a duplicate too. It remembers the kept drafts (`isobath.measures.verification.check.Remembering`).
    """

    name = "duplicates"

    def __init__(self, threshold: float = THRESHOLD) -> None:
        self.threshold = threshold
        self._kept: list[tuple[str, str]] = []
        self._passed: list[tuple[str, str]] = []
        self._index = NearDuplicates(threshold=threshold)
        self._names: list[str] = []

    def look(self, drafts: Sequence[Draft], scenario: Scenario) -> Findings:
        """One reason per draft, naming the draft that it repeats."""
        hits = self._index.add([draft.text for draft in drafts])
        self._names += [draft.id for draft in drafts]
        reasons: list[str | None] = [
            None if hit is None else Reason(f"nearly repeats {self._names[hit]}", "nearly repeats an earlier draft")
            for hit in hits
        ]
        self._passed = [(d.id, d.text) for d, reason in zip(drafts, reasons, strict=True) if reason is None]
        return Findings(reasons)

    def settle(self, kept: Sequence[Draft]) -> None:
        """Forget what later checks rejected. The index is then built anew: put this check last to save that."""
        now = [(draft.id, draft.text) for draft in kept]
        self._kept += now
        if len(now) < len(self._passed):
            self._index, self._names = NearDuplicates(threshold=self.threshold), [name for name, _ in self._kept]
            self._index.add([text for _, text in self._kept])
        self._passed = []

    def remember(self, drafts: Sequence[Draft]) -> None:
        """Take `drafts` as kept: how a run that was stopped goes on."""
        self._kept += [(draft.id, draft.text) for draft in drafts]
        self._names += [draft.id for draft in drafts]
        self._index.add([draft.text for draft in drafts])
