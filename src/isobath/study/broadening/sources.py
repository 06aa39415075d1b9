"""The scenarios of a specification, found by name or path, and what each is known by."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from isobath.base.errors import InputError
from isobath.base.identity import canonical_json, fingerprint
from isobath.base.value import Value
from isobath.gpe.scenarios.draft import RESERVED
from isobath.gpe.scenarios.scenario import Scenario
from isobath.study.broadening.spec import Broadening


def scenario_of(reference: Any) -> Scenario:
    """The scenario that a name of the catalogue, a path or an object stands for. Raises `InputError`."""
    if not isinstance(reference, str):
        return cast(Scenario, reference)
    if reference.lower().endswith((".yaml", ".yml")):
        from isobath.gpe.scenarios.scenario_file import read_scenario

        return read_scenario(reference)
    from isobath.gpe.scenarios.catalogue import scenario

    return scenario(reference)


def scenarios_of(spec: Broadening) -> list[Scenario]:
    """All of them, in order. Raises `InputError` where two have one name, or a name is no name of a file."""
    found = [scenario_of(reference) for reference in spec.scenarios]
    names = [one.name for one in found]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"two scenarios are called {name!r}", "a name tells rows apart", "rename one")
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}", name):
            raise InputError(f"a scenario is called {name!r}", "letters, digits, _ . and -", "rename it")
    for one in found:
        for taken in sorted({*RESERVED} & {*one.space.names}):
            raise InputError(
                f"a factor of {one.name!r} is called {taken!r}",
                f"rows have other metadata: {', '.join(RESERVED)}",
                "rename the factor",
            )
    return found


def shares_of(spec: Broadening) -> list[int]:
    """Rows of each scenario: equal, what is left over going to the first ones; a multiple of `wordings` each."""
    groups, number = spec.budget // spec.wordings, len(spec.scenarios)
    least, more = divmod(groups, number)
    if not least:
        raise InputError(
            f"a budget of {spec.budget} rows, {spec.wordings} of each point, for {number} scenarios",
            "every scenario has a point at least",
            "raise the budget",
        )
    return [(least + (i < more)) * spec.wordings for i in range(number)]


def identity_of(spec: Broadening, scenarios: Sequence[Scenario]) -> str:
    """Fingerprint of all that decides the rows: never prices, keys, connections or where files lie."""
    plain = {name: getattr(spec, name) for name in Broadening.model_fields}
    for name in ("writer", "tagger"):
        if isinstance(plain[name], Value):
            plain[name] = plain[name].source
    plain["scenarios"] = [_content(one) for one in scenarios]
    for name in ("own", "references"):
        plain[name] = _own_content(plain[name])
    return fingerprint(plain)


def _content(one: Scenario) -> object:
    """What a scenario is known by: all of it where it is plain data, else its name, version and space."""
    if isinstance(one, Value):
        return {"all": one, "version": one.version}
    return {"name": one.name, "version": one.version, "space": one.space, "options": dict(one.options)}


def _own_content(own: object) -> object:
    """Own data by content, wherever the file lies."""
    if isinstance(own, str):
        from isobath.base.identity import file_hash

        return file_hash(Path(own)) if Path(own).is_file() else own
    if isinstance(own, dict):
        return {name: _own_content(one) for name, one in own.items()}
    canonical_json(own)
    return own
