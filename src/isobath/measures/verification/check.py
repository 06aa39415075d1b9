"""`Check`: says of each draft whether it may be kept, and if not, why, in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from isobath.gpe.scenarios.draft import Draft
from isobath.gpe.scenarios.scenario import Scenario
from isobath.measures.verification.agreement import Agreement


class Reason(str):
    """Why a draft is rejected. `kind` is what such rejects are counted by: the reason without what is this draft's own.

    A check may give any string: its kind is then itself.
    """

    kind: str

    def __new__(cls, text: str, kind: str = "") -> Reason:
        """A reason; `kind` empty is the text itself."""
        made = super().__new__(cls, text)
        made.kind = kind or text
        return made


class NotMeasured(Reason):
    """Why a check could say nothing of a draft, such as a call that failed: neither passed nor rejected."""


@dataclass(frozen=True)
class Findings:
    """What a check says of a batch: a reason per draft (None: passed, `NotMeasured`: not known), and what it counted.

    `not_measured`: what the check, as it was set up, can say of no draft; never empty in silence.
    """

    reasons: list[str | None]
    agreement: tuple[Agreement, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    not_measured: tuple[str, ...] = ()


@runtime_checkable
class Check(Protocol):
    """One check. Those of this package say more than a reason (`look`); one of your own needs no more than this."""

    @property
    def name(self) -> str:
        """Stands beside its rejects."""
        ...

    def reasons(self, drafts: Sequence[Draft], scenario: Scenario) -> list[str | None]:
        """One per draft, in order: None passed, a string rejected, `NotMeasured` not known."""
        ...


class Looking:
    """A check with findings."""

    name = "check"

    def look(self, drafts: Sequence[Draft], scenario: Scenario) -> Findings:
        """What it finds in `drafts`."""
        raise NotImplementedError

    def reasons(self, drafts: Sequence[Draft], scenario: Scenario) -> list[str | None]:
        """The reasons alone."""
        return self.look(drafts, scenario).reasons


@runtime_checkable
class Remembering(Protocol):
    """A check whose answer depends on the drafts kept before. Its whole state follows from them.

    After a stop: make the check anew, `remember` the kept drafts in their order, go on.
    """

    def remember(self, drafts: Sequence[Draft]) -> None:
        """Take `drafts` as kept, without asking whether they should be."""
        ...

    def settle(self, kept: Sequence[Draft]) -> None:
        """Of the batch it last looked at, only `kept` were kept: forget the others."""
        ...


def found_by(check: Check, drafts: Sequence[Draft], scenario: Scenario) -> Findings:
    """The findings of any check. Raises `ValueError` for one that does not give a reason per draft."""
    look = getattr(check, "look", None)
    found: Findings = look(drafts, scenario) if look is not None else Findings(check.reasons(drafts, scenario))
    if len(found.reasons) != len(drafts):
        raise ValueError(f"the check {check.name!r} gave {len(found.reasons)} reasons for {len(drafts)} drafts")
    return found
