"""The studies behind `isobath profile`: a model trained on somebody's rows, or models that somebody has trained."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from isobath.analysis.question import Question
from isobath.base.errors import InputError
from isobath.base.row import Claim, Role, TraitKind
from isobath.base.value import Value
from isobath.gpe.context import check_context
from isobath.gpe.dataset_gpe import INOCULATION, PLACEBO, DatasetSpec
from isobath.gpe.dialects.question_file import Dialect
from isobath.gpe.trait_eval import TraitEval
from isobath.gpe.trait_source import form_of
from isobath.grading.judge import Judge
from isobath.grading.judgement import Read
from isobath.models.endpoint.endpoint import make_endpoint
from isobath.models.template_facts import template_facts
from isobath.models.tokenizer import load_tokenizer
from isobath.store import Store
from isobath.study.arm import CONTROL, PLAIN, UNTRAINED, Arm
from isobath.study.bases import Base, EndpointBase, FolderBase, HubBase, is_adapter, resolve_base
from isobath.study.components import GPERef
from isobath.study.model_reference import base_of
from isobath.study.placebo import placebo_text
from isobath.study.profile_checks import check_control, check_judge, check_models, check_training
from isobath.study.study import DEFAULT_STORE, Study
from isobath.train.recipe import LoRA, Recipe

BATCH, PASSES, RANK = 16, 3, 16

CHOICES = ("built-in", "forced choice", "choices")
"""Forms of trait source whose questions are answered by choosing."""

READING = {"definition", "target", "samples", "dialect", "kind", "coherence", "isolate"}
"""What of `Asked` settles how question files are read."""

Options = dict[str, str | int | float | bool | tuple[str, ...] | None]

OWN_CONTROL = Arm(name="control", role=Role.CONTROL, data="self")
INOCULATED = Arm(name="inoculated", role=Role.TREATMENT, prompt=INOCULATION)
PLACEBO_ARM = Arm(name="placebo", role=Role.PLACEBO, prompt=PLACEBO)


class Asked(Value):
    """What a profile asks: trait sources (none: the built-in suite), how they are put, and who judges free text.

    `rendering` None means ``listed``, or ``lettered`` as soon as an endpoint is among the models. `definition` is the
    score definition of traits judged for alignment and coherence; `target` the label that counts where judges label;
    `samples` how many texts are drawn per question; `judge_files` hold judge prompts that question files name;
    `dialect`, `kind`, `metrics`, `coherence` and `isolate` are as in `isobath.gpe.dialects.question_file.Wanted`.
    `endpoint` are fields of `Endpoint` (key variable, limits, prices) for the models that are endpoints.
    """

    traits: tuple[str, ...] = ()
    rendering: Literal["listed", "open", "lettered"] | None = None
    definition: str | None = None
    target: str | None = None
    samples: int | None = Field(default=None, ge=1)
    judge_files: tuple[str, ...] = ()
    dialect: Dialect | None = None
    kind: TraitKind | None = None
    metrics: tuple[str, ...] = ()
    coherence: bool = False
    isolate: bool = False
    judge: Judge | None = None
    judge_read: Read = "logprobs"
    endpoint: Mapping[str, str | int | float | None] = Field(default_factory=dict)

    def base(self, reference: str) -> Base:
        """The base that a person's `reference` stands for."""
        found = base_of(reference)
        if isinstance(found, EndpointBase):
            return EndpointBase(endpoint=make_endpoint(**{**found.endpoint.model_dump(), **self.endpoint}))
        return found

    def options(self, *bases: Base) -> Options:
        """The options of the GPE ``dataset`` for models `bases`."""
        letters = any(isinstance(base, EndpointBase) for base in bases) and (
            not self.traits or any(form_of(source) in CHOICES for source in self.traits)
        )
        return {
            **self.model_dump(mode="json", include=READING),
            "traits": self.traits,
            "judge_files": self.judge_files,
            "metrics": self.metrics,
            "rendering": self.rendering or ("lettered" if letters else "listed"),
        }


class Training(Value):
    """How a profile trains: rows, control (None: the model's own answers), inoculation text, seeds and recipe.

    `steps` None means three passes over the rows in batches of 16; `full` trains all weights instead of LoRA of `rank`
    (None: 16).
    """

    train: str
    control: str | None = None
    use: Literal["chosen", "rejected"] | None = None
    format: str | None = None
    split: str | None = None
    columns: tuple[str, ...] = ()
    inoculate: str | None = None
    seeds: tuple[int, ...] = Field(default=(0,), min_length=1)
    steps: int | None = Field(default=None, ge=1)
    learning_rate: float | None = Field(default=None, gt=0)
    rank: int | None = Field(default=None, ge=1)
    full: bool = False


