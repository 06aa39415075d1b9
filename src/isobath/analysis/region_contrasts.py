"""Region against region within an arm, arm against arm within a region, and whether the regions are in order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import pandas as pd

from isobath.analysis.apart import apart
from isobath.analysis.contrasts import Contrast, contrast
from isobath.analysis.estimates import difference_record
from isobath.analysis.multiplicity import adjusted
from isobath.analysis.planning import detectable
from isobath.analysis.region_rates import placed, regions_of
from isobath.analysis.replicates import KEYS, Side, replicate_means, sides
from isobath.analysis.two_way import Over
from isobath.analysis.verdict import ALPHA, FEWEST_REPLICATES
from isobath.base.row import Claim

NUMBERS = (
    *("difference", "low", "high", "p", "p_logits", "detectable", "replicates", "questions", "paired", "missing"),
    *("measurable", "over", "p_adjusted", "adjusted_by", "told_apart"),
)
"""What every difference has."""


def region_contrasts(
    frame: pd.DataFrame,
    claim: Claim = Claim.THIS_RECIPE,
    over: Over = "both",
    reference: str | None = None,
    means: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Every two regions within every arm, or, with `reference`, each region minus that one.

    One row per (gpe, arm, trait, condition, region, reference): the outer region minus the inner one, paired by
    replicate, with the questions of either side drawn on their own (`analysis.apart`). Columns: `KEYS`, region,
    reference and `NUMBERS`: low and high bound the difference (NaN without a second replicate), `detectable` is the
    smallest true difference that would have been found four times in five, `p_adjusted` is adjusted within the arm's
    comparisons of one trait (``adjusted_by``), `told_apart` says whether it is below 5 % and the replicates suffice for
    a claim. Regions that have no value (not asked, contested) are absent. `means` are the `replicate_means` of the rows
    with a region under this claim, if they are there already.
    """
    rows = placed(frame)
    tables = sides(replicate_means(rows, claim) if means is None else means, (*KEYS, "region"))
    order, found = regions_of(rows), []
    for key in dict.fromkeys(name[:4] for name in _in_order(rows, tables)):
        there = [r for r in order if (*key, r) in tables and _has_values(tables[(*key, r)])]
        pairs = list(combinations(there, 2))
        if reference is not None:
            pairs = [(reference, r) for r in there if r != reference and reference in there]
        records = [_record(tables[(*key, a)], tables[(*key, b)], over, elsewhere=True) for b, a in pairs]
        names = [dict(zip(KEYS, key, strict=True)) | {"region": a, "reference": b} for b, a in pairs]
        found += _family([{**n, **r} for n, r in zip(names, records, strict=True) if r is not None])
    return pd.DataFrame(found, columns=[*KEYS, "region", "reference", *NUMBERS])


