"""Transfer triples: what a model trained on a source does on a target, between a baseline and a target-tuned reference.

Three ways to put the accuracy on the target, `gen`, on a scale, each of them a state and no number where it means
nothing:

- differential elicitation (gen - baseline) / TTC (GENIES, Clymer et al. 2023, arXiv:2311.07723; TTC is the accuracy of
  a model tuned on the target reference): what training on the source brought out, in units of what is there;
- the share recovered (gen - baseline) / (TTC - baseline): 0 zero-shot, 1 as good as tuned on the target (the form of
  easy-to-hard's supervision gap recovered; methods 5.6, *capability-normalised*);
- the generalisation gap index (A - gen) / (A - chance), A being the accuracy on held-out source items (methods 5.6): 0
  nothing lost on the way, 1 all of it. It knows no target-tuned model and so cannot tell "unwilling" from "unable".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from isobath.analysis.two_way import Array
from isobath.base.errors import InputError
from isobath.base.transfer_row import COLUMNS, KEY, REQUIRED, SHARES

NOISE = 2.0
"""Standard errors within which an accuracy is not told from chance, or two accuracies from one another."""

Number = TypeVar("Number", float, Array)


class Defined(StrEnum):
    """Whether a measure of a row is a number, and if not, why."""

    OK = "ok"
    MISSING = "missing"
    """An accuracy that it is made of is not in the row."""
    AT_CHANCE = "target-tuned model at chance"
    """The model cannot do the target even when tuned on it: there is nothing to elicit."""
    BASELINE_ABOVE = "baseline above the target-tuned model"
    """The target-tuned model is no ceiling."""
    NO_ROOM = "no room between baseline and target-tuned model"
    """They differ by less than noise: the share of nothing."""
    SOURCE_AT_CHANCE = "source not learned"
    """Accuracy on the source is within noise of chance: there is nothing to lose."""


def differential_elicitation(generalisation: Number, baseline: Number, capability: Number) -> Number:
    """(generalisation - baseline) / capability: GENIES' differential elicitation, the bare formula."""
    return (generalisation - baseline) / capability


def recovered(generalisation: Number, baseline: Number, capability: Number) -> Number:
    """(generalisation - baseline) / (capability - baseline), the bare formula."""
    return (generalisation - baseline) / (capability - baseline)


def gap_index(generalisation: Number, source: Number, chance: Number) -> Number:
    """(source - generalisation) / (source - chance), the bare formula."""
    return (source - generalisation) / (source - chance)


