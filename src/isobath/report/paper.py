"""Figures for a paper: SVG and PDF on white, the specification, and the numbers behind each as CSV. No browser."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from isobath.report.theme import PAPER_FONT, chart_config

if TYPE_CHECKING:
    from isobath.report.gpe_view import FigureView


def write_figures(figures: Sequence[FigureView], folder: Path) -> list[Path]:
    """Write ``NAME.svg``, ``NAME.pdf``, ``NAME.csv`` and ``NAME.vl.json`` of every figure and return the paths.

    A figure whose specification stands there unchanged is not drawn again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for figure in figures:
        spec, svg, pdf, csv = (folder / f"{figure.name}{end}" for end in (".vl.json", ".svg", ".pdf", ".csv"))
        text = json.dumps({**figure.spec, "config": chart_config(font=PAPER_FONT)}, indent=1)
        written += [svg, pdf, csv, spec]
        if all(p.is_file() for p in (svg, pdf, csv, spec)) and spec.read_text(encoding="utf-8") == text:
            continue
        import vl_convert

        figure.frame.to_csv(csv, index=False)
        drawn = vl_convert.vegalite_to_svg(text)
        svg.write_text(drawn, encoding="utf-8")
        pdf.write_bytes(vl_convert.svg_to_pdf(drawn))
        spec.write_text(text, encoding="utf-8")  # last: its presence says that the others are whole
    return written
