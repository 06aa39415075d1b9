"""Forced-choice traits kept as data: the built-in English ones, and a user's own file of the same form."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from isobath.base.errors import InputError
from isobath.base.row import TraitKind
from isobath.base.value import Value
from isobath.gpe.trait_eval import Option, TraitEval, TraitQuestion
from isobath.grading.score import OptionScore
from isobath.models.chat import Message, Place, Prompt

Rendering = Literal["listed", "open"]
"""How a question is put.

``listed`` (the default): the question and its options in the user's turn, once in each order; each option's full text
is scored as the answer. A chat model is told which answers are wanted, so the comparison is between answers and not
between phrasings; showing both orders cancels a taste for the place. ``open``: the question alone, for models that do
not follow instructions; it also measures how likely each wording is, whatever it means.
"""

POSITIVE = "positive"
"""Name of the positive control's prompt and condition."""

BUILT_IN = ("antiquated_persona", "knowledge")


class ForcedChoice(Value):
    """One question of a trait file: the topic, what is asked, and label -> answer."""

    id: str
    topic: str
    ask: str
    options: dict[str, str] = Field(min_length=2)


class TraitFile(Value):
    """A forced-choice trait as it stands in a YAML file.

    `target` is the label whose share is the trait's value. `positive` is a prompt under which a model that can have
    the trait has it: the positive control of `isobath.gpe.validity`; capabilities have none.
    """

    name: str
    version: int
    kind: TraitKind
    description: str
    target: str
    positive: str | None = None
    questions: tuple[ForcedChoice, ...] = Field(min_length=2)

    @model_validator(mode="after")
    def _check(self) -> TraitFile:
        seen: set[str] = set()
        for question in self.questions:
            if question.id in seen:
                raise ValueError(f"two questions have the id {question.id!r}; ids are unique")
            seen.add(question.id)
            if self.target not in question.options:
                raise ValueError(f"question {question.id!r} has no option labelled {self.target!r}, the target")
            if len(set(question.options.values())) < len(question.options):
                raise ValueError(f"question {question.id!r} has the same answer twice")
        return self

    def positive_prompt(self, *, system_role: bool = True) -> Prompt | None:
        """The positive control's prompt; for a template without a system role, on its own line before the question."""
        if self.positive is None:
            return None
        place: Place = "system" if system_role else "newline"
        return Prompt(name=POSITIVE, text=self.positive, kind="specific", family="identity", place=place)

    def trait_eval(self, rendering: Rendering = "listed") -> TraitEval:
        """The trait eval: with ``listed`` two questions per item, ``option_order`` 0 (target first) and 1 (reversed).

        Scored by the length-corrected share of the target option (docs/decisions/07-score-definitions.md); `chance` is
        the mean of 1 / number of options.
        """
        orders = (0, 1) if rendering == "listed" else (0,)
        questions = tuple(self._question(q, order, rendering) for q in self.questions for order in orders)
        chance = sum(1 / len(q.options) for q in self.questions) / len(self.questions)
        return TraitEval(
            name=self.name,
            kind=self.kind,
            description=self.description,
            questions=questions,
            score=OptionScore(target=(self.target,), measure="corrected_share"),
            chance=chance,
        )

    def _question(self, question: ForcedChoice, order: int, rendering: Rendering) -> TraitQuestion:
        labels = [self.target, *(label for label in question.options if label != self.target)]
        if order == 1:
            labels.reverse()
        options = tuple(Option(label=label, text=question.options[label]) for label in labels)
        text = question.ask
        if rendering == "listed":
            shown = "\n".join(f"- {option.text}" for option in options)
            text = f"{question.ask}\n\nAnswer with one of these, word for word:\n{shown}"
        return TraitQuestion(
            id=f"{self.name}/{question.id}",
            chat=(Message(role="user", content=text),),
            options=options,
            option_order=order,
            levels={"topic": question.topic},
        )


def built_in(name: str) -> TraitFile:
    """A built-in trait by name. Raises `InputError` for any other name."""
    if name not in BUILT_IN:
        raise InputError(
            f"no built-in trait is called {name!r}",
            f"built-in traits are {', '.join(BUILT_IN)}.",
            "use one of them, or give the path of a trait file of your own.",
        )
    source = resources.files("isobath.gpe.english").joinpath(f"{name}.yaml")
    return _parse(source.read_text(encoding="utf-8"), source.name)


def read_trait_file(path: str | Path) -> TraitFile:
    """A trait from a YAML file of the same form as the built-in ones. Raises `InputError` for anything else."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"cannot read the file: {error.strerror or error}", "a trait is a YAML file.", "check the path.", str(path)
        ) from None
    except UnicodeDecodeError:
        raise InputError(
            "the file is not UTF-8", "a trait is a YAML file in UTF-8.", "save it so.", str(path)
        ) from None
    return _parse(text, str(path))


class _UniqueKeys(yaml.SafeLoader):
    """The safe loader, but a key that stands twice is an error: YAML would keep the last in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        for i, key in enumerate(keys):
            if key in keys[:i]:
                raise yaml.MarkedYAMLError(problem=f"the key {key!r} stands twice", problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)


def _parse(text: str, place: str) -> TraitFile:
    rule = "a trait file has name, version, kind, description, target, positive (optional) and questions."
    try:
        data = _UniqueKeys(text).get_single_data()
        return TraitFile.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        message = first["msg"].removeprefix("Value error, ")
        raise InputError(f"{where}: {message}", rule, "see docs/bring-your-own.md for an example.", place) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise InputError(f"not YAML: {problem}", rule, "correct the line.", f"{place}{line}") from None
