"""`isobath landscape`: how behaviour changes with distance from what was trained on, for somebody's own scenarios."""

from __future__ import annotations

import json as json_text
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from isobath.base.errors import InputError
from isobath.cli.flags import TuningFlags

if TYPE_CHECKING:
    from isobath.gpe.tagged.spec import TaggedSpec
    from isobath.study.judged_landscape import JudgedLandscape
    from isobath.study.study import Study


@dataclass(frozen=True)
class LandscapeRequest:
    """What was asked for on the command line."""

    file: str
    space: str | None
    irrelevant: tuple[str, ...]
    n_min: int
    models: tuple[str, ...]
    tuning: TuningFlags

    def spec(self) -> TaggedSpec:
        """The file with its space. Raises `InputError` for a value out of range."""
        from isobath.gpe.tagged.spec import TaggedSpec

        if self.n_min < 1:
            raise InputError(f"--n-min {self.n_min}", "a cell of the support has at least one example", "use 1 or more")
        return TaggedSpec(path=self.file, space=self.space, irrelevant=self.irrelevant, n_min=self.n_min)

    def study(self) -> Study:
        """The study that puts the file to models."""
        from isobath.study.landscape import Tuning, asked_landscape

        flags = self.tuning
        tuning = None
        if flags.fine_tune:
            tuning = Tuning(
                seeds=flags.seeds,
                steps=flags.steps,
                learning_rate=flags.learning_rate,
                rank=flags.rank,
                full=flags.full,
            )
        elif flags != TuningFlags(measures=flags.measures):
            raise InputError("training flags without --fine-tune", "nothing is trained then", "add --fine-tune")
        return asked_landscape(self.spec(), self.models, tuning, flags.measures)


def landscape_command(
    request: LandscapeRequest, *, engine: str, store: str, out: str, dry_run: bool = False, json: bool = False
) -> int:
    """Place the file's scenarios, ask the models or read the judgements, and report."""
    spec = request.spec()
    if request.models:
        return _asked(request, engine=engine, store=store, out=out, dry_run=dry_run, json=json)
    if request.tuning != TuningFlags():
        raise InputError("training flags without a model", "there is nothing to train or measure", "add --model M")
    from isobath.study.judged_landscape import judged_landscape

    judged = judged_landscape(spec)
    unjudged = next((line for line in judged.landscape.file.test if line.state is None), None)
    if unjudged is not None:
        raise InputError(
            "the line has no judgement",
            "without --model, every test line has a `value`, or a `state` that says why not",
            "judge it, leave it out, or name a model to ask: --model M",
            unjudged.at,
        )
    _tell(judged.landscape.said, json=json)
    if dry_run:
        print(json_text.dumps(judged.landscape.places.counts()))
        return 0
    return _written(judged, Path(out), json=json)


def _written(judged: JudgedLandscape, out: Path, *, json: bool) -> int:
    from rich.console import Console

    from isobath.report.terminal import print_summary

    page = judged.write(out / judged.report.name)
    if json:
        said = [
            {"question": f.question.text, "verdict": str(f.verdict), "sentence": f.sentence} for f in judged.findings
        ]
        made = {"report": str(page), "rows": str(page.parent / "rows.parquet"), "findings": said}
        print(json_text.dumps({**made, "regions": judged.landscape.places.counts()}))
        return 0
    print_summary(judged.report, page, Console())
    return 0


def _asked(request: LandscapeRequest, *, engine: str, store: str, out: str, dry_run: bool, json: bool) -> int:
    from isobath.cli.profile import STUDY, own_named
    from isobath.cli.run import plan_command, run_study_command
    from isobath.study.file import dump_study

    study = request.study()
    _tell(request.spec().read().said, json=json)
    if dry_run:
        return plan_command(study, store=store, json=json, engine=engine)
    study = own_named(study, Path(out))
    folder = Path(out) / study.name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / STUDY).write_text(dump_study(study), encoding="utf-8")
    code = run_study_command(study, store=store, out=out, engine=engine, json=json)
    if not json and code == 0:
        print(f"Study: {folder / STUDY} (isobath view {folder / STUDY} --arm ... --trait ... prints transcripts)")
    return code


def _tell(said: tuple[str, ...], *, json: bool) -> None:
    for sentence in said:
        print(f"note: {sentence}", file=sys.stderr)
