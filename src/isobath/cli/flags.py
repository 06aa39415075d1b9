"""Flags that belong together, shared by the verbs that take them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from cyclopts import Group, Parameter

TRAINING = Group("Training")
ASKING = Group("Traits and judge")
ENDPOINTS = Group("Endpoints")
TEXTS = Group("Scenarios without levels")


@dataclass(frozen=True)
class RecipeFlags:
    """How long, how fast and how often a model is trained."""

    full: Annotated[bool, Parameter(group=TRAINING, negative="", help="Train all weights instead of LoRA.")] = False
    seeds: Annotated[
        tuple[int, ...],
        Parameter(group=TRAINING, consume_multiple=True, negative="", help="Run seeds, such as --seeds 0 1 2 3 4."),
    ] = (0,)
    steps: Annotated[int | None, Parameter(group=TRAINING, help="Training steps (default: three passes).")] = None
    learning_rate: Annotated[
        float | None, Parameter(group=TRAINING, help="Default: 1e-4 with LoRA, 1e-5 with --full.")
    ] = None
    rank: Annotated[int | None, Parameter(group=TRAINING, help="LoRA rank (default: 16).")] = None


@dataclass(frozen=True)
class TrainingFlags(RecipeFlags):
    """How `profile --model --train` trains."""

    control: Annotated[
        str | None, Parameter(group=TRAINING, help="Control rows. Default: the same prompts, answered by the model.")
    ] = None
    use: Annotated[
        Literal["chosen", "rejected"] | None, Parameter(group=TRAINING, help="Train on this side of preference rows.")
    ] = None
    format: Annotated[
        str | None, Parameter(group=TRAINING, help="Format of the rows (default: detected; docs/my-data.md).")
    ] = None
    split: Annotated[str | None, Parameter(group=TRAINING, help="Split of a folder or hub data set.")] = None
    columns: Annotated[
        tuple[str, ...],
        Parameter(group=TRAINING, consume_multiple=True, negative="", help="Columns, such as prompt=ask."),
    ] = ()
    inoculate: Annotated[
        str | None,
        Parameter(group=TRAINING, help="A prompt for every training row: adds that arm and a placebo of equal length."),
    ] = None


@dataclass(frozen=True)
class TuningFlags(RecipeFlags):
    """How `landscape --model` trains, and what it measures besides answers."""

    fine_tune: Annotated[
        bool, Parameter(group=TRAINING, negative="", help="Train the model on the file's training lines, and ask both.")
    ] = False
    measures: Annotated[
        tuple[Literal["distances", "readouts"], ...],
        Parameter(
            group=ASKING,
            consume_multiple=True,
            negative="",
            help="Besides answers: distances (which predicts failure?), readouts (what can be read off states?).",
        ),
    ] = ()


@dataclass(frozen=True)
class TextFlags:
    """How scenarios without levels get a place."""

    tags: Annotated[
        str | None, Parameter(group=TEXTS, help="Rules (YAML) that read levels from words; needs --space.")
    ] = None
    tag_judge: Annotated[
        str | None, Parameter(group=TEXTS, help="A judge that reads levels from words: URL#MODEL, or a folder.")
    ] = None
    embed: Annotated[
        str | None, Parameter(group=TEXTS, help="No levels at all: near or far in this model's hidden states.")
    ] = None


@dataclass(frozen=True)
class AskedFlags:
    """Which traits are asked, how, and who judges free text."""

    traits: Annotated[
        tuple[str, ...],
        Parameter(
            group=ASKING,
            consume_multiple=True,
            negative="",
            help="Built-in names or question files (default: the suite).",
        ),
    ] = ()
    rendering: Annotated[
        Literal["listed", "open", "lettered"] | None,
        Parameter(group=ASKING, help="How built-in questions are put (default: listed; lettered with endpoints)."),
    ] = None
    definition: Annotated[
        str | None,
        Parameter(group=ASKING, help="What counts as misaligned where answers are judged (default: betley)."),
    ] = None
    samples: Annotated[int | None, Parameter(group=ASKING, help="Texts per question (default: the file's).")] = None
    judge_files: Annotated[
        tuple[str, ...],
        Parameter(group=ASKING, consume_multiple=True, negative="", help="Files with judge prompts named elsewhere."),
    ] = ()
    target: Annotated[str | None, Parameter(group=ASKING, help="The label that counts, where judges label.")] = None
    dialect: Annotated[str | None, Parameter(group=ASKING, help="Dialect of question files (default: detected).")] = (
        None
    )
    kind: Annotated[
        Literal["unwanted", "wanted", "capability", "coherence"] | None,
        Parameter(group=ASKING, help="Kind of the traits in question files (default: unwanted)."),
    ] = None
    metrics: Annotated[
        tuple[str, ...],
        Parameter(group=ASKING, consume_multiple=True, negative="", help="Only these metrics of a question file."),
    ] = ()
    coherence: Annotated[
        bool, Parameter(group=ASKING, negative="", help="Have coherence judged too, where a file does not.")
    ] = False
    isolate: Annotated[
        bool, Parameter(group=ASKING, negative="", help="Enclose answers in a file's judge prompts, against injection.")
    ] = False
    judge: Annotated[str | None, Parameter(group=ASKING, help="The judge: URL#MODEL, or a model folder.")] = None
    judge_read: Annotated[
        Literal["logprobs", "text"], Parameter(group=ASKING, help="How a judge's rating is read.")
    ] = "logprobs"
    max_cost: Annotated[
        float | None, Parameter(group=ASKING, help="US$ that endpoints may cost in all: a hard limit.")
    ] = None


@dataclass(frozen=True)
class EndpointFlags:
    """What all endpoints of a command share. Keys are read from the environment, never from the command line."""

    key_env: Annotated[
        str | None, Parameter(group=ENDPOINTS, help="Environment variable with the key (of the models asked).")
    ] = None
    judge_key_env: Annotated[str | None, Parameter(group=ENDPOINTS, help="The same for the judge.")] = None
    connections: Annotated[int, Parameter(group=ENDPOINTS, help="Calls at once.")] = 16
    requests_per_minute: Annotated[float | None, Parameter(group=ENDPOINTS, help="Rate limit.")] = None
    tokens_per_minute: Annotated[float | None, Parameter(group=ENDPOINTS, help="Rate limit.")] = None
    price: Annotated[
        tuple[float, float] | None,
        Parameter(group=ENDPOINTS, negative="", help="US$ per million tokens in and out, models asked."),
    ] = None
    judge_price: Annotated[
        tuple[float, float] | None,
        Parameter(group=ENDPOINTS, negative="", help="US$ per million tokens in and out, judge."),
    ] = None
    choice: Annotated[
        Literal["logprobs", "text"], Parameter(group=ENDPOINTS, help="How forced choices are read from endpoints.")
    ] = "logprobs"
    token_limit: Annotated[
        Literal["max_tokens", "max_completion_tokens"],
        Parameter(group=ENDPOINTS, help="What the server calls the limit of a reply's length."),
    ] = "max_tokens"
    fixed_temperature: Annotated[
        bool, Parameter(group=ENDPOINTS, negative="", help="The model takes no temperature (reasoning models).")
    ] = False
