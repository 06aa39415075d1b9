"""The pictures of docs/regions.md, drawn from the definitions.

python -m isobath.study.region_pictures --out docs/regions
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from isobath.design.covering import covering
from isobath.design.factor import Factor
from isobath.design.places import place_of
from isobath.design.region import Place
from isobath.design.space import Point, Space
from isobath.design.support import Support, support_of
from isobath.report.region_figures import Plane, draw

TINES = Factor(name="tines", kind="ordinal", levels=("2", "3", "4", "5", "6", "7"))
MATERIAL = Factor(name="material", levels=("metal", "plastic", "wood"))
ANGLE = Factor(name="angle", levels=("front", "below"), relevant=False)
USE = Factor(name="use", levels=("eating", "serving", "cooking"))
HANDLE = Factor(name="handle", kind="ordinal", levels=("longest", "long", "middle", "short", "shortest"))

FORKS = Space(name="forks", factors=(TINES, MATERIAL, ANGLE))
"""The forks of source 0: how many tines and what material decide what is a fork; the viewing angle does not."""

TRAINED: tuple[Point, ...] = tuple(
    {"tines": tines, "material": material, "angle": "front"}
    for tines, material in (("3", "metal"), ("5", "metal"), ("5", "plastic"))
)
"""What the model of the pictures was trained on."""

Cell = dict[str, Any]


def planes() -> tuple[Plane, ...]:
    """Every picture of the page."""
    return (_forks(), _numbers(), _new_angles(), _broadening(), _correlated())


def _cells(
    support: Support,
    x: str,
    y: str,
    fixed: Mapping[str, str],
    label: Callable[[Place], str] = lambda p: str(p.region),
    note: Callable[[Place], str] = lambda _: "",
    *,
    row: str = "",
    column: str = "",
) -> list[Cell]:
    """One panel: every cell of the plane of the factors `x` and `y`, all others being `fixed`."""
    space, found = support.space, []
    for down, across in product(space.factor(y).domain, space.factor(x).domain):
        place = place_of(support, {**fixed, x: across, y: down})
        cell = {"x": across, "y": down, "row": row, "column": column, "label": label(place), "note": note(place)}
        found.append({**cell, "region": str(place.region), "support": place.count > 0})
    return found


def _forks() -> Plane:
    support = support_of(FORKS, TRAINED)
    titles = {"front": "seen from the front, as in training", "below": "seen from below: new, and irrelevant"}
    return Plane(
        name="forks",
        title="Where a fork lies, by what the model was trained on",
        subtitle="Training covers the three outlined cells: metal forks with 3 and 5 tines, plastic ones with 5.",
        x_title="tines",
        y_title="material",
        cells=[
            cell
            for angle, title in titles.items()
            for cell in _cells(support, "tines", "material", {"angle": angle}, column=title)
        ],
    )


def _numbers() -> Plane:
    support = support_of(FORKS, TRAINED)
    shown: dict[str, Callable[[Place], str]] = {
        "depth k": lambda p: str(p.k),
        "novelty order q": lambda p: "–" if p.q is None else str(p.q),
        "distance d": lambda p: f"{p.d:.1f}",
    }
    return Plane(
        name="numbers",
        title="The same cells in three numbers",
        subtitle="k: relevant factors to change until training is near. q: size of the smallest combination never\n"
        "seen (– where the whole was seen). d: how far the single levels are from levels seen.",
        x_title="tines",
        y_title="material",
        cells=[
            cell
            for title, label in shown.items()
            for cell in _cells(support, "tines", "material", {"angle": "front"}, label, column=title)
        ],
        wide=46,
    )


def _new_angles() -> Plane:
    below = [{**point, "angle": "below"} for point in TRAINED]
    titles = {"trained from the front only": TRAINED, "trained from below as well": (*TRAINED, *below)}
    return Plane(
        name="irrelevant",
        title="Broadening an irrelevant factor turns shore into island, and fills no water",
        subtitle="Forks seen from below, before and after the same three forks are also trained on from below.",
        x_title="tines",
        y_title="material",
        cells=[
            cell
            for title, trained in titles.items()
            for cell in _cells(support_of(FORKS, trained), "tines", "material", {"angle": "below"}, column=title)
        ],
    )


def broadened() -> dict[str, Support]:
    """Supports of the picture of broadening, by title: narrow, and extended to strength 1 and 2."""
    space = Space(name="forks and uses", factors=(TINES, MATERIAL, USE))
    narrow: Sequence[Point] = [{"tines": t, "material": "metal", "use": "eating"} for t in ("3", "4", "5")]
    found = {f"narrow:\n{len(narrow)} cells": support_of(space, narrow)}
    for strength, what in ((1, "every level"), (2, "every pair")):
        rows = [*narrow, *covering(space, strength, having=narrow, seed=0).points]
        found[f"{what}\n(t = {strength}):\n{len(rows)} cells"] = support_of(space, rows)
    return found


def _broadening() -> Plane:
    return Plane(
        name="broadening",
        title="Broadening relevant factors: no bay or sea once every level was seen",
        subtitle="54 combinations of tines, material and use. q is the size of the smallest combination never seen:\n"
        "1 a level, 2 a pair, 3 a triple. Every new row of a design is outlined too.",
        x_title="tines",
        y_title="material",
        cells=[
            cell
            for row, support in broadened().items()
            for use in USE.domain
            for cell in _cells(support, "tines", "material", {"use": use}, note=_q, row=row, column=f"use: {use}")
        ],
        wide=46,
    )


def _q(place: Place) -> str:
    return "" if place.q is None else f"q = {place.q}"


def _correlated() -> Plane:
    tines = TINES.model_copy(update={"levels": TINES.levels[:5]})
    space = Space(name="handles", factors=(tines, HANDLE))
    diagonal = [{"tines": t, "handle": h} for t, h in zip(tines.domain, reversed(HANDLE.domain), strict=True)]
    ring = [
        p for p in space.points() if p["tines"] in ("2", "6") or p["handle"] in (HANDLE.domain[0], HANDLE.domain[-1])
    ]

    def enclosed(place: Place) -> str:
        return "" if place.count else "enclosed" if place.enclosed else "not enclosed"

    titles = {"the more tines, the longer the handle": diagonal, "forks all around the plane": ring}
    return Plane(
        name="correlated",
        title="Lakes that training encloses, and lakes that break a correlation",
        subtitle="Both supports hold every number of tines and every handle; each lake is a pair never seen (q = 2).",
        x_title="tines",
        y_title="handle",
        cells=[
            cell
            for title, trained in titles.items()
            for cell in _cells(support_of(space, trained), "tines", "handle", {}, note=enclosed, column=title)
        ],
        wide=76,
    )


def main() -> None:
    """Write every picture as SVG."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for plane in planes():
        path = out / f"{plane.name}.svg"
        path.write_text(draw(plane), encoding="utf-8")
        print(path)


if __name__ == "__main__":
    main()
