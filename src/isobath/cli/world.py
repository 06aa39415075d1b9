"""The verb `world build`: pretrain bases of the embedded world."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from rich.console import Console

from isobath.base.errors import InputError
from isobath.cli.progress import LiveProgress
from isobath.store import Store
from isobath.study.bases import BuiltBase, built_key
from isobath.study.engines.engine import open_engine, run_jobs
from isobath.study.job import Job
from isobath.study.work import BaseTask, build, progress_file
from isobath.world.base_spec import BaseSpec
from isobath.world.decisions.spec import DecisionsSpec
from isobath.world.personas.spec import PersonasSpec

if TYPE_CHECKING:
    from collections.abc import Iterator


WORLDS: dict[str, type[PersonasSpec] | type[DecisionsSpec]] = {"personas": PersonasSpec, "decisions": DecisionsSpec}


def build_command(
    base_seeds: Sequence[int],
    given: Mapping[str, Any],
    knobs: Mapping[str, Any],
    *,
    engine: str,
    store: str,
    kind: str = "personas",
) -> int:
    """Build a base per seed in a world of `kind`; print each folder. 0 if all were built, else 1."""
    bases, target, console = _bases(base_seeds, given, knobs, kind), Store(store), Console()
    target.sweep()
    jobs = [Job(b.spec.name, build, BaseTask(b, store)) for b in bases]
    workers = open_engine(engine)
    try:
        with LiveProgress(console) as progress:
            progress.begin({b.spec.name: b.spec.steps for b in bases}, label="steps")
            with _watching(bases, target, progress):
                outcomes = run_jobs(jobs, workers, lambda o: progress.tell(o.job, o, whole=True))
    except BaseException:
        workers.close(now=True)
        raise
    workers.close()
    for base in bases:
        if base.spec.name in outcomes.results():
            folder = target.folder("base", built_key(base, target))
            console.print(f"{base.spec.name}: {folder}", markup=False, soft_wrap=True)
    return 1 if outcomes.failures() else 0


def prior_of(pairs: Sequence[str] | None) -> dict[str, float] | None:
    """``["helpful=0.9", ...]`` as a prior over personas; None if nothing was given."""
    if not pairs:
        return None
    prior = {}
    for pair in pairs:
        name, _, share = pair.partition("=")
        try:
            prior[name] = float(share)
        except ValueError:
            raise InputError(f"--prior {pair!r}", "a prior is persona=share", "write helpful=0.8 and so on") from None
    return prior


def _bases(base_seeds: Sequence[int], given: Mapping[str, Any], knobs: Mapping[str, Any], kind: str) -> list[BuiltBase]:
    if kind not in WORLDS:
        raise InputError(f"world {kind!r}", f"the worlds are {', '.join(WORLDS)}", "choose one of them")
    own = WORLDS[kind].model_fields
    # a knob of the other world at its default says nothing; set to anything else, it is refused below by name
    set_to = {k: v for k, v in knobs.items() if v is not None and (k in own or v != _default(k))}
    try:
        world = WORLDS[kind](**set_to)
        fields = {k: v for k, v in given.items() if v is not None}
        return [BuiltBase(spec=BaseSpec(world=world, base_seed=seed, **fields)) for seed in base_seeds]
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(
            f"{'.'.join(map(str, first['loc']))} = {first['input']!r}", first["msg"], "change it"
        ) from error


def _default(knob: str) -> object:
    return next((w.model_fields[knob].default for w in WORLDS.values() if knob in w.model_fields), None)


@contextmanager
def _watching(bases: Sequence[BuiltBase], store: Store, progress: LiveProgress) -> Iterator[None]:
    """Move each base's bar by what its worker notes, twice a second."""
    notes = {b.spec.name: progress_file(store, built_key(b, store)) for b in bases}
    over = threading.Event()

    def follow() -> None:
        while not over.wait(0.5):
            for name, note in notes.items():
                try:
                    done = int(note.read_text().split()[0])
                except (OSError, ValueError, IndexError):
                    continue
                progress.reach(name, done)

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
