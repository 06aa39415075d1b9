"""The page: one self-contained offline HTML file made from a `Report`."""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from isobath.report.bundle import chart_script, inside_script
from isobath.report.page_view import PageView, page_view
from isobath.report.paper import write_figures
from isobath.report.report import Report
from isobath.report.theme import chart_config, role_styles

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"


def write_report(report: Report, path: Path | str, figures: Path | str | None = None) -> Path:
    """Write `report` to `path` as one HTML file, whole or not at all, and return the path.

    The page loads nothing: style, scripts, data and transcripts are inside, and its content policy forbids the rest.
    With `figures`, the paper figures and the numbers behind them are written to that folder too.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    view = page_view(report)
    html = page_html(view)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    try:
        # a lone surrogate in a model's text has no UTF-8: it becomes a question mark rather than the end of the report
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace", newline="\n") as stream:
            stream.write(html)
        os.chmod(name, 0o644)
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    if figures is not None:
        write_figures(view.figures, Path(figures))
    return target


def save_figures(report: Report, folder: Path | str) -> list[Path]:
    """Write every figure of `report` to `folder`: see `isobath.report.paper.write_figures`."""
    return write_figures(page_view(report).figures, Path(folder))


def page_html(view: PageView) -> str:
    """The text of the page. The same report gives the same text."""
    from markupsafe import Markup

    # the only texts that enter unescaped are our own style sheet and the scripts
    bundle, script = inside_script(chart_script()), inside_script(_own("page.js"))
    specs = {figure.name: figure.spec for figure in view.figures}
    return (
        _environment()
        .get_template("page.html.jinja")
        .render(
            page=view,
            charts={"config": {"light": chart_config(), "dark": chart_config(dark=True)}, "specs": specs},
            style=Markup(f"{_own('page.css')}{role_styles()}"),
            bundle=Markup(bundle),
            script=Markup(script),
            policy=_policy(bundle, script),
        )
    )


def _policy(*scripts: str) -> str:
    """Only these scripts may run and nothing may be loaded. Vega compiles its expressions, hence ``unsafe-eval``."""
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in scripts)
    return (
        f"default-src 'none'; script-src {hashes} 'unsafe-eval'; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True)


def _own(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")
