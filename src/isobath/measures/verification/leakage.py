"""`Leakage`: nothing that is held out for tests gets into training, as a point or as a text."""

from __future__ import annotations

from collections.abc import Sequence

from isobath.base.errors import InputError
from isobath.design.held_out import HeldOut
from isobath.gpe.scenarios.draft import Draft
from isobath.gpe.scenarios.scenario import Scenario
from isobath.measures.verification.check import Findings, Looking, Reason
from isobath.measures.verification.duplicates import THRESHOLD
from isobath.measures.verification.known_texts import KnownTexts


class Leakage(Looking):
    """Rejects a draft at a relevant combination that is held out, whatever its irrelevant levels, and one whose text
    nearly repeats a test text (Jaccard index of word 3-grams at or above `threshold`, against every one, exactly).

    Without `held` or without `tests` that half is not measured, and it says so. What it cannot see: a draft whose words
    are at a held-out point while its label is not, in words of its own; a round trip sees that.
    """

    name = "leakage"

    def __init__(
        self, held: HeldOut | None = None, tests: Sequence[str | Draft] = (), threshold: float = THRESHOLD
    ) -> None:
        self.held = held
        self._known = KnownTexts([test if isinstance(test, str) else test.text for test in tests], threshold)
        self._missing = (
            *(["held-out points: none were given"] if held is None else []),
            *(["held-out texts: none were given"] if not tests else []),
        )

    def look(self, drafts: Sequence[Draft], scenario: Scenario) -> Findings:
        """One reason per draft. Raises `InputError` where points are held out of another space."""
        reasons: list[str | None] = [None] * len(drafts)
        if self.held is not None and drafts:
            if self.held.space.names != scenario.space.names:
                raise InputError(
                    f"held-out points of {', '.join(self.held.space.names)}",
                    f"the scenario's factors are {', '.join(scenario.space.names)}",
                    "hold out points of this scenario",
                )
            barred = self.held.bars(scenario.space.encode([draft.point for draft in drafts]))
            reasons = [
                _held(draft, scenario) if bar else None for draft, bar in zip(drafts, barred.tolist(), strict=True)
            ]
        left = [i for i, reason in enumerate(reasons) if reason is None]
        for i, (test, share) in zip(left, self._known.nearest([drafts[i].text for i in left]), strict=True):
            if test is not None:
                text = f"its words nearly repeat test text {test} (Jaccard {share:.2f})"
                reasons[i] = Reason(text, "its words nearly repeat a test text")
        return Findings(reasons, not_measured=self._missing)


def _held(draft: Draft, scenario: Scenario) -> Reason:
    relevant = ", ".join(f"{factor.name} = {draft.point[factor.name]}" for factor in scenario.space.relevant)
    return Reason(f"held out for tests: {relevant}", "its relevant combination is held out for tests")
