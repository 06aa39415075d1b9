"""One unit the engine schedules, and what is said about it while it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class JobState(StrEnum):
    """How a job ended."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    """Not tried, because a job it needs failed."""


@dataclass(frozen=True)
class Job:
    """A named call ``work(argument)``; `needs` names the jobs that must be done before it.

    `work` is a module-level function and `argument` a plain value, so that any engine can send them to a process.
    """

    name: str
    work: Callable[[Any], Any]
    argument: Any
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What became of a job: its result, or the error in words."""

    job: str
    state: JobState
    result: Any = None
    error: str = ""
    seconds: float = 0.0


Listener = Callable[[Outcome], None]
"""Told of every outcome as it happens, in the calling process."""


@dataclass
class Outcomes:
    """All outcomes of a schedule, by job name."""

    by_job: dict[str, Outcome] = field(default_factory=dict)

    def results(self) -> Mapping[str, Any]:
        """Results of the jobs that are done."""
        return {name: o.result for name, o in self.by_job.items() if o.state is JobState.DONE}

    def failures(self) -> list[Outcome]:
        """Failed and skipped jobs, in the order they ended."""
        return [o for o in self.by_job.values() if o.state is not JobState.DONE]
