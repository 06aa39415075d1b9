"""`EndpointTagger`: a judge reads the level of every factor from a text, in one structured reply."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, MutableMapping, Sequence

from isobath.base.row import State
from isobath.design.factor import Factor
from isobath.gpe.scenarios.draft import Draft
from isobath.gpe.scenarios.scenario import Scenario
from isobath.grading.judge import CostEstimate, Judge, JudgeAsk, estimate_cost
from isobath.grading.judgement import Judgement
from isobath.grading.rubric import Rubric
from isobath.measures.verification.asked import Asked, trouble_of
from isobath.measures.verification.check import NotMeasured
from isobath.measures.verification.reading import Levels, Reading
from isobath.models.endpoint.budget import Budget
from isobath.models.endpoint.endpoint import Endpoint

UNSAID = "unclear"
"""What the judge says of a factor that the text does not tell."""
TOKENS_PER_FACTOR = 24
_OBJECT = re.compile(r"\{[^{}]*\}")


class EndpointTagger:
    """Any OpenAI-compatible endpoint, or a local judge, as a tagger and as a reader of answers.

    One call per text names the levels of all factors as a JSON object; levels and descriptions are sent, phrases, rule
    and point are not. A reply that is no such object, and a level that it does not have, are None; a call that failed,
    a refusal or a cut reply is `Reading.failed`, which is no reject. `known` keeps judgements between runs (`Asked`).
    """

    def __init__(
        self,
        judge: Judge,
        factors: Sequence[str] | None = None,
        budget: Budget | None = None,
        known: MutableMapping[str, Judgement] | None = None,
    ) -> None:
        self.asked = Asked(judge, budget, "text", known)
        self.factors = None if factors is None else tuple(factors)
        self.name = f"judge {judge.name}"

    def tells(self, scenario: Scenario) -> tuple[str, ...]:
        """All factors, or those it was made for."""
        return scenario.space.names if self.factors is None else self.factors

    def read(self, drafts: Sequence[Draft], scenario: Scenario) -> list[Levels]:
        """One reading per draft; equal texts are asked once. Raises `InputError` for a factor that is none."""
        factors = [scenario.space.factor(name) for name in self.tells(scenario)]
        rubric = point_rubric(factors)
        said = self.asked.judgements([JudgeAsk(rubric, "", draft.text) for draft in drafts])
        return [point_said(factors, one) for one in said]

    def answers(self, drafts: Sequence[Draft], scenario: Scenario) -> list[str | None]:
        """Which decision each draft's answer takes, by a call of its own (see `Answer`)."""
        rubric = decision_rubric(scenario.options)
        asks = [JudgeAsk(rubric, draft.text, draft.messages[-1].content) for draft in drafts]
        return [decision_said(scenario.options, one) for one in self.asked.judgements(asks)]

    def estimate(self, drafts: Sequence[Draft], scenario: Scenario) -> CostEstimate:
        """What `read` would take; nothing is sent."""
        rubric = point_rubric([scenario.space.factor(name) for name in self.tells(scenario)])
        return estimate_cost(self.asked.judge, [JudgeAsk(rubric, "", draft.text) for draft in drafts], "text")


class EndpointDecider:
    """A judge that is asked which decision is right in a draft's words, as another reader than tagger and rule.

    `guidance` is what it should go by (the rule in words); without it, it goes by its own lights, and disagreeing with
    the rule is then no fault of a text. It is shown the options, never the point.
    """

    def __init__(
        self,
        judge: Endpoint,
        guidance: str = "",
        budget: Budget | None = None,
        known: MutableMapping[str, Judgement] | None = None,
    ) -> None:
        self.asked, self.guidance = Asked(judge, budget, "text", known), guidance
        self.name = f"judge {judge.name}"

    def decisions(self, drafts: Sequence[Draft], scenario: Scenario) -> list[str | None]:
        """Per draft a decision, `Undecided`, or `NotMeasured`."""
        from isobath.measures.verification.decider import Undecided

        rubric = right_rubric(scenario.options, self.guidance)
        said = self.asked.judgements([JudgeAsk(rubric, "", draft.text) for draft in drafts])
        found = [decision_said(scenario.options, one) for one in said]
        return [Undecided("the judge names none of the decisions") if one is None else one for one in found]


