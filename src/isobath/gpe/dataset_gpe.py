"""A GPE made of somebody's training file and the traits to look for: what `isobath profile` measures."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, get_args

from pydantic import Field

from isobath.base.errors import InputError
from isobath.base.row import TraitKind
from isobath.base.value import Value
from isobath.gpe.dataset import Dataset
from isobath.gpe.dialects.question_file import Dialect, Wanted
from isobath.gpe.english.trait_file import BUILT_IN, Rendering
from isobath.gpe.gpe import GPE, Signal
from isobath.gpe.pools import pool_rows
from isobath.gpe.rows.format import Format
from isobath.gpe.trait_eval import TraitEval
from isobath.gpe.trait_source import TraitSource, read_sources
from isobath.models.chat import Place, Prompt, PromptKind, Row

INOCULATION, PLACEBO = "inoculation", "placebo"
"""Names of the prompts of the arms that `isobath profile --inoculate` adds."""


class DatasetSpec(Value):
    """What the GPE ``dataset`` is made of.

    `path` is the file of the signal, `control` that of its control signal (None: none), both read as `use`, `format`,
    `split` and `columns` (pairs such as ``prompt=ask``) say; `path` None makes a GPE that trains nothing, for models
    somebody else has trained. `traits` are trait sources (none: the built-in suite), put as `rendering` says;
    `definition`, `target`, `samples`, `judge_files`, `dialect`, `kind`, `metrics`, `coherence` and `isolate` settle how
    question files are read (see `Wanted`). `inoculate` and `placebo` are prompts for arms of those names. `system_role`
    False puts every prompt before the question instead of into a system turn, for templates without one.

    `pools` are further files by the name under which interventions find their rows (``benign`` is what `mix` of an arm
    takes), read as the signal is; `prompts` and `paraphrases` (other wordings of them) are texts by a name that begins
    with the kind, such as ``specific`` or ``opposite mild``; `wanted` names the trait that an intervention should keep.
    """

    path: str | None = None
    control: str | None = None
    use: Literal["chosen", "rejected"] | None = None
    format: Format | None = None
    split: str | None = None
    columns: tuple[str, ...] = ()
    inoculate: str | None = None
    placebo: str | None = None
    traits: tuple[str, ...] = ()
    rendering: Rendering = "listed"
    definition: str | None = None
    target: str | None = None
    samples: int | None = None
    judge_files: tuple[str, ...] = ()
    dialect: Dialect | None = None
    kind: TraitKind | None = None
    metrics: tuple[str, ...] = ()
    coherence: bool = False
    isolate: bool = False
    system_role: bool = True
    pools: Mapping[str, str] = Field(default_factory=dict)
    prompts: Mapping[str, str] = Field(default_factory=dict)
    paraphrases: Mapping[str, str] = Field(default_factory=dict)
    wanted: str = ""

    def data(self) -> Dataset | None:
        """The signal's rows."""
        return None if self.path is None else self._rows(self.path)

    def control_data(self) -> Dataset | None:
        """The control's rows."""
        return None if self.control is None else self._rows(self.control)

    def sources(self) -> tuple[TraitSource, ...]:
        """The trait sources as they were read, warnings included. Raises `InputError` for one that cannot be."""
        wanted = Wanted(
            rendering=self.rendering,
            definition=self.definition or Wanted.definition,
            target=self.target,
            samples=self.samples,
            judges=self.judge_files,
            dialect=self.dialect,
            kind=self.kind,
            metrics=self.metrics,
            coherence=self.coherence,
            isolate=self.isolate,
        )
        return read_sources(self.traits or BUILT_IN, wanted)

    def evals(self) -> tuple[TraitEval, ...]:
        """The trait evals. Raises `InputError` as `sources` does."""
        return tuple(_placed(trait, self.place) for source in self.sources() for trait in source.traits)

    def pool_rows(self) -> dict[str, tuple[Row, ...]]:
        """The rows of `pools`. Raises `InputError` for a name that is taken and a file that cannot be read."""
        return pool_rows(self.pools, lambda path: self._rows(path).rows)

    def named_prompts(self) -> dict[str, Prompt]:
        """`prompts`, and those of `inoculate` and `placebo`. Raises `InputError` for a name that tells no kind."""
        own = {INOCULATION: self.inoculate, PLACEBO: self.placebo}
        given = {name: _prompt(name, text, self.place) for name, text in own.items() if text}
        return {**given, **{name: _of_kind(name, text, self.place) for name, text in self.prompts.items()}}

    def other_wordings(self) -> dict[str, Prompt]:
        """`paraphrases`. Raises `InputError` for one of a prompt that is not there."""
        prompts = self.named_prompts()
        for name in self.paraphrases:
            if name not in prompts:
                raise InputError(
                    f"a paraphrase of the prompt {name!r}",
                    f"prompts are {', '.join(prompts) or 'none'}",
                    "give the prompt too, under the same name",
                )
        return {name: prompts[name].model_copy(update={"text": text}) for name, text in self.paraphrases.items()}

    @property
    def place(self) -> Place:
        """Where prompts stand."""
        return "system" if self.system_role else "newline"

    def _rows(self, path: str) -> Dataset:
        from isobath.gpe.rows.read import read_rows_file

        for pair in self.columns:
            if not re.fullmatch(r"[^=]+=[^=]+", pair):
                raise InputError(f"the column {pair!r}", "a column is NAME=COLUMN, such as prompt=ask", "correct it")
        columns = dict(pair.split("=") for pair in self.columns) or None
        return read_rows_file(path, use=self.use, format=self.format, split=self.split, columns=columns)


