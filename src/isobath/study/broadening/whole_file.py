"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from isobath.base.errors import StoreError


def write_whole(path: Path, pieces: Iterable[bytes]) -> Path:
    """Write `pieces` to a temporary name beside `path`, on disk (fsync), then give it that name.

    Raises `StoreError` where it cannot be written; what stood at `path` then stands there still.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    except OSError as error:
        raise _failed(path, error) from error
    try:
        with os.fdopen(handle, "wb") as stream:
            for piece in pieces:
                stream.write(piece)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise _failed(path, error) from error
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path


def write_text(path: Path, text: str) -> Path:
    """`write_whole` of a text; half of a surrogate pair becomes a question mark."""
    return write_whole(path, [text.encode("utf-8", "replace")])


def _failed(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"{path} could not be written ({error.strerror}). Rule: a file is whole or not there. Remedy: make room or "
        "choose another folder, then give the same command: it goes on from here."
    )