def point_rubric(factors: Sequence[Factor]) -> Rubric:
    """What is asked of a text: the level of each of `factors`, as one JSON object."""
    listed = "\n".join(_listed(factor) for factor in factors)
    example = json.dumps({factor.name: "..." for factor in factors[:2]})
    return Rubric(
        name="point_of_text",
        template="Here is a text that puts a situation to an assistant:\n\n{answer}\n\n"
        "For each of these factors, which level does the text have?\n\n"
        + _literal(listed)
        + "\n\nReply with one JSON object alone, from every factor's name to one of its levels exactly as written "
        + f'above, or to "{UNSAID}" where the text does not say, such as {_literal(example)}',
        shape="label",
        labels=(),
        isolate=True,
        reply_tokens=32 + TOKENS_PER_FACTOR * len(factors),
    )


def decision_rubric(options: Mapping[str, str]) -> Rubric:
    """Which of the decisions an answer takes."""
    return _choice(
        "decision_of_answer",
        "An assistant was told this:\n\n{question}\n\nIt answered:\n\n{answer}\n\nWhich of these does it decide?",
        options,
    )


def right_rubric(options: Mapping[str, str], guidance: str) -> Rubric:
    """Which of the decisions is right in a situation."""
    rule = f"\n\nGo by this:\n\n{_literal(guidance)}" if guidance else ""
    return _choice(
        "right_decision",
        f"An assistant is told this:\n\n{{answer}}{rule}\n\nWhich of these is the right decision?",
        options,
    )


def point_said(factors: Sequence[Factor], said: Judgement) -> Reading:
    """A reply as a reading: strictly a JSON object, the last one in it where there are several."""
    nothing: dict[str, str | None] = {factor.name: None for factor in factors}
    objects = [made for hit in _OBJECT.findall(said.raw) if (made := _object(hit)) is not None]
    trouble = trouble_of(said)
    if trouble and (said.state is State.JUDGE_FAILED or not objects):
        return Reading(nothing, failed=trouble)
    if not objects:
        return Reading(nothing, dict.fromkeys(nothing, "the judge's reply is no JSON object"))
    levels, why = nothing, {}
    for factor in factors:
        text = objects[-1].get(factor.name)
        level = _level(factor, text)
        levels[factor.name] = level
        if level is None:
            unsaid = text is None or str(text).casefold() == UNSAID
            why[factor.name] = "the judge finds it unclear" if unsaid else f"the judge says {str(text)!r:.60}"
    return Reading(levels, why)


def decision_said(options: Mapping[str, str], said: Judgement) -> str | None:
    """A reply as a decision."""
    if trouble := trouble_of(said):
        return NotMeasured(f"the judge could not be asked: {trouble}", "the judge could not be asked")
    codes = {f"D{number}": decision for number, decision in enumerate(options, start=1)}
    return codes.get(said.label or "")


def _choice(name: str, question: str, options: Mapping[str, str]) -> Rubric:
    codes = [f"D{number}" for number in range(1, len(options) + 1)]
    listed = "\n".join(f"- {code}: {text}" for code, text in zip(codes, options.values(), strict=True))
    return Rubric(
        name=name,
        template=f"{question}\n\n{_literal(listed)}\n- {UNSAID}: none of these, or it cannot be told\n\n"
        f"Reply with the code alone, such as {codes[0]}.",
        shape="label",
        labels=(*codes, UNSAID),
        isolate=True,
        reply_tokens=16,
    )


def _listed(factor: Factor) -> str:
    what = f" ({factor.description})" if factor.description else ""
    return f"- {factor.name}{what}: {'; '.join(factor.domain)}"


def _object(text: str) -> Mapping[str, object] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _level(factor: Factor, text: object) -> str | None:
    """The level that was named: as written, or in another case where that is still one level."""
    if text is None:
        return None
    said = str(text).strip()
    if said in factor.domain:
        return said
    folded = [level for level in factor.domain if level.casefold() == said.casefold()]
    return folded[0] if len(folded) == 1 else None


def _literal(text: str) -> str:
    """Braces of a text are not slots of the prompt."""
    return re.sub(r"\{(\w+)\}", r"{ \1 }", text)
