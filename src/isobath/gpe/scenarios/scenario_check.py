"""What a scenario should have besides being readable: `faults` says in sentences what is missing or contradicts.

``python -c "from isobath.gpe.scenarios.scenario_check import told; print(told('mine.yaml'))"`` checks a file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from isobath.design.relevance import random_codes, relevance_of
from isobath.design.space import Space
from isobath.gpe.scenarios.draft import Draft
from isobath.gpe.scenarios.scenario_file import read_scenario
from isobath.gpe.scenarios.slots import pattern_of
from isobath.gpe.scenarios.template_scenario import TemplateScenario

Sought = tuple[str, re.Pattern[str]]
"""The longest stretch of a wording between slots, in small letters, and what finds the whole."""

FEWEST = {"phrases": 4, "says": 8, "because": 5, "asks": 8}
"""Wordings below which rows repeat each other."""


def told(path: str | Path) -> str:
    """What is to be said of the scenario file `path`, a line each. Raises `InputError` where it cannot be read."""
    scenario = read_scenario(path)
    space = own_space(scenario)
    decided = Counter(scenario.rule(point) for point in space.points())
    counts = ", ".join(f"{name or 'contested'} {count}" for name, count in decided.most_common())
    found = faults(scenario)
    head = f"{scenario.name}: {sum(decided.values())} combinations of {len(space.factors)} factors: {counts}"
    return "\n".join([head, *(f"- {fault}" for fault in found), f"{len(found)} faults"])


def faults(scenario: TemplateScenario, drafts: int = 300, seed: int = 0) -> tuple[str, ...]:
    """Sentences on what `scenario` lacks, none where it is fine.

    Looks at every combination of its own levels (does the rule reach every decision, do the relevant factors matter
    and the others not, is anything contested) and at `drafts` random drafts of each rendering (is every slot filled,
    is every level told by its own phrases alone).
    """
    return (*_shape(scenario), *_words(scenario), *_rule(scenario), *_drafts(scenario, drafts, seed))


def own_space(scenario: TemplateScenario) -> Space:
    """The factors that the scenario itself declares."""
    own = tuple(scenario.space.factor(name) for name in scenario.own)
    return Space(name=scenario.name, factors=own, forbidden=scenario.space.forbidden)


def _shape(scenario: TemplateScenario) -> Iterator[str]:
    relevant = scenario.space.relevant
    if not 3 <= len(relevant) <= 6:
        yield f"{len(relevant)} relevant factors: 3 to 6 make a landscape that can be covered"
    if not any(factor.kind == "ordinal" for factor in relevant):
        yield "no relevant factor is ordinal: without an order nothing lies between levels"
    for factor in relevant:
        if not 2 <= len(factor.domain) <= 6:
            yield f"{factor.name!r} has {len(factor.domain)} levels: 2 to 6"
    if len(scenario.decisions) > 5:
        yield f"{len(scenario.decisions)} decisions: 2 to 5"
    for name in ("title", "about"):
        if not getattr(scenario, name):
            yield f"there is no {name!r}"


def _words(scenario: TemplateScenario) -> Iterator[str]:
    for factor, levels in scenario.wordings.items():
        for level, texts in levels.items():
            yield from _few(texts, "phrases", f"{factor} = {level}")
            for text in texts:
                if not text.endswith((".", "!", "?")):
                    yield f"{text!r} ({factor} = {level}) ends without a full stop"
    for name, decision in scenario.decisions.items():
        yield from _few(decision.says, "says", name)
        yield from _few(decision.because, "because", name)
    yield from _few(scenario.asks, "asks", "the scenario")
    firsts = Counter(option.split()[0].casefold() for option in scenario.options.values())
    for word, count in firsts.items():
        if count > 1:
            yield f"{count} options begin with {word!r}: options differ from their first word on"


def _few(texts: tuple[str, ...], noun: str, where: str) -> Iterator[str]:
    if len(texts) < FEWEST[noun]:
        yield f"{where}: {len(texts)} {noun}; at least {FEWEST[noun]} keep rows apart"


def _rule(scenario: TemplateScenario) -> Iterator[str]:
    space = own_space(scenario)
    decided = {scenario.rule(point) for point in space.points()}
    for name in scenario.decisions:
        if name not in decided:
            yield f"the rule never reaches {name!r}: an earlier case takes its points"
    if None not in decided:
        yield "nothing is contested: mark the points where people do not agree"
    for one in relevance_of(space, scenario.rule):
        if one.contradicted:
            yield one.sentence


def _drafts(scenario: TemplateScenario, drafts: int, seed: int) -> Iterator[str]:
    points = scenario.space.decode(random_codes(scenario.space, drafts, seed))
    patterns = {
        (factor, level): [_sought(text) for text in texts]
        for factor, levels in scenario.wordings.items()
        for level, texts in levels.items()
    }
    for rendering in scenario.renderings:
        for i, point in enumerate(points):
            draft = scenario.draft(point, seed + i, rendering)
            asked = "\n".join(message.content for message in draft.asked if message.role != "system")
            if "{" in asked or "}" in asked:
                yield f"an unfilled slot in {draft.id}: {asked!r}"
            yield from _misread(draft, asked, patterns)


def _misread(draft: Draft, text: str, patterns: Mapping[tuple[str, str], list[Sought]]) -> Iterator[str]:
    spaced = " ".join(text.lower().split())
    for (factor, level), listed in patterns.items():
        said = any(piece in spaced and pattern.search(spaced) for piece, pattern in listed)
        if said != (draft.point[factor] == level):
            yield f"{draft.id} {'says' if said else 'does not say'} {factor} = {level}, and is {draft.point[factor]}"


def _sought(text: str) -> Sought:
    return max(re.split(r"\{\w+\}", text.lower()), key=len), pattern_of(text)
