"""Calls that a broadening will make to endpoints, counted before any is made."""

from __future__ import annotations

from typing import NamedTuple

from isobath.gpe.scenarios.draft import Draft
from isobath.gpe.scenarios.scenario import Scenario
from isobath.models.endpoint.endpoint import Endpoint
from isobath.models.endpoint.outcome import Call, estimated_tokens
from isobath.study.broadening.candidates import Candidates
from isobath.study.broadening.journal import Journal
from isobath.study.broadening.spec import Broadening
from isobath.study.broadening.writing import EndpointWriter

LOOKED_AT = 100
"""Drafts of each scenario whose prompts are counted; the others are taken to be like them."""
METAMORPHIC_READINGS = 3
"""A draft and two edits of it."""


class Calls(NamedTuple):
    """Calls with their estimated tokens and US$ (None: some price is not known). `readings` of them read drafts."""

    number: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    dollars: float | None = 0.0
    readings: int = 0

    def __add__(self, other: Calls) -> Calls:  # type: ignore[override]
        money = None if self.dollars is None or other.dollars is None else self.dollars + other.dollars
        return Calls(
            self.number + other.number,
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            money,
            self.readings + other.readings,
        )

    def times(self, share: float) -> Calls:
        """So many times as much."""
        money = None if self.dollars is None else self.dollars * share
        whole = (self.number, self.tokens_in, self.tokens_out)
        number, tokens_in, tokens_out = (round(part * share) for part in whole)
        return Calls(number, tokens_in, tokens_out, money, round(self.readings * share))

    def without(self, read: int) -> Calls:
        """Less `read` readings that are there already; tokens and dollars go down with the number of calls."""
        gone = min(read, self.readings)
        if not gone:
            return self
        left = self.times((self.number - gone) / self.number)
        return left._replace(number=self.number - gone, readings=self.readings - gone)


def planned_calls(spec: Broadening, journal: Journal, scenario: Scenario, found: Candidates) -> Calls:
    """The calls that the candidates of a scenario take in the first round, those answered already left out."""
    # where some are answered all are looked at, so that what is left is known exactly
    looked = len(found) if journal.entries else min(len(found), LOOKED_AT)
    drafts = found.drafts(range(looked))
    share = len(found) / max(1, looked)
    asked = Calls()
    if spec.writer is not None:
        asked += _writing(spec, spec.writer, journal, scenario, drafts).times(share)
    if isinstance(spec.reader, Endpoint):
        asked += _reading(spec, spec.reader, scenario, drafts[:LOOKED_AT]).times(len(found) / min(looked, LOOKED_AT))
    return asked


def _writing(spec: Broadening, writer: Endpoint, journal: Journal, scenario: Scenario, drafts: list[Draft]) -> Calls:
    calls = EndpointWriter(writer, spec.sampling, journal, None, lambda n: None).calls(scenario, drafts)
    calls = [call for call in calls if call.key not in journal]
    tokens_in, tokens_out = sum(call.tokens_in for call in calls), sum(map(_answer_tokens, calls))
    return Calls(len(calls), tokens_in, tokens_out, _dollars(writer, tokens_in, tokens_out))


def _reading(spec: Broadening, reader: Endpoint, scenario: Scenario, drafts: list[Draft]) -> Calls:
    from isobath.measures.verification.endpoint_tagger import EndpointTagger

    tagger = EndpointTagger(reader, [factor.name for factor in scenario.space.relevant])
    found = tagger.estimate(drafts, scenario)
    each = 0
    if "metamorphic" in spec.checked:
        each += METAMORPHIC_READINGS
    elif "round_trip" in spec.checked:
        each += 1
    if "answer" in spec.checked and spec.writer is not None:
        each += 1
    one = Calls(found.calls, found.tokens_in, found.tokens_out, found.dollars, found.calls)
    return one.times(each)


def _answer_tokens(call: Call) -> int:
    """Tokens of an answer: about those of the draft it rewords, which is what its prompt ends with."""
    prompt = call.body["messages"][-1]["content"]
    return min(call.tokens_out, round(1.3 * estimated_tokens([prompt[prompt.rfind("The draft:") :]])))


def _dollars(endpoint: Endpoint, tokens_in: int, tokens_out: int) -> float | None:
    if endpoint.price_in is None or endpoint.price_out is None:
        return None
    return (tokens_in * endpoint.price_in + tokens_out * endpoint.price_out) / 1e6
