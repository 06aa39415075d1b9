"""`Landscape`: everything that is estimated about behaviour over a scenario space, from rows that say where they lie.

Rates: `region_rates`, `rates_along`, `point_rates`. Comparisons: `region_contrasts`, `arm_contrasts`, `region_orders`.
Trends: `slopes`. Shares of what is lost or reached: `gap_indices`, `normalised_rates`. This module puts them together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from isobath.analysis.gap_index import gap_indices, normalised_rates
from isobath.analysis.region_contrasts import Order, arm_contrasts, region_contrasts, region_orders
from isobath.analysis.region_rates import (
    NEARNESS,
    REGIONS,
    Along,
    placed,
    point_rates,
    rates_along,
    region_rates,
    regions_of,
)
from isobath.analysis.replicates import replicate_means
from isobath.analysis.slopes import slopes
from isobath.analysis.two_way import Over
from isobath.base.errors import InputError
from isobath.base.row import Claim

__all__ = [
    "NEARNESS",
    "REGIONS",
    "Along",
    "Landscape",
    "Order",
    "arm_contrasts",
    "gap_indices",
    "landscape",
    "normalised_rates",
    "placed",
    "point_rates",
    "rates_along",
    "region_contrasts",
    "region_orders",
    "region_rates",
    "regions_of",
    "slopes",
]


@dataclass(frozen=True)
class Landscape:
    """Estimates of one or more traits over regions, distance, depth, novelty order and points; frames as the functions
    of the same names return them. `along` and `trends` are by covariate; `reference` is the arm that others are read
    against ("" for none), `chance` the level of a model that knows nothing, by trait."""

    claim: Claim
    over: Over
    rows: pd.DataFrame
    regions: pd.DataFrame
    replicates: pd.DataFrame
    along: Mapping[Along, pd.DataFrame]
    trends: pd.DataFrame
    contrasts: pd.DataFrame
    against: pd.DataFrame
    orders: Sequence[Order]
    gaps: pd.DataFrame
    reached: pd.DataFrame
    reference: str = ""
    chance: Mapping[str, float] = field(default_factory=dict)

    @property
    def sentences(self) -> list[str]:
        """What was found, in plain English, computed from the intervals; nulls are said."""
        from isobath.analysis.landscape_sentence import landscape_sentences

        return landscape_sentences(self)

    @property
    def names(self) -> list[tuple[str, str, str]]:
        """(gpe, trait, condition) in order: each is one picture."""
        found = self.regions[["gpe", "trait", "condition"]].drop_duplicates()
        return [(str(g), str(t), str(c)) for g, t, c in found.itertuples(index=False, name=None)]


def landscape(
    frame: pd.DataFrame,
    claim: Claim = Claim.THIS_RECIPE,
    over: Over = "both",
    reference: str = "",
    chance: float | Mapping[str, float] | None = None,
    tuned: tuple[str, str] | None = None,
) -> Landscape:
    """The landscape of a checked rows frame; rows without a region are left out.

    `reference` is the arm that the others are compared with in every region; `chance` the rate of a model that knows
    nothing (one number, or by trait), without which there is no gap index; `tuned` names the arms (base, target-tuned)
    between which `normalised_rates` measures. Raises `InputError` if no row has a region or an arm is not there.
    """
    rows = placed(frame)
    arms = list(dict.fromkeys(rows["arm"]))
    for name in (*([reference] if reference else []), *(tuned or ())):
        if name not in arms:
            raise InputError(
                f"arm {name!r}", f"the arms with places are {', '.join(map(str, arms))}", "name one of them"
            )
    levels = dict.fromkeys(rows["trait"].unique(), chance) if isinstance(chance, float | int) else dict(chance or {})
    means = replicate_means(rows, claim)
    contrasts = region_contrasts(rows, claim, over, means=means)
    trends = [slopes(rows, along, claim, over, means) for along in ("d", "k", "q")]
    kept = [t for t in trends if not t.empty]
    return Landscape(
        claim=claim,
        over=over,
        rows=rows,
        regions=region_rates(rows, claim, over),
        replicates=_replicate_rates(means),
        along={along: rates_along(rows, along, claim, over) for along in ("d", "k", "q")},
        trends=pd.concat(kept, ignore_index=True) if kept else trends[0],
        contrasts=contrasts,
        against=arm_contrasts(rows, reference, claim, over, means=means) if reference else contrasts[:0],
        orders=region_orders(contrasts),
        gaps=gap_indices(rows, levels, claim, over, means=means),
        reached=normalised_rates(rows, *tuned, claim, over, means) if tuned else pd.DataFrame(),
        reference=reference,
        chance=levels,
    )


def _replicate_rates(means: pd.DataFrame) -> pd.DataFrame:
    """Mean value per (gpe, arm, trait, condition, region, replicate): the dots behind an interval."""
    means = means[means["value"].notna()]
    by = ["gpe", "arm", "trait", "condition", "region", "replicate"]
    means = means.assign(mass=means["value"] * means["weight"])
    grouped = means.groupby(by, observed=True, sort=False)[["mass", "weight"]].sum().reset_index()
    grouped["value"] = grouped["mass"] / grouped["weight"]
    return grouped[[*by, "value"]].astype(dict.fromkeys(by, "string"))
