"""Reading tables of transfer triples: GENIES' published layout, and ours, into plain records.

GENIES' layout (Clymer et al. 2023, arXiv:2311.07723): one CSV per model and intervention in folders of these names,
with the columns source, target, target_reference, generalization_accuracy, baseline_accuracy, baseline_intervention,
target_tuned_capability, target_tuned_capability_intervention, source_ID_accuracy, RMS_calibration_error and
differential_elicitation. Ours: the columns of `isobath.base.transfer_row`, as a frame of them is written by `to_csv`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from isobath.base.errors import InputError
from isobath.base.transfer_row import COLUMNS, GENIES, KEY, SHARES
from isobath.gpe.rows.csv_table import csv_table
from isobath.gpe.rows.record import Record, Table

ALIASES: Mapping[str, tuple[str, ...]] = {
    "model": ("model_name", "base_model"),
    "intervention": ("method", "strategy"),
    "source": ("source_distribution", "train_distribution"),
    "target": ("target_distribution", "eval_distribution"),
    "target_reference": ("target_reference_distribution",),
    "category": ("shift_category",),
    "seed": ("run_seed",),
    "generalisation_accuracy": ("generalization_accuracy", "eval_accuracy", "generalization", "gen_accuracy"),
    "baseline_accuracy": ("baseline", "zero_shot_accuracy"),
    "target_tuned_capability": ("ttc", "target_tuned_accuracy"),
    "source_accuracy": ("source_id_accuracy", "id_accuracy"),
    "calibration_error": ("rms_calibration_error",),
    "expected_calibration_error": ("ece",),
    "brier": ("brier_score",),
    "items": ("n", "test_items"),
    "capability_intervention": ("target_tuned_capability_intervention",),
}
"""Other names of columns, compared without regard to case."""

ELICITATION = ("differential_elicitation", "elicitation", "de")
"""Columns that repeat what follows from the others: checked against the formula, never read."""

IGNORED = ("gap", "recovered", "gap_index", "place")
"""Columns of ours that follow from the others, or from where the file lies."""

ITEMS = ("items", "reference_items", "source_items")
NEEDED = ("source", "target", "generalisation_accuracy", "baseline_accuracy", "target_tuned_capability")
EMPTY = frozenset(("", "nan", "none", "null", "na", "n/a", "<na>", "-"))
RULE = "a transfer table has a row per shift: source, target and accuracies between 0 and 1"
TOLERANCE = 1e-6


class TransferTable(NamedTuple):
    """Records with the columns of `isobath.base.transfer_row`, and what a reader should be told about them."""

    records: tuple[dict[str, Any], ...]
    notes: tuple[str, ...]
    sha256: tuple[str, ...]


class _Layout(NamedTuple):
    names: dict[str, str]
    """Column of ours -> column of the file."""
    stated: str | None
    """The file's column of differential elicitation."""
    genies: bool


def read_transfer(
    paths: Sequence[Path | str],
    *,
    model: str | None = None,
    intervention: str | None = None,
    chance: float | None = None,
    items: int | None = None,
) -> TransferTable:
    """Every row of CSV (or TSV) tables of transfer triples.

    Where a table has no column for them, `model` and `intervention` name all its rows; in GENIES' layout they are else
    taken from the folders (``MODEL/INTERVENTION/GENIES.csv``), and `chance` is .5: the better of two responses.
    `items` are those behind each accuracy where the table does not say (GENIES tests 750 or fewer); without them noise
    is not known. An empty cell, or a word for nothing, is no number.

    Raises `InputError` with ``file:line``: no such file, no table, a column missing, a number that is none or no share,
    a row without names, two rows of one name that differ.
    """
    if not paths:
        raise InputError("no file", RULE, "name at least one")
    records: list[dict[str, Any]] = []
    notes: list[str] = []
    digests = []
    for path in map(Path, paths):
        table = csv_table(path)
        digests.append(table.sha256)
        notes += [f"{path}: {note}." for note in table.notes]
        layout = _layout(table)
        given = _given(path, layout, {"model": model, "intervention": intervention}, notes)
        own = {"chance": 0.5 if chance is None and layout.genies else chance} | dict.fromkeys(ITEMS, items)
        made = [_record(record, layout, given, own) for record in table.records]
        notes += _said(path, layout, made, table.records)
        records += made
    return TransferTable(tuple(_once(records, notes)), tuple(notes), tuple(digests))


def _layout(table: Table) -> _Layout:
    if not table.records:
        raise InputError("it has a header and no rows", RULE, "check the export that wrote it", table.path)
    columns = list(table.records[0].values)
    lower: dict[str, str] = {}
    for column in reversed(columns):
        lower[column.strip().casefold()] = column
    names: dict[str, str] = {}
    for ours in COLUMNS:
        found = [lower[name] for name in (ours, *ALIASES.get(ours, ())) if name in lower and ours not in IGNORED]
        if len(found) > 1:
            raise InputError(
                f"columns {' and '.join(repr(f) for f in found)} both mean {ours}",
                "one column for each meaning",
                "drop or rename one",
                f"{table.path}:1",
            )
        names |= {ours: found[0]} if found else {}
    missing = [name for name in NEEDED if name not in names]
    if missing:
        known = ", ".join("/".join((name, *ALIASES.get(name, ())[:2])) for name in missing)
        raise InputError(
            f"no column for {', '.join(missing)} among {', '.join(columns)[:200]}",
            f"{RULE}; the names looked for: {known}",
            "rename the columns; scenarios are no table but JSON lines (docs/my-scenarios.md)",
            f"{table.path}:1",
        )
    stated = next((lower[name] for name in ELICITATION if name in lower), None)
    genies = {"source_id_accuracy", "target_tuned_capability_intervention"} <= lower.keys()
    return _Layout(names, stated, genies)


