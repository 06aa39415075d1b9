"""`Journal`: what an endpoint has answered, on disk before anything else is done with it."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from isobath.base.errors import StoreError


class Journal:
    """An append-only JSONL file of answers by key, safe between threads.

    A line is on disk (fsync) before `append` returns, so that no crash loses what was paid for. A last line torn by a
    crash is cut off when the file is opened; a damaged line elsewhere is skipped and counted in `damaged`. `dollars` is
    what the answers cost, as far as their entries say.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.damaged, self.dollars = path, 0, 0.0
        self.entries: dict[str, Mapping[str, Any]] = {}
        self._lock = threading.Lock()
        self._good = self._read()

    def __contains__(self, key: object) -> bool:
        return key in self.entries

    def __getitem__(self, key: str) -> Mapping[str, Any]:
        return self.entries[key]

    def append(self, key: str, entry: Mapping[str, Any]) -> None:
        """Keep `entry` under `key`. Raises `StoreError` where it cannot be written; then nothing of it stays."""
        line = (json.dumps({"key": key, **entry}, ensure_ascii=True) + "\n").encode()
        with self._lock:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                with self.path.open("r+b" if self.path.exists() else "x+b") as stream:
                    stream.truncate(self._good)
                    stream.seek(self._good)
                    stream.write(line)
                    stream.flush()
                    os.fsync(stream.fileno())
            except OSError as error:
                raise StoreError(
                    f"{self.path}: an answer could not be kept ({error.strerror}). Rule: answers are on disk before "
                    "they are used. Remedy: make room, then give the same command: it goes on from here."
                ) from error
            self._good += len(line)
            self._take(key, entry)

    def _take(self, key: str, entry: Mapping[str, Any]) -> None:
        self.entries[key] = entry
        cost = entry.get("dollars")
        self.dollars += float(cost) if isinstance(cost, int | float) else 0.0

    def _read(self) -> int:
        """Take in the lines there are; bytes up to the end of the last whole one."""
        if not self.path.exists():
            return 0
        good = 0
        with self.path.open("rb") as stream:
            for line in stream:
                if not line.endswith(b"\n"):
                    break
                good += len(line)
                try:
                    entry = json.loads(line)
                    self._take(str(entry.pop("key")), entry)
                except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
                    self.damaged += 1
        return good
