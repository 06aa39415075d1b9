"""Rows that agree in some columns: a group, or the wordings of one thing (no paper: what entries mean by `same`)."""

from __future__ import annotations

from collections.abc import Sequence

from isobath.base.errors import InputError
from isobath.interventions.selection import Tagged


def grouped(rows: Sequence[Tagged], columns: Sequence[str], asked_by: str) -> dict[str, list[int]]:
    """Positions of `rows` by their values in `columns`, groups in the order of their names.

    Raises `InputError` where a row lacks a column: it would belong to no group and be passed over silently.
    """
    found: dict[str, list[int]] = {}
    for number, row in enumerate(rows):
        for column in columns:
            if column not in row.metadata:
                known = sorted({name for r in rows for name in r.metadata})
                raise InputError(
                    f"{asked_by}: training row {number + 1} has no metadata {column!r}",
                    f"every row says which group it belongs to; the columns are {', '.join(known) or 'none'}",
                    "name one that all rows have, or add it to the training data",
                )
        found.setdefault(" | ".join(repr(row.metadata[column]) for column in columns), []).append(number)
    return dict(sorted(found.items()))
