"""`Answer`: the point can be, the answer is the rule's decision there, and the question does not hold it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, runtime_checkable

from isobath.gpe.scenarios.draft import Draft
from isobath.gpe.scenarios.scenario import Scenario
from isobath.measures.verification.agreement import Agreement
from isobath.measures.verification.check import Findings, Looking, NotMeasured, Reason
from isobath.measures.verification.words import END, plain, sentences

LEAST_WORDS = 4
"""A shorter sentence of an answer may well stand in a question too ("I see")."""


@runtime_checkable
class AnswerReader(Protocol):
    """Reads from an answer which decision it takes: a decision, None where it cannot tell, `NotMeasured` on failure."""

    @property
    def name(self) -> str:
        """Stands in reasons and tables."""
        ...

    def answers(self, drafts: Sequence[Draft], scenario: Scenario) -> list[str | None]:
        """One per draft."""
        ...


class Answer(Looking):
    """Rejects a draft whose point cannot be, whose decision is not the rule's, or whose answer stands in its question.

    An answer that the question gives away teaches copying. Offering it as one of all the `options` gives nothing away.
    With a `reader`, an answer in which it reads another decision is rejected too; without, that an answer's words mean
    the decision rests on the scenario's templates. A contested point has no answer to train on and is rejected, but
    with `contested` ``pass``: for test questions.
    """

    def __init__(self, reader: AnswerReader | None = None, contested: Literal["reject", "pass"] = "reject") -> None:
        self.reader, self.contested = reader, contested
        self.name = "answer" if reader is None else f"answer ({reader.name})"

    def look(self, drafts: Sequence[Draft], scenario: Scenario) -> Findings:
        """One reason per draft, and how far the reader agrees."""
        options = {decision: _words(text) for decision, text in scenario.options.items()}
        domains = {factor.name: frozenset(factor.domain) for factor in scenario.space.factors}
        reasons: list[str | None] = [
            _unsound(draft, scenario, domains) or _given_away(draft, list(options.values())) for draft in drafts
        ]
        if self.contested == "reject":
            reasons = [
                Reason("contested: there is no agreed answer to train on")
                if reason is None and draft.decision is None
                else reason
                for draft, reason in zip(drafts, reasons, strict=True)
            ]
        if self.reader is None:
            said = "that an answer's words mean its decision: no reader was given"
            return Findings(reasons, not_measured=(said,))
        asked = [i for i, reason in enumerate(reasons) if reason is None and drafts[i].decision is not None]
        read = self.reader.answers([drafts[i] for i in asked], scenario)
        agree = differ = unread = failed = 0
        for i, decision in zip(asked, read, strict=True):
            if isinstance(decision, NotMeasured):
                reasons[i], failed = decision, failed + 1
            elif decision is None:
                unread += 1
            elif decision == drafts[i].decision:
                agree += 1
            else:
                differ += 1
                text = f"the answer reads as {decision!r}, and the decision is {drafts[i].decision!r}"
                reasons[i] = Reason(text)
        counted = Agreement(
            tagger=self.reader.name, factor="decision", agree=agree, differ=differ, unread=unread, failed=failed
        )
        return Findings(reasons, (counted,))


def _unsound(draft: Draft, scenario: Scenario, domains: Mapping[str, frozenset[str]]) -> str | None:
    if draft.point.keys() != domains.keys():
        odd = sorted(draft.point.keys() ^ domains.keys())
        return Reason(f"{odd[0]}: the point has no level of it, or the scenario no such factor")
    for name, domain in domains.items():
        if draft.point[name] not in domain:
            return Reason(f"{name}: {draft.point[name]!r} is none of its levels")
    if not scenario.space.allows(draft.point):
        return Reason(f"the point cannot be ({_said(draft)})", "the point cannot be")
    right = scenario.decide(draft.point)
    if right != draft.decision:
        return Reason(f"the answer is {_named(draft.decision)}, and the rule says {_named(right)} at this point")
    if draft.decision is not None and (not draft.messages or draft.messages[-1].role != "assistant"):
        return Reason("there is no answer")
    if draft.decision is not None and not draft.messages[-1].content.strip():
        return Reason("the answer is empty")
    return None


def _given_away(draft: Draft, options: Sequence[str]) -> str | None:
    if draft.decision is None:
        return None
    asked = _words(draft.text)
    for sentence in sentences(draft.messages[-1].content):
        if sentence.count(" ") > LEAST_WORDS and sentence in asked and not _is_offered(sentence, asked, options):
            return Reason(f"the question holds the answer: {sentence.strip()!r}", "the question holds the answer")
    return None


def _is_offered(sentence: str, asked: str, options: Sequence[str]) -> bool:
    """Whether it is one of the options, and all of them are offered."""
    return any(sentence in option or option in sentence for option in options) and all(o in asked for o in options)


def _words(text: str) -> str:
    return plain(text).replace(f" {END} ", " ").replace(f" {END} ", " ")  # twice: ends in a row share a space


def _said(draft: Draft) -> str:
    return ", ".join(f"{name} = {level}" for name, level in draft.point.items())


def _named(decision: str | None) -> str:
    return "contested" if decision is None else repr(decision)
