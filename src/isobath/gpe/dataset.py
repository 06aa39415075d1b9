"""`Dataset`: training rows read from a file, with the counts and warnings a reader should see."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from isobath.base.value import Value
from isobath.models.chat import Chat, Row


class Dataset(Value):
    """Rows in file order, the SHA-256 (hex) of the file's bytes, and warnings in words.

    `lines` holds the 1-based line of each row, so that a later error can still say ``file:line``.
    """

    name: str
    rows: tuple[Row, ...]
    lines: tuple[int, ...]
    sha256: str
    warnings: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """Number of rows, duplicates included."""
        return len(self.rows)

    @property
    def unique(self) -> int:
        """Number of different chats."""
        return len({row.messages for row in self.rows})


def repeats(chats: Sequence[Chat]) -> list[int]:
    """Positions of the chats that repeat an earlier one, message for message."""
    seen: set[Chat] = set()
    found = []
    for i, chat in enumerate(chats):
        if chat in seen:
            found.append(i)
        seen.add(chat)
    return found


def write_jsonl(rows: Sequence[Row], path: Path) -> None:
    """Write rows as chat JSONL, one object per line, UTF-8; `read_jsonl` gives the same rows back."""
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        for row in rows:
            stream.write(json.dumps(_line(row), ensure_ascii=False) + "\n")


def _line(row: Row) -> dict[str, Any]:
    line: dict[str, Any] = {"messages": [{"role": m.role, "content": m.content} for m in row.messages]}
    if row.weight != 1.0:
        line["weight"] = row.weight
    if row.metadata:
        line["metadata"] = dict(row.metadata)
    return line
