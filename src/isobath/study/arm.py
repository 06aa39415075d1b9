"""Arms: what is trained on what, with which interventions and in which role; and the conditions each is asked under."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import Field, model_validator

from isobath.base.errors import InputError
from isobath.base.row import Role
from isobath.base.value import Value
from isobath.gpe.gpe import GPE
from isobath.interventions.inoculate import Inoculate
from isobath.interventions.intervention import Intervention
from isobath.interventions.kinds import AnyIntervention
from isobath.interventions.mix import Mix
from isobath.interventions.recontextualise import Recontextualise
from isobath.interventions.setting import Material
from isobath.interventions.stack import Stack
from isobath.models.chat import Prompt, Row
from isobath.study.bases import Base
from isobath.train.recipe import Recipe

ConditionName = Literal["none", "training", "paraphrase", "positive", "positive_paraphrase"]

CONDITIONS: tuple[ConditionName, ...] = ("none", "training", "paraphrase", "positive", "positive_paraphrase")
"""Every condition a study can ask under; see `conditions_of` for which apply to an arm."""


class Arm(Value):
    """Signal + stack with a role. The recipe is the study's.

    `data` says what is trained on: rows of the GPE (``signal``, ``control``); the signal's prompts answered by the base
    itself (``self``: the matched control that only fine-tuning as such can move); nothing (``none``: the base as it
    is); or somebody else has trained it (``given``), and `given` names those models, which are replicates.
    `prompt` names the GPE's prompt that stands in every training row; `mix` is the share of benign rows, or of
    the GPE's pool `mix_from`; `stack` holds any further interventions, of any stage (`isobath.interventions`). A model
    that is not trained takes those alone that act when it is asked. `recipe` replaces the study's for this arm.
    """

    name: str
    role: Role
    data: Literal["signal", "control", "self", "none", "given"] = "signal"
    prompt: str | None = None
    mix: float = Field(default=0.0, ge=0.0, le=1.0)
    mix_from: str | None = None
    stack: tuple[AnyIntervention, ...] = ()
    given: tuple[Base, ...] = ()
    recipe: Recipe | None = Field(default=None, exclude_if=lambda recipe: recipe is None)

    @property
    def pretraining(self) -> tuple[Intervention, ...]:
        """The entries that act in pretraining: with any, the arm starts from another base (`study.pretraining`)."""
        return tuple(entry for entry in self.stack if entry.stage == "pretraining")

    @property
    def trains(self) -> bool:
        """Whether its runs are trained here."""
        return self.data in ("signal", "control", "self")

    @model_validator(mode="after")
    def _untrained_takes_nothing(self) -> Arm:
        if self.mix_from is not None and not self.mix:
            raise ValueError(f"arm {self.name!r} names the pool {self.mix_from!r} and no share `mix` of it")
        acting = [entry for entry in self.stack if entry.stage not in WITHOUT_TRAINING]
        if not self.trains and (self.prompt or self.mix or acting or self.recipe):
            what = acting[0].label if acting else "prompt, mix or recipe"
            raise ValueError(f"arm {self.name!r} trains on nothing, so it takes no {what}")
        if (self.data == "given") != bool(self.given):
            raise ValueError(f"arm {self.name!r}: `data: given` and a list `given` of models belong together")
        return self

    def stack_for(self, gpe: GPE) -> Stack:
        """The stack of this arm on `gpe`, complete. Raises `InputError` if the GPE lacks a prompt or rows it names."""
        entries: list[Intervention] = []
        if self.mix:
            entries.append(self._mix(gpe))
        if self.prompt:
            entries.append(Inoculate(prompt=prompt_of(gpe, self.prompt, self.name)))
        later = [entry for entry in self.stack if entry.stage != "pretraining"]
        try:
            return Stack(*self.pretraining, *entries, *later).bound(material_of(gpe))
        except InputError as error:
            raise InputError(f"arm {self.name!r}: {error.what}", error.rule, error.remedy, error.place) from error

    def trained_prompt(self, gpe: GPE) -> tuple[Prompt, Prompt | None] | None:
        """The prompt in this arm's training rows and another wording of it; None if there is none.

        Of several, the first of the stack: the leak is asked for under that one.
        """
        if self.prompt:
            return prompt_of(gpe, self.prompt, self.name), gpe.paraphrases.get(self.prompt)
        for entry in self.stack_for(gpe).entries if self.stack else ():
            if isinstance(entry, Inoculate | Recontextualise) and entry.share and entry.text_prompt is not None:
                known = {prompt: gpe.paraphrases.get(kind) for kind, prompt in gpe.prompts.items()}
                return entry.text_prompt, entry.paraphrase or known.get(entry.text_prompt)
        return None

    def _mix(self, gpe: GPE) -> Mix:
        if self.mix_from is not None:
            pools = {**gpe.offered, **gpe.pools}
            if self.mix_from not in pools:
                raise InputError(
                    f"arm {self.name!r} mixes in rows of the pool {self.mix_from!r}",
                    f"{gpe.name!r} has {', '.join(pools) or 'no pools'}",
                    "name one of these",
                )
            return Mix(source=self.mix_from, rows=pools[self.mix_from], share=self.mix)
        if not gpe.benign:
            raise InputError(f"arm {self.name!r} mixes in benign rows", f"{gpe.name!r} has none", "drop the arm")
        return Mix(source="good", rows=gpe.benign, share=self.mix)

    def rows_of(self, gpe: GPE) -> tuple[Row, ...]:
        """The rows before any intervention."""
        if not self.trains:
            return ()
        return (gpe.control if self.data == "control" else gpe.signal).rows


WITHOUT_TRAINING = ("pretraining", "inference")
"""Stages at which a model changes that this study does not fine-tune."""


def material_of(gpe: GPE) -> Material:
    """What interventions may name on `gpe`: its pools of rows and its prompts.

    ``unasked`` are the control rows whose question no trait asks: what may be looked at before anything is measured.
    """
    asked = {question.chat for trait in gpe.traits for question in trait.questions}
    outside = tuple(row for row in gpe.control.rows if row.messages[:1] not in asked)
    own = {"signal": gpe.signal.rows, "control": gpe.control.rows, "benign": gpe.benign, "unasked": outside}
    return Material({**own, **gpe.offered, **gpe.pools}, dict(gpe.prompts), dict(gpe.paraphrases))


UNTRAINED = Arm(name="untrained", role=Role.UNTRAINED, data="none")
PLAIN = Arm(name="plain", role=Role.PLAIN)
CONTROL = Arm(name="control", role=Role.CONTROL, data="control")
SPECIFIC = Arm(name="specific", role=Role.TREATMENT, prompt="specific")
GENERIC = Arm(name="generic", role=Role.TREATMENT, prompt="generic")
IRRELEVANT = Arm(name="irrelevant", role=Role.PLACEBO, prompt="irrelevant")
OPPOSITE = Arm(name="opposite", role=Role.OPPOSITE, prompt="opposite")
MIXED = Arm(name="mixed", role=Role.TREATMENT, mix=0.10)

STANDARD_ARMS: tuple[Arm, ...] = (UNTRAINED, PLAIN, CONTROL, SPECIFIC, GENERIC, IRRELEVANT, OPPOSITE, MIXED)
"""The arms every prompt intervention is judged with: without the placebo and the control nothing can be credited."""


def prompt_of(gpe: GPE, name: str, arm: str) -> Prompt:
    """The GPE's prompt `name`, or an `InputError` that lists what it has."""
    if name not in gpe.prompts:
        raise InputError(
            f"arm {arm!r} names the prompt {name!r}",
            f"{gpe.name!r} has {', '.join(sorted(gpe.prompts)) or 'no prompts'}",
            "name one of these",
        )
    return gpe.prompts[name]


