"""What verification said of a scenario's drafts, counted batch by batch without keeping the drafts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isobath.gpe.scenarios.draft import Draft
from isobath.study.broadening.numbers import Agreed, Rejected

if TYPE_CHECKING:
    from isobath.measures.verification.agreement import Agreement
    from isobath.measures.verification.verified import Verified

EXAMPLES, LONGEST = 3, 1200
WRITER = "writer"
"""Stands beside drafts whose words the endpoint did not give as asked."""


class Tally:
    """Rejects by check and kind of reason with the first examples of each, and taggers' agreement."""

    def __init__(self) -> None:
        self.drafted = 0
        self.not_measured: dict[str, tuple[str, ...]] = {}
        self._counts: dict[tuple[str, str], int] = {}
        self._examples: dict[tuple[str, str], list[dict[str, str]]] = {}
        self._agreement: tuple[Agreement, ...] = ()

    def add(self, found: Verified) -> None:
        """Count a batch."""
        from isobath.measures.verification.agreement import summed

        for reject in found.rejects:
            self.reject(reject.draft, reject.check, reject.reason, reject.kind or reject.reason)
        self._agreement = summed((*self._agreement, *found.agreement))
        for check, texts in found.not_measured.items():
            self.not_measured[check] = tuple(dict.fromkeys((*self.not_measured.get(check, ()), *texts)))

    def reject(self, draft: Draft, check: str, reason: str, kind: str) -> None:
        """Count one draft turned down."""
        key = (check, kind)
        self._counts[key] = self._counts.get(key, 0) + 1
        shown = self._examples.setdefault(key, [])
        if len(shown) < EXAMPLES:
            text = draft.text if len(draft.text) <= LONGEST else f"{draft.text[:LONGEST]} ..."
            shown.append({"id": draft.id, "reason": reason, "text": text})

    def rejects(self) -> tuple[Rejected, ...]:
        """The most frequent first."""
        order = sorted(self._counts, key=lambda key: (-self._counts[key], key))
        return tuple(
            Rejected(check=key[0], kind=key[1], drafts=self._counts[key], examples=tuple(self._examples[key]))
            for key in order
        )

    def agreement(self) -> tuple[Agreed, ...]:
        """Per tagger and factor, with the interval for the share that agrees."""
        return tuple(
            Agreed(
                tagger=one.tagger,
                factor=one.factor,
                agree=one.agree,
                differ=one.differ,
                unread=one.unread,
                low=one.interval.low,
                high=one.interval.high,
            )
            for one in self._agreement
            if one.drafts
        )
