"""Dose-response of every series of doses, trait and region: `dose_response` on the rates of the replicates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from isobath.analysis.answer import arm_rate
from isobath.analysis.arm_grid import grid_of
from isobath.analysis.dose import Dose, DoseSpec, DoseTables
from isobath.analysis.dose_response import DoseResponse, dose_response
from isobath.analysis.verdict import MOST_MISSING

if TYPE_CHECKING:
    import pandas as pd

    from isobath.analysis.replicates import Side

POINT_COLUMNS = (
    "gpe",
    "pool",
    "at",
    "trait",
    "region",
    "arm",
    "share",
    "rate",
    "low",
    "high",
    "replicates",
    "questions",
)
CURVE_COLUMNS = (
    *("gpe", "pool", "at", "trait", "region", "state", "ec50", "low", "high", "best", "trend_p"),
    *("lo", "hi", "slope", "middle", "doses", "least", "most", "first", "last", "replicates", "questions"),
)


def dose_points(tables: DoseTables, spec: DoseSpec, over_all: bool = False) -> pd.DataFrame:
    """One row per series of several doses, trait, region and dose (0: the plain arm), with intervals over replicates.

    Columns: `POINT_COLUMNS`. Rates with too much missing are absent.
    """
    import pandas as pd

    rows = [
        _point(spec, (pool, at), (trait, region), dose, table)
        for pool, at in spec.curved
        for trait in spec.wanted
        for region in _places(tables, trait, over_all)
        for dose, table in _asked(tables, spec, spec.of(pool, at), trait, region)
    ]
    return pd.DataFrame(rows, columns=list(POINT_COLUMNS))


def narrow_points(tables: DoseTables, spec: DoseSpec) -> pd.DataFrame:
    """The controls at matched budget as `dose_points` has the doses."""
    import pandas as pd

    narrow = sorted((d for d in spec.doses if d.narrow), key=lambda d: d.share)
    rows = [
        _point(spec, (dose.pool, dose.at), (trait, region), dose, table)
        for trait in spec.wanted
        for region in tables.places(trait)
        for dose, table in _asked(tables, spec, narrow, trait, region)
        if dose.narrow
    ]
    return pd.DataFrame(rows, columns=list(POINT_COLUMNS))


def _point(spec: DoseSpec, series: tuple[str, str], where: tuple[str, str], dose: Dose, table: Side) -> dict[str, Any]:
    made = arm_rate(table, dose.arm, spec.condition, "replicates")
    return {
        **{"gpe": spec.gpe, "pool": series[0], "at": series[1], "trait": where[0], "region": where[1]},
        **{"arm": dose.arm, "share": dose.share, "rate": made.mean, "low": made.low, "high": made.high},
        **{"replicates": made.replicates, "questions": made.questions},
    }


def dose_curves(tables: DoseTables, spec: DoseSpec, over_all: bool = False) -> pd.DataFrame:
    """One row per series, trait and region: the state of its EC50, and the number where there is one.

    Columns: `CURVE_COLUMNS`. ec50, low and high are shares of the signal's number (`dose_response`); lo, hi, slope and
    middle are the parameters of the best curve whatever the state, for drawing; least and most bound the doses tried
    above 0; first and last are the mean rates at 0 and at the highest. With `over_all` all places are pooled too.
    """
    import pandas as pd

    rows = []
    for pool, at in spec.curved:
        for trait in spec.wanted:
            for region in _places(tables, trait, over_all):
                asked = _asked(tables, spec, spec.of(pool, at), trait, region)
                made = _fit(asked)
                if made is not None:
                    names = {"gpe": spec.gpe, "pool": pool, "at": at, "trait": trait, "region": region}
                    rows.append({**names, **_record(made[0]), "questions": made[1]})
    return pd.DataFrame(rows, columns=list(CURVE_COLUMNS))


def _places(tables: DoseTables, trait: str, over_all: bool) -> tuple[str, ...]:
    further = tables.further(trait)
    places = tables.places(trait)
    return (*places, further) if over_all and further not in places else places


def _asked(
    tables: DoseTables, spec: DoseSpec, doses: Sequence[Dose], trait: str, region: str
) -> list[tuple[Dose, Side]]:
    """The doses, 0 first, that were asked here, with their tables; those with too much missing are left out."""
    every = [Dose(spec.plain, "", 0.0), *doses]
    found = [(dose, tables.sides.get((dose.arm, trait, region))) for dose in every]
    return [(dose, table) for dose, table in found if table is not None and table.missing <= MOST_MISSING]


def _fit(asked: Sequence[tuple[Dose, Side]]) -> tuple[DoseResponse, int] | None:
    """The fit on what all doses share, and its number of questions; None without a plain arm or a common question."""
    if len(asked) < 2 or asked[0][0].share != 0:
        return None
    once = {dose.share: (dose, table) for dose, table in reversed(asked)}  # two arms of one dose: the first counts
    chosen = sorted(once.values(), key=lambda pair: pair[0].share)
    grid = grid_of({dose.arm: table for dose, table in chosen})
    if grid is None:
        return None
    rates_RD = np.ascontiguousarray(grid.rates_AR.T)
    return dose_response([dose.share for dose, _ in chosen], rates_RD), len(grid.questions)


def _record(made: DoseResponse) -> dict[str, Any]:
    curve = made.curve or (math.nan,) * 4
    lo, hi, slope, middle = curve
    above = [d for d in made.doses if d > 0]
    return {
        **{"state": str(made.state), "ec50": made.ec50, "low": made.low, "high": made.high},
        **{"best": made.best, "trend_p": made.trend_p, "lo": lo, "hi": hi, "slope": slope, "middle": middle},
        **{"doses": len(above), "least": min(above, default=math.nan), "most": max(above, default=math.nan)},
        **{"first": made.means[0] if made.means else math.nan, "last": made.means[-1] if made.means else math.nan},
        "replicates": made.replicates,
    }