def dataset_gpe(world: Any = None, **options: Any) -> GPE:
    """The GPE of a training file and traits; the options are the fields of `DatasetSpec`.

    Raises `InputError` for a file or a trait that cannot be read.
    """
    spec = DatasetSpec(**options)
    data, other = spec.data(), spec.control_data()
    evals = spec.evals()
    pools = spec.pool_rows()
    _check_wanted(spec.wanted, [trait.name for trait in evals])
    return GPE(
        name="dataset",
        description="" if data is None else f"{data.count} rows of {data.name} ({data.unique} different chats).",
        signal=_signal("signal", data),
        control=_signal("control", other),
        traits=evals,
        prompts=spec.named_prompts(),
        paraphrases=spec.other_wordings(),
        benign=pools.pop("benign", ()),
        offered=pools,
        wanted=spec.wanted,
        headline=next((t.name for t in evals if t.kind is TraitKind.UNWANTED), evals[0].name),
    )


def _signal(role: Literal["signal", "control"], data: Dataset | None) -> Signal:
    if data is None:
        return Signal(name="none", role=role, rows=())
    return Signal(name=data.name, role=role, rows=data.rows)


def _placed(trait: TraitEval, place: Place) -> TraitEval:
    if trait.positive is None or trait.positive.place == place:
        return trait
    return trait.model_copy(update={"positive": trait.positive.model_copy(update={"place": place})})


def _prompt(name: str, text: str, place: Place) -> Prompt:
    kind = "irrelevant" if name == PLACEBO else "specific"
    return Prompt.model_validate({"name": name, "text": text, "kind": kind, "place": place})


def _of_kind(name: str, text: str, place: Place) -> Prompt:
    kind = name.split()[0] if name.strip() else ""
    if kind not in get_args(PromptKind):
        raise InputError(
            f"a prompt named {name!r}",
            f"a prompt's name begins with its kind: {', '.join(get_args(PromptKind))}",
            "call it 'specific ...' if it names the behaviour",
        )
    return Prompt.model_validate({"name": name, "text": text, "kind": kind, "place": place})


def _check_wanted(wanted: str, traits: list[str]) -> None:
    if wanted and wanted not in traits:
        raise InputError(f"the wanted trait {wanted!r}", f"the traits are {', '.join(traits)}", "name one of these")