def arm_contrasts(
    frame: pd.DataFrame,
    reference: str,
    claim: Claim = Claim.THIS_RECIPE,
    over: Over = "both",
    arms: Sequence[str] | None = None,
    means: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Every arm minus the arm `reference` within every region, paired by replicate and by question.

    Columns: gpe, trait, condition, region, arm, reference and `NUMBERS`, as in `region_contrasts`; one family is one
    trait under one condition, all arms and regions together. Arms that share no question with it are absent.
    """
    rows = placed(frame)
    tables = sides(replicate_means(rows, claim) if means is None else means, (*KEYS, "region"))
    order, found = regions_of(rows), []
    keys = list(dict.fromkeys(name[:4] for name in _in_order(rows, tables)))
    for gpe, trait, condition in dict.fromkeys((g, t, c) for g, _, t, c in keys):
        mine = [a for g, a, t, c in keys if (g, t, c) == (gpe, trait, condition) and a != reference]
        family = []
        for arm in [a for a in mine if arms is None or a in arms]:
            for region in order:
                one, two = ((gpe, name, trait, condition, region) for name in (arm, reference))
                if one in tables and two in tables:
                    record = _record(tables[one], tables[two], over, elsewhere=False)
                    names = {"gpe": gpe, "trait": trait, "condition": condition, "region": region, "arm": arm}
                    family += [{**names, "reference": reference, **record}] if record is not None else []
        found += _family(family)
    return pd.DataFrame(found, columns=["gpe", "trait", "condition", "region", "arm", "reference", *NUMBERS])


@dataclass(frozen=True)
class Order:
    """Whether a rate only falls from the island outwards. `falls`, `rises` and `open` are (inner, outer) pairs of
    regions: told apart in the expected direction, in the other, and not told apart."""

    gpe: str
    arm: str
    trait: str
    condition: str
    regions: tuple[str, ...]
    falls: tuple[tuple[str, str], ...]
    rises: tuple[tuple[str, str], ...]
    open: tuple[tuple[str, str], ...]

    @property
    def verdict(self) -> str:
        """``ordered``: every two neighbours are told apart, downwards; ``contradicted``: some pair rises;
        ``not contradicted``: neither; ``flat``: no pair is told apart; ``one region``: nothing to order."""
        if len(self.regions) < 2:
            return "one region"
        if self.rises:
            return "contradicted"
        if not self.falls:
            return "flat"
        neighbours = set(zip(self.regions, self.regions[1:], strict=False))
        return "ordered" if neighbours <= set(self.falls) else "not contradicted"


def region_orders(contrasts: pd.DataFrame) -> list[Order]:
    """Island >= shore >= lake >= bay >= sea? One answer per arm, trait and condition of `region_contrasts` (all pairs).

    Pairs count as told apart after adjustment, and only with replicates enough for a claim.
    """
    out = []
    for key, part in contrasts.groupby(list(KEYS), sort=False, observed=True):
        order = regions_of(pd.DataFrame({"region": [*part["reference"], *part["region"]]}))
        names = {*part["reference"], *part["region"]}
        kinds: dict[str, list[tuple[str, str]]] = {"falls": [], "rises": [], "open": []}
        for r in part.to_dict("records"):
            kind = "open" if not r["told_apart"] else "falls" if r["difference"] < 0 else "rises"
            kinds[kind].append((str(r["reference"]), str(r["region"])))
        told = {name: tuple(pairs) for name, pairs in kinds.items()}
        head = {c: str(k) for c, k in zip(KEYS, key, strict=True)}
        out.append(Order(**head, regions=tuple(r for r in order if r in names), **told))  # type: ignore[arg-type]
    return out


def _in_order(rows: pd.DataFrame, tables: dict[tuple[str, ...], Side]) -> list[tuple[str, ...]]:
    """The tables' names in the order in which arms and traits occur in the rows."""
    firsts = {c: {str(v): i for i, v in enumerate(rows[c].fillna("-").unique())} for c in KEYS}
    return sorted(tables, key=lambda name: [firsts[c][v] for c, v in zip(KEYS, name, strict=False)])


def _has_values(side: Side) -> bool:
    return side.scored > 0


def _record(treatment: Side, reference: Side, over: Over, elsewhere: bool) -> dict[str, Any] | None:
    made: Contrast | None = (apart if elsewhere else contrast)(treatment, reference, over)
    if made is None:
        return None
    spread = made.spread
    return {
        **difference_record(made, treatment, reference),
        "p_logits": math.nan if made.p_logits is None else made.p_logits,
        "detectable": detectable(spread.se, spread.df) if spread and spread.se > 0 else math.nan,
        "over": spread.over if spread is not None else "nothing",
    }


def _family(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Records of one family with their adjusted p; what is not measurable is neither tested nor counted."""
    p, by = adjusted([r["p"] if r["measurable"] else math.nan for r in records])
    return [
        {**r, "p_adjusted": a, "adjusted_by": by, "told_apart": bool(a < ALPHA and _enough(r))}
        for r, a in zip(records, p, strict=True)
    ]


def _enough(record: dict[str, Any]) -> bool:
    """Whether the replicates suffice for the claim; over questions alone it is about these checkpoints, all of them."""
    return bool(record["replicates"] >= FEWEST_REPLICATES or record["over"] == "questions")
