"""A whole study's rows from scripted models, with the truth beside them: what intervals and tests are judged by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from isobath.base.logit_normal import Array, expit, logit, logit_normal_mean, logit_normal_means
from isobath.base.row import COLUMNS, State
from isobath.base.seeding import rng
from isobath.base.value import Value

if TYPE_CHECKING:
    import pandas as pd


class ScriptedArm(Value):
    """An arm: `shift` on the logit scale against the study's `rate`, and the part it plays."""

    name: str
    role: str = "treatment"
    shift: float = 0.0
    shifts: Mapping[str, float] = Field(default_factory=dict)
    """Further shift under a condition."""


class ScriptedStudy(Value):
    """logit P = logit(rate) + arm + base + base x arm + run seed + question + question x arm + rest, all normal.

    `samples` None gives each response its probability as value (as a forced choice read from log-probabilities does);
    a number gives that many draws of 0 or 1. `missing` are rates of states other than ok, by arm name or ``*``. An arm
    whose role is ``untrained`` has one checkpoint per base, without run seed.
    """

    arms: tuple[ScriptedArm, ...]
    rate: float = Field(gt=0, lt=1)
    bases: int = 5
    seeds: int = 1
    questions: int = 40
    samples: int | None = None
    base_sd: float = 0.6
    base_arm_sd: float = 0.3
    seed_sd: float = 0.15
    question_sd: float = 1.0
    question_arm_sd: float = 0.3
    rest_sd: float = 0.3
    conditions: tuple[str, ...] = ("none",)
    missing: Mapping[str, float] = Field(default_factory=dict)
    trait: str = "trait"
    gpe: str = "scripted"
    paired: bool = True
    """Whether every arm has the same bases."""


@dataclass(frozen=True)
class Truth:
    """What a scripted study's rows estimate, by (arm, condition).

    `population`: the mean over all bases, seeds and questions there could be. `suite`: the mean over bases and seeds
    for the very questions drawn. `checkpoints`: the mean over questions for the very checkpoints drawn.
    """

    population: dict[tuple[str, str], float]
    suite: dict[tuple[str, str], float]
    checkpoints: dict[tuple[str, str], float]


def scripted_rows(study: ScriptedStudy, seed: int) -> tuple[pd.DataFrame, Truth]:
    """A rows frame of the scripted study drawn from `seed`, and the truth about it."""
    import pandas as pd

    parts: list[dict[str, Any]] = []
    truth = Truth({}, {}, {})
    question_Q = rng(seed, "question").normal(0, study.question_sd, study.questions)
    for arm in study.arms:
        logit_BSQ, spread_Q = _arm_logits(study, arm, seed, question_Q)
        for condition in study.conditions:
            shift = arm.shift + arm.shifts.get(condition, 0.0) + logit(study.rate)
            p_BSQ = expit(logit_BSQ.rest + shift)
            key = (arm.name, condition)
            truth.population[key] = logit_normal_mean(shift, _total_sd(study, arm))
            truth.suite[key] = float(np.mean(logit_normal_means(shift + spread_Q, _model_sd(study, arm))))
            truth.checkpoints[key] = float(np.mean(logit_normal_means(shift + logit_BSQ.model, _question_sd(study))))
            parts.append(_rows(study, arm, condition, p_BSQ, rng(seed, "draw", arm.name, condition)))
    columns = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
    frame = pd.DataFrame(columns)
    frame["response_id"] = np.arange(len(frame)).astype(str)
    return frame.reindex(columns=list(COLUMNS)).astype(COLUMNS), truth


@dataclass(frozen=True)
class _Logits:
    rest: Array
    model: Array


def _arm_logits(study: ScriptedStudy, arm: ScriptedArm, seed: int, question_Q: Array) -> tuple[_Logits, Array]:
    """Effects of (base, seed, question) without the arm's shift; of the checkpoints alone; of the questions alone."""
    seeds = 1 if arm.role == "untrained" else study.seeds
    pool = () if study.paired else (arm.name,)
    base_B = rng(seed, "base", *pool).normal(0, study.base_sd, study.bases)
    base_B = base_B + rng(seed, "base arm", arm.name).normal(0, study.base_arm_sd, study.bases)
    seed_BS = rng(seed, "seed", arm.name).normal(0, study.seed_sd, (study.bases, seeds))
    if arm.role == "untrained":
        seed_BS = np.zeros_like(seed_BS)
    asked_Q = question_Q + rng(seed, "question arm", arm.name).normal(0, study.question_arm_sd, study.questions)
    model_BS = base_B[:, None] + seed_BS
    rest_BSQ = rng(seed, "rest", arm.name).normal(0, study.rest_sd, (study.bases, seeds, study.questions))
    return _Logits(model_BS[..., None] + asked_Q + rest_BSQ, model_BS), asked_Q


def _question_sd(study: ScriptedStudy) -> float:
    return float(np.sqrt(study.question_sd**2 + study.question_arm_sd**2 + study.rest_sd**2))


def _model_sd(study: ScriptedStudy, arm: ScriptedArm) -> float:
    seed_sd = 0.0 if arm.role == "untrained" else study.seed_sd
    return float(np.sqrt(study.base_sd**2 + study.base_arm_sd**2 + seed_sd**2 + study.rest_sd**2))


def _total_sd(study: ScriptedStudy, arm: ScriptedArm) -> float:
    questions = study.question_sd**2 + study.question_arm_sd**2
    return float(np.sqrt(_model_sd(study, arm) ** 2 + questions))


def _rows(
    study: ScriptedStudy, arm: ScriptedArm, condition: str, p_BSQ: Array, draw: np.random.Generator
) -> dict[str, Any]:
    samples = study.samples or 1
    p = np.repeat(p_BSQ.reshape(-1), samples)
    value = p if study.samples is None else (draw.random(p.size) < p).astype(float)
    lost = draw.random(p.size) < study.missing.get(arm.name, study.missing.get("*", 0.0))
    base, run_seed, question = (np.repeat(i.reshape(-1), samples) for i in np.indices(p_BSQ.shape))
    pool = "" if study.paired else f"{arm.name}-"
    run = [f"{arm.name}/{pool}{b}/{s}" for b, s in zip(base, run_seed, strict=True)]
    untrained = arm.role == "untrained"
    fixed = {
        "model": "scripted",
        "gpe": study.gpe,
        "signal": "none" if untrained else study.gpe,
        "signal_role": "none" if untrained else "control" if arm.role == "control" else "signal",
        "recipe": "scripted",
        "stack": "plain",
        "arm": arm.name,
        "role": arm.role,
        "step": 0 if untrained else 1,
        "trait": study.trait,
        "trait_kind": "unwanted",
        "paraphrase": 0,
        "condition": condition,
        "option_order": 0,
        "score": "scripted@1",
        "levels": "{}",
        "weight": 1.0,
        "replayable": True,
    }
    return {
        **{name: np.full(p.size, one) for name, one in fixed.items()},
        "run": np.array(run),
        "base": np.array([f"{pool}base-{b}" for b in base]),
        "base_seed": base,
        "seed": np.full(p.size, np.nan) if untrained else run_seed.astype(float),
        "question": np.array([f"q{q}" for q in question]),
        "sample": np.tile(np.arange(samples), p_BSQ.size),
        "value": np.where(lost, np.nan, value),
        "state": np.where(lost, str(State.REFUSED), str(State.OK)),
    }


def contrast_truth(truth: Mapping[tuple[str, str], float], cells: Sequence[tuple[str, str]]) -> float:
    """The true difference between two cells, such as ``[("plain", "none"), ("control", "none")]``."""
    return truth[cells[0]] - truth[cells[1]]
