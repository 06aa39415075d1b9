"""`Asked`: what a judge said, remembered, with failed calls as judgements of their own."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence

from isobath.base.errors import InputError
from isobath.base.row import State
from isobath.grading.judge import Judge, JudgeAsk, Read, judge_all, judgement_key
from isobath.grading.judge_prompt import rubric_tag
from isobath.grading.judgement import Judgement
from isobath.models.endpoint.budget import Budget, BudgetError
from isobath.models.endpoint.outcome import EndpointError

TROUBLE = 300
"""Characters of a trouble that are shown."""


class Asked:
    """Asks a judge and keeps what it said in `known`, so that the same ask is never bought twice.

    `known` may be a mapping of the caller's own, filled from what an earlier run stored. Calls that failed are not
    kept, and are asked again next time. An endpoint that cannot be used and a spent budget (`stopped`) leave what is
    not answered as failed; nothing that was answered is lost.
    """

    def __init__(
        self,
        judge: Judge,
        budget: Budget | None = None,
        read: Read = "text",
        known: MutableMapping[str, Judgement] | None = None,
    ) -> None:
        self.judge, self.budget, self.read = judge, budget, read
        self.known: MutableMapping[str, Judgement] = {} if known is None else known
        self.stopped: InputError | BudgetError | None = None

    def judgements(self, asks: Sequence[JudgeAsk]) -> list[Judgement]:
        """One per ask, in order; state `JUDGE_FAILED` with the trouble in `raw` where there is none."""
        keys = [judgement_key(self.judge, self.read, ask) for ask in asks]
        todo = [ask for key, ask in zip(keys, asks, strict=True) if key not in self.known]
        failed: dict[str, Judgement] = {}

        def keep(made: Judgement) -> None:
            (self.known if made.is_final else failed)[made.key] = made

        trouble, self.stopped = "not asked", None
        if todo:
            try:
                judge_all(self.judge, self.read, todo, self.budget, keep)
            except (EndpointError, BudgetError) as error:
                trouble, self.stopped = str(error), error
        return [
            self.known.get(key) or failed.get(key) or self._failed(key, ask, trouble)
            for key, ask in zip(keys, asks, strict=True)
        ]

    def _failed(self, key: str, ask: JudgeAsk, trouble: str) -> Judgement:
        tag = rubric_tag(ask.rubric)
        return Judgement(
            key=key,
            rubric=tag,
            judge=self.judge.name,
            read=self.read,
            state=State.JUDGE_FAILED,
            raw=trouble,
            attempts=0,
        )


def trouble_of(said: Judgement) -> str:
    """Why a call came to nothing, in one line; empty where the judge spoke and was not cut."""
    if said.state is State.JUDGE_FAILED:
        return " ".join(said.raw.split())[:TROUBLE] or "the call failed"
    if said.state is State.REFUSED:
        return "the judge refused"
    return "the reply was cut" if said.state is State.TRUNCATED else ""
