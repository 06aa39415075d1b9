"""`Crew`: worker processes that do many things of one kind, or this process where one is enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeVar

from isobath.base.errors import IsobathError
from isobath.study.engines.engine import Engine, open_engine, run_jobs
from isobath.study.job import Job, Outcome

Task = TypeVar("Task")
Done = TypeVar("Done")


@dataclass(frozen=True)
class _Done:
    """What a task gave, or the error of ours that it raised: an engine would keep its words alone."""

    value: Any = None
    error: IsobathError | None = None


@dataclass(frozen=True)
class _Work:
    work: Callable[[Any], Any]

    def __call__(self, task: Any) -> _Done:
        try:
            return _Done(self.work(task))
        except IsobathError as error:
            return _Done(error=error)


class Crew:
    """`workers` processes, started when first needed; with 1, none is. Results never depend on how many there are."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._engine: Engine | None = None

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._engine is not None:
            self._engine.close(now=kind is not None)

    def each(
        self, work: Callable[[Task], Done], tasks: Sequence[Task], tell: Callable[[Done], None] = lambda done: None
    ) -> list[Done]:
        """``work(task)`` of every task, in order; `tell` gets each as it is done.

        Raises what the first failed task raised, if it is an `IsobathError`; else `IsobathError` with its words.
        """
        if self.workers == 1:
            return [_told(work(task), tell) for task in tasks]
        if self._engine is None:
            self._engine = open_engine(f"local:{self.workers}")
        jobs = [Job(str(i), _Work(work), task) for i, task in enumerate(tasks)]

        def listen(outcome: Outcome) -> None:
            if isinstance(outcome.result, _Done) and outcome.result.error is None:
                tell(outcome.result.value)

        outcomes = run_jobs(jobs, self._engine, listen)
        if outcomes.failures():
            raise IsobathError(outcomes.failures()[0].error)
        found = [outcomes.by_job[job.name].result for job in jobs]
        failed = next((one.error for one in found if one.error is not None), None)
        if failed is not None:
            raise failed
        return [one.value for one in found]


def _told(done: Done, tell: Callable[[Done], None]) -> Done:
    tell(done)
    return done
