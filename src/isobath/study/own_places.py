"""Where the questions of a GPE lie around what each arm itself was trained on, interventions included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from isobath.base.errors import InputError
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


def support_in(gpe: GPE, rows: Sequence[Row]) -> Support | None:
    """The support that training rows give whose metadata names a level of every factor of `gpe`'s space.

    None where it has no space, no row says where it lies, or no cell has its `n_min` rows.
    """
    if gpe.space is None:
        return None
    points = [point for row in rows if (point := _point(gpe.space, row.metadata)) is not None]
    if not points:
        return None
    try:
        return support_of(gpe.space, points, gpe.n_min)
    except InputError:  # n_min is more than any cell has
        return None


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
        if not asked or arm.data not in ("signal", "control"):
            continue
        support = support_in(gpe, apply_signal(arm.stack_for(gpe), arm.rows_of(gpe), seed))
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
