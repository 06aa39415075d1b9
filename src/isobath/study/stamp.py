"""The stamp beside a report: which study it is of, so that a finished one is recognised without heavy imports."""

from __future__ import annotations

from pathlib import Path

from isobath.store import Store
from isobath.study.runner import finished_artifact
from isobath.study.study import Study

REPORT_VERSION = 1
"""Raised when the same rows begin to give another page, so that old pages are written again."""

STAMP, SUMMARY = ".finished", "summary.txt"


def write_stamp(study: Study, store: Store, folder: Path) -> None:
    """Mark the report, figures and summary in `folder` as those of `study`, if it is complete."""
    text = _text(study, store)
    if text is not None:
        (folder / STAMP).write_text(text)


def is_stamped(study: Study, store: Store, folder: Path) -> bool:
    """Whether `study` is complete and `folder` holds its report."""
    stamp = folder / STAMP
    return stamp.is_file() and (folder / SUMMARY).is_file() and stamp.read_text() == _text(study, store)


def _text(study: Study, store: Store) -> str | None:
    done = finished_artifact(study, store)
    return f"{done.key} report {REPORT_VERSION}\n" if done is not None else None
