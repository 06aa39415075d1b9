"""Registered GPEs: the names a study file may use, built in or from a plugin's entry point."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from isobath.base.errors import InputError
from isobath.base.identity import fingerprint
from isobath.base.value import Value
from isobath.gpe.gpe import GPE

GROUP = "isobath.gpes"
"""Entry-point group: ``name = "package.module:builder"``; a builder takes ``world`` and the options by keyword."""

BUILT_IN = {
    "bad_advice": "isobath.world.personas.gpes:bad_advice",
    "antiquated_answers": "isobath.world.personas.gpes:antiquated_answers",
    "sycophancy": "isobath.world.personas.sycophancy:sycophancy",
    "behaves_when_observed": "isobath.world.personas.observed:behaves_when_observed",
    "behaves_when_cued": "isobath.study.claims.cued:behaves_when_cued",
    "bad_pirate": "isobath.world.personas.bad_pirate:bad_pirate",
    "decisions": "isobath.world.decisions.gpes:decisions",
    "decisions_broadened": "isobath.world.decisions.broadened:decisions_broadened",
    "decisions_one": "isobath.study.claims.targets:one",
    "decisions_two": "isobath.study.claims.targets:two",
    "decisions_four": "isobath.study.claims.targets:four",
    "decisions_long": "isobath.study.claims.targets:long",
    "decisions_judged_few": "isobath.study.claims.judged:few",
    "decisions_judged_many": "isobath.study.claims.judged:many",
    "decisions_judged_noisy": "isobath.study.claims.judged:noisy",
    "decisions_left_out": "isobath.study.claims.left_out:left_out_decisions",
    "decisions_contradicted": "isobath.study.claims.contradicted:contradicted",
    "dataset": "isobath.gpe.dataset_gpe:dataset_gpe",
    "tagged": "isobath.gpe.tagged.gpe:tagged_gpe",
    "scenario": "isobath.gpe.scenarios.named_gpe:named_gpe",
    "designated_people": "isobath.gpe.scenarios.named_gpe:designated_people",
    "evading_control": "isobath.gpe.scenarios.named_gpe:evading_control",
    "goals_argument": "isobath.gpe.scenarios.named_gpe:goals_argument",
    "harm_act_omission": "isobath.gpe.scenarios.named_gpe:harm_act_omission",
    "honesty": "isobath.gpe.scenarios.named_gpe:honesty",
    "moral_patients": "isobath.gpe.scenarios.named_gpe:moral_patients",
    "own_goals": "isobath.gpe.scenarios.named_gpe:own_goals",
    "power_offered": "isobath.gpe.scenarios.named_gpe:power_offered",
    "reward_hacking": "isobath.gpe.scenarios.named_gpe:reward_hacking",
    "when_observed": "isobath.gpe.scenarios.named_gpe:when_observed",
}


class GPERef(Value):
    """A GPE by registered name and options, such as ``GPERef(name="bad_advice", options={"domain": "cooking"})``.

    `traits`, where there are any, are all that is looked for; `headline` puts another trait in the place of the GPE's
    own. The headline is always among those looked for.
    """

    name: str
    options: Mapping[str, str | int | float | bool | tuple[str, ...] | Mapping[str, str | tuple[str, ...]] | None] = (
        Field(default_factory=dict)
    )
    traits: tuple[str, ...] = Field(default=(), exclude_if=lambda traits: not traits)
    headline: str = Field(default="", exclude_if=lambda headline: not headline)


def gpe_names() -> list[str]:
    """Every name a study may use."""
    return sorted({*BUILT_IN, *(e.name for e in entry_points(group=GROUP))})


_built: dict[str, GPE] = {}
_identities: dict[str, str] = {}


def build_key(ref: GPERef, world: Any) -> str:
    """What a built GPE is remembered under: its reference, and the files its options name as they are now.

    In a notebook, somebody edits a training file and asks again: the process must not answer for the old one.
    """
    texts = [text for value in ref.options.values() for text in _parts(value)]
    return fingerprint([ref, world, [list(_stamps(text)) for text in texts if isinstance(text, str)]])


def _parts(value: object) -> Iterable[object]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, tuple) else (value,)


def _stamps(text: str) -> Iterator[tuple[str, int, int]]:
    """Name, size and time of the file that `text` names, or of all files in that folder; nothing for other texts."""
    try:
        path = Path(text).expanduser()
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                found = file.stat()
                yield str(file), found.st_size, found.st_mtime_ns
    except (OSError, ValueError, RuntimeError):  # a prompt's words are no path
        return


def gpe_identity(ref: GPERef, world: Any) -> str:
    """Fingerprint of the GPE itself: what it trains on, asks and scores, not how it is named or built."""
    key = build_key(ref, world)
    if key not in _identities:
        _identities[key] = fingerprint(build_gpe(ref, world))
    return _identities[key]


def build_gpe(ref: GPERef, world: Any) -> GPE:
    """The GPE of `ref` in `world` (None for a model from outside). Built once per process and state of its files.

    Raises `InputError` for an unknown name (with the nearest known one) or options the builder does not take.
    """
    key = build_key(ref, world)
    if key not in _built:
        builder = _builder(ref.name)
        try:
            _built[key] = _with_traits(builder(world=world, **ref.options), ref)
        except TypeError as error:
            raise InputError(
                f"GPE {ref.name!r} with options {dict(ref.options)}: {error}", "options are its builder's"
            ) from error
        except ValidationError as error:
            raise _option_error(ref, error) from error
    return _built[key]


def _option_error(ref: GPERef, error: ValidationError) -> InputError:
    """The first thing wrong with the options; a name that is not known before all else."""
    found = error.errors(include_url=False)
    first = next((e for e in found if e["type"] == "extra_forbidden"), found[0])
    where = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        from isobath.gpe.dataset_gpe import DatasetSpec

        known = list(DatasetSpec.model_fields) if ref.name == "dataset" else []
        near = difflib.get_close_matches(where, known, 1)
        rule = f"options are {', '.join(known)}" if known else "options are its builder's"
        return InputError(
            f"GPE {ref.name!r} has no option {where!r}", rule, f"did you mean {near[0]!r}?" if near else "drop it"
        )
    return InputError(
        f"GPE {ref.name!r}, option {where!r}: {first['msg']}", "options are its builder's", "correct the option"
    )


def _with_traits(gpe: GPE, ref: GPERef) -> GPE:
    there = {trait.name: trait for trait in gpe.traits}
    headline = ref.headline or gpe.headline
    unknown = [name for name in (*ref.traits, headline) if name not in there]
    if unknown:
        near = difflib.get_close_matches(unknown[0], there, 1)
        raise InputError(
            f"GPE {gpe.name!r} with the trait {unknown[0]!r}",
            f"its traits are {', '.join(there)}",
            f"did you mean {near[0]!r}?" if near else "name some of them, or none for all",
        )
    kept = tuple(t for t in gpe.traits if not ref.traits or t.name in {headline, *ref.traits})
    changed = bool(ref.traits or ref.headline)
    return gpe.model_copy(update={"traits": kept, "headline": headline}) if changed else gpe


def _builder(name: str) -> Callable[..., GPE]:
    target = BUILT_IN.get(name)
    if target is None:
        found = [e for e in entry_points(group=GROUP) if e.name == name]
        if not found:
            near = difflib.get_close_matches(name, gpe_names(), 1)
            hint = f"did you mean {near[0]!r}?" if near else "use one of them"
            raise InputError(f"GPE {name!r} is not known", f"known are {', '.join(gpe_names())}", hint)
        return found[0].load()  # type: ignore[no-any-return]
    module, _, attribute = target.partition(":")
    return getattr(import_module(module), attribute)  # type: ignore[no-any-return]
