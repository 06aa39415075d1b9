"""A scenario's space and rule as a space file (docs/my-scenarios.md)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import yaml

from isobath.design.factor import Factor
from isobath.design.rule import DecisionRule
from isobath.gpe.scenarios.scenario import Scenario


def space_text(scenario: Scenario, absent: Collection[str] = ()) -> str:
    """YAML that `isobath.design.space_file.read_space` reads back to the scenario's space.

    The rule is in it where the scenario has one as plain data; decisions are then the words of its options, as in the
    test lines. Factors that are `absent` from some line of one's own data become optional, so that its lines and the
    questions can be read together.
    """
    space = scenario.space
    body: dict[str, Any] = {"name": space.name, "factors": [_factor(factor, absent) for factor in space.factors]}
    if space.forbidden:
        body["forbidden"] = [{name: list(levels) for name, levels in clause.items()} for clause in space.forbidden]
    rule = getattr(scenario, "rule", None)
    if isinstance(rule, DecisionRule):
        said = scenario.options
        cases = [
            {"when": {name: list(levels) for name, levels in case.when.items()}, "then": _then(said, case.then)}
            for case in rule.cases
        ]
        body["rule"] = {"cases": cases, "otherwise": _then(said, rule.otherwise)}
    return yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=110)


def _then(options: Any, decision: str | None) -> str | None:
    return None if decision is None else str(options[decision])


def _factor(factor: Factor, absent: Collection[str]) -> dict[str, Any]:
    fields = Factor.model_fields
    found: dict[str, Any] = {}
    for name in fields:
        value = getattr(factor, name)
        if name == "name" or value != fields[name].get_default(call_default_factory=True):
            found[name] = list(value) if isinstance(value, tuple) else value
    return {**found, "optional": True} if factor.name in absent else found
