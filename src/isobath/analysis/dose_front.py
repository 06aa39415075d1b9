"""The front of doses: what is gained beyond the island against what is lost on it and in what the model can do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isobath.analysis.dose import BEYOND, FURTHER, ISLAND, DoseSpec

if TYPE_CHECKING:
    import pandas as pd

    from isobath.analysis.pareto import Objective


def dose_front(means: pd.DataFrame, spec: DoseSpec, margin: float = 0.02) -> pd.DataFrame:
    """`pareto_table` of the plain arm and all doses, with the columns pool, at, share, narrow and `objectives`.

    Objectives: the headline beyond the island, the headline on it, and the first trait that must be kept; a trait
    without regions stands as a whole, and then the other wanted traits take the island's place.
    """
    from isobath.analysis.pareto import pareto_table

    mine = means[(means["gpe"] == spec.gpe) & (means["condition"] == spec.condition)]
    mine = mine.assign(trait=mine["trait"].astype(str))
    objectives = _objectives(mine, spec)
    mine = _parted(mine, spec.headline)
    arms = [spec.plain, *(d.arm for d in spec.doses)]
    found = pareto_table(mine, objectives, arms, spec.gpe, margin)
    of = {d.arm: d for d in spec.doses}
    at = [of.get(str(arm)) for arm in found["arm"]]
    return found.assign(
        pool=["" if d is None else d.pool for d in at],
        at=["" if d is None else d.at for d in at],
        share=[0.0 if d is None else d.share for d in at],
        narrow=[d is not None and d.narrow for d in at],
        objectives="; ".join(o.trait for o in objectives),
    )


def _objectives(mine: pd.DataFrame, spec: DoseSpec) -> list[Objective]:
    from isobath.analysis.pareto import Objective

    there = {str(r) for r in mine.loc[mine["trait"] == spec.headline, "region"].unique()}
    better = spec.wanted[spec.headline]
    found: list[Objective] = []
    if there & set(FURTHER):
        found.append(Objective(f"{spec.headline} {BEYOND}", better, spec.condition))
        island = next((r for r in ISLAND if r in there), None)
        found += [Objective(f"{spec.headline} {island}", better, spec.condition)] if island else []
    else:
        found.append(Objective(spec.headline, better, spec.condition))
        found += [Objective(t, b, spec.condition) for t, b in spec.wanted.items() if t != spec.headline][:1]
    return [*found, *(Objective(t, "higher", spec.condition) for t in spec.kept[:1])]


def _parted(mine: pd.DataFrame, headline: str) -> pd.DataFrame:
    """The headline's questions beyond the island and on it, each as a trait of its own beside the whole."""
    import pandas as pd

    parts = [mine]
    own = mine[mine["trait"] == headline]
    for name, regions in ((BEYOND, FURTHER), *((r, (r,)) for r in ISLAND)):
        part = own[own["region"].isin(regions)]
        parts.append(part.assign(trait=f"{headline} {name}"))
    return pd.concat([p for p in parts if len(p)])