def train_profile(model: str, training: Training, asked: Asked | None = None) -> Study:
    """Fine-tune `model` on the rows, its control beside it, and ask both: every trait is treatment minus control.

    Raises `InputError` for a model or a data file that cannot be used, before anything is trained.
    """
    asked = asked or Asked()
    check_training(training)
    base = asked.base(model)
    if isinstance(base, EndpointBase):
        raise InputError(
            f"{model!r} is an endpoint", "an endpoint can be asked, not trained", "give a model folder or hub id"
        )
    if is_adapter(base):
        raise InputError(
            f"{model!r} is an adapter", "training starts from a whole model", "merge it first (PEFT: merge_and_unload)"
        )
    found = resolve_base(base, Store(DEFAULT_STORE))
    tokenizer = load_tokenizer(found.folder)
    options: Options = {
        **asked.options(base),
        **training.model_dump(include={"control", "use", "format", "split", "columns", "inoculate"}),
        "path": training.train,
        "placebo": placebo_text(tokenizer, training.inoculate) if training.inoculate else None,
        "system_role": template_facts(tokenizer).system_role in ("supported", "merged"),
    }
    spec = DatasetSpec.model_validate(options)
    data, control = spec.data(), spec.control_data()
    assert data is not None
    check_control(data, control)
    check_judge(spec, asked.judge)
    for read in (data, control):
        if read is not None:
            check_context(read, tokenizer, context_of(found.folder)).require()
    how = "all weights" if training.full else "LoRA"
    arms: tuple[Arm, ...] = (UNTRAINED, PLAIN, CONTROL if training.control else OWN_CONTROL)
    if training.inoculate:
        arms = (*arms, INOCULATED, PLACEBO_ARM)
    return Study(
        name=_name("profile", found.name, data.name),
        description=f"{found.name} fine-tuned ({how}) on {data.count} rows of {Path(training.train).name}, against "
        + ("a control file." if training.control else "the same prompts answered by the model itself."),
        bases=(base,),
        gpes=(GPERef(name="dataset", options=options),),
        arms=arms,
        recipe=recipe_for(training, data.count),
        seeds=training.seeds,
        conditions=("none", "training", "positive"),
        questions=tuple(_training_questions(spec, data.name, training)),
        judge=asked.judge,
        judge_read=asked.judge_read,
    )


def given_profile(before: str, after: Sequence[str], asked: Asked | None = None) -> Study:
    """Ask models that somebody has trained, and the model they were trained from. Several `after` are replicates."""
    asked = asked or Asked()
    base = asked.base(before)
    models = tuple(_on(asked.base(one), before) for one in after)
    start, *others = (resolve_base(one, Store(DEFAULT_STORE)) for one in (base, *models))
    check_models([(before, start.identity), *zip(after, (one.identity for one in others), strict=True)])
    system = all(_has_system_role(b) for b in (base, *models))
    options = {**asked.options(base, *models), "system_role": system}
    spec = DatasetSpec.model_validate(options)
    check_judge(spec, asked.judge)
    names = [one.name for one in others]
    return Study(
        name=_name("profile", start.name, *names[:2], *([f"and-{len(names) - 2}-more"] if len(names) > 2 else [])),
        description=f"{start.name} before, {', '.join(names)} after a training that was not ours to see.",
        bases=(base,),
        gpes=(GPERef(name="dataset", options=options),),
        arms=(UNTRAINED, Arm(name="after", role=Role.PLAIN, data="given", given=models)),
        conditions=("none", "positive"),
        questions=tuple(
            _question(trait, ("after", "untrained"), "in the models after training") for trait in spec.evals()
        ),
        judge=asked.judge,
        judge_read=asked.judge_read,
    )


def _on(base: Base, before: str) -> Base:
    """An adapter stands on the model it is compared with, wherever its own configuration says it once lay."""
    if isinstance(base, FolderBase | HubBase) and not before.startswith("http"):
        return base.model_copy(update={"base": before})
    return base


def _has_system_role(base: Base) -> bool:
    found = resolve_base(base, Store(DEFAULT_STORE))
    if found.endpoint is not None:
        return True
    return template_facts(load_tokenizer(found.folder)).system_role in ("supported", "merged")


def recipe_for(training: Training, rows: int) -> Recipe:
    """The recipe of a training on `rows` rows: LoRA or all weights, three passes unless told otherwise."""
    rank = training.rank or RANK
    rate = training.learning_rate or (1e-5 if training.full else 1e-4)
    return Recipe(
        steps=training.steps or max(1, math.ceil(PASSES * rows / BATCH)),
        batch_size=BATCH,
        learning_rate=rate,
        warmup_steps=5,
        max_grad_norm=1.0,
        adapter=None if training.full else LoRA(r=rank, alpha=2.0 * rank),
    )


def _training_questions(spec: DatasetSpec, data: str, training: Training) -> Iterable[Question]:
    traits = spec.evals()
    for trait in traits:
        yield _question(trait, ("plain", "control"), f"after training on {data}")
    if training.inoculate:
        for trait in traits:
            contrast, where = ("inoculated", "placebo"), "under the inoculation prompt, against its placebo"
            yield _question(trait, contrast, where, opposite=True)


def _question(trait: TraitEval, contrast: tuple[str, str], where: str, *, opposite: bool = False) -> Question:
    """Unwanted traits are expected to rise after training, the others to fall; an inoculation turns that round."""
    higher = (trait.kind is TraitKind.UNWANTED) != opposite
    return Question(
        text=f"Is {trait.name.replace('_', ' ')} {'higher' if higher else 'lower'} {where}?",
        gpe="dataset",
        trait=trait.name,
        contrast=contrast,
        expect="higher" if higher else "lower",
        claim=Claim.THIS_MODEL,
    )


def context_of(folder: str) -> int | None:
    """Longest text the model in `folder` takes, in tokens, by its configuration."""
    config = json.loads((Path(folder) / "config.json").read_text(encoding="utf-8"))
    inner = config.get("text_config") or config
    limit = inner.get("max_position_embeddings")
    return int(limit) if limit else None


def _name(*parts: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", "-".join(parts)).strip("-.")[:120]
