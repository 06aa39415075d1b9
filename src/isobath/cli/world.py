"""The verb `world build`: pretrain bases of the embedded world."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from rich.console import Console

from isobath.base.errors import InputError
from isobath.cli.progress import LiveProgress
from isobath.store import Store
from isobath.study.bases import BuiltBase, built_key
from isobath.study.engines.engine import open_engine, run_jobs
from isobath.study.job import Job
from isobath.study.work import BaseTask, build
from isobath.world.base_spec import BaseSpec
from isobath.world.personas.spec import PersonasSpec


def build_command(
    base_seeds: tuple[int, ...], given: Mapping[str, Any], knobs: Mapping[str, Any], *, engine: str, store: str
) -> int:
    """Build a base per seed; print each folder. 0 if all were built, else 1."""
    try:
        world = PersonasSpec(**{k: v for k, v in knobs.items() if v is not None})
        fields = {k: v for k, v in given.items() if v is not None}
        bases = [BuiltBase(spec=BaseSpec(world=world, base_seed=seed, **fields)) for seed in base_seeds]
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(
            f"{'.'.join(map(str, first['loc']))} = {first['input']!r}", first["msg"], "change it"
        ) from error
    target, console = Store(store), Console()
    target.sweep()
    jobs = [Job(b.spec.name, build, BaseTask(b, store)) for b in bases]
    workers = open_engine(engine)
    with LiveProgress(console) as progress:
        progress.begin({"bases": len(jobs)})
        outcomes = run_jobs(jobs, workers, lambda o: progress.tell("bases", o))
    workers.close()
    for base in bases:
        if base.spec.name in outcomes.results():
            console.print(f"{base.spec.name}: {target.folder('base', built_key(base, target))}", markup=False)
    return 1 if outcomes.failures() else 0
