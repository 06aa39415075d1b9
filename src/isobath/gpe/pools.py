"""Pools: files of rows under the names by which interventions find them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from isobath.base.errors import InputError
from isobath.models.chat import Row

TAKEN = ("signal", "control", "unasked")
"""Rows that every GPE has under these names."""


def pool_rows(pools: Mapping[str, str], read: Callable[[str], tuple[Row, ...]]) -> dict[str, tuple[Row, ...]]:
    """The rows of every file of `pools`. Raises `InputError` for a name that is taken, and what `read` raises."""
    for name in pools:
        if name in TAKEN:
            raise InputError(
                f"a pool named {name!r}", f"{', '.join(TAKEN)} are rows that every GPE has", "choose another name"
            )
    return {name: read(path) for name, path in pools.items()}
