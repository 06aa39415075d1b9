"""Read training data: chat JSONL to rows. Whatever is wrong is an `InputError` with its line, the rule, the remedy."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, NoReturn

from isobath.base.errors import InputError
from isobath.gpe.chat_shape import checked_messages, foreign_format
from isobath.gpe.dataset import Dataset, repeats
from isobath.gpe.file_kind import BOM, RULE, check_head
from isobath.models.chat import Row

LONGEST_LINE = 16 * 2**20
"""Bytes. A longer line is not a training row but a file without line breaks."""

HEAD = 4096


def read_jsonl(path: str | Path) -> Dataset:
    """The rows of a chat JSONL file: ``{"messages": [{"role", "content"}, ...]}`` per line.

    ``weight`` (a number, 0 or more) becomes the row's loss weight; ``metadata`` (an object) and every further column
    become the row's metadata, nested values as JSON text. Blank lines are skipped; duplicates, a byte order mark and
    rows without a user turn are warnings in the result. Raises `InputError` with ``file:line`` for everything else.
    """
    path = Path(path)
    place = str(path)
    try:
        with path.open("rb") as stream:
            read = _read(stream, place)
    except OSError as error:
        raise InputError(
            f"cannot read the file: {error.strerror or error}", RULE, "check the path and its permissions.", place
        ) from None
    if not read.rows:
        raise InputError("the file is empty", RULE, "check the path and the export that wrote it.", place)
    if not any(row.weight > 0 for row in read.rows):
        raise InputError(
            "every row has weight 0", "at least one row has weight above 0.", "drop the weight column.", place
        )
    return Dataset(
        name=path.stem or path.name,
        rows=tuple(read.rows),
        lines=tuple(read.lines),
        sha256=read.sha256,
        warnings=tuple(_warnings(read)),
    )


class _Read(NamedTuple):
    rows: list[Row]
    lines: list[int]
    blanks: int
    bom: bool
    sha256: str


def _read(stream: BinaryIO, place: str) -> _Read:
    head = stream.read(HEAD)
    check_head(head, place)
    stream.seek(0)
    digest = hashlib.sha256()
    rows: list[Row] = []
    lines: list[int] = []
    blanks = last = 0
    for number, raw in _lines(stream, place):
        digest.update(raw)
        text = _decode(raw.removeprefix(BOM) if number == 1 else raw, f"{place}:{number}")
        if not text.strip():
            continue
        blanks += number - last - 1
        last = number
        rows.append(_row(text, f"{place}:{number}"))
        lines.append(number)
    return _Read(rows, lines, blanks, head.startswith(BOM), digest.hexdigest())


def _lines(stream: BinaryIO, place: str) -> Iterator[tuple[int, bytes]]:
    # readline with a limit: a huge file without line breaks is refused before it fills the memory
    number = 0
    while raw := stream.readline(LONGEST_LINE + 1):
        number += 1
        if len(raw) > LONGEST_LINE:
            raise InputError(
                f"the line is longer than {LONGEST_LINE // 2**20} MiB",
                RULE,
                "check that rows are separated by line breaks.",
                f"{place}:{number}",
            )
        yield number, raw


def _decode(raw: bytes, place: str) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"byte {error.start + 1} of the line (0x{raw[error.start]:02x}) is not UTF-8",
            RULE,
            "save the file as UTF-8 (`iconv -f LATIN1 -t UTF-8` if it came from an old system).",
            place,
        ) from None


def _row(text: str, place: str) -> Row:
    line = _json(text, place)
    if not isinstance(line, dict):
        raise InputError(f"the line is a JSON {_kind(line)}", RULE, 'write {"messages": [...]} on every line.', place)
    if "messages" not in line:
        raise InputError(
            foreign_format(line),
            'every row has "messages": a list of {"role": ..., "content": ...}.',
            "convert it (docs/bring-your-own.md shows how for each format).",
            place,
        )
    messages = checked_messages(line["messages"], place)
    return Row(messages=messages, weight=_weight(line.get("weight"), place), metadata=_metadata(line, place))


def _json(text: str, place: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_unique_keys, parse_constant=_no_constant, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise InputError(
            f"not JSON: {error.msg} at column {error.colno}: {text.strip()[:60]!r}",
            RULE,
            "check quotes, commas and that each row stands on one line (pretty-printed JSON does not).",
            place,
        ) from None
    except RecursionError:
        raise InputError("the JSON is nested too deeply", RULE, "flatten the metadata.", place) from None
    except ValueError as error:  # from the hooks above, or an integer of thousands of digits
        raise InputError(f"not JSON: {error}", RULE, "correct the value.", place) from None


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        raise ValueError(f"the key {counts.most_common(1)[0][0]!r} stands twice in one object")
    return out


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is too large for a number")
    return value


def _weight(value: object, place: str) -> float:
    if value is None:
        return 1.0
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1e6:
        raise InputError(
            f'"weight" is {value!r:.60}',
            "a row's loss weight is a number from 0 to a million.",
            "correct it, or give the column another name if it means something else.",
            place,
        )
    return float(value)


def _metadata(line: dict[str, Any], place: str) -> dict[str, str | int | float | bool | None]:
    inner = line.get("metadata", {})
    if inner is None:
        inner = {}
    if not isinstance(inner, dict):
        raise InputError(
            f'"metadata" is a JSON {_kind(inner)}', '"metadata" is an object.', "rename or correct the column.", place
        )
    outer = {key: value for key, value in line.items() if key not in ("messages", "weight", "metadata")}
    both = sorted(outer.keys() & inner.keys())
    if both:
        raise InputError(
            f"{both[0]!r} is a column and also stands in metadata",
            "each metadata name stands once.",
            "rename one of the two.",
            place,
        )
    return {_text(key, place): _scalar(value, place) for key, value in (outer | inner).items()}


def _scalar(value: object, place: str) -> str | int | float | bool | None:
    if isinstance(value, dict | list):
        value = json.dumps(value, sort_keys=True, ensure_ascii=False)
    if isinstance(value, str):
        return _text(value, place)
    assert value is None or isinstance(value, bool | int | float)
    return value


def _text(value: str, place: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InputError(
            f"{value[:40]!r} holds half of a surrogate pair", "text is Unicode.", "export the file again.", place
        ) from None
    return value


def _kind(value: object) -> str:
    names = {list: "array", dict: "object", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")


def _warnings(read: _Read) -> Iterator[str]:
    twice = repeats([row.messages for row in read.rows])
    if twice:
        yield (
            f"{len(twice)} of {len(read.rows)} rows repeat an earlier row word for word "
            f"(the first at line {read.lines[twice[0]]}); they are kept and count twice"
        )
    alone = [i for i, row in enumerate(read.rows) if not any(m.role == "user" for m in row.messages)]
    if alone:
        yield (
            f"{len(alone)} of {len(read.rows)} rows have no user turn (the first at line {read.lines[alone[0]]}); "
            "some chat templates refuse them"
        )
    if read.bom:
        yield "the file begins with a byte order mark, which was skipped"
    if read.blanks:
        yield f"{read.blanks} blank lines between rows were skipped"
