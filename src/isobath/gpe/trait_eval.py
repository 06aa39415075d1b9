"""A trait eval: questions, how they are rendered, and the score that reads the answer."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from isobath.base.identity import fingerprint
from isobath.base.row import TraitKind
from isobath.base.value import Value
from isobath.design.edit import Edit
from isobath.design.region import Place
from isobath.grading.judged_score import JudgedScore
from isobath.grading.rubric import Rubric
from isobath.grading.score import OptionScore, Score
from isobath.models.chat import Chat, Prompt
from isobath.models.protocol import Sampling


class Option(Value):
    """One answer of a forced choice: a label that scores refer to, and the text the model would say."""

    label: str
    text: str


class TraitQuestion(Value):
    """One item of a trait eval. The same `id` may come with several `paraphrase`s and `option_order`s.

    Where there is a factor space, `levels` are its point, `place` says where that lies with respect to the GPE's
    training support, and `edit` that the question is another one with a single factor changed. `rubrics` are what a
    judge is asked about answers to this question alone; they replace the trait's of the same name
    (`TraitEval.rubrics_for`).
    """

    id: str
    chat: Chat
    prefix: str = ""
    options: tuple[Option, ...] = ()
    paraphrase: int = 0
    option_order: int = 0
    levels: Mapping[str, str] = Field(default_factory=dict)
    weight: float = 1.0
    place: Place | None = None
    edit: Edit | None = None
    rubrics: tuple[Rubric, ...] = ()

    @property
    def content(self) -> str:
        """What a response depends on: the chat, the prefix and the option texts (not labels, levels or weight)."""
        return fingerprint([self.chat, self.prefix, [o.text for o in self.options]])


class TraitEval(Value):
    """Questions + rendering + score for one object-level behaviour.

    With `sampling` None the answer is a forced choice by log-probability; otherwise `samples` texts are drawn.
    `conditions` None means every condition of the study; `chance` is what a model that knows nothing would score.
    `rubrics` are what a judge is asked about each text, one per metric that a `JudgedScore` names. `positive` is the
    prompt under which a model that can have the trait has it: what the condition ``positive`` means for this trait.
    """

    name: str
    kind: TraitKind
    description: str
    questions: tuple[TraitQuestion, ...]
    score: Score | JudgedScore
    sampling: Sampling | None = None
    samples: int = 1
    conditions: tuple[str, ...] | None = None
    chance: float | None = None
    rubrics: tuple[Rubric, ...] = ()
    positive: Prompt | None = None

    def rubrics_for(self, question: TraitQuestion) -> tuple[Rubric, ...]:
        """What a judge is asked about an answer to `question`: its own rubrics, and the trait's of other names."""
        own = {rubric.name for rubric in question.rubrics}
        return (*(rubric for rubric in self.rubrics if rubric.name not in own), *question.rubrics)

    @property
    def is_choice(self) -> bool:
        """Whether the score reads option log-probabilities rather than a text."""
        return isinstance(self.score, OptionScore)
