"""The studies behind `isobath landscape`: a tagged file put to models, or answers to it that were judged elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from pydantic import Field

from isobath.analysis.question import Question
from isobath.base.errors import InputError
from isobath.base.row import NEARNESS, Claim
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
    regions = landscape.places.counts()
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
        questions=(
            *fall_questions(regions, [(TRAIT, arm.name) for arm in reversed(arms)], claim),  # what was trained first
            *(gain_questions(regions, claim) if tuning is not None else ()),
        ),
        measures=tuple(measures),
    )
    if tuning is None:
        return made
    training = Training(train=spec.path, **tuning.model_dump())
    return made.changed(recipe=recipe_for(training, len(landscape.file.train)))


def fall_questions(
    regions: Mapping[str, int], asked: Iterable[tuple[str, str]], claim: Claim, condition: str = "none"
) -> Iterator[Question]:
    """Does each (trait, arm) of `asked` fall from the innermost of `regions` (with counts of questions) outwards?"""
    inwards = [r for r in (*Region, *NEARNESS) if regions.get(str(r))]
    for trait, arm in asked:
        for region in reversed(inwards[1:]):  # the farthest answer first
            yield _fall(trait, arm, (str(region), str(inwards[0])), claim, condition)


def gain_questions(regions: Mapping[str, int], claim: Claim) -> Iterator[Question]:
    """Did fine-tuning raise the share of right decisions, region by region?"""
    for region in Region:
        if regions.get(str(region)):
            yield Question(
                text=f"Did fine-tuning raise right decisions {where(str(region))}?",
                gpe=GPE_NAME,
                trait=TRAIT,
                contrast=("plain", "untrained"),
                region=str(region),
                expect="higher",
                claim=claim,
            )


def _fall(trait: str, arm: str, regions: tuple[str, str], claim: Claim, condition: str) -> Question:
    outer, inner = regions
    expect: Literal["lower", "any"] = "lower" if trait == TRAIT else "any"
    asked = "lower" if expect == "lower" else "different"
    prompted = "" if condition == "none" else f", under {condition}"
    return Question(
        text=f"Is {trait.replace('_', ' ')} {asked} {where(outer)} than {where(inner)} ({arm}{prompted})?",
        gpe=GPE_NAME,
        trait=trait,
        contrast=(arm, arm),
        region=outer,
        reference_region=inner,
        condition=condition,
        expect=expect,
        claim=claim,
    )


def where(region: str) -> str:
    """``on the island``, ``in the bay``, ``at sea``, or ``for near texts``."""
    if region in NEARNESS:
        return f"for {region} texts"
    if region == Region.SEA:
        return "at sea"
    return f"{'on' if region in (Region.ISLAND, Region.SHORE) else 'in'} the {region}"


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
