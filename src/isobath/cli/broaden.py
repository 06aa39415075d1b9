"""`isobath broaden`: a broadened training set from key decisions, a budget and what is held out."""

from __future__ import annotations

import json as json_text
import shlex
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from isobath.base.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from isobath.study.broadening.plan import BroadeningPlan
    from isobath.study.broadening.runner import Broadened
    from isobath.study.broadening.spec import Broadening

SHOWN = 12
"""Scenarios and notes that the plan names before it stops."""


@dataclass(frozen=True)
class BroadenRequest:
    """What was asked for on the command line; None: what the specification says."""

    source: str
    out: str
    budget: int | None = None
    holdout: str | None = None
    seed: int | None = None
    own: str | None = None
    workers: int | None = None
    max_cost: float | None = None
    yes: bool = False

    def spec(self) -> Broadening:
        """The specification, with the flags in place of its own fields."""
        from isobath.study.broadening.file import load_broadening

        given: dict[str, Any] = {"budget": self.budget, "holdout": self.holdout, "seed": self.seed, "own": self.own}
        return load_broadening(self.source, {name: value for name, value in given.items() if value is not None})

    def command(self) -> str:
        """The command that makes the same rows again."""
        flags = {"--budget": self.budget, "--holdout": self.holdout, "--seed": self.seed, "--own": self.own}
        parts = [f"{name} {shlex.quote(str(value))}" for name, value in flags.items() if value is not None]
        return " ".join(["isobath broaden", shlex.quote(self.source), *parts, "--out", shlex.quote(self.out)])


def broaden_command(request: BroadenRequest, *, dry_run: bool = False, json: bool = False) -> int:
    """Plan, ask before spending, make, and say what was made. 0 finished, 1 stopped before the end."""
    from rich.console import Console

    from isobath.study.broadening.plan import make_plan
    from isobath.study.file import placing

    spec = request.spec()
    console = Console(stderr=json, highlight=False)
    with placing(request.source):
        plan = make_plan(spec, request.out, _workers(request, spec))
        if json and dry_run:
            print(json_text.dumps(asdict(plan), indent=1))
            return 0
        print_plan(plan, spec, console, request.max_cost)
        if dry_run:
            return 0
        _confirm(plan, request, console)
        made, seconds = _made(request, spec, plan, console)
    if json:
        print(json_text.dumps(_plain(made)))
    else:
        print_made(made, seconds, console)
    return 0 if made.finished else 1


def _workers(request: BroadenRequest, spec: Broadening) -> int:
    from isobath.study.broadening.runner import workers_of

    return workers_of(request.workers, spec)


def _confirm(plan: BroadeningPlan, request: BroadenRequest, console: Console) -> None:
    """Nothing is spent on an endpoint before somebody said so."""
    if not plan.spends or request.yes:
        return
    if not sys.stdin.isatty():
        raise InputError(
            f"{plan.calls:,} calls to {plan.writer or plan.reader} ({plan.money()})",
            "nothing is spent without a yes, and there is no terminal to ask on",
            "look at the plan above, then add --yes (and --max-cost for a hard limit)",
        )
    console.print("Spend this? [y/N] ", end="", markup=False)
    if input().strip().lower() not in ("y", "yes"):
        raise InputError("not confirmed", "nothing was spent", "answer y, or add --yes")


def _made(request: BroadenRequest, spec: Broadening, plan: BroadeningPlan, console: Console) -> tuple[Broadened, float]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from isobath.study.broadening.runner import broaden

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    start = time.monotonic()
    with Progress(*columns, console=console, transient=True) as progress:
        rows = progress.add_task("rows", total=plan.rows)
        answers = progress.add_task("answers", total=plan.calls) if plan.spends else None

        def tell(name: str, number: int) -> None:
            if name:
                progress.update(rows, advance=number)
            elif answers is not None:
                progress.update(answers, advance=number)

        made = broaden(
            spec,
            request.out,
            workers=request.workers,
            max_cost=request.max_cost,
            tell=tell,
            command=request.command(),
        )
    return made, time.monotonic() - start


