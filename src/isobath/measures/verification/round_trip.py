"""`RoundTrip`: a tagger that does not know the point reads it back from the words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from isobath.base.errors import InputError
from isobath.gpe.scenarios.draft import Draft
from isobath.gpe.scenarios.scenario import Scenario
from isobath.measures.verification.agreement import agreement
from isobath.measures.verification.check import Findings, Looking, NotMeasured, Reason
from isobath.measures.verification.reading import Levels, Tagger, failure, why_none


class RoundTrip(Looking):
    """Rejects a draft in whose words the tagger reads another level than its point has, or no level of a relevant one.

    `factors` None looks at all that the tagger tells. With `unread` ``pass`` a relevant factor that it cannot read is
    no reject: for a tagger that abstains when unsure (`LearntTagger`). An irrelevant factor may always stay unread. A
    call that failed is `NotMeasured`.
    """

    def __init__(
        self, tagger: Tagger, factors: Sequence[str] | None = None, unread: Literal["reject", "pass"] = "reject"
    ) -> None:
        self.tagger, self.factors, self.unread = tagger, None if factors is None else tuple(factors), unread
        self.name = f"round trip ({tagger.name})"

    def look(self, drafts: Sequence[Draft], scenario: Scenario) -> Findings:
        """Readings against points; raises `InputError` for a factor that the scenario does not have."""
        asked = scenario.space.names if self.factors is None else self.factors
        relevant = {name for name in asked if scenario.space.factor(name).relevant}
        told = set(self.tagger.tells(scenario))
        factors = [name for name in asked if name in told]
        readings = self.tagger.read(drafts, scenario)
        if len(readings) != len(drafts):
            raise InputError(
                f"{len(readings)} readings of {len(drafts)} drafts", "a tagger reads each draft", "mend the tagger"
            )
        must = relevant if self.unread == "reject" else set()
        why = "was not asked about" if getattr(self.tagger, "factors", None) is not None else "cannot tell"
        return Findings(
            [self._reason(draft, reading, factors, must) for draft, reading in zip(drafts, readings, strict=True)],
            agreement(self.tagger.name, drafts, readings, factors),
            not_measured=tuple(
                f"{name}: the {self.tagger.name} {why} its levels" for name in asked if name not in told
            ),
        )

    def _reason(self, draft: Draft, reading: Levels, factors: Sequence[str], must: set[str]) -> str | None:
        if failed := failure(reading):
            return NotMeasured(f"the {self.tagger.name} could not be asked: {failed}", "the tagger could not be asked")
        wrong = [text for name in factors if (text := _wrong(draft, reading, name, name in must))]
        return Reason("; ".join(wrong), wrong[0]) if wrong else None


def _wrong(draft: Draft, reading: Levels, factor: str, must: bool) -> str:
    said, claimed = reading.get(factor), draft.point[factor]
    if said == claimed or (said is None and not must):
        return ""
    if said is None:
        return f"{factor}: {why_none(reading, factor)} (the point says {claimed!r})"
    return f"{factor}: the text says {said!r}, the point says {claimed!r}"
