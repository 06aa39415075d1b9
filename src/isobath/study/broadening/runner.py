"""`broaden`: all scenarios of a specification, then the files a person is after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from isobath.base.errors import InputError
from isobath.models.endpoint.budget import Budget
from isobath.study.broadening.asking import Asking
from isobath.study.broadening.crew import Crew
from isobath.study.broadening.journal import Journal
from isobath.study.broadening.numbers import ScenarioNumbers
from isobath.study.broadening.output import write_all
from isobath.study.broadening.paths import Paths
from isobath.study.broadening.scenario_run import Part, make_part, run_part
from isobath.study.broadening.sources import identity_of, scenarios_of, shares_of
from isobath.study.broadening.spec import Broadening
from isobath.study.broadening.state import begin, claimed, end
from isobath.study.broadening.survey import surveyed

if TYPE_CHECKING:
    from isobath.study.broadening.card import Card

SPAWNED = 4_000
"""Rows from which worker processes are worth their start."""

Tell = Callable[[str, int], None]
"""Told of progress: a scenario's name and how many of its rows (0: answers only) or answers came."""


@dataclass(frozen=True)
class Broadened:
    """What was made. `finished` False: the same command goes on (`stopped` says why), or no row was made.

    `fresh` False: it was there.
    """

    paths: Paths
    finished: bool
    fresh: bool = True
    card: Card | None = None
    stopped: tuple[str, ...] = field(default=())


def broaden(
    spec: Broadening,
    out: str | Path,
    *,
    workers: int | None = None,
    max_cost: float | None = None,
    tell: Tell = lambda name, rows: None,
    command: str = "",
) -> Broadened:
    """Make `spec` and write it to `out`; a run that stopped goes on where it was.

    `workers` (the machine's cores unless told) changes no byte. `max_cost` bounds the dollars all answers may cost,
    those of earlier runs included; what could not be bought is left out and said. `command` stands in the card. Raises
    `InputError` for what cannot be made or would overwrite another specification's rows, `StoreError` for a full disk.
    """
    paths, scenarios = Paths.of(out), scenarios_of(spec)
    identity = identity_of(spec, scenarios)
    parts = [Part(spec, i, rows, paths.state / "parts", paths.landscape) for i, rows in enumerate(shares_of(spec))]
    with claimed(paths):
        if begin(paths, identity):
            return Broadened(paths, finished=True, fresh=False)
        journal = Journal(paths.journal)
        with Crew(1 if spec.spends else workers_of(workers, spec)) as crew:
            if spec.spends:
                numbers = _by_endpoint(parts, spec, journal, max_cost, tell)
            else:
                numbers = crew.each(run_part, parts, lambda found: tell(found.name, found.rows))
            card = write_all(paths, parts, numbers, journal, command, lambda todo: crew.each(surveyed, todo))
        stopped = card.stopped
        finished = card.rows > 0 and not stopped
        if finished:
            end(paths, identity)
    return Broadened(paths, finished=finished, card=card, stopped=stopped)


def workers_of(asked: int | None, spec: Broadening) -> int:
    """Processes that words are made in. Raises `InputError` for fewer than one."""
    from isobath.study.cores import cores

    if asked is not None and asked < 1:
        raise InputError(f"--workers {asked}", "1 or more", "correct it")
    if asked is None and spec.budget < SPAWNED:
        return 1
    return min(asked or cores(), len(spec.scenarios))


def _by_endpoint(
    parts: list[Part], spec: Broadening, journal: Journal, max_cost: float | None, tell: Tell
) -> list[ScenarioNumbers]:
    """Every part in turn; after an endpoint stopped, the others use what was answered before."""
    budget = None if max_cost is None else Budget(max(0.0, max_cost - journal.dollars))
    asking = Asking(spec, journal, budget, lambda n: tell("", n))
    found = []
    for part in parts:
        numbers = make_part(part, asking)
        if numbers.stopped:
            asking.stop(numbers.stopped)
        tell(numbers.name, numbers.rows)
        found.append(numbers)
    return found
