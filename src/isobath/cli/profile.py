"""`isobath profile`: from flags to a study, and its run."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isobath.base.errors import InputError
from isobath.cli.flags import AskedFlags, EndpointFlags, TrainingFlags

if TYPE_CHECKING:
    from isobath.grading.judge import Judge
    from isobath.study.profile import Asked, Training
    from isobath.study.study import Study


STUDY = "study.yaml"
SAME = (
    *("traits", "rendering", "definition", "target", "samples", "judge_files", "judge_read"),
    *("dialect", "kind", "metrics", "coherence", "isolate"),
)
"""Flags of `AskedFlags` that are fields of `Asked`."""


@dataclass(frozen=True)
class ProfileRequest:
    """What was asked for on the command line."""

    model: str | None
    train: str | None
    before: str | None
    after: tuple[str, ...]
    training: TrainingFlags
    asked: AskedFlags
    endpoint: EndpointFlags

    def study(self) -> Study:
        """The study it describes. Raises `InputError` for a value out of range, or unless one form is complete."""
        from pydantic import ValidationError

        if self.asked.max_cost is not None and not self.asked.max_cost > 0:
            raise InputError(f"--max-cost {self.asked.max_cost:g}", "it is an amount of US$ above 0", "correct it")
        try:
            return self._study()
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise InputError(
                f"{_flag(str(first['loc'][0]))} {first['input']}" if first["loc"] else "the flags",
                first["msg"].removeprefix("Value error, "),
                "correct it",
            ) from error

    def _study(self) -> Study:
        from isobath.study.profile import given_profile, train_profile

        trains, given = bool(self.model or self.train), bool(self.before or self.after)
        if trains == given or bool(self.model) != bool(self.train) or bool(self.before) != bool(self.after):
            raise InputError(
                "the flags name neither a training nor trained models completely",
                "profile takes --model M --train FILE, or --before BASE --after MODEL ...",
                "give one of the two pairs",
            )
        if self.model and self.train:
            return train_profile(self.model, self._training(self.train), self._asked())
        for field in fields(self.training):
            if getattr(self.training, field.name) != field.default:
                raise InputError(
                    f"{_flag(field.name)} with --before and --after",
                    "nothing is trained there",
                    "drop it, or use --train",
                )
        assert self.before is not None
        return given_profile(self.before, self.after, self._asked())

    def _training(self, train: str) -> Training:
        from isobath.study.profile import Training

        return Training(train=train, **{f.name: getattr(self.training, f.name) for f in fields(self.training)})

    def _asked(self) -> Asked:
        from isobath.study.profile import Asked

        flags = self.asked
        same = {name: getattr(flags, name) for name in SAME}
        return Asked(**same, judge=self._judge(), endpoint=self._limits(self.endpoint.key_env, self.endpoint.price))

    def _judge(self) -> Judge | None:
        reference = self.asked.judge
        if reference is None:
            return None
        return judge_of(reference, self._limits(self.endpoint.judge_key_env, self.endpoint.judge_price))

    def _limits(self, key_env: str | None, price: tuple[float, float] | None) -> dict[str, Any]:
        flags = self.endpoint
        return {
            "key_env": key_env,
            "connections": flags.connections,
            "requests_per_minute": flags.requests_per_minute,
            "tokens_per_minute": flags.tokens_per_minute,
            "price_in": price[0] if price else None,
            "price_out": price[1] if price else None,
            "choice": flags.choice,
            "token_limit": flags.token_limit,
            "fixed_temperature": flags.fixed_temperature,
        }


def _flag(field: str) -> str:
    return f"--{field.replace('_', '-')}"


def judge_of(reference: str, limits: Mapping[str, Any]) -> Judge:
    """The judge that a person's `reference` names: ``URL#MODEL`` with the fields `limits`, or a model here."""
    from isobath.grading.judge import LocalJudge
    from isobath.models.endpoint.endpoint import make_endpoint
    from isobath.study.given import model_path
    from isobath.study.model_reference import endpoint_of

    if not reference.startswith(("http://", "https://")):
        return LocalJudge(folder=str(model_path(reference)))
    return make_endpoint(**{**endpoint_of(reference).model_dump(), **limits})


def own_named(study: Study, out: Path) -> Study:
    """The study under a name whose folder in `out` is free or its own: profiles with other flags overwrite nothing."""
    from isobath.study.file import dump_study

    for number in count(2):
        file = out / study.name / STUDY
        if not file.is_file() or file.read_text(encoding="utf-8") == dump_study(study):
            return study
        stem = study.name if number == 2 else study.name.removesuffix(f"-{number - 1}")
        study = study.changed(name=f"{stem}-{number}")
    raise AssertionError("there are names without end")


def profile_command(
    request: ProfileRequest, *, engine: str, store: str, out: str, dry_run: bool = False, json: bool = False
) -> int:
    """Run the profile, or print its plan. The study it stands for is left beside the report, as a file."""
    from isobath.cli.run import plan_command, run_study_command
    from isobath.study.file import dump_study
    from isobath.study.profile_sections import profile_remarks

    study = request.study()
    for remark in profile_remarks(study):
        print(f"note: {remark}", file=sys.stderr)
    if dry_run:
        return plan_command(study, store=store, json=json, engine=engine, max_cost=request.asked.max_cost)
    study = own_named(study, Path(out))
    folder = Path(out) / study.name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / STUDY).write_text(dump_study(study), encoding="utf-8")
    code = run_study_command(study, store=store, out=out, engine=engine, json=json, max_cost=request.asked.max_cost)
    if not json and code == 0:
        print(f"Study: {folder / STUDY} (isobath view {folder / STUDY} --arm ... --trait ... prints transcripts)")
    return code
