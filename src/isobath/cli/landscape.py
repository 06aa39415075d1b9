"""`isobath landscape`: how behaviour changes with distance from what was trained on, for somebody's own scenarios."""

from __future__ import annotations

import json as json_text
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from isobath.base.errors import InputError
from isobath.cli.flags import TextFlags, TuningFlags

if TYPE_CHECKING:
    import pandas as pd

    from isobath.gpe.tagged.spec import TaggedSpec
    from isobath.study.judged_landscape import JudgedLandscape
    from isobath.study.study import Study


@dataclass(frozen=True)
class LandscapeRequest:
    """What was asked for on the command line."""

    file: str
    more: tuple[str, ...] = ()
    space: str | None = None
    irrelevant: tuple[str, ...] = ()
    n_min: int = 1
    models: tuple[str, ...] = ()
    tuning: TuningFlags = TuningFlags()  # noqa: RUF009  # frozen
    texts: TextFlags = TextFlags()  # noqa: RUF009

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
    if request.file.lower().endswith((".csv", ".tsv")):
        return _transfer(request, Path(out), dry_run=dry_run, json=json)
    if request.more:
        raise InputError(
            f"{1 + len(request.more)} files", "tagged scenarios are one file; tables may be several", "join them"
        )
    _check(request)
    if request.texts.embed is not None:
        from isobath.study.judged_landscape import bare_landscape

        return _judged(bare_landscape(request.file, request.texts.embed), out, dry_run=dry_run, json=json)
    if request.texts.tags is not None or request.texts.tag_judge is not None:
        if dry_run and request.texts.tag_judge is not None:  # a plan spends nothing
            print(json_text.dumps({"judge_calls": _tag_calls(request)}))
            return 0
        request = _tagged(request, Path(out))
    if request.models:
        return _asked(request, engine=engine, store=store, out=out, dry_run=dry_run, json=json)
    from isobath.study.judged_landscape import judged_landscape

    return _judged(judged_landscape(request.spec()), out, dry_run=dry_run, json=json)


def _transfer(request: LandscapeRequest, out: Path, *, dry_run: bool, json: bool) -> int:
    """Tables of transfer triples: a file, or a pattern that finds several."""
    from isobath.analysis.transfer_table import transfer_claim
    from isobath.cli.reanalyse import found_files
    from isobath.study.transfer_report import transfer_report

    if request != LandscapeRequest(request.file, request.more):
        raise InputError(
            "flags about scenarios with a table of transfer triples", "its numbers are accuracies", "leave them out"
        )
    found = transfer_report(found_files([request.file, *request.more]))
    _tell(found.warnings)
    if dry_run:
        print(json_text.dumps({"rows": len(found.frame)}))
        return 0
    page = found.write(out / found.report.name)
    if json:
        print(json_text.dumps({"report": str(page), "rows": len(found.frame)}))
        return 0
    print(f"{transfer_claim(found.frame)}\n")
    for line in _means(found.frame):
        print(line)
    print(f"\nReport: {page}")
    return 0


def _means(frame: pd.DataFrame) -> Iterator[str]:
    """Mean of each measure over shifts with its interval, a line per model and intervention."""
    from isobath.analysis.transfer_table import transfer_table

    shown = {"generalisation_accuracy": "on the target", "elicitation": "elicitation", "recovered": "share recovered"}
    made = transfer_table(frame, list(shown))
    for (model, intervention), mine in made.groupby(["model", "intervention"], sort=False):
        parts = []
        for r in mine.to_dict("records"):
            number = "not measurable" if r["mean"] != r["mean"] else f"{r['mean']:.2f}"
            span = "" if r["low"] != r["low"] else f" [{r['low']:.2f} to {r['high']:.2f}]"
            parts.append(f"{shown[str(r['measure'])]} {number}{span} ({int(r['shifts'])} shifts)")
        yield f"{model}, {intervention}: {'; '.join(parts)}"


def _check(request: LandscapeRequest) -> None:
    """Refuse flags that would do nothing."""
    texts, levels = request.texts, bool(request.space or request.irrelevant or request.n_min != 1)
    if not request.models and request.tuning != TuningFlags():
        raise InputError("flags about a model, and no --model", "there is nothing to train or measure", "add --model M")
    if texts.embed is not None and (levels or request.models or texts.tags or texts.tag_judge):
        raise InputError(
            "--embed with flags about levels or models",
            "an embedding places judged texts that have no levels; it knows of no factors",
            "leave out --embed, or the others",
        )
    if (texts.tags or texts.tag_judge) and request.space is None:
        raise InputError("tagging without --space", "levels are read into a space that is written down", "add --space")


def _tag_calls(request: LandscapeRequest) -> int:
    """How often `--tag-judge` would ask: once for each factor of each line without levels."""
    from isobath.design.space_file import read_space
    from isobath.gpe.tagged.file import read_tagged

    assert request.space is not None, "checked before"
    file = read_tagged(request.file, placed=False)
    return len(read_space(request.space).space.factors) * sum(not x.levels for x in (*file.train, *file.test))


def _tagged(request: LandscapeRequest, out: Path) -> LandscapeRequest:
    """The request on the tagged file, which is written first."""
    from isobath.cli.profile import judge_of
    from isobath.study.landscape import name_of
    from isobath.study.tag_texts import tag_file

    assert request.space is not None, "checked before"
    folder = out / name_of(request.file)
    judge = None if request.texts.tag_judge is None else judge_of(request.texts.tag_judge, {})
    target, said = tag_file(request.file, request.space, folder, request.texts.tags, judge)
    _tell((*said, f"tagged lines: {target}"))
    return replace(request, file=str(target), texts=TextFlags())


def _judged(judged: JudgedLandscape, out: str, *, dry_run: bool, json: bool) -> int:
    _tell(judged.said)
    if dry_run:
        print(json_text.dumps(judged.regions))
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
        print(json_text.dumps({**made, "regions": judged.regions}))
        return 0
    print_summary(judged.report, page, Console())
    return 0


def _asked(request: LandscapeRequest, *, engine: str, store: str, out: str, dry_run: bool, json: bool) -> int:
    from isobath.cli.profile import STUDY, own_named
    from isobath.cli.run import plan_command, run_study_command
    from isobath.study.file import dump_study

    study = request.study()
    _tell(request.spec().read().remarks)
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


def _tell(said: Sequence[str]) -> None:
    for sentence in said:
        print(f"note: {sentence}", file=sys.stderr)
