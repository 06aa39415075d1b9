"""`verify`: drafts through checks, cheap ones first; each is rejected by the first that it fails."""

from __future__ import annotations

from collections.abc import Sequence

from isobath.base.errors import InputError
from isobath.gpe.scenarios.draft import Draft
from isobath.gpe.scenarios.scenario import Scenario
from isobath.measures.verification.agreement import Agreement, summed
from isobath.measures.verification.check import Check, NotMeasured, Remembering, found_by
from isobath.measures.verification.verified import Reject, Verified


def verify(drafts: Sequence[Draft], scenario: Scenario, checks: Sequence[Check]) -> Verified:
    """Which of `drafts` (of one scenario) may be kept.

    The checks come in the order given and see what the ones before them let through: put cheap ones first, and those
    that remember (`Duplicates`) last, where nothing that they let through is rejected after them. A draft of which a
    check could say nothing goes no further and is `pending`. Batches give together what one call gives: pass the same
    checks, and `merged` the results. Raises `InputError` for drafts of another scenario, for no check, and for two of
    one name.
    """
    _check(drafts, scenario, checks)
    left = list(range(len(drafts)))
    rejects: dict[int, Reject] = {}
    pending: dict[int, Reject] = {}
    agreement: list[Agreement] = []
    looked: dict[str, int] = {}
    counts: dict[str, dict[str, int]] = {}
    missing: dict[str, tuple[str, ...]] = {}
    for check in checks:
        found = found_by(check, [drafts[i] for i in left], scenario)
        agreement += found.agreement
        looked[check.name] = len(left)
        if found.counts:
            counts[check.name] = dict(found.counts)
        if found.not_measured:
            missing[check.name] = found.not_measured
        for i, reason in zip(left, found.reasons, strict=True):
            if reason is not None:
                kind = getattr(reason, "kind", str(reason))
                where = pending if isinstance(reason, NotMeasured) else rejects
                where[i] = Reject(drafts[i], check.name, str(reason), kind)
        left = [i for i, reason in zip(left, found.reasons, strict=True) if reason is None]
    kept = tuple(drafts[i] for i in left)
    for check in checks:
        if isinstance(check, Remembering):
            check.settle(kept)
    return Verified(
        kept=kept,
        rejects=tuple(rejects[i] for i in sorted(rejects)),
        pending=tuple(pending[i] for i in sorted(pending)),
        agreement=summed(agreement),
        looked=looked,
        counts=counts,
        not_measured=missing,
    )


def _check(drafts: Sequence[Draft], scenario: Scenario, checks: Sequence[Check]) -> None:
    other = next((draft for draft in drafts if draft.scenario != scenario.name), None)
    if other is not None:
        raise InputError(
            f"a draft of {other.scenario!r} among those of {scenario.name!r}",
            "drafts are verified with the scenario they are of",
            "verify each scenario's drafts by themselves",
        )
    names = [check.name for check in checks]
    if not names or len(set(names)) < len(names):
        raise InputError(
            "no check" if not names else f"two checks named {max(names, key=names.count)!r}",
            "drafts are verified by one check or more, each of its own name",
            "give checks",
        )
