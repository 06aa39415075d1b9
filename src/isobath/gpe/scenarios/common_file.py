"""The shared irrelevant factors as YAML: ``data/common.yaml``, or a file of the same form; errors name their line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TypeVar, cast, get_args

from isobath.design.yaml_node import YamlNode, read_yaml
from isobath.gpe.scenarios.common import DESCRIPTIONS, Common, Context, Frame, Length, Part, Register, Room
from isobath.gpe.scenarios.text_nodes import sequence_of, texts_of, whole_number

T = TypeVar("T")
PARTS: tuple[Part, ...] = get_args(Part)
FILE = Path(__file__).with_name("data") / "common.yaml"
BESIDE = ("asks", "acknowledgements", "offers", "calls")


def read_common(path: str | Path) -> Common:
    """The irrelevant factors in the YAML file `path`.

    Raises `InputError` with ``file:line`` for an unknown key or slot, an empty list or a repeated wording.
    """
    root = read_yaml(path)
    known = (*DESCRIPTIONS, *BESIDE)
    parts = root.fields(known, needed=known)
    return Common(
        contexts=_levels(parts["context"], _context),
        frames=_levels(parts["wording"], _frame),
        lengths=_levels(parts["length"], _length),
        personas=_levels(parts["persona"], _plain),
        registers=_levels(parts["register"], _register),
        rooms=_levels(parts["room"], _room),
        asks=texts_of(parts["asks"]),
        acknowledgements=_plain(parts["acknowledgements"]),
        offers=_plain(parts["offers"]),
        calls=tuple(one.text() for one in parts["calls"].items()),
    )


@lru_cache(maxsize=1)
def shipped_common() -> Common:
    """The irrelevant factors of the catalogue."""
    return read_common(FILE)


def _levels(node: YamlNode, read: Callable[[YamlNode], T]) -> Mapping[str, T]:
    return {key.text(): read(value) for key, value in node.entries()}


def _plain(node: YamlNode) -> tuple[str, ...]:
    return texts_of(node, slots=False)


def _context(node: YamlNode) -> Context:
    names = ("place", "team", "thing", "setting")
    parts = node.fields(names, needed=names)
    fills = {name: _plain(parts[name]) for name in names[:3]}
    return Context(**fills, setting=texts_of(parts["setting"]))


def _frame(node: YamlNode) -> Frame:
    parts = node.fields(("parts", "between", "within", "bullet", "lead", "link"), needed=("parts",))
    listed = sequence_of(parts["parts"], PARTS, "part")
    if set(listed) != set(PARTS):
        parts["parts"].wrong(f"parts {', '.join(listed)}", f"a frame has all of {', '.join(PARTS)}", "add the others")
    joints = {name: parts[name].text() for name in ("between", "within", "bullet") if name in parts}
    lead = parts["lead"].fields(PARTS) if "lead" in parts else {}
    return Frame(
        parts=cast(tuple[Part, ...], listed),
        **joints,
        lead={part: texts_of(one, empty=True, slots=False) for part, one in lead.items()},
        link=_joints(parts["link"]) if "link" in parts else ("",),
    )


def _joints(node: YamlNode) -> tuple[str, ...]:
    """Link words as they are written, with the space after them."""
    return tuple(f"{text} " if text else "" for text in texts_of(node, empty=True, slots=False))


def _length(node: YamlNode) -> Length:
    parts = node.fields(("sentences", "filler"), needed=("sentences", "filler"))
    return Length(sentences=whole_number(parts["sentences"]), filler=texts_of(parts["filler"]))


def _register(node: YamlNode) -> Register:
    names = ("opening", "aside", "closing")
    parts = node.fields(names, needed=names)
    return Register(**{name: texts_of(parts[name], empty=True) for name in names})


def _room(node: YamlNode) -> Room:
    parts = node.fields(("reasons", "instructions"), needed=("reasons", "instructions"))
    return Room(reasons=whole_number(parts["reasons"]), instructions=_plain(parts["instructions"]))
