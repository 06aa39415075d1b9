"""Colours and type of the charts, as Vega-Lite configurations: one for light paper, one for dark."""

from __future__ import annotations

from typing import Any

from isobath.base.row import Role

FONT = "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"
PAPER_FONT = "Helvetica, Arial, Liberation Sans, sans-serif"

ROLES: tuple[str, ...] = tuple(role.value for role in Role)
"""Domain of every colour scale, so that a role keeps its colour in all charts."""

# Okabe and Ito's colour-blind-safe set, one hue per role; the dark set is the same hues lightened to the same contrast.
LIGHT_ROLES = ("#6b7280", "#c2410c", "#047857", "#0369a1", "#a21caf", "#a16207", "#7c2d12")
DARK_ROLES = ("#a3adba", "#fb923c", "#34d399", "#60b5f5", "#e58ff0", "#f5c451", "#e0a08a")

# From little to much, told apart by lightness alone: without colours it is a ramp of greys.
LIGHT_RAMP = ("#f6ecc4", "#a8d08d", "#45a08d", "#2c6a8e", "#352f6d")
DARK_RAMP = ("#3a3f78", "#2f719b", "#45a08d", "#a3d18c", "#f8efc0")


def chart_config(dark: bool = False, font: str = FONT) -> dict[str, Any]:
    """The Vega-Lite ``config`` of a theme. Charts name styles only, so that one specification serves both themes."""
    ink, soft, line, grid = (
        ("#e5e9f0", "#a9b2c0", "#5b6472", "#2b323d") if dark else ("#1c2430", "#566070", "#9aa3af", "#e6e9ee")
    )
    roles = DARK_ROLES if dark else LIGHT_ROLES
    axis = {"labelColor": ink, "titleColor": soft, "domainColor": line, "tickColor": line, "gridColor": grid}
    return {
        "background": "transparent",
        "font": font,
        "lineBreak": "\n",
        "view": {"stroke": None},
        "axis": {**axis, "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "labelLimit": 260},
        "axisY": {"grid": False, "ticks": False, "domain": False, "labelPadding": 8},
        "header": {"labelColor": ink, "titleColor": ink, "labelFontSize": 13, "labelFontWeight": "bold"},
        "legend": {"labelColor": ink, "titleColor": soft, "labelFontSize": 12, "symbolSize": 90},
        "title": {"color": ink, "subtitleColor": soft, "anchor": "start", "fontSize": 13, "subtitleFontSize": 12},
        "range": {"category": list(roles), "ramp": list(DARK_RAMP if dark else LIGHT_RAMP)},
        "style": {
            "interval": {"strokeWidth": 3, "strokeCap": "round"},
            "estimate": {"filled": True, "size": 85, "opacity": 1},
            "replicate": {"filled": False, "size": 22, "opacity": 0.75, "strokeWidth": 1.2},
            "bounds": {"strokeWidth": 2, "strokeDash": [2, 4], "color": soft},
            "unmeasured": {"fontSize": 11, "fontStyle": "italic", "color": soft, "align": "left"},
            "reference": {"strokeWidth": 1, "strokeDash": [4, 3], "color": line},
            "zero": {"strokeWidth": 1, "color": line},
            "comparison": {"strokeWidth": 1.5, "strokeDash": [4, 3], "color": soft, "opacity": 0.8},
            "through": {"strokeWidth": 1.2, "opacity": 0.6},
            "by_chance": {"strokeWidth": 2, "color": soft, "size": 12, "thickness": 2},
            "point": {"filled": True, "size": 560, "opacity": 1, "strokeWidth": 1, "stroke": line},
            "few": {"filled": False, "size": 560, "opacity": 1, "strokeWidth": 1, "strokeDash": [2, 3], "color": soft},
            "support": {"filled": False, "size": 900, "opacity": 1, "strokeWidth": 2.2, "color": ink},
            "said": {"fontSize": 11, "color": ink, "fontWeight": "bold"},
            "faint": {"fontSize": 11, "color": soft, "fontStyle": "italic"},
            "note": {"fontSize": 9.5, "color": soft},
        },
    }


def role_styles() -> str:
    """CSS that gives ``.role-NAME`` the colour of that role in the charts, in both themes."""
    pairs = zip(ROLES, LIGHT_ROLES, DARK_ROLES, strict=True)
    return "\n".join(f".role-{role} {{ background: light-dark({light}, {dark}); }}" for role, light, dark in pairs)
