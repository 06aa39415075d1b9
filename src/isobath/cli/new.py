"""The verb `new`: a commented study file that runs as it stands."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import ValidationError

from isobath.base.errors import InputError
from isobath.base.value import Value
from isobath.study.arm import STANDARD_ARMS
from isobath.study.bases import SHIPPED_WORDS, shipped
from isobath.study.components import GPERef
from isobath.study.study import Study

Source = Literal["bad_advice", "antiquated_answers", "demo", "decisions", "control", "doses", "profile"]

HEAD = """\
# A study: which models are trained on what, in which arms, and what each is asked before and after.
#   isobath plan {file}             what it would do and cost; nothing is spent
#   isobath run {file} --limit 1    a cheap look: the first base only
#   isobath run {file}              all of it; the same command goes on after an interrupt
# Unknown keys are errors with file and line. For completion in an editor: isobath schema > study.schema.json
# yaml-language-server: $schema=study.schema.json
"""

RECIPE_SHOWN = ("steps", "batch_size", "learning_rate")

COMMENTS = {
    "name": "Letters, digits, dot, dash and underscore; results go to out/NAME.",
    "description": "Stands at the head of the report.",
    "bases": (
        "Pretrained models; a claim about a recipe wants five or more. `shipped` means the five tiny ones of the "
        "package (`shipped decisions`: those of the decision world); a model of yours is {kind: folder, path: FOLDER}."
    ),
    "gpes": (
        "A narrow signal, its matched control, and the traits to look for, near and far. With options: "
        "{name: bad_advice, options: {domain: cooking}}."
    ),
    "arms": (
        "Names of standard arms, or written out: {name: more, role: treatment, prompt: specific, mix: 0.2}. Without "
        "`untrained`, `control` and `irrelevant` no effect can be credited to an intervention."
    ),
    "recipe": "How every run is trained. Fields that are left out keep their defaults (isobath schema lists them).",
    "seeds": "Run seeds. Replicates for a claim about a recipe are bases, not seeds.",
    "conditions": "The prompts under which trained models are asked; `training` is the one they were trained under.",
    "judge": "Who judges free text: {kind: endpoint, url: URL, model: NAME}, or a local model. Left out: nobody does.",
    "judge_read": "How a judge's rating is read: from its log-probabilities, or from its text.",
    "measures": (
        "Besides answers, for questions in a factor space: distances (which measure of distance tells best where the "
        "model will be wrong?), readouts (what can be read off hidden states, region by region?)."
    ),
    "questions": (
        "Verdict, sentence and interval are computed; `text` is a label. Is `trait` higher (lower, same, any) in the "
        "first arm than in the second?"
    ),
}


def new_command(name: str, source: Source, model: str | None = None, train: str | None = None) -> int:
    """Write NAME.yaml. Raises `InputError` if it exists, or if `profile` lacks its model or rows."""
    path = Path(name if name.endswith((".yaml", ".yml")) else f"{name}.yaml")
    if path.exists():
        raise InputError(f"{str(path)!r} exists", "a new study overwrites nothing", "choose another name, or move it")
    text = study_text(starting_study(path.stem, source, model, train), path.name)
    if not path.parent.is_dir():
        raise InputError(
            f"the folder {str(path.parent)!r} does not exist", "a file goes into a folder", "make it first"
        )
    with path.open("x", encoding="utf-8") as stream:
        stream.write(text)
    print(f"{path} written. Next: isobath plan {path}")
    return 0


def starting_study(name: str, source: Source, model: str | None = None, train: str | None = None) -> Study:
    """The study that a new file begins with."""
    from isobath.study.demo import RECIPE, demo_study
    from isobath.study.landscape_study import decision_study

    if source != "profile" and (model or train):
        raise InputError("--model or --train", f"--from {source} brings its own", "use --from profile")
    try:
        if source == "profile":
            return _profile(model, train).changed(name=name)
        if source == "decisions":
            return decision_study().changed(name=name)
        if source == "doses":
            from isobath.study.broaden_study import broaden_study

            return broaden_study().changed(name=name)
        if source == "control":
            from isobath.study.control_study import control_study

            return control_study().changed(name=name)
        demo = demo_study()
        if source == "demo":
            return demo.changed(name=name)
        questions = tuple(q for q in demo.questions if q.gpe == source)
        return Study(
            name=name,
            description=f"What fine-tuning on narrow {source.replace('_', ' ')} does elsewhere, and what contains it.",
            bases=shipped(),
            gpes=(GPERef(name=source),),
            arms=STANDARD_ARMS,
            recipe=RECIPE,
            questions=questions,
        )
    except ValidationError as error:
        raise InputError(f"the name {name!r}", COMMENTS["name"], "choose another") from error


def _profile(model: str | None, train: str | None) -> Study:
    if model is None or train is None:
        raise InputError("--from profile", "it needs a model and rows", "add --model FOLDER --train ROWS.jsonl")
    from isobath.study.profile import Training, train_profile

    return train_profile(model, Training(train=train))


def study_text(study: Study, file: str) -> str:
    """The study as short YAML with a comment above each part; `load_study` reads back an equal study."""
    parts = [HEAD.format(file=file)]
    for key, value in _shortened(study).items():
        comment = textwrap.fill(
            COMMENTS.get(key, "See isobath schema."), 116, initial_indent="# ", subsequent_indent="# "
        )
        flow = None if isinstance(value, list) else False  # lists of names on one line
        body = yaml.safe_dump({key: value}, sort_keys=False, allow_unicode=True, width=110, default_flow_style=flow)
        parts.append(f"{comment}\n{body}")
    return "\n".join(parts)


def _shortened(study: Study) -> dict[str, Any]:
    """Every field of the study in its short form, and of its parts what differs from their defaults."""
    given = {name: getattr(study, name) for name in Study.model_fields}
    whole = {name: _plain(value) for name, value in given.items() if value is not None}
    whole["recipe"] = {name: getattr(study.recipe, name) for name in RECIPE_SHOWN} | whole["recipe"]
    word = next((word for word, bases in SHIPPED_WORDS.items() if study.bases == bases), None)
    if word is not None:
        whole["bases"] = word
    whole["gpes"] = [ref.name if ref == GPERef(name=ref.name) else _plain(ref) for ref in study.gpes]
    whole["arms"] = [arm.name if arm in STANDARD_ARMS else _plain(arm) for arm in study.arms]
    return whole


def _shown(value: Value, name: str) -> bool:
    field = type(value).model_fields[name]
    return name == "kind" or field.is_required() or getattr(value, name) != field.get_default(call_default_factory=True)


def _plain(value: Any) -> Any:
    if isinstance(value, Value):
        return {name: _plain(getattr(value, name)) for name in type(value).model_fields if _shown(value, name)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value
