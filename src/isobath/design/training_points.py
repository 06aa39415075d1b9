"""`training_points`: points to train on under a budget: nothing held out, every pair of levels first, then balance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from isobath.base.errors import InputError
from isobath.design.balanced_rows import balanced_rows, fixed_combinations, with_combinations
from isobath.design.cell_cover import cover
from isobath.design.cells import relevant_columns
from isobath.design.design import Design, codes_of
from isobath.design.feasible import bars_of
from isobath.design.held_out import HeldOut
from isobath.design.rule import Gold
from isobath.design.space import Codes, Space
from isobath.design.support import Support
from isobath.design.trainable import Trainable, trainable
from isobath.design.tuples import Ids, Tuples, tuples_of

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Uncoverable:
    """A tuple of levels that no point that may be trained on holds, with the reason."""

    levels: Mapping[str, str]
    reason: str


@dataclass(frozen=True, eq=False)
class TrainingPoints(Design):
    """Points to train on; the first `covering` of them are there to cover tuples, the others in balance.

    Of `feasible` tuples of `strength` levels of the factors `on` that some point that may be trained on holds, `had`
    are held by the support, and `covered` by it and the points together. `uncoverable` lists those that can be held by
    none, but for those that the support holds; levels that were not asked for count nowhere.
    """

    strength: int
    on: tuple[str, ...]
    feasible: int
    had: int
    covered: int
    covering: int
    uncoverable: tuple[Uncoverable, ...] = field(repr=False)

    @property
    def share(self) -> float:
        """Share of the tuples that can be covered that the points and the support cover."""
        return self.covered / self.feasible

    @property
    def complete(self) -> bool:
        """Whether every tuple that can be covered is."""
        return self.covered == self.feasible


def training_points(  # noqa: PLR0913 - the whole description of a training set
    space: Space,
    rows: int,
    seed: int,
    *,
    strength: int = 2,
    held: HeldOut | None = None,
    support: Support | None = None,
    gold: Gold | None = None,
    levels: Mapping[str, Sequence[str]] | None = None,
    fixed_irrelevant: int | None = None,
) -> TrainingPoints:
    """`rows` points to train on: none held out or contested, every tuple of `strength` levels first, then balanced.

    Tuples that `support` holds are not needed again. Where `rows` do not suffice, each point covers as many tuples as
    it can, those of relevant levels counting double. Further points have relevant levels in balance, and irrelevant
    ones drawn anew for each (domain randomisation, Tobin et al. 1703.06907). `fixed_irrelevant` instead draws so many
    combinations of irrelevant levels once and uses no others (fixed paraphrases); tuples of relevant levels alone are
    then covered. `levels`: factor -> the levels that may occur. Points repeat only where there are fewer than `rows`.
    The decision of `gold` is taken to depend on relevant levels alone. Raises `InputError` where nothing may be
    trained on, for fewer than one row, or a strength that is not 1..3.
    """
    if rows < 1 or not 1 <= strength <= 3 or (fixed_irrelevant is not None and fixed_irrelevant < 1):
        raise InputError(
            f"rows = {rows}, strength = {strength}, fixed_irrelevant = {fixed_irrelevant}",
            "1 or more rows, strength 1 to 3, 1 or more fixed combinations",
            "correct it",
        )
    found = trainable(space, held=held, gold=gold, levels=levels, seed=seed)
    index = _index(space, strength, fixed_irrelevant is not None)
    can = found.tuples(index)
    had = _held_by(index, codes_of(space, support.codes) if support is not None else None)
    fixed = fixed_combinations(found, fixed_irrelevant, seed) if fixed_irrelevant is not None else None
    first = cover(found, index, can, had, rows, seed)
    if fixed is not None:
        first = with_combinations(found, first, fixed, seed)
    codes, notes = balanced_rows(found, first, rows, fixed, seed)
    if held is not None and held.bars(codes).any():
        raise RuntimeError("a point is held out: a defect of the construction")
    reached = had | _held_by(index, codes)
    left = np.flatnonzero(~can & ~had & _asked_for(index, space, levels or {}))
    return TrainingPoints(
        space,
        codes,
        f"training points, strength {strength}",
        strength=strength,
        on=tuple(space.names[c] for c in index.columns),
        feasible=int(can.sum()),
        had=int((can & had).sum()),
        covered=int((can & reached).sum()),
        covering=len(first),
        uncoverable=_uncoverable(found, index, left),
        notes=_notes(found, index, can & ~reached, rows, notes),
    )


def _index(space: Space, strength: int, relevant_only: bool) -> Tuples:
    columns = relevant_columns(space) if relevant_only else list(range(len(space.factors)))
    if len(columns) < strength:
        raise InputError(
            f"strength {strength} over {len(columns)} factors", "not above the number of factors", "lower it"
        )
    return tuples_of(space.shape, tuple(columns), strength)


def _held_by(index: Tuples, codes: Codes | None) -> Flags:
    found = np.zeros(index.size, dtype=bool)
    for start in range(0, 0 if codes is None else len(codes), 4096):
        found[index.ids(codes[start : start + 4096])] = True  # type: ignore[index]
    return found


def _asked_for(index: Tuples, space: Space, levels: Mapping[str, Sequence[str]]) -> Flags:
    """Tuples none of whose levels were left out of `levels`."""
    columns, places = index.levels_of(np.arange(index.size))
    asked = np.ones((len(space.factors), max(space.shape)), dtype=bool)
    for name, kept in levels.items():
        factor, column = space.factor(name), space.names.index(name)
        asked[column] = False
        asked[column, [factor.domain.index(factor.level_of(level)) for level in kept]] = True
    return np.asarray(asked[columns, places].all(axis=1))


def _uncoverable(found: Trainable, index: Tuples, ids: Ids) -> tuple[Uncoverable, ...]:
    columns, places = index.levels_of(ids)
    space = found.space
    return tuple(
        Uncoverable({space.names[c]: space.factors[c].domain[p] for c, p in zip(cs, ps, strict=True)}, reason)
        for cs, ps, reason in zip(columns.tolist(), places.tolist(), found.reasons(index, ids), strict=True)
    )


def _notes(found: Trainable, index: Tuples, missed: Flags, rows: int, notes: list[str]) -> tuple[str, ...]:
    said = list(notes)
    if missed.any():
        sets = np.unique(index.sets_of(np.flatnonzero(missed)))
        relevant = np.isin(index.combos[sets], relevant_columns(found.space)).all(axis=1)
        said.append(
            f"{int(missed.sum()):,} of the tuples that can be covered are not, for want of rows ({rows:,}); "
            + ("some are of relevant factors alone" if relevant.any() else "each names an irrelevant factor")
        )
    if not found.exact:
        said.append(
            f"too many combinations of relevant levels to list: {len(found.cells):,} of them, drawn at random, are used"
        )
    if not bars_of(found.space).allowed(found.cells).all():
        raise RuntimeError("a cell that cannot be: a defect of the listing")
    return tuple(said)
