"""Strict JSON: no NaN, no key twice, no number that overflows, and every complaint with its place."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any, NoReturn

from isobath.base.errors import InputError

RULE = "rows are JSON objects, UTF-8."


def parse_json(text: str, place: str, *, last: bool = False) -> Any:
    """The value of `text`. `last` says that the file ends with it, without a line break: it may be cut off there.

    Raises `InputError` for everything that JSON readers would otherwise drop or change in silence.
    """
    try:
        return json.loads(text, object_pairs_hook=_unique_keys, parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise json_error(error, text, place, last=last) from None


def strict_decoder() -> json.JSONDecoder:
    """A decoder with the same rules, for texts that hold more than one value."""
    return json.JSONDecoder(object_pairs_hook=_unique_keys, parse_constant=_no_constant, parse_float=_finite)


def json_error(error: ValueError | RecursionError, text: str, place: str, *, last: bool = False) -> InputError:
    """The `InputError` that says in words what a JSON reader stumbled over."""
    if isinstance(error, RecursionError):
        return InputError("the JSON is nested too deeply", RULE, "flatten the metadata.", place)
    if not isinstance(error, json.JSONDecodeError):  # from the hooks, or an integer of thousands of digits
        return InputError(f"not JSON: {error}", RULE, "correct the value (null for what is not known).", place)
    began = text.lstrip()[:1] in ("{", "[")
    if last and began and (error.pos >= len(text.rstrip()) - 1 or error.msg.startswith("Unterminated")):
        return InputError(
            f"the file ends in the middle of this row: {text.strip()[-40:]!r}",
            "the last row is whole.",
            "the download or the export was cut off: make it again, or delete this line.",
            place,
        )
    return InputError(
        f"not JSON: {error.msg.removesuffix(' at')} at column {error.colno}: {text.strip()[:60]!r}",
        RULE,
        "check quotes, commas and that each row stands on one line (pretty-printed JSON does not).",
        place,
    )


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
