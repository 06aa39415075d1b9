"""Spaces as YAML or JSON files, with an optional rule for the right decision; every error names its ``file:line``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from isobath.design.factor import Factor, level_text
from isobath.design.inferred_space import infer_space
from isobath.design.relevance import relevance_of
from isobath.design.rule import Case, DecisionRule
from isobath.design.space import Space
from isobath.design.yaml_node import YamlNode, read_yaml

__all__ = ["SpaceFile", "infer_space", "near_sentences", "read_clause", "read_factor", "read_rule", "read_space"]


@dataclass(frozen=True)
class SpaceFile:
    """A space as its file declares it; `rule` says the right decision where the file has one.

    `said` are sentences worth reading: shore widths that change what counts as outside, and declared roles that the
    rule contradicts (docs/regions.md).
    """

    space: Space
    rule: DecisionRule | None
    said: tuple[str, ...]


def read_space(path: str | Path) -> SpaceFile:
    """The space in the YAML or JSON file `path`: ``name``, ``factors``, ``forbidden`` and ``rule``.

    Raises `InputError` with ``file:line`` for what no space can be made of.
    """
    root = read_yaml(path)
    parts = root.fields(("name", "factors", "forbidden", "rule"), needed=("factors",))
    factors: list[Factor] = []
    for node in parts["factors"].items():
        factor = read_factor(node)
        if any(factor.name == other.name for other in factors):
            node.wrong(f"a factor {factor.name!r} stands twice", "a factor's name is its own", "rename one")
        factors.append(factor)
    named = parts["name"].text() if "name" in parts else Path(path).stem
    bare = _made(root, lambda: Space(name=named, factors=tuple(factors)))
    forbidden = tuple(read_clause(bare, node) for node in (parts["forbidden"].items() if "forbidden" in parts else ()))
    space = bare.model_copy(update={"forbidden": forbidden})
    rule = read_rule(space, parts["rule"]) if "rule" in parts else None
    return SpaceFile(space, rule, (*near_sentences(space), *_contradictions(space, rule)))


def near_sentences(space: Space) -> list[str]:
    """One sentence for each ordinal factor whose neighbouring levels count as near."""
    return [
        f"{f.name!r} has near = {f.near}: a level {f.near} outside those seen counts as shore, not bay."
        for f in space.factors
        if f.kind == "ordinal" and f.near
    ]


def _contradictions(space: Space, rule: DecisionRule | None) -> list[str]:
    return [] if rule is None else [one.sentence for one in relevance_of(space, rule) if one.contradicted]


def read_factor(node: YamlNode) -> Factor:
    """The factor that one entry of ``factors`` declares. Raises `InputError` with ``file:line``."""
    parts = node.fields(tuple(Factor.model_fields), needed=("name",))
    values: dict[str, Any] = {name: part.value() for name, part in parts.items()}
    if "levels" in parts:
        values["levels"] = tuple(_level(one) for one in parts["levels"].items())
    if "name" in parts:
        values["name"] = parts["name"].text()
    try:
        return Factor.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        at = parts.get(str(first["loc"][0]), node) if first["loc"] else node
        said = first["msg"].removeprefix("Value error, ")
        if at is not node:
            said = f"{first['loc'][0]} = {at.value()!r}: {said}"
        at.wrong(said, "see docs/regions.md for the kinds of factor", "correct it")


def _level(node: YamlNode) -> str:
    value = node.value()
    if not isinstance(value, str | int | float | bool):
        node.wrong(f"a level is {value!r}", "a level is a text or a number", "write it as one")
    return level_text(value)


def read_clause(space: Space, node: YamlNode) -> dict[str, tuple[str, ...]]:
    """Factor -> levels, each a level or a list of them. Raises `InputError` with ``file:line``."""
    parts = node.fields(space.names)
    if not parts:
        node.wrong("an empty combination", "a combination names the levels of one factor at least", "name one")
    clause = {}
    for name, part in parts.items():
        ones = part.items() if part.is_list else [part]
        clause[name] = tuple(one.one_of(_level(one), space.factor(name).domain, f"level of {name!r}") for one in ones)
    return clause


def read_rule(space: Space, node: YamlNode) -> DecisionRule:
    """The rule of ``cases`` and ``otherwise``. Raises `InputError` with ``file:line``."""
    parts = node.fields(("cases", "otherwise"))
    cases = []
    for item in parts["cases"].items() if "cases" in parts else ():
        case = item.fields(("when", "then"), needed=("when", "then"))
        cases.append(Case(when=read_clause(space, case["when"]), then=_decision(case["then"])))
    otherwise = _decision(parts["otherwise"]) if "otherwise" in parts else None
    return DecisionRule(cases=tuple(cases), otherwise=otherwise)


def _decision(node: YamlNode) -> str | None:
    """The right decision, or None where it is contested (written ``null``)."""
    value = node.value()
    return None if value is None else node.text()


def _made(node: YamlNode, make: Any) -> Space:
    try:
        space: Space = make()
    except ValidationError as error:
        node.wrong(error.errors()[0]["msg"].removeprefix("Value error, "), "", "correct it")
    return space
