"""The catalogue: scenarios of key decisions that come with the package, by name."""

from __future__ import annotations

import difflib
from functools import lru_cache
from pathlib import Path

from isobath.base.errors import InputError
from isobath.gpe.scenarios.scenario_file import read_scenario
from isobath.gpe.scenarios.template_scenario import TemplateScenario

FOLDER = Path(__file__).with_name("data")

CATALOGUE: tuple[str, ...] = tuple(sorted(path.stem for path in FOLDER.glob("*.yaml") if path.stem != "common"))
"""Names of the scenarios; each is ``data/<name>.yaml``."""


def scenario(name: str) -> TemplateScenario:
    """The catalogue's scenario of that name, or the one in the YAML file that `name` is the path of.

    Raises `InputError` for a name that is neither (with the nearest known one) and as `read_scenario` does.
    """
    if name in CATALOGUE:
        return _shipped(name)
    if name.endswith((".yaml", ".yml")):
        return read_scenario(Path(name).expanduser())
    near = difflib.get_close_matches(name, CATALOGUE, 1)
    raise InputError(
        f"scenario {name!r} is not known",
        f"known are {', '.join(CATALOGUE)}, and paths of scenario files (.yaml)",
        f"did you mean {near[0]!r}?" if near else "use one of them",
    )


@lru_cache(maxsize=64)
def _shipped(name: str) -> TemplateScenario:
    return read_scenario(FOLDER / f"{name}.yaml")