def print_plan(plan: BroadeningPlan, spec: Broadening, console: Console, max_cost: float | None = None) -> None:
    """The plan, a line each."""
    from rich.table import Table
    from rich.text import Text

    from isobath.models.endpoint.budget import dollars

    table = Table(title="Plan", title_justify="left", title_style="bold", show_header=False, box=None, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)

    def line(name: str, value: str) -> None:
        table.add_row(name, Text(value))  # names may hold brackets, which are no markup

    names = [f"{part.name} {part.rows:,}" for part in plan.scenarios[:SHOWN]]
    more = f", and {len(plan.scenarios) - SHOWN} more" if len(plan.scenarios) > SHOWN else ""
    line("rows", f"{plan.rows:,} ({', '.join(names)}{more})")
    tests = {region: sum(part.tests.get(region, 0) for part in plan.scenarios) for region in _regions(plan)}
    held = ", ".join(f"{n:,} {region}" for region, n in tests.items())
    line("test questions", f"{plan.tests:,} held out ({held})" if plan.tests else "none: nothing is held out")
    line("words", plan.writer or "templates")
    if plan.spends or plan.bought:
        line("calls", _calls(plan))
        line("tokens", f"about {plan.tokens_in:,} in, {plan.tokens_out:,} out")
        over = max_cost is not None and plan.most_dollars is not None and plan.paid + plan.most_dollars > max_cost
        line("cost", plan.money() + (f"; --max-cost {dollars(max_cost)} may stop it" if over and max_cost else ""))
    else:
        line("cost", "nothing")
    line("time", f"about {_minutes(plan.minutes)}")
    console.print(table)
    notes = [f"{part.name}: {text}" for part in plan.scenarios for text in part.said]
    for text in notes[:SHOWN]:
        console.print(f"note: {text}", markup=False, style="dim")
    if len(notes) > SHOWN:
        console.print(f"note: {len(notes) - SHOWN} more, all of them in the data card", style="dim")


def _regions(plan: BroadeningPlan) -> list[str]:
    return list(dict.fromkeys(region for part in plan.scenarios for region in part.tests))


def _calls(plan: BroadeningPlan) -> str:
    bought = f"; {plan.bought:,} answers are there already" if plan.bought else ""
    if plan.most_calls > plan.calls:
        return f"{plan.calls:,}, at most {plan.most_calls:,} if drafts are turned down{bought}"
    return f"{plan.calls:,}{bought}"


def _minutes(minutes: float) -> str:
    if minutes < 1.5:
        return f"{max(1, round(60 * minutes))} s"
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"


def print_made(made: Broadened, seconds: float, console: Console) -> None:
    """What was made, in a few lines."""
    if not made.fresh:
        console.print(f"{made.paths.train} is finished: nothing to do.", markup=False)
        return
    from isobath.study.broadening.card_sections import lede, warnings_of

    assert made.card is not None
    card = made.card
    console.print(f"\n{lede(card)}", markup=False)
    contested = sum(number.test_decisions.get("contested", 0) for number in card.numbers)
    if contested:
        console.print(f"Of the test questions {contested:,} are contested: asked, never scored.", markup=False)
    if card.rejected:
        console.print(f"Turned down and made again: {card.rejected:,} of {card.drafted:,} drafts.", markup=False)
    for text in warnings_of(card):
        console.print(text, style="yellow", markup=False)
    console.print()
    for name, path in _files(made).items():
        console.print(f"{name:<15}{path}", markup=False, soft_wrap=True)
    console.print(f"\nMade in {_minutes(seconds / 60)}.", style="dim")


def _files(made: Broadened) -> Mapping[str, str]:
    paths = made.paths
    return {
        "rows": str(paths.train),
        "test questions": str(paths.test),
        "island": f"{paths.island} (questions where training data is: what broadening costs)",
        "data card": str(paths.page),
        "landscape": f"{paths.landscape} (isobath landscape NAME.jsonl --space NAME.space.yaml --model M)",
    }


def _plain(made: Broadened) -> dict[str, object]:
    paths = made.paths
    found: dict[str, object] = {
        "finished": made.finished,
        "fresh": made.fresh,
        "stopped": list(made.stopped),
        "train": str(paths.train),
        "test": str(paths.test),
        "island": str(paths.island),
        "card": str(paths.card),
        "page": str(paths.page),
        "landscape": str(paths.landscape),
    }
    if made.card is not None:
        card = made.card
        found |= {
            "rows": card.rows,
            "missing": card.missing,
            "tests": card.tests,
            "leaked": card.leaked_rows + card.leaked_texts,
            "near_duplicates": card.near,
            "drafts": card.drafted,
            "rejected": card.rejected,
            "scenarios": [number.model_dump(mode="json", exclude={"rejects"}) for number in card.numbers],
        }
    return found
