"""The GPE of a tagged file: its questions as one trait, each with its place; its training chats as the signal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from isobath.base.errors import InputError
from isobath.base.row import TraitKind
from isobath.gpe.gpe import GPE, Signal
from isobath.gpe.pools import pool_rows
from isobath.gpe.rows.read import read_rows_file
from isobath.gpe.tagged.line import TaggedLine
from isobath.gpe.tagged.spec import Landscape, TaggedSpec
from isobath.gpe.trait_eval import Option, TraitEval, TraitQuestion
from isobath.grading.score import OptionScore
from isobath.models.chat import Row

RIGHT, WRONG, CONTESTED = "right", "wrong", "contested"
"""Labels of options; where the decision is contested no option is right, and the row is not applicable."""

TRAIT = "right_decision"


def tagged_gpe(world: Any = None, pools: Mapping[str, str] | None = None, **options: Any) -> GPE:
    """The GPE of a tagged file; the options are those of `TaggedSpec`, and `pools`: name -> file of rows to mix in.

    Its trait `right_decision` is the probability of the right option among the options of a question. Pools are read as
    training data is (docs/my-data.md), such as what `isobath broaden` writes. Raises `InputError` for a file that
    cannot be asked, or rows that cannot be read.
    """
    landscape = TaggedSpec(**options).read()
    file = landscape.file
    unasked = next((line for line in landscape.questions if not line.options), None)
    if unasked is not None:
        raise InputError(
            "the line has no options", "a question put to a model has options to choose from", "add them", unasked.at
        )
    trained = zip(file.train, file.points(landscape.space, file.train), strict=True)
    rows = tuple(Row(messages=line.chat, metadata=dict(point)) for line, point in trained) if file.trainable else ()
    return GPE(
        name="tagged",
        description=f"{len(landscape.questions)} questions of {file.path.name}; support: {len(file.train)} training "
        f"examples, {len(landscape.support)} cells with {landscape.n_min} or more of them.",
        signal=Signal(name=file.path.stem, role="signal", rows=rows),
        control=Signal(name="none", role="control", rows=()),
        traits=(_trait(landscape),),
        prompts={},
        paraphrases={},
        space=landscape.space,
        n_min=landscape.n_min,
        gold=landscape.rule,
        headline=TRAIT,
        offered=pool_rows(pools or {}, lambda path: read_rows_file(path).rows),
    )


def _trait(landscape: Landscape) -> TraitEval:
    questions = landscape.questions
    placed = zip(questions, landscape.points, (landscape.places.place(i) for i in range(len(questions))), strict=True)
    sizes = [1 / len(line.options) for line in questions if not line.contested]
    return TraitEval(
        name=TRAIT,
        kind=TraitKind.WANTED,
        description="the share of the right decision among the decisions a scenario offers",
        questions=tuple(
            TraitQuestion(
                id=line.id,
                chat=line.chat,
                options=tuple(Option(label=_label(line, text), text=text) for text in line.options),
                levels=point,
                place=place,
            )
            for line, point, place in placed
        ),
        score=OptionScore(target=(RIGHT,), measure="share"),
        conditions=("none",),
        chance=sum(sizes) / len(sizes) if sizes else None,
    )


def _label(line: TaggedLine, text: str) -> str:
    if line.contested:
        return CONTESTED
    return RIGHT if text == line.gold else WRONG
