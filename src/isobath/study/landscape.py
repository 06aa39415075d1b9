"""The studies behind `isobath landscape`: a tagged file put to models, or answers to it that were judged elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import Field

from isobath.analysis.question import Question
from isobath.base.errors import InputError
from isobath.base.row import Claim
from isobath.base.value import Value
from isobath.design.region import Region
from isobath.gpe.tagged.gpe import TRAIT
from isobath.gpe.tagged.spec import Landscape, TaggedSpec
from isobath.study.arm import PLAIN, UNTRAINED, Arm
from isobath.study.bases import Base, EndpointBase, is_adapter
from isobath.study.components import GPERef
from isobath.study.model_reference import base_of
from isobath.study.profile import Training, recipe_for
from isobath.study.study import Measure, Study

GPE_NAME = "tagged"
FARTHER = (Region.SHORE, Region.LAKE, Region.BAY, Region.SEA)


class Tuning(Value):
    """How `isobath landscape --fine-tune` trains a model on the file's training lines, as a profile would."""

    seeds: tuple[int, ...] = Field(default=(0,), min_length=1)
    steps: int | None = Field(default=None, ge=1)
    learning_rate: float | None = Field(default=None, gt=0)
    rank: int | None = Field(default=None, ge=1)
    full: bool = False


def asked_landscape(
    spec: TaggedSpec,
    models: Sequence[str],
    tuning: Tuning | None = None,
    measures: Sequence[Measure] = (),
) -> Study:
    """Put the questions of a tagged file to `models`, as they are and, with `tuning`, fine-tuned on its training lines.

    Several models are replicates. Raises `InputError` for a file or a model that cannot be used.
    """
    landscape = spec.read()
    bases = tuple(map(base_of, models))
    if not bases:
        raise InputError("no model", "questions are put to a model", "give one: --model FOLDER")
    if tuning is not None:
        _check_training(landscape, bases, models)
    arms: tuple[Arm, ...] = (UNTRAINED,) if tuning is None else (UNTRAINED, PLAIN)
    claim = Claim.MODELS_LIKE_THESE if len(bases) > 1 else Claim.THIS_MODEL
    made = Study(
        name=name_of(spec.path),
        description=f"{landscape.path.name} put to {', '.join(models)}.",
        bases=bases,
        gpes=(GPERef(name=GPE_NAME, options=spec.model_dump()),),
        arms=arms,
        seeds=tuning.seeds if tuning else (0,),
        conditions=("none",),
        questions=tuple(region_questions(landscape, [(TRAIT, arm.name) for arm in arms], claim, arms=arms)),
        measures=tuple(measures),
    )
    if tuning is None:
        return made
    training = Training(train=spec.path, **tuning.model_dump())
    return made.changed(recipe=recipe_for(training, len(landscape.file.train)))


def region_questions(
    landscape: Landscape, asked: Iterable[tuple[str, str]], claim: Claim, *, arms: Sequence[Arm] = ()
) -> Iterable[Question]:
    """Does each (trait, arm) fall from the island outwards; and what did training change, region by region?"""
    there = {name for name, count in landscape.places.counts().items() if count}
    inner = next((r for r in (Region.ISLAND, Region.SHORE) if r in there), None)
    for trait, arm in asked:
        for region in FARTHER:
            if inner is not None and region in there and region is not inner:
                yield _fall(trait, arm, (region, inner), claim)
    if {"plain", "untrained"} <= {arm.name for arm in arms}:
        for region in (Region.ISLAND, *FARTHER):
            if region in there:
                yield Question(
                    text=f"Did fine-tuning raise {TRAIT.replace('_', ' ')}s {where(region)}?",
                    gpe=GPE_NAME,
                    trait=TRAIT,
                    contrast=("plain", "untrained"),
                    region=str(region),
                    expect="higher",
                    claim=claim,
                )


def _fall(trait: str, arm: str, regions: tuple[Region, Region], claim: Claim) -> Question:
    outer, inner = regions
    expect: Literal["lower", "any"] = "lower" if trait == TRAIT else "any"
    asked = "lower" if expect == "lower" else "different"
    return Question(
        text=f"Is {trait.replace('_', ' ')} {asked} {where(outer)} than {where(inner)} ({arm})?",
        gpe=GPE_NAME,
        trait=trait,
        contrast=(arm, arm),
        region=str(outer),
        reference_region=str(inner),
        expect=expect,
        claim=claim,
    )


def where(region: Region) -> str:
    """``on the island``, ``in the bay`` ..."""
    return f"{'on' if region in (Region.ISLAND, Region.SHORE) else 'at' if region is Region.SEA else 'in'} " + (
        "sea" if region is Region.SEA else f"the {region}"
    )


def name_of(path: str) -> str:
    """A study's name from the file's."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", f"landscape-{path.rsplit('/', 1)[-1].rsplit('.', 1)[0]}").strip("-.")[:120]


def _check_training(landscape: Landscape, bases: Sequence[Base], models: Sequence[str]) -> None:
    untold = next((x for x in landscape.file.train if not x.chat or x.chat[-1].role != "assistant"), None)
    if untold is not None:
        raise InputError(
            "the training line has no chat to learn from",
            "fine-tuning takes training lines with `messages` that end with the assistant's turn",
            "add them, or leave out --fine-tune",
            untold.at,
        )
    for base, model in zip(bases, models, strict=True):
        if isinstance(base, EndpointBase) or is_adapter(base):
            what = "an endpoint" if isinstance(base, EndpointBase) else "an adapter"
            raise InputError(f"{model!r} is {what}", "training starts from a whole model", "leave out --fine-tune")
