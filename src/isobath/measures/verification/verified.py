"""`Verified`: the drafts that were kept, and why the others were not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from isobath.analysis.intervals import Interval, clopper_pearson
from isobath.gpe.scenarios.draft import Draft
from isobath.measures.verification.agreement import Agreement, summed

EXAMPLES = 3
"""Rejects shown of each kind."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A draft that `check` turned down. Rejects of one `kind` are counted together."""

    draft: Draft
    check: str
    reason: str
    kind: str = ""

    def row(self) -> dict[str, str | None]:
        """As a line of a file: what was wrong, and the text it was wrong with."""
        return {
            "id": self.draft.id,
            "check": self.check,
            "kind": self.kind or self.reason,
            "reason": self.reason,
            "decision": self.draft.decision,
            "source": self.draft.source,
            "text": self.draft.text,
        }


@dataclass(frozen=True)
class Verified:
    """What became of `drafts` drafts.

    `pending` are those of which a check could say nothing (a call that failed): neither kept nor rejected, to be
    verified again. `agreement` counts what taggers read; `looked` how many drafts each check saw, and `counts` what it
    counted besides, such as the edits of each factor. `not_measured` says per check what it could say of no draft.
    """

    kept: tuple[Draft, ...] = ()
    rejects: tuple[Reject, ...] = ()
    pending: tuple[Reject, ...] = ()
    agreement: tuple[Agreement, ...] = ()
    looked: Mapping[str, int] = field(default_factory=dict)
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    not_measured: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def drafts(self) -> int:
        """Kept, rejected and pending ones."""
        return len(self.kept) + len(self.rejects) + len(self.pending)

    def by_check(self) -> dict[str, int]:
        """Rejects of each check that looked at a draft, in the order of the checks; 0 where it rejected none."""
        found = Counter(reject.check for reject in self.rejects)
        return {check: found[check] for check in self.looked}

    def by_reason(self) -> dict[tuple[str, str], int]:
        """Rejects of each (check, kind of reason), the most frequent first."""
        return dict(Counter((reject.check, reject.kind or reject.reason) for reject in self.rejects).most_common())

    def examples(self, most: int = EXAMPLES) -> dict[tuple[str, str], tuple[Reject, ...]]:
        """The first `most` rejects of each (check, kind of reason), in the order of `by_reason`."""
        found: dict[tuple[str, str], list[Reject]] = {key: [] for key in self.by_reason()}
        for reject in self.rejects:
            shown = found[reject.check, reject.kind or reject.reason]
            if len(shown) < most:
                shown.append(reject)
        return {key: tuple(shown) for key, shown in found.items()}

    def reject_interval(self, check: str) -> Interval:
        """Clopper-Pearson, 95 %, for the share of the drafts it looked at that `check` rejected.

        On drafts known to be sound that is its false reject rate. NaN where it looked at none.
        """
        n = self.looked.get(check, 0)
        return clopper_pearson(self.by_check()[check], n) if n else Interval(float("nan"), float("nan"))

    def summary(self) -> dict[str, object]:
        """Everything but the drafts, as plain data for JSON."""
        examples = self.examples()
        return {
            "drafts": self.drafts,
            "kept": len(self.kept),
            "rejected": len(self.rejects),
            "pending": len(self.pending),
            "looked": dict(self.looked),
            "rejected_by_check": self.by_check(),
            "rejected_by_reason": [
                {"check": check, "reason": kind, "drafts": n, "examples": [r.row() for r in examples[check, kind]]}
                for (check, kind), n in self.by_reason().items()
            ],
            "agreement": [
                {**part.model_dump(), "share": part.share, "low": part.interval.low, "high": part.interval.high}
                if part.drafts
                else {**part.model_dump(), "share": None, "low": None, "high": None}
                for part in self.agreement
            ],
            "counts": {check: dict(counts) for check, counts in self.counts.items()},
            "not_measured": {check: list(texts) for check, texts in self.not_measured.items()},
        }

    def lines(self) -> list[str]:
        """What was found, a sentence each."""
        said = [
            f"{len(self.kept):,} of {self.drafts:,} drafts kept, {len(self.rejects):,} rejected, "
            f"{len(self.pending):,} pending."
        ]
        for check, n in self.by_check().items():
            low, high = self.reject_interval(check)
            span = f" ({low:.2%} to {high:.2%})" if self.looked[check] else ": no draft came so far"
            said.append(f"{check}: {n:,} of {self.looked[check]:,} rejected{span}.")
        said += [f"{check}, {kind}: {n:,}." for (check, kind), n in self.by_reason().items()]
        said += [f"{part}." for part in self.agreement if part.drafts or part.failed]
        said += [f"{check}, not measured: {text}." for check, texts in self.not_measured.items() for text in texts]
        return said


def merged(parts: Iterable[Verified]) -> Verified:
    """Batches as one."""
    every = list(parts)
    looked: Counter[str] = Counter()
    counts: dict[str, Counter[str]] = {}
    missing: dict[str, tuple[str, ...]] = {}
    for part in every:
        for check, n in part.looked.items():
            looked[check] += n
        for check, found in part.counts.items():
            counts.setdefault(check, Counter()).update(found)
        for check, texts in part.not_measured.items():
            missing[check] = tuple(dict.fromkeys((*missing.get(check, ()), *texts)))
    return Verified(
        kept=tuple(draft for part in every for draft in part.kept),
        rejects=tuple(reject for part in every for reject in part.rejects),
        pending=tuple(reject for part in every for reject in part.pending),
        agreement=summed(one for part in every for one in part.agreement),
        looked=dict(looked),
        counts={check: dict(found) for check, found in counts.items()},
        not_measured=missing,
    )
