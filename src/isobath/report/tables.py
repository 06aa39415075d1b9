"""Tables: as frames for CSV, as Markdown for a paper's appendix, and as views for the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Column:
    """A heading; numbers stand to the right."""

    text: str
    number: bool = False


@dataclass(frozen=True)
class Value:
    """One field of a table: its text, the interval beside it, a note below, and the id of the transcripts it opens.

    `kind` is the field's style (``num``, ``wide``); `role` gives it the colour of an arm's role; `badge` and `verdict`
    print a verdict before it;
    `link` is the id of an element that it leads to.
    """

    text: str
    interval: str = ""
    cell: str = ""
    kind: str = ""
    badge: str = ""
    verdict: str = ""
    note: str = ""
    role: str = ""
    link: str = ""


@dataclass(frozen=True)
class TableView:
    """A table as the page prints it."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Value]]
    caption: str = ""


def markdown(frame: pd.DataFrame) -> str:
    """`frame` as a Markdown table; a missing number is an empty field, never 0."""
    names = [str(name) for name in frame.columns]
    lines = ["| " + " | ".join(map(_field, names)) + " |", "|" + "|".join(" --- " for _ in names) + "|"]
    for row in frame.itertuples(index=False):
        lines.append("| " + " | ".join(_field(value) for value in row) + " |")
    return "\n".join(lines) + "\n"


def write_tables(frames: dict[str, pd.DataFrame], folder: Path) -> list[Path]:
    """Every frame as ``NAME.csv`` and ``NAME.md`` in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for name, frame in frames.items():
        written += [folder / f"{name}.csv", folder / f"{name}.md"]
        frame.to_csv(written[-2], index=False)
        written[-1].write_text(markdown(frame), encoding="utf-8")
    return written


def _field(value: Any) -> str:
    import pandas as pd

    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return ""
    text = f"{value:.4f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
