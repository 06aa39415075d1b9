"""A dose study made up whole: rates that follow known curves by region, in series of doses, with narrow controls."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pandas as pd

from isobath.analysis.dose import Dose, DoseSpec
from isobath.analysis.dose_response import Curve
from isobath.analysis.table import frame_of
from isobath.base.logit_normal import expit, logit
from isobath.base.seeding import rng

SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
FLAT = 0.7


@dataclass(frozen=True)
class Truth:
    """Curves of the headline by (pool, region), the same at either budget; what is not there is flat at its start."""

    starts: dict[str, float]
    curves: dict[tuple[str, str], Curve]
    island_lost: float = 0.0
    """What a dose of 1 at a fixed budget takes from the island, in proportion to the dose."""


TRUTH = Truth(
    starts={"island": 0.95, "shore": 0.85, "lake": 0.8, "bay": 0.55, "sea": 0.3},
    curves={
        ("relevant", "sea"): Curve(0.3, 0.9, 1.6, 0.06),
        ("relevant", "bay"): Curve(0.55, 0.9, 1.8, 0.04),
        ("relevant", "lake"): Curve(0.8, 0.92, 2.0, 0.002),  # all of it below the lowest dose
        ("both", "sea"): Curve(0.3, 0.9, 1.4, 4.0),  # beyond the highest
        ("both", "bay"): Curve(0.55, 0.85, 1.6, 0.08),
    },
    island_lost=0.25,
)


def spec_of(shares=SHARES, pools=("relevant", "irrelevant", "both"), added=(0.05, 0.2, 0.5, 1.0), steps=200):
    """The doses: every pool at a fixed budget, at an added one, and the narrow controls."""
    doses = [Dose(f"{p}_{100 * s:g}", p, s, rows=2000, steps=steps) for p in pools for s in shares]
    grown = {s: (round(2000 * (1 + s)), round(steps * (1 + s))) for s in added}
    doses += [Dose(f"{p}_plus_{100 * s:g}", p, s, "added budget", False, *grown[s]) for p in pools for s in added]
    doses += [Dose(f"narrow_plus_{100 * s:g}", "narrow", s, "added budget", True, *grown[s]) for s in added]
    wanted = {"right_decision": "higher"}
    return DoseSpec("made", "plain", tuple(doses), wanted, ("facts", "coherence"), 2000, steps)


def made_doses(spec, truth=TRUTH, seed=0, bases=5, questions=30, base_sd=0.25, base_dose_sd=0.1, noise=0.15):
    """A rows frame: every arm on every base, each answer a probability around the truth (sds in logits)."""
    stream = rng(seed, "made doses")
    records = []
    arms = [Dose(spec.plain, "", 0.0), *spec.doses]
    asked = {region: stream.normal(0, 0.6, questions) for region in truth.starts}
    own = stream.normal(0, base_sd, bases)
    for dose in arms:
        for base in range(bases):
            shift = own[base] + stream.normal(0, base_dose_sd)
            for region in truth.starts:
                centre = logit(rate(truth, dose, region)) + shift
                values = expit(centre + asked[region] + stream.normal(0, noise, questions))
                records += [
                    row(dose, base, "right_decision", "wanted", f"{region}-{i}", v, region)
                    for i, v in enumerate(values)
                ]
            for trait, kind in (("facts", "capability"), ("coherence", "coherence")):
                values = expit(2.0 + shift + stream.normal(0, noise, 10))
                records += [row(dose, base, trait, kind, f"{trait}-{i}", v, None) for i, v in enumerate(values)]
    return frame_of(records)


def rate(truth, dose, region):
    """The true rate of a dose in a region, for the typical question."""
    curve = None if dose.narrow else truth.curves.get((dose.pool, region))
    start = truth.starts[region]
    lost = truth.island_lost * dose.share if region == "island" and dose.at == "fixed budget" else 0.0
    return float(np.clip((start if curve is None else curve.at([dose.share])[0]) - lost, 0.01, 0.99))


def row(dose, base, trait, kind, question, value, region):
    """One row of the frame."""
    run = f"{dose.arm}-{base}"
    role = "plain" if not dose.pool else "placebo" if dose.narrow else "treatment"
    place = {} if region is None else {"region": region, "levels": json.dumps({"where": region})}
    return {
        **{"run": run, "base": f"base-{base}", "base_seed": base, "model": "made", "gpe": "made", "arm": dose.arm},
        **{"role": role, "seed": 0, "trait": trait, "trait_kind": kind, "question": question, "condition": "none"},
        **{"response_id": f"{run}-{question}", "score": "made@1", "state": "ok", "value": float(value)},
        **place,
    }


def made_means(spec, **given):
    """The replicate means of `made_doses`."""
    from isobath.analysis.replicates import replicate_means
    from isobath.base.row import Claim

    return replicate_means(made_doses(spec, **given), Claim.THIS_RECIPE)


__all__ = ["FLAT", "SHARES", "TRUTH", "Truth", "made_doses", "made_means", "pd", "rate", "spec_of"]
