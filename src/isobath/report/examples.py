"""Which responses stand behind a number on the page: few, chosen by rule, from the lowest score to the highest."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

CELL = ("gpe", "arm", "trait", "condition")
"""The columns that name one number."""
PER_NUMBER = 5

RULE = "evenly spaced over all of them in the order of their score, lowest first, unscored ones last"
"""How `choose_examples` chooses, as it is told to the reader."""


def choose_examples(rows: pd.DataFrame, per_number: int = PER_NUMBER) -> pd.DataFrame:
    """At most `per_number` rows of every cell (`CELL`), evenly spaced over its rows in the order of `value`.

    Nothing is drawn at random and nothing picked by eye: the first is the lowest score, the last the highest (or an
    unscored response, where there are any). Ties stand in the order of base, question and sample.
    """
    order = [*CELL, "value", "base", "question", "paraphrase", "option_order", "sample"]
    ordered = rows.sort_values([c for c in order if c in rows.columns], na_position="last", kind="stable")
    groups = ordered.groupby(list(CELL), dropna=False, sort=False, observed=True)
    place = groups.cumcount()
    size = groups["state"].transform("size")
    chosen = place < 0
    for k in range(per_number):
        share = 0.5 if per_number == 1 else k / (per_number - 1)
        chosen |= place == ((size - 1) * share).round()
    return ordered[chosen]
