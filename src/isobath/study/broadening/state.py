"""Which specification the files beside an output are of, and that only one process writes them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from isobath.base.errors import InputError
from isobath.study.broadening.paths import Paths
from isobath.study.broadening.whole_file import write_text


@contextmanager
def claimed(paths: Paths) -> Iterator[None]:
    """Hold the output for one process. Raises `InputError` while another one writes it."""
    try:
        paths.state.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"the folder {str(paths.state)!r} cannot be made ({error.strerror})", "", "choose another --out"
        ) from error
    lock = FileLock(paths.state / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(
            f"another process writes {paths.train}", "one at a time does", "wait for it, or choose another --out"
        ) from None
    try:
        yield
    finally:
        lock.release()


def begin(paths: Paths, identity: str) -> bool:
    """Make sure that what lies there is of `identity`; whether it is finished.

    Raises `InputError` where the rows there are of another specification, or nobody knows of which.
    """
    found = _read(paths)
    if found is None and paths.train.exists():
        raise InputError(
            f"{paths.train} exists and was not made by this command",
            "nothing is overwritten",
            "choose another --out, or move it",
        )
    if found is not None and found.get("identity") != identity:
        if paths.train.exists():
            raise InputError(
                f"{paths.train} holds the rows of another specification (or of another version of its scenarios)",
                "one output is of one specification",
                f"choose another --out, or delete {paths.train.name}: answers that were bought are kept beside it and "
                "used again",
            )
        shutil.rmtree(paths.state / "parts", ignore_errors=True)
        found = None
    if found is None:
        _write(paths, identity, finished=False)
        return False
    return bool(found.get("finished")) and all(path.exists() for path in paths.written)


def end(paths: Paths, identity: str) -> None:
    """Remember that it is finished, and let go of what only an unfinished run needs."""
    _write(paths, identity, finished=True)
    shutil.rmtree(paths.state / "parts", ignore_errors=True)


def _read(paths: Paths) -> dict[str, object] | None:
    try:
        found = json.loads(paths.stamp.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _write(paths: Paths, identity: str, *, finished: bool) -> None:
    write_text(paths.stamp, json.dumps({"identity": identity, "finished": finished}) + "\n")
