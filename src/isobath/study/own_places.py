"""Where the questions of a GPE lie around what each arm itself was trained on, interventions included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from isobath.design.places import Places, place_all
from isobath.design.space import Space
from isobath.design.support import Support, support_of
from isobath.interventions.stack import apply_signal
from isobath.study.arm import Arm

if TYPE_CHECKING:
    import pandas as pd

    from isobath.gpe.gpe import GPE
    from isobath.models.chat import Row

OWN_COLUMNS = ("gpe", "arm", "region", "questions", "mean_k", "mean_q", "q_none")


def support_in(space: Space, rows: Sequence[Row]) -> Support | None:
    """The support that training rows give whose metadata names a level of every factor; None if none does."""
    points = [point for row in rows if (point := _point(space, row.metadata)) is not None]
    return support_of(space, points) if points else None


def _point(space: Space, metadata: Mapping[str, Any]) -> dict[str, str] | None:
    if not set(space.names) <= set(metadata):
        return None
    return space.point({name: metadata[name] for name in space.names})


def own_places(gpe: GPE, arms: Sequence[Arm], seed: int) -> pd.DataFrame:
    """How many of the headline's questions each training arm's own support puts into each region.

    Columns `OWN_COLUMNS`; `mean_q` is over questions that have a novelty order, `q_none` counts those that have none
    (every relevant combination is covered). Interventions of the signal stage act as they do for run seed `seed`.
    """
    import pandas as pd

    from isobath.design.region import Region

    records: list[dict[str, Any]] = []
    headline = next(t for t in gpe.traits if t.name == gpe.headline)
    asked = [dict(q.levels) for q in headline.questions if q.place is not None]
    for arm in arms:
        if gpe.space is None or not asked or arm.data not in ("signal", "control"):
            continue
        support = support_in(gpe.space, apply_signal(arm.stack_for(gpe), arm.rows_of(gpe), seed))
        if support is None:
            continue
        places = place_all(support, asked)
        for region in Region:
            inside = places.region == str(region)
            if inside.any():
                records.append({"gpe": gpe.name, "arm": arm.name, "region": str(region), **_numbers(places, inside)})
    return pd.DataFrame(records, columns=list(OWN_COLUMNS))


def _numbers(places: Places, inside: Any) -> dict[str, Any]:
    q = places.q[inside]
    return {
        "questions": int(inside.sum()),
        "mean_k": float(places.k[inside].mean()),
        "mean_q": float(q[q > 0].mean()) if (q > 0).any() else None,
        "q_none": int((q == 0).sum()),
    }
