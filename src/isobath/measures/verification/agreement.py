"""`Agreement`: how often a tagger reads the level that a draft claims, one factor at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import eq

from isobath.analysis.intervals import Interval, clopper_pearson
from isobath.base.value import Value
from isobath.gpe.scenarios.draft import Draft
from isobath.measures.verification.reading import Levels, failure


class Agreement(Value):
    """Counts of drafts by what `tagger` read of `factor`: the level of the point (`agree`), another (`differ`), none
    that it could name (`unread`), or nothing because its call `failed`."""

    tagger: str
    factor: str
    agree: int = 0
    differ: int = 0
    unread: int = 0
    failed: int = 0

    @property
    def drafts(self) -> int:
        """Drafts that were read: failed calls are none of them."""
        return self.agree + self.differ + self.unread

    @property
    def share(self) -> float:
        """Share of the drafts read in which it read the level of the point; NaN for no draft."""
        return self.agree / self.drafts if self.drafts else float("nan")

    @property
    def interval(self) -> Interval:
        """Clopper-Pearson, 95 %. It takes drafts for independent; drafts that share wordings are less than that."""
        return clopper_pearson(self.agree, self.drafts) if self.drafts else Interval(float("nan"), float("nan"))

    def __str__(self) -> str:
        if not self.drafts:
            return f"{self.factor}: no draft read by the {self.tagger}"
        low, high = self.interval
        more = f", {self.failed:,} calls failed" if self.failed else ""
        return (
            f"{self.factor}: the {self.tagger} agrees on {self.share:.1%} ({low:.1%} to {high:.1%}) of {self.drafts:,} "
            f"drafts; {self.differ:,} read otherwise, {self.unread:,} not read{more}"
        )


def agreement(
    tagger: str, drafts: Sequence[Draft], readings: Sequence[Levels], factors: Iterable[str]
) -> tuple[Agreement, ...]:
    """One `Agreement` per factor."""
    failed = sum(bool(failure(reading)) for reading in readings)
    pairs = [(draft.point, reading) for draft, reading in zip(drafts, readings, strict=True) if not failure(reading)]
    found = []
    for factor in factors:
        said = [reading.get(factor) for _, reading in pairs]
        unread = said.count(None)
        agree = sum(map(eq, said, [point[factor] for point, _ in pairs]))
        found.append(
            Agreement(
                tagger=tagger,
                factor=factor,
                agree=agree,
                differ=len(pairs) - agree - unread,
                unread=unread,
                failed=failed,
            )
        )
    return tuple(found)


def summed(parts: Iterable[Agreement]) -> tuple[Agreement, ...]:
    """Agreements of several batches as one per tagger and factor, in the order they first come."""
    counts: dict[tuple[str, str], list[int]] = {}
    for part in parts:
        total = counts.setdefault((part.tagger, part.factor), [0, 0, 0, 0])
        for i, number in enumerate((part.agree, part.differ, part.unread, part.failed)):
            total[i] += number
    return tuple(
        Agreement(tagger=tagger, factor=factor, agree=a, differ=d, unread=u, failed=f)
        for (tagger, factor), (a, d, u, f) in counts.items()
    )
