"""The one JavaScript bundle that draws every chart of a report, made once per machine and kept."""

from __future__ import annotations

import os
import re
import tempfile
from functools import lru_cache
from pathlib import Path

CREDIT = (
    "Charts are drawn by Vega, Vega-Lite and Vega-Embed, © the University of Washington Interactive Data Lab and "
    "contributors, BSD-3-Clause."
)
"""Printed in every report, because the bundle is redistributed inside it."""


@lru_cache(maxsize=1)
def chart_script() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script that defines `vegaEmbed` and loads nothing from a network.

    Bundling costs seconds, so the result is kept in the user's cache folder under the version that made it. A folder
    that cannot be written costs those seconds again and nothing else.
    """
    from importlib.metadata import version

    kept = cache_folder() / f"vega-{version('vl-convert-python')}.js"
    try:
        script = kept.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        script = ""
    if "window.vegaEmbed=" in script:
        return script
    import vl_convert

    script = str(vl_convert.javascript_bundle())  # type: ignore[call-arg]  # its stub forgets the default
    _keep(kept, script)
    return script


def cache_folder() -> Path:
    """``$XDG_CACHE_HOME/isobath`` or ``~/.cache/isobath``."""
    root = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(root) if root else Path.home() / ".cache") / "isobath"


def inside_script(code: str) -> str:
    """JavaScript made safe to stand inside a ``<script>`` element.

    ``</script`` would end the element and ``<!--`` change how the rest is read. Both can only occur in string and
    regular-expression literals, where ``\\u003c`` means the same character.
    """
    return re.sub(r"<(?=/script|!--)", r"\\u003c", code, flags=re.IGNORECASE)


def _keep(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        Path(name).replace(path)
    except OSError:
        return