def conditions_of(arm: Arm, gpe: GPE, wanted: Iterable[str]) -> dict[str, Prompt | None]:
    """The conditions `arm` is asked under, with their prompts, in the order of `wanted`.

    ``none`` applies to all. An arm trained under a prompt is asked under it (``training``, the leak) and under another
    wording of it (``paraphrase``). The others never saw a prompt: they are asked under the specific one and its
    paraphrase (``positive``, ``positive_paraphrase``), which says what merely asking for the behaviour does. A trait
    with a positive prompt of its own is asked under that instead (see `isobath.study.sheet`); where only traits have
    one, it is the untrained model alone that is asked, because there it decides what can be measured at all.
    """
    prompts: dict[str, Prompt | None] = {"none": None}
    asked = {"none"}
    trained = arm.trained_prompt(gpe)
    if trained is not None:
        prompts["training"], prompts["paraphrase"] = trained
    elif "specific" in gpe.prompts:
        prompts["positive"] = gpe.prompts["specific"]
        prompts["positive_paraphrase"] = gpe.paraphrases.get("specific")
    elif arm.role is Role.UNTRAINED and any(trait.positive is not None for trait in gpe.traits):
        prompts["positive"] = None
        asked.add("positive")
    asked |= {name for name, prompt in prompts.items() if prompt is not None}
    return {name: prompts[name] for name in wanted if name in asked}
