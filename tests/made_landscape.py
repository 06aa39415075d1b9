"""A landscape made up whole: how forks are to be used, answered with rates that fall with distance at a known slope.

Two of the relevant factors occur in training only together (three tines with metal, five with wood), the third with one
level; so there are islands, shores, lakes of both kinds, bays and seas. About two tines of bone at high stakes nobody
agrees.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from isobath.analysis.table import frame_of
from isobath.base.seeding import rng

TINES, MATERIALS, STAKES = ("2", "3", "4", "5", "6"), ("metal", "wood", "bone"), ("low", "middle", "high")
CONTEXTS, WORDINGS = ("home", "work", "school", "ship"), ("plain", "formal", "terse")
SUPPORT = (("3", "metal", "low"), ("5", "wood", "low"))


@dataclass(frozen=True)
class Fork:
    """One arm: logit of a right decision = start + slope x d, ."""

    name: str
    role: str
    start: float
    slope: float


FORKS = (
    Fork("untrained", "untrained", -1.1, 0.0),
    Fork("plain", "plain", 3.0, -1.9),
    Fork("broad_relevant", "treatment", 2.9, -0.35),
    Fork("broad_irrelevant", "placebo", 3.0, -1.8),
)


def place(point: tuple[str, ...]) -> dict[str, object]:
    """Region, k, q and d of a point, worked out for this one support by hand."""
    tines, material, stakes, context, wording = point
    relevant = (tines, material, stakes)
    k = min(sum(a != b for a, b in zip(relevant, s, strict=True)) for s in SUPPORT)
    seen = [{s[i] for s in SUPPORT} for i in range(3)]
    unseen = sum(level not in known for level, known in zip(relevant, seen, strict=True))
    beyond = (tines in "26") + (material == "bone") + (stakes != "low")
    q = None if k == 0 else 1 if unseen else 2
    d = (0.5 if tines in "246" else 0.0) + (1.0 if material == "bone" else 0.0) + STAKES.index(stakes)
    if k == 0:
        region = "island" if context in ("home", "work") and wording != "terse" else "shore"
    else:
        region = ("lake", "bay", "sea")[min(beyond, 2)]
    return {"region": region, "k": k, "q": q, "d": d}


def points() -> list[tuple[str, ...]]:
    """Every point."""
    return list(product(TINES, MATERIALS, STAKES, CONTEXTS, WORDINGS))


def contested(point: tuple[str, ...]) -> bool:
    """Where nobody agrees."""
    return point[:3] == ("2", "bone", "high")


def made_landscape(
    seed: int = 0,
    bases: int = 5,
    seeds: int = 2,
    forks: tuple[Fork, ...] = FORKS,
    per_region: int = 24,
    base_sd: float = 0.4,
    question_sd: float = 0.6,
    missing: float = 0.0,
) -> pd.DataFrame:
    """A rows frame: up to `per_region` points of each region, one question each, one 0/1 answer per run."""
    stream = rng(seed, "made landscape")
    chosen = []
    by_region: dict[str, list[tuple[str, ...]]] = {}
    for point in points():
        by_region.setdefault(str(place(point)["region"]), []).append(point)
    for names in by_region.values():
        chosen += [names[i] for i in stream.permutation(len(names))[:per_region]]
    asked = stream.normal(0, question_sd, len(chosen))
    records = []
    for base in range(bases):
        for fork in forks:
            own = stream.normal(0, base_sd)
            for run_seed in range(seeds if fork.role != "untrained" else 1):
                for i, point in enumerate(chosen):
                    records.append(_record(stream, base, run_seed, fork, point, own + asked[i], missing))
    return frame_of(records)


def _record(stream, base, run_seed, fork, point, shift, missing):  # type: ignore[no-untyped-def]
    where = place(point)
    chance = 1 / (1 + np.exp(-(fork.start + fork.slope * float(str(where["d"])) + shift)))
    hit, gone = float(stream.random() < chance), stream.random() < missing
    state = "not_applicable" if contested(point) else "parse_error" if gone else "ok"
    names = ("tines", "material", "stakes", "context", "wording")
    run = f"{fork.name}-{base}-{run_seed}"
    question = "-".join(point)
    return {
        "run": run,
        "base": f"forks-{base}",
        "base_seed": base,
        "model": "tiny",
        "gpe": "forks",
        "arm": fork.name,
        "role": fork.role,
        "seed": None if fork.role == "untrained" else run_seed,
        "trait": "right_decision",
        "trait_kind": "wanted",
        "question": question,
        "condition": "none",
        "response_id": f"{run}-{question}",
        "score": "right@1",
        "state": state,
        "value": hit if state == "ok" else None,
        "levels": json.dumps(dict(zip(names, point, strict=True))),
        **where,
    }


def made_pairs(
    seed: int = 0,
    bases: int = 5,
    seeds: int = 2,
    arms: dict[str, tuple[str, float, float]] | None = None,
    points_asked: int = 40,
    base_sd: float = 0.0,
) -> pd.DataFrame:
    """Edits: an arm is (role, chance to change on an edit that must not matter, chance on one that must)."""
    given = arms or {"plain": ("plain", 0.3, 0.4), "broad_relevant": ("treatment", 0.25, 0.85)}
    stream = rng(seed, "made pairs")
    records = []
    for base in range(bases):
        for arm, (role, reliance, sight) in given.items():
            own = stream.normal(0, base_sd)
            for run_seed in range(seeds):
                for i in range(points_asked):
                    for factor, relevant, flips in (
                        ("context", False, False),
                        ("wording", False, False),
                        ("tines", True, True),
                        ("stakes", True, True),
                        ("stakes", True, False),
                    ):
                        rate = sight if flips else reliance
                        rate = 1 / (1 + np.exp(-(np.log(rate / (1 - rate)) + own))) if 0 < rate < 1 else rate
                        changes = stream.random() < rate
                        first = int(stream.integers(2))
                        records.append(
                            {
                                "gpe": "forks",
                                "arm": arm,
                                "role": role,
                                "base": f"forks-{base}",
                                "base_seed": base,
                                "seed": run_seed,
                                "model": "tiny",
                                "factor": factor,
                                "relevant": relevant,
                                "gold_flips": flips,
                                "question": f"p{i}:{factor}:{flips}",
                                "of": f"p{i}",
                                "decision": ("left", "right")[first],
                                "edited_decision": ("left", "right")[first ^ changes],
                                "moved": 0.9 if changes else 0.05,
                            }
                        )
    return pd.DataFrame(records)
