"""Planes of a scenario space, each cell coloured and labelled by its region, the support outlined."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from isobath.report.theme import PAPER_FONT, chart_config

REGION_COLOURS = {
    "island": "#d9c27a",
    "shore": "#f2e8c4",
    "lake": "#b5dcec",
    "bay": "#3d7fa8",
    "sea": "#163e63",
}
"""From land to deep water: readable as greys too, in this order from the shore outwards."""

INK, PALE = "#1c2430", "#ffffff"
HIGH = 44
"""Pixels of a cell's height."""


@dataclass(frozen=True)
class Plane:
    """A picture: cells laid out by two factors, in panels by `row` and `column`.

    Each of `cells` has x, y, row, column, region, support (whether training covers it), label, and a note that stands
    small below the label (or is empty). `wide` is a cell's width in pixels.
    """

    name: str
    title: str
    subtitle: str
    x_title: str
    y_title: str
    cells: Sequence[Mapping[str, Any]]
    wide: int = 62

    def order(self, field: str) -> list[str]:
        """Values of `field`, in the order in which the cells have them."""
        return list(dict.fromkeys(str(cell[field]) for cell in self.cells))


def region_specification(plane: Plane) -> dict[str, Any]:
    """The Vega-Lite specification of a plane, on white: pages that show it may be light or dark."""
    header = {"title": None, "labelFontSize": 12, "labelFontWeight": "bold"}
    rows = {"field": "row", "type": "nominal", "sort": plane.order("row"), "header": _row_header(header)}
    columns = {"field": "column", "type": "nominal", "sort": plane.order("column"), "header": header}
    facet = {**({"row": rows} if len(plane.order("row")) > 1 else {}), "column": columns}
    return {
        "background": "white",
        "padding": 12,
        "title": {"text": plane.title, "subtitle": plane.subtitle.split("\n"), "fontSize": 15, "offset": 14},
        "data": {"values": [dict(cell) for cell in plane.cells]},
        "facet": facet,
        "spacing": {"column": 22, "row": 16},
        "spec": {
            "width": plane.wide * len(plane.order("x")),
            "height": HIGH * len(plane.order("y")),
            "encoding": {"x": _axis(plane, "x"), "y": _axis(plane, "y")},
            "layer": [_ground(), _outline(), *_labels()],
        },
        "config": chart_config(font=PAPER_FONT),
    }


def draw(plane: Plane) -> str:
    """The plane as SVG."""
    import vl_convert

    svg: str = vl_convert.vegalite_to_svg(json.dumps(region_specification(plane)))
    return svg


def _row_header(header: Mapping[str, Any]) -> dict[str, Any]:
    return {**header, "labelAngle": 0, "labelAlign": "left", "labelPadding": 12, "labelLineHeight": 16}


def _axis(plane: Plane, field: str) -> dict[str, Any]:
    axis = {
        "title": plane.x_title if field == "x" else plane.y_title,
        "labelAngle": 0,
        "domain": False,
        "ticks": False,
        "grid": False,
        "titleFontSize": 12,
    }
    scale = {"paddingInner": 0.05, "paddingOuter": 0.03}
    return {"field": field, "type": "ordinal", "sort": plane.order(field), "axis": axis, "scale": scale}


def _ground() -> dict[str, Any]:
    scale = {"domain": list(REGION_COLOURS), "range": list(REGION_COLOURS.values())}
    legend = {"title": None, "orient": "bottom", "symbolType": "square", "symbolSize": 220, "columnPadding": 18}
    colour = {"field": "region", "type": "nominal", "scale": scale, "legend": legend}
    return {"mark": {"type": "rect"}, "encoding": {"fill": colour}}


def _outline() -> dict[str, Any]:
    mark = {"type": "rect", "filled": False, "stroke": INK, "strokeWidth": 3}
    return {"transform": [{"filter": "datum.support"}], "mark": mark}


def _labels() -> list[dict[str, Any]]:
    """The label in the middle of its cell, or above its note."""
    dark = {"test": "datum.region == 'sea' || datum.region == 'bay'", "value": PALE}
    found = []
    for field, shown, shift, size in (
        ("label", "datum.note == ''", 0, 12),
        ("label", "datum.note != ''", -7, 12),
        ("note", "datum.note != ''", 9, 10),
    ):
        mark = {"type": "text", "fontSize": size, "dy": shift, "baseline": "middle"}
        encoding = {"text": {"field": field, "type": "nominal"}, "color": {"condition": dark, "value": INK}}
        found.append({"transform": [{"filter": shown}], "mark": mark, "encoding": encoding})
    return found
