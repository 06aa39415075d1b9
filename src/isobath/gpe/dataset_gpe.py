"""A GPE made of somebody's training file and the built-in English traits: what `isobath profile` measures."""

from __future__ import annotations

from typing import Any

from isobath.base.row import TraitKind
from isobath.gpe.english.trait_file import BUILT_IN, built_in
from isobath.gpe.gpe import GPE, Signal
from isobath.gpe.jsonl import read_jsonl
from isobath.gpe.trait_eval import TraitEval
from isobath.models.chat import Prompt


def dataset_gpe(world: Any = None, *, path: str, system_role: bool = True) -> GPE:
    """The rows of the chat JSONL file `path` as signal, the built-in English traits as evals.

    Persona traits come with their positive control: the condition ``positive`` asks the model to have the trait, before
    and after training. `system_role` False puts that request before the question, for templates without system turns.
    There is no control signal yet, so a shift cannot be told from what any fine-tuning of this length does.
    Raises `InputError` for a file that cannot be read.
    """
    data = read_jsonl(path)
    prompts: dict[str, Prompt] = {}
    traits: list[TraitEval] = []
    for name in BUILT_IN:
        file = built_in(name)
        trait = file.trait_eval()
        prompt = file.positive_prompt(system_role=system_role)
        if prompt is None:
            trait = trait.model_copy(update={"conditions": ("none",)})
        elif prompts and prompts["specific"] != prompt:
            raise AssertionError("two built-in persona traits would need a positive condition each")
        else:
            prompts["specific"] = prompt
        traits.append(trait)
    headline = next(t.name for t in traits if t.kind is not TraitKind.CAPABILITY)
    return GPE(
        name="dataset",
        description=f"{data.count} rows of {data.name} ({data.unique} different chats).",
        signal=Signal(name=data.name, role="signal", rows=data.rows),
        control=Signal(name="none", role="control", rows=()),
        traits=tuple(traits),
        prompts=prompts,
        paraphrases={},
        headline=headline,
    )
