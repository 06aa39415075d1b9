"""`BroadeningPlan`: what a broadening will make and cost; nothing is spent to know it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from isobath.gpe.scenarios.scenario import Scenario
from isobath.models.endpoint.budget import dollars
from isobath.models.endpoint.endpoint import Endpoint
from isobath.study.broadening.candidates import Candidates, candidates_of
from isobath.study.broadening.journal import Journal
from isobath.study.broadening.own_data import own_data
from isobath.study.broadening.paths import Paths
from isobath.study.broadening.planned_calls import Calls, planned_calls
from isobath.study.broadening.sources import scenarios_of, shares_of
from isobath.study.broadening.spec import Broadening

ROWS_A_SECOND = 1000.0
"""Rows that templates word and offline checks verify in a second of one core (docs/benchmarks.md)."""
SECONDS_A_CALL = 4.0
"""What an answer of a few hundred tokens usually takes; a server of your own may be slower."""


@dataclass(frozen=True)
class ScenarioPlan:
    """One scenario: rows, drafts worded for them, and test questions by region."""

    name: str
    title: str
    rows: int
    drafts: int
    tests: dict[str, int]
    said: tuple[str, ...]


@dataclass(frozen=True)
class BroadeningPlan:
    """What will be made. `calls` are those still to be made if nothing is rejected, `most_calls` if every round is.

    `dollars` None where a price is not known; it is for `calls`, `most_dollars` for `most_calls`. `bought` answers are
    there already, and cost `paid`. `minutes` is a rough estimate.
    """

    scenarios: tuple[ScenarioPlan, ...]
    rows: int
    drafts: int
    tests: int
    writer: str | None
    reader: str
    calls: int
    most_calls: int
    bought: int
    tokens_in: int
    tokens_out: int
    dollars: float | None
    most_dollars: float | None
    paid: float
    minutes: float

    @property
    def spends(self) -> bool:
        """Whether an endpoint will be asked for anything."""
        return self.calls > 0

    def money(self) -> str:
        """What it costs, in words."""
        if self.dollars is None or self.most_dollars is None:
            return "not known: give the endpoint's prices (price_in, price_out)"
        if self.dollars == self.most_dollars:
            return f"about {dollars(self.dollars)}"
        return f"about {dollars(self.dollars)}, at most about {dollars(self.most_dollars)} if drafts are turned down"


def make_plan(spec: Broadening, out: str | Path, workers: int = 1) -> BroadeningPlan:
    """The plan of `spec`, with what lies beside `out` already. Raises `InputError` for what cannot be made."""
    journal = Journal(Paths.of(out).journal)
    parts: list[ScenarioPlan] = []
    asked = Calls()
    for scenario, rows in zip(scenarios_of(spec), shares_of(spec), strict=True):
        found = candidates_of(spec, scenario, rows, own_data(spec, scenario))
        parts.append(_part(scenario, rows, found))
        if spec.spends:
            asked += planned_calls(spec, journal, scenario, found)
    asked = asked.without(sum("judgement" in entry for entry in journal.entries.values()))
    drafts, again = sum(part.drafts for part in parts), 1 + spec.rounds
    return BroadeningPlan(
        scenarios=tuple(parts),
        rows=sum(part.rows for part in parts),
        drafts=drafts,
        tests=sum(sum(part.tests.values()) for part in parts),
        writer=None if spec.writer is None else spec.writer.name,
        reader=spec.reader.name if isinstance(spec.reader, Endpoint) else spec.reader,
        calls=asked.number,
        most_calls=asked.number * again,
        bought=len(journal.entries),
        tokens_in=asked.tokens_in,
        tokens_out=asked.tokens_out,
        dollars=asked.dollars,
        most_dollars=None if asked.dollars is None else asked.dollars * again,
        paid=journal.dollars,
        minutes=_minutes(spec, asked, drafts, workers),
    )


def _part(scenario: Scenario, rows: int, found: Candidates) -> ScenarioPlan:
    tests: dict[str, int] = {}
    for region in found.held.regions if found.held is not None else ():
        tests[str(region)] = tests.get(str(region), 0) + 1
    notes = found.held.notes if found.held is not None else ()
    title = str(getattr(scenario, "title", "") or "")
    return ScenarioPlan(scenario.name, title, rows, len(found), tests, (*found.said, *notes, *_faults(scenario)))


def _faults(scenario: Scenario) -> tuple[str, ...]:
    """What a scenario of one's own lacks, in a sentence; those of the catalogue lack nothing (tested)."""
    from isobath.gpe.scenarios.catalogue import CATALOGUE
    from isobath.gpe.scenarios.scenario_check import faults
    from isobath.gpe.scenarios.template_scenario import TemplateScenario

    if not isinstance(scenario, TemplateScenario) or scenario.name in CATALOGUE:
        return ()
    found = faults(scenario)
    how = "isobath.gpe.scenarios.scenario_check.told(path) lists them (docs/broadening/catalogue.md)"
    return (
        f"the scenario has {len(found)} fault{'s' if len(found) > 1 else ''}, such as: {found[0].rstrip('.')}. {how}",
    ) * bool(found)


def _minutes(spec: Broadening, asked: Calls, drafts: int, workers: int) -> float:
    seconds = 3.0 + drafts / ROWS_A_SECOND / max(1, workers)
    endpoint = spec.writer or spec.reader
    if not isinstance(endpoint, Endpoint) or not asked.number:
        return seconds / 60
    waits = [asked.number * SECONDS_A_CALL / endpoint.connections]
    if endpoint.requests_per_minute:
        waits.append(60 * asked.number / endpoint.requests_per_minute)
    if endpoint.tokens_per_minute:
        waits.append(60 * (asked.tokens_in + asked.tokens_out) / endpoint.tokens_per_minute)
    return (seconds + max(waits)) / 60
