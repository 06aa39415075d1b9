"""The rows frame: reading and checking it. Averaging it down: `isobath.analysis.replicates`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from isobath.base.errors import InputError
from isobath.base.row import COLUMNS, REQUIRED, State, TraitKind


def frame_of(records: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """A checked rows frame from records; columns that a record lacks are null.

    Raises `InputError` as `validate` does, and for a key that is no column.
    """
    frame = pd.DataFrame.from_records(list(records))
    _refuse_unknown(frame)
    return validate(frame.reindex(columns=list(COLUMNS)))


def read_rows(path: Path | str) -> pd.DataFrame:
    """A checked rows frame from a Parquet file. Raises `InputError` if it is not there, not Parquet or not rows."""
    place = Path(path)
    if not place.is_file():
        raise InputError(f"no file {place}", "rows are one Parquet file", "check the path or run the study first")
    try:
        frame = pd.read_parquet(place)
    except (OSError, ValueError) as error:
        raise InputError(
            f"it cannot be read: {error}", "rows are one Parquet file", "write it again", str(place)
        ) from error
    return validate(frame)


def validate(frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` with the columns and types of `COLUMNS`, in their order, or an `InputError` naming what is wrong."""
    _refuse_unknown(frame)
    missing = [column for column in COLUMNS if column not in frame.columns]
    if missing:
        raise InputError(
            f"missing column{'s' * (len(missing) > 1)} {', '.join(missing)}",
            "a rows frame has every column of isobath.base.row.COLUMNS",
            "add them, null where they do not apply (frame_of does)",
        )
    typed = _typed(frame[list(COLUMNS)])
    for column in REQUIRED:
        if typed[column].isna().any():
            raise InputError(
                f"{column} is null in row {_first(typed[column].isna())}", f"{column} is never null", "fill it in"
            )
    _refuse_strange(typed, "state", [str(s) for s in State])
    _refuse_strange(typed, "trait_kind", [str(k) for k in TraitKind])
    _refuse_values(typed)
    return typed


def _refuse_unknown(frame: pd.DataFrame) -> None:
    unknown = [str(column) for column in frame.columns if column not in COLUMNS]
    if unknown:
        raise InputError(
            f"unknown column{'s' * (len(unknown) > 1)} {', '.join(unknown)}",
            f"the columns of a rows frame are {', '.join(COLUMNS)}",
            "rename or drop them",
        )


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    columns = {}
    for column, kind in COLUMNS.items():
        try:
            columns[column] = frame[column].astype(kind)  # type: ignore[call-overload]
        except (TypeError, ValueError) as error:
            raise InputError(
                f"column {column} holds something else than {kind}: {error}", f"{column} is {kind}", "convert it"
            ) from error
    return pd.DataFrame(columns)


def _refuse_strange(typed: pd.DataFrame, column: str, known: list[str]) -> None:
    strange = ~typed[column].isin(known)
    if strange.any():
        row = _first(strange)
        raise InputError(
            f"{column} {typed[column].iloc[row]!r} in row {row}", f"it is one of {', '.join(known)}", "correct it"
        )


def _refuse_values(typed: pd.DataFrame) -> None:
    value = typed["value"].to_numpy(dtype=float, na_value=np.nan)
    has, ok = ~np.isnan(value), (typed["state"] == str(State.OK)).to_numpy(dtype=bool)
    rule = "a value is there if and only if the state is ok: what is missing is never a number"
    for wrong, what in ((ok & ~has, "is ok but has no value"), (~ok & has, "has a value but is not ok")):
        if wrong.any():
            row = int(wrong.argmax())
            raise InputError(
                f"row {row} (trait {typed['trait'].iloc[row]}, question {typed['question'].iloc[row]}, state "
                f"{typed['state'].iloc[row]}) {what}",
                rule,
                "set the state or drop the value",
            )
    outside = has & ~((value >= 0) & (value <= 1))
    if outside.any():
        row = int(outside.argmax())
        raise InputError(f"value {value[row]} in row {row}", "values lie in [0, 1]", "rescale the score")
    weight = typed["weight"].to_numpy(dtype=float, na_value=1.0)
    if (wrong := ~(np.isfinite(weight) & (weight > 0))).any():
        row = int(wrong.argmax())
        raise InputError(f"weight {weight[row]} in row {row}", "weights are above 0", "drop rows that do not count")


def _first(mask: pd.Series[bool]) -> int:
    return int(mask.to_numpy(dtype=bool).argmax())