def transfer_frame(records: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """A checked frame of transfer rows; columns that a record lacks are null.

    Raises `InputError` for a key that is no column, a null that may not be one, a number outside [0, 1], an accuracy of
    chance of 1, and two rows of one name.
    """
    frame = pd.DataFrame.from_records([dict(r) for r in records])
    unknown = [str(c) for c in frame.columns if c not in COLUMNS]
    if unknown or frame.empty:
        raise InputError(
            f"unknown columns {', '.join(unknown)}" if unknown else "no transfer row",
            f"a transfer row has some of {', '.join(COLUMNS)}",
            "rename or drop them" if unknown else "give at least one",
        )
    columns = {}
    for column, kind in COLUMNS.items():
        try:
            columns[column] = pd.Series(frame.get(column), index=frame.index, dtype=kind)
        except (TypeError, ValueError) as error:
            raise InputError(
                f"column {column} holds something else than {kind}: {error}", f"{column} is {kind}", "convert it"
            ) from error
    typed = pd.DataFrame(columns)
    _check(typed)
    return typed


def _check(frame: pd.DataFrame) -> None:
    for column in REQUIRED:
        if (null := frame[column].isna() | (frame[column] == "").fillna(True)).any():
            raise InputError(f"no {column}", f"{column} is never empty", "fill it in", _place(frame, null))
    for column in SHARES:
        values = _numbers(frame, column)
        outside = ~np.isnan(values) & ~((values >= 0) & (values <= 1))
        if outside.any():
            shown = values[outside.argmax()]
            remedy = "divide percentages by 100" if shown > 1 else "correct it"
            raise InputError(f"{column} {shown:g}", "shares lie between 0 and 1", remedy, _place(frame, outside))
    sure = _numbers(frame, "chance") >= 1
    if sure.any():
        raise InputError("chance 1", "a guess can be wrong", "correct it", _place(frame, sure))
    for column in ("items", "reference_items", "source_items"):
        few = _numbers(frame, column) < 1
        if few.any():
            raise InputError(f"{column} below 1", "an accuracy is over items", "leave it empty", _place(frame, few))
    twice = frame.duplicated(list(KEY))
    if twice.any():
        row = frame.iloc[int(twice.to_numpy(dtype=bool).argmax())]
        name = ", ".join(f"{c} {row[c]}" for c in KEY if not pd.isna(row[c]))
        raise InputError(
            f"a second row of {name}",
            "a row is one training: model, intervention, shift, base and seed name it",
            "name runs apart in a column `base` or `seed`",
            _place(frame, twice),
        )


def _place(frame: pd.DataFrame, mask: Any) -> str:
    row = int(np.asarray(mask, dtype=bool).argmax())
    place = frame["place"].iloc[row]
    return f"row {row}" if pd.isna(place) else str(place)


def _numbers(frame: pd.DataFrame, column: str) -> Array:
    found: Array = frame[column].to_numpy(dtype=float, na_value=np.nan)
    return found


def shift_names(frame: pd.DataFrame) -> pd.Series[str]:
    """What each row's shift is called: ``source -> target``, with the reference where that is another."""
    same = (frame["target_reference"] == frame["target"]).astype(bool)
    plain = frame["source"] + " -> " + frame["target"]
    return plain.where(same, plain + " (reference: " + frame["target_reference"] + ")").astype(str)


def with_measures(frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` with gap, over_guess, elicitation, guess_elicitation, recovered, gap_index, and NAME_state beside each.

    `gap` is TTC - generalisation, `over_guess` generalisation - chance, `guess_elicitation` the elicitation that
    guessing would show: above 0 wherever the baseline is worse than a guess. States are those of `Defined`. An
    accuracy counts as told from chance if it lies more than `NOISE` standard errors above, as far as items and chance
    are known: without items every accuracy above chance passes, without chance all.
    """
    gen, base = _numbers(frame, "generalisation_accuracy"), _numbers(frame, "baseline_accuracy")
    ttc, source = _numbers(frame, "target_tuned_capability"), _numbers(frame, "source_accuracy")
    chance = _numbers(frame, "chance")
    items = {name: _numbers(frame, name) for name in ("items", "reference_items", "source_items")}
    at_chance = ttc <= chance + NOISE * _error(ttc, items["reference_items"])
    unlearned = source <= chance + NOISE * _error(source, items["source_items"])
    apart = np.hypot(_error(ttc, items["reference_items"]), _error(base, items["items"]))
    ceiling = {Defined.BASELINE_ABOVE: base > ttc, Defined.AT_CHANCE: at_chance | (ttc <= 0)}
    room = {Defined.NO_ROOM: ttc - base <= NOISE * apart, **ceiling}
    with np.errstate(divide="ignore", invalid="ignore"):
        made: dict[str, tuple[Array, tuple[Array, ...], dict[Defined, Any]]] = {
            "gap": (ttc - gen, (gen, ttc), ceiling),
            "over_guess": (gen - chance, (gen, chance), {}),
            "guess_elicitation": (differential_elicitation(chance, base, ttc), (chance, base, ttc), ceiling),
            "elicitation": (differential_elicitation(gen, base, ttc), (gen, base, ttc), ceiling),
            "recovered": (recovered(gen, base, ttc), (gen, base, ttc), room),
            "gap_index": (gap_index(gen, source, chance), (gen, source, chance), {Defined.SOURCE_AT_CHANCE: unlearned}),
        }
    out = frame.copy()
    for name, (value, needed, reasons) in made.items():
        state = np.full(len(frame), str(Defined.OK), dtype=object)
        for reason, holds in reasons.items():  # the last that holds is the gravest
            state[holds] = str(reason)
        state[np.isnan(needed).any(axis=0)] = str(Defined.MISSING)
        out[name] = pd.array(np.where(state == str(Defined.OK), value, np.nan), dtype="Float64")
        out[f"{name}_state"] = pd.array(state, dtype="string")
    return out


def _error(accuracy: Array, items: Array) -> Array:
    """Standard error of an accuracy over independent items; 0 where their number is not known."""
    error: Array = np.sqrt(np.nan_to_num(accuracy * (1 - accuracy) / items))
    return error
