"""Specifications of broadenings: ``spec.py`` with a top-level `broadening`, ``spec.yaml``, or scenarios by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from isobath.base.errors import InputError
from isobath.design.yaml_node import YamlNode, read_yaml
from isobath.study.broadening.spec import Broadening

DEFAULT_BUDGET = 1000
YAML = (".yaml", ".yml")


def load_broadening(source: str, given: Mapping[str, Any] | None = None) -> Broadening:
    """The broadening that `source` names, with the fields `given` (those of the command line) in place of its own.

    `source` is a Python or YAML file, or scenarios: names of the catalogue and scenario files, parted by commas. Raises
    `InputError` with ``file:line`` for what cannot be used.
    """
    path, given = Path(source), dict(given or {})
    if path.suffix == ".py":
        return changed(_from_python(path), given)
    if path.suffix in YAML and "," not in source:
        root = read_yaml(path)
        if not _is_scenario(root):
            return changed(_from_yaml(root), given)
    names = tuple(part.strip() for part in source.split(",") if part.strip())
    return made({"scenarios": names, "budget": DEFAULT_BUDGET, **given})


def changed(spec: Broadening, given: Mapping[str, Any]) -> Broadening:
    """`spec` with the fields `given`, checked again. Raises `InputError`."""
    if not given:
        return spec
    return made({**{name: getattr(spec, name) for name in Broadening.model_fields}, **given})


def made(fields: Mapping[str, Any]) -> Broadening:
    """`Broadening(**fields)`; a mistake is an `InputError`."""
    try:
        return Broadening.model_validate(dict(fields))
    except ValidationError as error:
        raise InputError(_said(error), "docs/broadening/broaden.md lists the fields", "correct it") from None


def _from_python(file: Path) -> Broadening:
    from isobath.study.own_code import own_module

    if not file.is_file():
        raise InputError(f"{str(file)!r} does not exist", "a specification is a .py or .yaml file", "check the path")
    try:
        module = own_module(file)
    except ValidationError as error:
        raise InputError(
            _said(error), "docs/broadening/broaden.md lists the fields", "correct it", _place(file, error)
        ) from error
    except SyntaxError as error:
        raise InputError(f"not Python: {error.msg}", "", "correct the syntax", f"{file}:{error.lineno}") from error
    except InputError as error:
        raise InputError(error.what, error.rule, error.remedy, error.place or _place(file, error)) from error
    spec = getattr(module, "broadening", None)
    if not isinstance(spec, Broadening):
        raise InputError(
            f"there is no `broadening` but {type(spec).__name__}" if spec is not None else "there is no `broadening`",
            "the file sets a top-level name `broadening` to an isobath.Broadening",
            "write: broadening = Broadening(...)",
            str(file),
        )
    return spec


def _place(file: Path, error: BaseException) -> str:
    """The last line of `file` that led to `error`."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(file) or trace.tb_frame.f_code.co_filename == str(file.resolve()):
            line = trace.tb_lineno
        trace = trace.tb_next
    return f"{file}:{line}" if line else str(file)


def _is_scenario(root: YamlNode) -> bool:
    """Whether a YAML file is a scenario (it has factors and decisions) rather than a specification."""
    keys = {str(key.value) for key, _ in root.node.value} if hasattr(root.node, "value") and not root.is_list else set()
    return "scenarios" not in keys and bool(keys & {"factors", "decisions"})


def _from_yaml(root: YamlNode) -> Broadening:
    parts = root.fields(tuple(Broadening.model_fields), needed=("scenarios", "budget"))
    folder = Path(root.path).parent
    values = {name: part.value() for name, part in parts.items()}
    values["scenarios"] = _beside(values["scenarios"], folder)
    for name in ("own", "references"):
        values[name] = _own_beside(values.get(name), folder)
    try:
        return Broadening.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        # what is wrong with fields together names the first of them
        named = str(first["loc"][0]) if first["loc"] else next((w for w in _words(first["msg"]) if w in parts), "")
        at: YamlNode | None = parts.get(named)
        for step in first["loc"][1:]:
            at = None if at is None else _below(at, step) or at
        (at or root).wrong(_said(error), "docs/broadening/broaden.md lists the fields", "correct it")


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def _below(node: YamlNode, step: object) -> YamlNode | None:
    import yaml

    if isinstance(node.node, yaml.MappingNode):
        return next((YamlNode(node.path, v) for k, v in node.node.value if k.value == str(step)), None)
    if isinstance(node.node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.node.value):
        return YamlNode(node.path, node.node.value[step])
    return None


def _beside(value: Any, folder: Path) -> Any:
    """Scenario files of a specification lie beside it, wherever the command is given."""
    if isinstance(value, list):
        return tuple(_beside(one, folder) for one in value)
    if isinstance(value, str) and value.endswith(YAML) and not Path(value).is_absolute():
        return str(folder / value)
    return value


def _own_beside(value: Any, folder: Path) -> Any:
    if isinstance(value, str):
        return value if Path(value).is_absolute() else str(folder / value)
    if isinstance(value, dict):
        return {name: _own_beside(one, folder) if isinstance(one, str) else one for name, one in value.items()}
    return value


def _said(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=True)[0]
    where = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    value = first.get("input")
    # of an endpoint nothing is repeated: a key may stand where its variable's name belongs
    secret = bool(first["loc"]) and first["loc"][0] in ("writer", "tagger")
    shown = f" = {value!r:.60}" if isinstance(value, str | int | float | bool) and where and not secret else ""
    more = f" ({error.error_count() - 1} more after it)" if error.error_count() > 1 else ""
    return f"{where}{shown}: {message}{more}" if where else f"{message}{more}"
