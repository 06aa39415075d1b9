"""`Spool`: rows kept so far, on disk in the order they came, read back in the order they are wanted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from isobath.study.broadening.rows import line_of


class Spool:
    """A scratch file of lines by row number, so that a large set is never in memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO = path.open("w+b")
        self._at: dict[int, tuple[int, int]] = {}
        self._end = 0

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            self._file.close()
        finally:
            self.path.unlink(missing_ok=True)

    def __contains__(self, row: int) -> bool:
        return row in self._at

    def __len__(self) -> int:
        return len(self._at)

    @property
    def rows(self) -> list[int]:
        """Rows there are, in ascending order."""
        return sorted(self._at)

    def add(self, row: int, values: Mapping[str, Any]) -> None:
        """Keep the line of `row`."""
        line = line_of(values)
        self._file.seek(self._end)
        self._file.write(line)
        self._at[row] = (self._end, len(line))
        self._end += len(line)

    def lines(self, rows: Iterable[int]) -> Iterator[bytes]:
        """The lines of `rows`, in that order."""
        for row in rows:
            start, length = self._at[row]
            self._file.seek(start)
            yield self._file.read(length)
