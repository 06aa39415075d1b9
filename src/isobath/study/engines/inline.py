"""The inline engine: jobs run in this process, one after the other, so that debuggers and coverage see them."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from isobath.study.job import Job


class InlineEngine:
    """Runs a job when it is submitted."""

    slots = 1

    def submit(self, job: Job) -> Future[Any]:
        """Run `job` now; an ordinary exception lands in the future, an interrupt passes through."""
        future: Future[Any] = Future()
        try:
            future.set_result(job.work(job.argument))
        except Exception as error:
            future.set_exception(error)
        return future

    def close(self, *, now: bool = False) -> None:
        """Nothing to release."""
