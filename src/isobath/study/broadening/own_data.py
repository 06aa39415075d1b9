"""One's own data as a support: what training covers already, from a tagged file or from levels."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from isobath.base.errors import InputError
from isobath.design.space import Codes, Space
from isobath.design.support import NearWarning, Support, support_of
from isobath.gpe.scenarios.scenario import Scenario
from isobath.study.broadening.sources import scenario_of
from isobath.study.broadening.spec import Broadening

MOST_CELLS = 200_000


@dataclass(frozen=True, eq=False)
class OwnData:
    """What there is already of a scenario.

    `support` has the cells (None: nothing is known of); `whole` says that every factor's level was given, so that the
    cells also count as covered, not only as the place that regions lie around. `examples` counts training lines, 0
    where levels were named. `absent` are the irrelevant factors that some line of a file does not tell. `said` are
    sentences for the card.
    """

    support: Support | None = None
    whole: bool = False
    examples: int = 0
    said: tuple[str, ...] = field(default=())
    absent: frozenset[str] = frozenset()


def own_data(spec: Broadening, scenario: Scenario) -> OwnData:
    """The own data of `scenario`. Raises `InputError`, with ``file:line`` for a line that does not fit the space."""
    given = _given(spec, scenario)
    if given is None:
        return OwnData()
    if isinstance(given, str):
        codes, absent, examples, said = _from_file(Path(given), scenario)
        whole = not absent
    else:
        codes, said = _from_levels(given, scenario.space)
        whole, examples, absent = False, 0, frozenset()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NearWarning)
        return OwnData(support_of(scenario.space, codes), whole, examples, said, absent)


def _given(spec: Broadening, scenario: Scenario) -> Any:
    own = spec.own
    if own is None or isinstance(own, str):
        return own
    named = _named(spec)
    if len(spec.scenarios) == 1 and not any(name in named and not isinstance(own[name], list | tuple) for name in own):
        return own
    for name in own:
        if name not in named:
            listed = ", ".join(dict.fromkeys(named.values()))
            raise InputError(f"own data of {name!r}", f"the scenarios are {listed}", "name one of them")
    here = [name for name in own if named[name] == scenario.name]
    if len(here) > 1:
        raise InputError(
            f"own data of {scenario.name!r} stands twice, as {' and '.join(here)}", "once each", "drop one"
        )
    return own[here[0]] if here else None


def _named(spec: Broadening) -> dict[str, str]:
    """What own data may call each scenario -> its name: that name, and for a file its path, its file name, its stem."""
    found: dict[str, str] = {}
    for reference in spec.scenarios:
        name = scenario_of(reference).name
        found[name] = name
        if isinstance(reference, str):
            path = Path(reference)
            found.update({one: name for one in (reference, path.name, path.stem) if one not in found})
    return found


def _from_file(path: Path, scenario: Scenario) -> tuple[Codes, frozenset[str], int, tuple[str, ...]]:
    from isobath.gpe.rows.json_lines import json_lines
    from isobath.gpe.tagged.line import tagged_line

    space = scenario.space
    lines = [tagged_line(r.values, r.line, r.place) for r in json_lines(path).records]
    train = [line for line in lines if line.split == "train"]
    if not train:
        raise InputError(f"{path} has no train lines", "own data is what is trained on", 'add "split": "train" lines')
    points, absent = [], set[str]()
    for line in train:
        levels = dict(line.levels)
        for factor in space.irrelevant:
            if factor.name not in levels and not factor.optional:
                absent.add(factor.name)
                levels[factor.name] = factor.domain[0]
        try:
            point = space.point(levels)
        except InputError as error:
            raise InputError(error.what, error.rule, error.remedy, line.at) from None
        if not space.allows(point):
            raise InputError(f"{point} cannot be", "the scenario forbids this combination", "correct it", line.at)
        points.append(point)
    said = (f"Own data: {len(train):,} training lines of {path.name}.", *_absent(absent, space))
    return space.encode(points), frozenset(absent), len(train), said


def _absent(names: set[str], space: Space) -> tuple[str, ...]:
    if not names:
        return ()
    listed = ", ".join(name for name in space.names if name in names)
    return (
        f"Its lines do not say {listed}: they tell what was decided about, and count as covering no wording "
        "(for regions these factors are irrelevant).",
    )


def _from_levels(levels: Mapping[str, Any], space: Space) -> tuple[Codes, tuple[str, ...]]:
    """Every combination of the levels named; of factors not named all levels if they are relevant, else the first."""
    for name, ones in levels.items():
        space.factor(name)
        if isinstance(ones, str) or not ones:
            raise InputError(f"own data has {name} = {ones!r}", "factor -> list of levels", "write a list")
    choices = []
    for factor in space.factors:
        if factor.name in levels:
            choices.append([factor.domain.index(factor.level_of(one)) for one in levels[factor.name]])
        else:
            choices.append(list(range(len(factor.domain))) if factor.relevant else [0])
    size = int(np.prod([len(one) for one in choices], dtype=float))
    if size > MOST_CELLS:
        raise InputError(f"own data of {size:,} combinations", f"at most {MOST_CELLS:,}", "name fewer levels")
    codes = np.array(list(product(*choices)), dtype=np.int16)
    codes = codes[space.allowed(codes)]
    shown = "; ".join(f"{name} {', '.join(map(str, ones))}" for name, ones in levels.items())
    return codes, (f"Own data is taken to cover {shown}.",)
