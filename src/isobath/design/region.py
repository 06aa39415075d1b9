"""`Region` and `Place`: where a test point lies with respect to the support."""

from __future__ import annotations

from enum import StrEnum

from isobath.base.value import Value


class Region(StrEnum):
    """Where a test point lies (docs/regions.md has the definitions and pictures)."""

    ISLAND = "island"
    SHORE = "shore"
    LAKE = "lake"
    BAY = "bay"
    SEA = "sea"


class Place(Value):
    """Region of a point, with its depth, novelty order and distance.

    `k` is how many relevant factors must change until a support point is near, `q` the size of the smallest combination
    of relevant levels never seen (None where k = 0), `d` how far the levels are from those seen.

    `beyond` counts relevant factors outside everything seen, `gap` those between levels seen, `new_irrelevant` the
    irrelevant factors with a level never seen; `enclosed`: support lies on both sides along some ordered factor, all
    other relevant factors being near; `count`: training examples in the very cell.
    """

    region: Region
    k: int
    q: int | None
    d: float
    beyond: int = 0
    gap: int = 0
    new_irrelevant: int = 0
    enclosed: bool = False
    count: int = 0

    @property
    def correlation_breaking(self) -> bool:
        """A lake with q = 2 that no support encloses: every level was seen, but never the two together."""
        return self.region is Region.LAKE and self.q == 2 and not self.enclosed
