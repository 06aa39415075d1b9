"""Putting points into words by an endpoint: every answer is kept at once, and none is ever asked for twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from isobath.base.identity import fingerprint
from isobath.gpe.scenarios.draft import Draft
from isobath.gpe.scenarios.scenario import Scenario
from isobath.models.chat import Chat
from isobath.models.endpoint.budget import Budget, BudgetError
from isobath.models.endpoint.endpoint import Endpoint
from isobath.models.endpoint.engine import call_all
from isobath.models.endpoint.outcome import Call, EndpointError, Outcome, chat_call
from isobath.models.protocol import Sampling
from isobath.study.broadening.journal import Journal
from isobath.study.broadening.writer_prompt import worded, writer_chat

Tell = Callable[[int], None]
"""Told how many answers came since it was told last."""


class Worded(NamedTuple):
    """Drafts in words, in the order asked: a draft, the reason why its answer cannot be used, or None (no answer).

    `stopped` says in a sentence why answers are missing; empty where none is.
    """

    drafts: list[Draft | str | None]
    stopped: str = ""


class EndpointWriter:
    """Words drafts by `endpoint`; what it answered before is in `journal`."""

    def __init__(
        self, endpoint: Endpoint, sampling: Sampling, journal: Journal, budget: Budget | None, tell: Tell
    ) -> None:
        self.endpoint, self.sampling, self.journal, self.budget, self.tell = endpoint, sampling, journal, budget, tell
        self._given_up = ""

    def give_up(self, why: str) -> None:
        """Ask for nothing more; what is in the journal is used."""
        self._given_up = why

    def calls(self, scenario: Scenario, drafts: Sequence[Draft]) -> list[Call]:
        """The call for each draft; its key is made of all that the answer depends on, the draft's id included."""
        return [self._call(draft, writer_chat(scenario, draft)) for draft in drafts]

    def missing(self, calls: Sequence[Call]) -> list[Call]:
        """Calls that nobody has answered yet."""
        return [call for call in calls if call.key not in self.journal]

    def write(self, scenario: Scenario, drafts: Sequence[Draft]) -> Worded:
        """`drafts` in the model's words. An endpoint that fails ends the asking, and loses nothing answered before."""
        calls = self.calls(scenario, drafts)
        open_calls = self.missing(calls)
        stopped = (self._given_up or self._ask(open_calls)) if open_calls else ""
        found: list[Draft | str | None] = []
        for call, draft in zip(calls, drafts, strict=True):
            entry = self.journal.entries.get(call.key)
            found.append(None if entry is None else self._read(draft, entry))
        return Worded(found, stopped)

    def _call(self, draft: Draft, chat: Chat) -> Call:
        key = fingerprint([self.endpoint.source, chat, self.sampling, draft.id])
        return chat_call(self.endpoint, key, chat, self.sampling.max_tokens, self.sampling.temperature)

    def _ask(self, calls: Sequence[Call]) -> str:
        troubles: list[str] = []

        def done(call: Call, outcome: Outcome) -> None:
            if outcome.reply is None and not outcome.rejected:
                troubles.append(outcome.trouble)
                return
            self.journal.append(call.key, _entry(self.endpoint, outcome))
            self.tell(1)

        by_key = {call.key: call for call in calls}  # equal drafts are asked once
        try:
            call_all(self.endpoint, list(by_key.values()), done, self.budget)
        except (BudgetError, EndpointError) as error:
            return str(error)
        if troubles:
            return f"{len(troubles):,} requests to {self.endpoint.name} came to nothing; the last said: {troubles[-1]}"
        return ""

    def _read(self, draft: Draft, entry: Mapping[str, Any]) -> Draft | str:
        if entry.get("trouble"):
            return str(entry["trouble"])
        return worded(draft, str(entry.get("text", "")), self.endpoint.model)


def _entry(endpoint: Endpoint, outcome: Outcome) -> dict[str, Any]:
    """What is kept of an answer: its text or what was wrong with it, tokens and dollars; never the request."""
    reply = outcome.reply
    if reply is None:
        return {"text": "", "trouble": f"the endpoint does not take the request: {outcome.trouble}"}
    trouble = ""
    if reply.refused:
        trouble = "the model refused"
    elif reply.empty or not reply.text.strip():
        trouble = "the reply is empty"
    elif reply.finish == "length":
        trouble = "the reply was cut off by its length limit"
    entry = {"text": reply.text, "trouble": trouble, "tokens_in": reply.tokens_in, "tokens_out": reply.tokens_out}
    return {**entry, "dollars": cost_of(endpoint, reply.tokens_in, reply.tokens_out)}


def cost_of(endpoint: Endpoint, tokens_in: int | None, tokens_out: int | None) -> float | None:
    """US$ of an answer; None where prices or counts are not known."""
    if endpoint.price_in is None or endpoint.price_out is None or tokens_in is None or tokens_out is None:
        return None
    return (tokens_in * endpoint.price_in + tokens_out * endpoint.price_out) / 1e6
