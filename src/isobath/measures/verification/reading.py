"""`Tagger`: reads the level of every factor from a draft's words; and `Reading`, what it read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from isobath.gpe.scenarios.draft import Draft
from isobath.gpe.scenarios.scenario import Scenario

Levels = Mapping[str, str | None]
"""Factor -> the level that was read, None where none was (or two were)."""


class Reading(dict[str, str | None]):
    """`Levels` with what else is known: `why` a level is None, and that the tagger `failed` (a call came to nothing).

    A tagger may return any mapping; one without these says less when something is amiss.
    """

    def __init__(self, levels: Levels, why: Mapping[str, str] | None = None, failed: str = "") -> None:
        super().__init__(levels)
        self.why = dict(why or {})
        self.failed = failed


@runtime_checkable
class Tagger(Protocol):
    """Reads points from texts. It goes by a draft's words (`Draft.text`); to look at its point would read nothing."""

    @property
    def name(self) -> str:
        """Stands in reasons and tables."""
        ...

    def tells(self, scenario: Scenario) -> tuple[str, ...]:
        """The factors whose levels it can tell at all; of the others nothing is concluded."""
        ...

    def read(self, drafts: Sequence[Draft], scenario: Scenario) -> list[Levels]:
        """One mapping per draft; factors it cannot tell are None or left out."""
        ...


def failure(levels: Levels) -> str:
    """The trouble of the call, where it came to nothing; empty otherwise. Such a reading says nothing of the text."""
    return levels.failed if isinstance(levels, Reading) else ""


def why_none(levels: Levels, factor: str) -> str:
    """In words, why there is no level of `factor`."""
    told = levels.why.get(factor, "") if isinstance(levels, Reading) else ""
    return told or "nothing in the text says which"
