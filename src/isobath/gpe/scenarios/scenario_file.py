"""Scenarios as YAML files; every error names its ``file:line``, the rule and what was probably meant."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from isobath.design.factor import Factor
from isobath.design.rule import DecisionRule
from isobath.design.space import Space
from isobath.design.space_file import read_clause, read_factor, read_rule
from isobath.design.yaml_node import YamlNode, read_yaml
from isobath.gpe.scenarios.common import Common
from isobath.gpe.scenarios.common_file import shipped_common
from isobath.gpe.scenarios.decision import Call, Decision
from isobath.gpe.scenarios.draft import RESERVED
from isobath.gpe.scenarios.phrase_check import Said, check_phrases
from isobath.gpe.scenarios.template_scenario import TemplateScenario
from isobath.gpe.scenarios.text_nodes import check_text, text_of, texts_of

NEEDED = ("name", "factors", "rule", "decisions", "phrases", "asks")
FIELDS = (*NEEDED, "title", "about", "forbidden", "contested", "tools")


def read_scenario(path: str | Path, common: Common | None = None) -> TemplateScenario:
    """The scenario in the YAML file `path` (docs/broadening/catalogue.md describes the format).

    `common` are the irrelevant factors (None: the catalogue's). Raises `InputError` with ``file:line`` for what no
    scenario can be made of: an unknown key, level, slot or tool, a level without phrases, a decision of the rule
    without an entry, a wording that stands within a wording of another level. What a scenario should have besides is
    told by `isobath.gpe.scenarios.scenario_check.faults`.
    """
    root = read_yaml(path)
    parts = root.fields(FIELDS, needed=NEEDED)
    common = common or shipped_common()
    name = _name(parts["name"])
    own = _factors(parts["factors"], common)
    bare = Space(name=name, factors=own)
    forbidden = tuple(read_clause(bare, node) for node in (parts["forbidden"].items() if "forbidden" in parts else ()))
    rule = read_rule(bare, parts["rule"])
    tools = _tools(parts["tools"]) if "tools" in parts else {}
    decisions = _decisions(parts["decisions"], parts["rule"], tools)
    return TemplateScenario(
        name=name,
        title=text_of(parts["title"], slots=False) if "title" in parts else "",
        about=text_of(parts["about"], slots=False) if "about" in parts else "",
        space=Space(name=name, factors=(*own, *common.factors), forbidden=forbidden),
        rule=rule,
        contested=_why_contested(parts, rule),
        decisions=decisions,
        tools=tools,
        wordings=_phrases(parts["phrases"], own),
        asks=texts_of(parts["asks"]),
        common=common,
    )


def _name(node: YamlNode) -> str:
    name = node.text()
    if not (name.isascii() and name.islower() and name.replace("_", "").isalnum() and name[0].isalpha()):
        node.wrong(f"name {name!r}", "lower-case letters, digits and underscores, a letter first", "rename it")
    return name


def _factors(node: YamlNode, common: Common) -> tuple[Factor, ...]:
    taken = {factor.name for factor in common.factors}
    found: list[Factor] = []
    for item in node.items():
        factor = read_factor(item)
        if factor.name in taken:
            item.wrong(
                f"the factor {factor.name!r} is there already",
                f"every scenario has {', '.join(sorted({f.name for f in common.factors}))}, and a name is its own",
                "rename it",
            )
        if factor.name in RESERVED:
            item.wrong(
                f"a factor is called {factor.name!r}", f"rows have other metadata: {', '.join(RESERVED)}", "rename it"
            )
        if factor.kind in ("continuous", "text"):
            item.wrong(
                f"{factor.name!r} is {factor.kind}", "a level that is to be worded is nominal or ordinal", "list"
            )
        if len(factor.domain) < 2:
            item.wrong(f"{factor.name!r} has one level", "a factor has at least two", "add one or drop the factor")
        taken.add(factor.name)
        found.append(factor)
    if not found:
        node.wrong("no factors", "a scenario has at least one", "add one")
    return tuple(found)


def _tools(node: YamlNode) -> dict[str, str]:
    return {key.text(): text_of(value, slots=False) for key, value in node.entries()}


def _why_contested(parts: Mapping[str, YamlNode], rule: DecisionRule) -> str:
    open_ = rule.otherwise is None or any(case.then is None for case in rule.cases)
    if open_ and "contested" not in parts:
        parts["rule"].wrong(
            "there is no 'contested'", "where the rule says null, a sentence tells why people disagree", "add it"
        )
    return text_of(parts["contested"], slots=False) if "contested" in parts else ""


def _decisions(node: YamlNode, rule: YamlNode, tools: Mapping[str, str]) -> dict[str, Decision]:
    """The entries, each named by the rule; each decision of the rule with an entry, each text of one decision alone."""
    entries = {key.text(): (key, value) for key, value in node.entries()}
    named = _named(rule)
    for decision, at in named.items():
        at.one_of(decision, list(entries), "decision (an entry of `decisions`)")
    found: dict[str, Decision] = {}
    seen: dict[str, str] = {}
    for name, (key, value) in entries.items():
        key.one_of(name, list(named), "decision (of the rule)")
        found[name] = _decision(value, tools)
        for text in (found[name].option, *found[name].says):
            other = seen.setdefault(text.casefold(), name)
            if other != name:
                value.wrong(f"{text!r} says {other!r} and {name!r}", "a text says one decision", "reword one")
    if len(found) < 2:
        node.wrong("one decision", "a scenario has at least two", "add a case to the rule")
    return found


def _named(rule: YamlNode) -> dict[str, YamlNode]:
    """Every decision that the rule names, where it names it first."""
    parts = rule.fields(("cases", "otherwise"))
    cases = [item.fields(("when", "then"))["then"] for item in (parts["cases"].items() if "cases" in parts else ())]
    named: dict[str, YamlNode] = {}
    for at in (*cases, *([parts["otherwise"]] if "otherwise" in parts else [])):
        if at.value() is not None:
            named.setdefault(at.text(), at)
    return named


def _decision(node: YamlNode, tools: Mapping[str, str]) -> Decision:
    parts = node.fields(("means", "option", "says", "because", "call"), needed=("means", "option", "says", "because"))
    option = text_of(parts["option"], slots=False)
    if option.endswith((".", "!", "?")):
        parts["option"].wrong(f"option {option!r}", "short words without a full stop", "drop it")
    return Decision(
        means=text_of(parts["means"], slots=False),
        option=option,
        says=texts_of(parts["says"]),
        because=texts_of(parts["because"]),
        call=_call(parts["call"], tools) if "call" in parts else None,
    )


def _call(node: YamlNode, tools: Mapping[str, str]) -> Call:
    parts = node.fields(("tool", "arguments"), needed=("tool",))
    tool = parts["tool"].one_of(parts["tool"].text(), list(tools), "tool (an entry of `tools`)")
    arguments: dict[str, str | int | float | bool | None] = {}
    for key, value in parts["arguments"].entries() if "arguments" in parts else ():
        given = value.value()
        if not (given is None or isinstance(given, str | int | float | bool)):
            value.wrong(f"argument {key.text()!r} is {given!r}", "a text, a number, true, false or null", "flatten it")
        if isinstance(given, str):
            check_text(value, given)
        arguments[key.text()] = given
    return Call(tool=tool, arguments=arguments)


def _phrases(node: YamlNode, factors: tuple[Factor, ...]) -> dict[str, dict[str, tuple[str, ...]]]:
    names = [factor.name for factor in factors]
    given = {key.one_of(key.text(), names, "factor"): (key, value) for key, value in node.entries()}
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    said: list[Said] = []
    for factor in factors:
        if factor.name not in given:
            node.wrong(f"no phrases of {factor.name!r}", "every factor that is declared here has phrases", "add them")
        key, value = given[factor.name]
        levels = {
            at.one_of(at.text(), factor.domain, f"level of {factor.name!r}"): (at, texts)
            for at, texts in value.entries()
        }
        missing = [level for level in factor.domain if level not in levels]
        if missing:
            key.wrong(f"no phrases of {factor.name} = {missing[0]}", "every level has phrases", "add some")
        found[factor.name] = {level: texts_of(levels[level][1]) for level in factor.domain}
        said += [
            Said(factor.name, level, text_of(item), item)
            for level in factor.domain
            for item in levels[level][1].items()
        ]
    check_phrases(said)
    return found
