"""The page: one self-contained offline HTML file made from a `Report`."""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isobath.report.bundle import chart_script, inside_script
from isobath.report.page_view import page_view
from isobath.report.report import Report
from isobath.report.theme import chart_config

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"


def write_report(report: Report, path: Path | str) -> Path:
    """Write `report` to `path` as one HTML file, whole or not at all, and return the path.

    The page loads nothing: style, scripts, data and transcripts are inside, and its content policy forbids the rest.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    html = page_html(report)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(html)
        os.chmod(name, 0o644)
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return target


def page_html(report: Report) -> str:
    """The text of the page. The same report gives the same text."""
    from markupsafe import Markup

    view, charts = page_view(report)
    # the only texts that enter unescaped are our own style sheet and the scripts
    bundle, script = inside_script(chart_script()), inside_script(_own("page.js"))
    specs = {name: _spec(chart) for name, chart in charts.items()}
    return (
        _environment()
        .get_template("page.html.jinja")
        .render(
            page=view,
            charts={"config": {"light": chart_config(), "dark": chart_config(dark=True)}, "specs": specs},
            style=Markup(_own("page.css")),
            bundle=Markup(bundle),
            script=Markup(script),
            policy=_policy(bundle, script),
        )
    )


def _spec(chart: Any) -> dict[str, Any]:
    """The Vega-Lite specification without its schema address and without a configuration: the page has its own."""
    spec: dict[str, Any] = chart.to_dict(validate=False)
    return {key: value for key, value in spec.items() if key not in ("$schema", "config")}


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