def _given(path: Path, layout: _Layout, told: Mapping[str, str | None], notes: list[str]) -> dict[str, str]:
    """Model and intervention where the table has no column for them: as told, or from the folders of GENIES' tree."""
    given = {}
    folders = {"intervention": path.parent.name, "model": path.parent.parent.name}
    for name, value in told.items():
        if name in layout.names:
            continue
        if value is None and layout.genies and folders[name]:
            value = folders[name]
            notes.append(f"{path}: {name} {value}, from the folder's name.")
        if value is None:
            raise InputError(
                f"nothing says which {name} the rows are of",
                "a row names its model and its intervention",
                f"add a column {name}, or lay the tables out as MODEL/INTERVENTION/GENIES.csv (in Python: {name}=...)",
                f"{path}:1",
            )
        given[name] = value
    return given


def _record(record: Record, layout: _Layout, given: Mapping[str, str], own: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {**given, "place": record.place}
    for ours, column in layout.names.items():
        made[ours] = _cell(ours, column, record)
    if "target_reference" not in layout.names or made["target_reference"] is None:
        made["target_reference"] = made["target"]
    made |= {name: value for name, value in own.items() if made.get(name) is None}
    if layout.genies and made.get("calibration_error") is not None and made.get("calibration") is None:
        made["calibration"] = GENIES
    for name in ("model", "intervention", "source", "target"):
        if made[name] is None:
            raise InputError(f"no {name}", RULE, f"fill the column {name} in", record.place)
    return made


def _cell(ours: str, column: str, record: Record) -> Any:
    text = str(record.values[column]).strip()
    if text.casefold() in EMPTY:
        return None
    kind = COLUMNS[ours]
    if kind == "string":
        return text
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    wrong = not math.isfinite(number) or (kind == "Int64" and number != int(number))
    if wrong or (ours in SHARES and not 0 <= number <= 1):
        raise InputError(
            f"{column} is {text[:40]!r}",
            f"it is {'a whole number' if kind == 'Int64' else 'a share from 0 to 1'}, or empty where there is none",
            "divide percentages by 100" if not wrong and number > 1 else "correct it, or leave the cell empty",
            record.place,
        )
    return int(number) if kind == "Int64" else number


def _said(path: Path, layout: _Layout, made: Sequence[Mapping[str, Any]], records: Sequence[Record]) -> list[str]:
    """What to tell: missing cells, a stated elicitation that is not the formula's, a calibration by another name."""
    notes = []
    for name in NEEDED[2:]:
        empty = [r for r in made if r[name] is None]
        if empty:
            notes.append(f"{len(empty)} rows have no {name}, the first at {empty[0]['place']}: no number, never 0.")
    if layout.stated is not None:
        off = [r.place for m, r in zip(made, records, strict=True) if not _agrees(m, str(r.values[layout.stated]))]
        if off:
            notes.append(
                f"{path}: {len(off)} of {len(made)} rows state another {layout.stated} than (generalisation - baseline)"
                f" / target-tuned capability gives, the first at {off[0]}; the formula is used."
            )
    if any(r.get("calibration") == GENIES for r in made):
        notes.append(
            f"{path}: GENIES' RMS_calibration_error compares bins with the mean of all labels; it is kept under its "
            "own name and not averaged with other calibration errors."
        )
    return notes


def _agrees(made: Mapping[str, Any], stated: str) -> bool:
    """Whether the file's own number is the formula's; an empty one has nothing to disagree with."""
    gen, base, ttc = (made[name] for name in NEEDED[2:])
    if stated.strip().casefold() in EMPTY or None in (gen, base, ttc) or not ttc:
        return True
    try:
        return math.isclose(float(stated), (gen - base) / ttc, rel_tol=0, abs_tol=TOLERANCE)
    except ValueError:
        return False


def _once(records: Sequence[dict[str, Any]], notes: list[str]) -> list[dict[str, Any]]:
    """Each row once: GENIES' own tables repeat some. Raises `InputError` where two rows of one name differ."""
    seen: dict[tuple[Any, ...], dict[str, Any]] = {}
    again: list[str] = []
    for record in records:
        name = tuple(record.get(column) for column in KEY)
        before = seen.setdefault(name, record)
        if before is record:
            continue
        place, first = str(record["place"]), str(before["place"])
        if {**before, "place": ""} != {**record, "place": ""}:
            shown = ", ".join(str(part) for part in name if part is not None)
            raise InputError(
                f"the row of {shown} has other numbers than at {first}",
                "a row is one training: model, intervention, shift, base and seed name it",
                "leave one of the two out, or tell runs apart in a column `base` or `seed`",
                place,
            )
        again.append(f"{place} (as {first})")
    if again:
        notes.append(f"{len(again)} rows repeat another to the last digit and count once, the first at {again[0]}.")
    return list(seen.values())
