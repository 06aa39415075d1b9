"""Doses: arms that differ in how many rows of a pool they were given, as the analysis sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from isobath.base.row import NEARNESS, REGIONS

if TYPE_CHECKING:
    import pandas as pd

    from isobath.analysis.replicates import Side

Better = Literal["higher", "lower"]
Budget = Literal["fixed budget", "added budget"]
BUDGETS: tuple[Budget, ...] = ("fixed budget", "added budget")

BEYOND = "beyond"
"""Lake, bay and sea together (near and far, where there is no factor space): what broadening is for."""
ISLAND = (REGIONS[0], NEARNESS[0])
"""Where training was: what is lost there is part of the price."""
FURTHER = (*REGIONS[2:], *NEARNESS[1:])
EVERYWHERE = ""
"""All questions of a trait, wherever they lie."""


@dataclass(frozen=True)
class Dose:
    """An arm with `share` times as many rows of `pool` as the signal has, in the place of signal rows or beside them.

    `narrow`: the rows are further narrow ones, so that the arm is the control at matched budget of an added dose with
    the same share. `rows` and `steps` are how many it was trained on and for; 0 where that is unknown.
    """

    arm: str
    pool: str
    share: float
    at: Budget = "fixed budget"
    narrow: bool = False
    rows: int = 0
    steps: int = 0


@dataclass(frozen=True)
class DoseSpec:
    """What is asked of the doses of one GPE.

    `wanted` are the traits that broadening is to improve, the headline first, with the direction that is better; `kept`
    are capability and coherence traits, where less is a loss. `plain` is the arm without any dose, trained on `rows`
    rows for `steps` steps.
    """

    gpe: str
    plain: str
    doses: tuple[Dose, ...]
    wanted: Mapping[str, Better]
    kept: tuple[str, ...] = ()
    rows: int = 0
    steps: int = 0
    condition: str = "none"

    @property
    def headline(self) -> str:
        """The trait that the front is about."""
        return next(iter(self.wanted))

    @property
    def series(self) -> list[tuple[str, Budget]]:
        """Pool and budget of every series of doses, as they come, controls left out."""
        return list(dict.fromkeys((d.pool, d.at) for d in self.doses if not d.narrow))

    @property
    def curved(self) -> list[tuple[str, Budget]]:
        """The series of pools that have several doses: a pool that was given once has a gain and a cost, no curve."""
        shares: dict[str, set[float]] = {}
        for d in self.doses:
            shares.setdefault(d.pool, set()).add(d.share)
        return [(pool, at) for pool, at in self.series if len(shares[pool]) > 1]

    def of(self, pool: str, at: str) -> list[Dose]:
        """The doses of one series, the smallest first."""
        return sorted((d for d in self.doses if (d.pool, d.at) == (pool, at) and not d.narrow), key=lambda d: d.share)

    def matched(self, dose: Dose) -> Dose | None:
        """The arm with as many further narrow rows as `dose` adds, if there is one."""
        same = (d for d in self.doses if d.narrow and d.at == dose.at and abs(d.share - dose.share) < 1e-9)
        return None if dose.at != "added budget" or dose.narrow else next(same, None)


@dataclass(frozen=True)
class DoseTables:
    """A table of replicates and questions for every (arm, trait, place); a place is a region, `BEYOND` or ""."""

    sides: Mapping[tuple[str, str, str], Side]
    regions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The regions that each trait was asked in, outwards; none for a trait without places."""

    def places(self, trait: str) -> tuple[str, ...]:
        """The regions of `trait`, or everywhere where it has none."""
        return self.regions.get(trait) or (EVERYWHERE,)

    def further(self, trait: str) -> str:
        """`BEYOND` where the trait has such regions, else everywhere."""
        return BEYOND if any(r in FURTHER for r in self.regions.get(trait, ())) else EVERYWHERE


def dose_tables(means: pd.DataFrame, spec: DoseSpec) -> DoseTables:
    """The tables of every arm of `spec` from `replicate_means`."""
    from isobath.analysis.replicates import sides

    arms = [spec.plain, *(d.arm for d in spec.doses)]
    mine = means[
        (means["gpe"] == spec.gpe)
        & (means["condition"] == spec.condition)
        & means["arm"].isin(arms)
        & means["trait"].isin([*spec.wanted, *spec.kept])
    ]
    found = {(a, t, EVERYWHERE): s for (a, t), s in sides(mine, ("arm", "trait")).items()}
    placed = mine[mine["region"].isin([*REGIONS, *NEARNESS])]
    found |= {(a, t, r): s for (a, t, r), s in sides(placed, ("arm", "trait", "region")).items()}
    far = placed[placed["region"].isin(FURTHER)]
    found |= {(a, t, BEYOND): s for (a, t), s in sides(far, ("arm", "trait")).items()}
    there = {(t, r) for _, t, r in found}
    order = (*REGIONS, *NEARNESS)
    regions = {t: tuple(r for r in order if (t, r) in there) for t in (*spec.wanted, *spec.kept)}
    return DoseTables(found, regions)
