"""What each dose buys and costs: the gain in every region, what is lost on the island and elsewhere, and the training.

Every number is a paired difference: two arms on the same replicates (bases) and questions, averaged within a replicate,
with the t interval over replicates. An improvement is signed so that more is better, whichever way the trait is.
p values are adjusted by Holm over the doses of one trait in one place: the family of questions "does any dose change
this".
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from isobath.analysis.contrasts import contrast
from isobath.analysis.dose import BEYOND, EVERYWHERE, ISLAND, Dose, DoseSpec, DoseTables
from isobath.analysis.estimates import difference_record
from isobath.analysis.mean_interval import mean_interval
from isobath.analysis.multiplicity import holm
from isobath.analysis.verdict import ALPHA, FEWEST_REPLICATES

if TYPE_CHECKING:
    import pandas as pd

CHANGE_COLUMNS = (
    *("gpe", "arm", "pool", "at", "share", "narrow", "side", "trait", "region", "reference"),
    *("improvement", "low", "high", "p", "p_adjusted", "told_apart", "replicates", "questions", "missing"),
    "measurable",
)
COST_COLUMNS = (
    "gpe",
    "arm",
    "pool",
    "at",
    "share",
    "narrow",
    "rows",
    "steps",
    "seconds",
    "low",
    "high",
    "times",
    "runs",
)


def dose_changes(tables: DoseTables, spec: DoseSpec) -> pd.DataFrame:
    """Every dose minus the plain arm: wanted traits by region, and what must be kept.

    Columns: `CHANGE_COLUMNS`; `side` is ``gain`` (a wanted trait off the island, or one without places) or ``tax`` (on
    the island, capability, coherence); region `BEYOND` pools lake, bay and sea. `told_apart` needs p_adjusted below 5 %
    and replicates enough for a claim. What has too much missing is not measurable: it has no p and enters no family.
    """
    records = []
    for trait, place, side in asked_places(tables, spec):
        family = [_record(tables, spec, d.arm, spec.plain, trait, place) for d in spec.doses]
        told = [
            {**_names(spec, dose), "side": side, **made}
            for dose, made in zip(spec.doses, family, strict=True)
            if made is not None
        ]
        records += _with_holm(told)
    return _frame(records)


def dose_pairs(tables: DoseTables, spec: DoseSpec) -> pd.DataFrame:
    """Doses against others with as many broad rows, or as many rows: columns as `dose_changes`.

    `side` is ``broad or narrow`` (a dose minus the arm with as many further narrow rows, the same steps) or ``added or
    replaced`` (a dose at added budget minus the same share at a fixed one).
    """
    pairs: list[tuple[Dose, Dose, str]] = []
    for dose in spec.doses:
        narrow = spec.matched(dose)
        if narrow is not None:
            pairs.append((dose, narrow, "broad or narrow"))
        same = [d for d in spec.of(dose.pool, "fixed budget") if abs(d.share - dose.share) < 1e-9]
        if dose.at == "added budget" and not dose.narrow and same:
            pairs.append((dose, same[0], "added or replaced"))
    records = []
    for trait, place, _ in asked_places(tables, spec):
        for side in ("broad or narrow", "added or replaced"):
            family = [
                (dose, _record(tables, spec, dose.arm, other.arm, trait, place))
                for dose, other, what in pairs
                if what == side
            ]
            records += _with_holm([{**_names(spec, d), "side": side, **made} for d, made in family if made is not None])
    return _frame(records)


def asked_places(tables: DoseTables, spec: DoseSpec) -> list[tuple[str, str, str]]:
    """(trait, place, side) of all that is compared."""
    found = []
    for trait in spec.wanted:
        places = [*tables.places(trait)]
        places += [BEYOND] if tables.further(trait) == BEYOND else []
        found += [(trait, place, "tax" if place in ISLAND else "gain") for place in places]
    return [*found, *((trait, EVERYWHERE, "tax") for trait in spec.kept)]


def dose_costs(spec: DoseSpec, seconds: Mapping[str, Sequence[float]]) -> pd.DataFrame:
    """One row for the plain arm and each dose: rows, steps, mean seconds of a run (t interval over runs).

    Columns: `COST_COLUMNS`; `times` is the steps as a multiple of the plain arm's. `seconds` are those of each
    training run by arm; they are as noisy as the machine was busy, steps are exact.
    """
    import pandas as pd

    rows = []
    plain = Dose(spec.plain, "", 0.0, rows=spec.rows, steps=spec.steps)
    for dose in (plain, *spec.doses):
        made = mean_interval(seconds.get(dose.arm, ()))
        times = dose.steps / spec.steps if spec.steps and dose.steps else math.nan
        counts = {"rows": dose.rows, "steps": dose.steps, "times": times, "runs": made.n}
        rows.append({**_names(spec, dose), **counts, "seconds": made.mean, "low": made.low, "high": made.high})
    return pd.DataFrame(rows, columns=list(COST_COLUMNS))


def _names(spec: DoseSpec, dose: Dose) -> dict[str, Any]:
    return {
        **{"gpe": spec.gpe, "arm": dose.arm, "pool": dose.pool, "at": dose.at},
        **{"share": dose.share, "narrow": dose.narrow},
    }


def _record(
    tables: DoseTables, spec: DoseSpec, arm: str, reference: str, trait: str, place: str
) -> dict[str, Any] | None:
    one, two = tables.sides.get((arm, trait, place)), tables.sides.get((reference, trait, place))
    made = contrast(one, two, "replicates") if one is not None and two is not None else None
    if made is None or one is None or two is None:
        return None
    found = difference_record(made, one, two)
    ends = [float(str(found[n])) for n in ("difference", "low", "high")]
    if spec.wanted.get(trait) == "lower":
        ends = [-ends[0], -ends[2], -ends[1]]
    return {
        **{"trait": trait, "region": place, "reference": reference},
        **dict(zip(("improvement", "low", "high"), ends, strict=True)),
        **{name: found[name] for name in ("p", "replicates", "questions", "missing", "measurable")},
    }


def _with_holm(family: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    tested = [i for i, r in enumerate(family) if r["measurable"] and not np.isnan(r["p"])]
    adjusted = dict(zip(tested, holm([family[i]["p"] for i in tested]), strict=True))
    out = []
    for i, r in enumerate(family):
        p = adjusted.get(i, math.nan)
        out.append({**r, "p_adjusted": p, "told_apart": bool(p < ALPHA and r["replicates"] >= FEWEST_REPLICATES)})
    return out


def _frame(records: Iterable[dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(list(records), columns=list(CHANGE_COLUMNS))
