"""`YamlNode`: a part of a YAML or JSON file that knows its line."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Never

import yaml

from isobath.base.errors import InputError

MOST_VALUES = 1_000_000


@dataclass(frozen=True, eq=False)
class YamlNode:
    """One map, list or value of the file `path`."""

    path: str
    node: yaml.Node

    @property
    def place(self) -> str:
        """``file:line``."""
        return f"{self.path}:{self.node.start_mark.line + 1}"

    @property
    def is_list(self) -> bool:
        """Whether it is a list."""
        return isinstance(self.node, yaml.SequenceNode)

    def wrong(self, what: str, rule: str, remedy: str) -> Never:
        """Raises `InputError` at this line."""
        raise InputError(what, rule, remedy, self.place)

    def items(self) -> list[YamlNode]:
        """The items of a list."""
        if not isinstance(self.node, yaml.SequenceNode):
            self.wrong(
                f"there is {self._shown()} where a list belongs", "a list: `- one` per line, or [one, two]", "list it"
            )
        return [YamlNode(self.path, item) for item in self.node.value]

    def fields(self, known: Sequence[str], needed: Sequence[str] = ()) -> dict[str, YamlNode]:
        """The entries of a map whose keys are all `known`."""
        if not isinstance(self.node, yaml.MappingNode):
            self.wrong(
                f"there is {self._shown()} where a map belongs", f"a map of {', '.join(known)}", "write `key: value`"
            )
        found: dict[str, YamlNode] = {}
        for key, value in self.node.value:
            at = YamlNode(self.path, key)
            name = at.one_of(str(key.value), known, "key")
            if name in found:
                at.wrong(f"the key {name!r} stands twice", "a key stands once", "drop one")
            found[name] = YamlNode(self.path, value)
        for name in needed:
            if name not in found:
                self.wrong(f"there is no {name!r}", f"{name!r} is needed here", "add it")
        return found

    def entries(self) -> list[tuple[YamlNode, YamlNode]]:
        """The entries of a map with any keys, each once: key and value."""
        if not isinstance(self.node, yaml.MappingNode):
            self.wrong(f"there is {self._shown()} where a map belongs", "a map: `name: value`", "write `name: value`")
        found = [(YamlNode(self.path, key), YamlNode(self.path, value)) for key, value in self.node.value]
        seen: set[str] = set()
        for key, _ in found:
            if key.text() in seen:
                key.wrong(f"the key {key.text()!r} stands twice", "a key stands once", "drop one")
            seen.add(key.text())
        return found

    def one_of(self, name: str, known: Sequence[str], noun: str) -> str:
        """`name`, if it is one of `known`."""
        if name not in known:
            near = difflib.get_close_matches(name, known, 1, cutoff=0.5)
            listed = ", ".join(known[:12]) + (", ..." if len(known) > 12 else "")
            self.wrong(
                f"unknown {noun} {name!r}",
                f"known are {listed}",
                f"did you mean {near[0]!r}?" if near else "correct it",
            )
        return name

    def text(self) -> str:
        """A single value as it is written in the file."""
        if not isinstance(self.node, yaml.ScalarNode):
            self.wrong(f"there is {self._shown()} where a text belongs", "a single text", "write one")
        return str(self.node.value)

    def value(self) -> Any:
        """The value it stands for; ``yes``, ``no``, ``on`` and ``off`` are texts, not truth values."""
        if isinstance(self.node, yaml.SequenceNode):
            return [item.value() for item in self.items()]
        if isinstance(self.node, yaml.MappingNode):
            return {str(key.value): YamlNode(self.path, value).value() for key, value in self.node.value}
        text = str(self.node.value)
        if self.node.tag.endswith(":bool") and text.lower() not in ("true", "false"):
            return text
        try:
            return yaml.constructor.SafeConstructor().construct_object(self.node)
        except (yaml.YAMLError, ValueError) as error:
            raise InputError(
                f"{text!r} cannot be read", str(error), "write it as a text or a number", self.place
            ) from None

    def _shown(self) -> str:
        if isinstance(self.node, yaml.ScalarNode):
            return repr(self.node.value) if self.node.value else "nothing"
        return "a list" if self.is_list else "a map"


def read_yaml(path: str | Path) -> YamlNode:
    """The whole file. Raises `InputError` with ``file:line`` where it is missing, empty or neither YAML nor JSON."""
    try:
        text = Path(path).read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is not None:
            _check_size(str(path), node, {})
    except RecursionError:
        raise InputError(f"{path} is nested too deeply", "a space has a few levels of nesting", "flatten it") from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", "the file can be read", "check the path") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text", "YAML and JSON are UTF-8", "save it as UTF-8") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path}:{mark.line + 1}" if mark else str(path)
        raise InputError(f"not YAML: {getattr(error, 'problem', error)}", "", "correct the line", place) from error
    if node is None:
        raise InputError("the file is empty", "a map of fields", "write some", f"{path}:1")
    return YamlNode(str(path), node)


def _check_size(path: str, node: yaml.Node, known: dict[int, int]) -> int:
    """Values below `node`, those that aliases repeat counted again. Raises `InputError` where there is no end to it."""
    if id(node) not in known:
        known[id(node)] = MOST_VALUES  # what is met again inside itself
        below = [one for pair in node.value for one in pair] if isinstance(node, yaml.MappingNode) else node.value
        listed = below if isinstance(node, yaml.CollectionNode) else []
        known[id(node)] = 1 + sum(_check_size(path, one, known) for one in listed)
    if known[id(node)] >= MOST_VALUES:
        YamlNode(path, node).wrong(
            "an alias repeats what holds it, or too much", f"a file has up to {MOST_VALUES:,} values", "write it out"
        )
    return known[id(node)]
