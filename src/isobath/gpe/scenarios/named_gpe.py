"""GPEs of scenarios that a study file names: ``name: honesty``, or ``name: scenario`` with a file of one's own."""

from __future__ import annotations

import difflib
import inspect
from functools import partial
from typing import Any

from isobath.base.errors import InputError
from isobath.gpe.gpe import GPE
from isobath.gpe.scenarios.catalogue import scenario as named
from isobath.gpe.scenarios.scenario_gpe import scenario_gpe


def named_gpe(world: Any = None, *, scenario: str, **options: Any) -> GPE:
    """The GPE of the catalogue's `scenario`, or of that in a YAML file; the other options are `scenario_gpe`'s.

    Raises `InputError` for a name or an option that is not known, and on a base of an embedded world, which has no
    words for it.
    """
    if world is not None:
        raise InputError(
            f"the scenario {scenario!r} on a base of an embedded world",
            "scenarios are in English, and an embedded world has a language of its own",
            "use a model of yours: a folder or a hub id; the decision world has the GPE 'decisions'",
        )
    known = [*inspect.signature(scenario_gpe).parameters][1:]
    for name in options:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            raise InputError(
                f"the GPE of the scenario {scenario!r} has no option {name!r}",
                f"options are {', '.join(known)}",
                f"did you mean {near[0]!r}?" if near else "drop it",
            )
    return scenario_gpe(named(scenario), **options)


designated_people = partial(named_gpe, scenario="designated_people")
evading_control = partial(named_gpe, scenario="evading_control")
goals_argument = partial(named_gpe, scenario="goals_argument")
harm_act_omission = partial(named_gpe, scenario="harm_act_omission")
honesty = partial(named_gpe, scenario="honesty")
moral_patients = partial(named_gpe, scenario="moral_patients")
own_goals = partial(named_gpe, scenario="own_goals")
power_offered = partial(named_gpe, scenario="power_offered")
reward_hacking = partial(named_gpe, scenario="reward_hacking")
when_observed = partial(named_gpe, scenario="when_observed")
