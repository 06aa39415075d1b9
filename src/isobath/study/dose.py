"""Arms that are doses: rows of a pool mixed into the signal at several shares, in its place or beside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from isobath.analysis.dose import Better, Dose, DoseSpec
from isobath.base.errors import InputError
from isobath.base.row import Role, TraitKind
from isobath.interventions.mix import Budget, Mix
from isobath.interventions.selection import exact_count
from isobath.study.arm import Arm

if TYPE_CHECKING:
    from isobath.gpe.gpe import GPE
    from isobath.interventions.intervention import Intervention
    from isobath.study.study import Study
    from isobath.train.recipe import Recipe

NARROW = ("signal", "narrow")
"""Pools whose rows are narrow ones: mixed in at an added budget they are the control at matched budget."""
FEWEST = 2
"""A study with fewer doses of every pool has no section on doses: its arms stand among the interventions."""


def doses(
    arm: Arm,
    pools: str | Sequence[str],
    shares: Iterable[float],
    at: Sequence[Budget] = ("fixed budget",),
    *,
    recipe: Recipe | None = None,
    scale_steps: bool = True,
    narrow: str | None = "signal",
) -> tuple[Arm, ...]:
    """One arm per pool, budget and share, and the controls at matched budget; for `Study.arms`, beside `arm` itself.

    `arm` trains on the signal without any mix (``PLAIN``). Names: ``relevant_20`` at a fixed budget,
    ``relevant_plus_20`` at an added one, ``narrow_plus_20`` for its control (role placebo): as many further rows of the
    pool `narrow`, the same steps; None leaves it out. The pool ``signal`` repeats the signal's own rows, so that its
    control has seen them that much longer; a pool of other narrow rows is the sharper control. At a fixed budget the
    plain arm is the control.

    With `scale_steps` the steps at added budget grow with the rows, so that every arm passes over its data as often;
    `recipe` is the study's, which must then be given. Raises `InputError` for shares outside ]0, 1], repeated ones, an
    arm that mixes already, or a missing recipe.
    """
    named = [pools] if isinstance(pools, str) else list(pools)
    wanted, own = list(shares), arm.recipe or recipe
    _check(arm, wanted, at)
    if scale_steps and "added budget" in at and own is None:
        raise InputError(
            "doses at an added budget with steps that grow, and no recipe",
            "steps grow from those of a recipe",
            "give recipe=, the study's own, or scale_steps=False",
        )
    found = [
        _dose(arm, pool, pool, share, budget, own if scale_steps else None, Role.TREATMENT)
        for pool in named
        for budget in at
        for share in wanted
    ]
    if narrow is not None and "added budget" in at:
        grown = own if scale_steps else None
        found += [_dose(arm, narrow, "narrow", s, "added budget", grown, Role.PLACEBO) for s in wanted]
    return tuple(found)


def _check(arm: Arm, shares: Sequence[float], at: Sequence[Budget]) -> None:
    if arm.data != "signal" or arm.mix or any(isinstance(entry, Mix) for entry in arm.stack):
        raise InputError(
            f"doses of the arm {arm.name!r}",
            "they are mixed into an arm that trains on the signal and mixes in nothing",
            "give the plain arm",
        )
    wrong = [s for s in shares if not 0 < s <= 1]
    if wrong or len(set(shares)) < len(shares) or not shares:
        raise InputError(
            f"shares {', '.join(f'{s:g}' for s in shares) or '(none)'}",
            "shares are distinct, above 0 and at most 1; the plain arm is the dose 0",
            "drop the others",
        )
    if not at:
        raise InputError("no budget", "`at` names a fixed budget, an added budget or both", "name one")


def _dose(arm: Arm, source: str, name: str, share: float, at: Budget, recipe: Recipe | None, role: Role) -> Arm:
    added = at == "added budget"
    fields = {field: getattr(arm, field) for field in type(arm).model_fields}
    fields |= {"name": f"{name}_{'plus_' if added else ''}{100 * share:.4g}", "role": role}
    fields["stack"] = (*arm.stack, Mix(source=source, share=share, at=at))
    if added and recipe is not None:
        fields["recipe"] = recipe.model_copy(update={"steps": grown_steps(recipe.steps, share)})
    return Arm(**fields)


def grown_steps(steps: int, share: float) -> int:
    """Steps for (1 + `share`) times as many rows, rounded half up."""
    return int((Decimal(steps) * (1 + Decimal(repr(share)))).to_integral_value(ROUND_HALF_UP))


def dose_spec(study: Study, gpe: GPE) -> DoseSpec | None:
    """The doses among the arms of `study` on `gpe`; None where no pool has `FEWEST` of them beside a plain arm.

    A dose is an arm on the signal whose stack is the plain arm's and one `Mix`, however it was written.
    """
    plain = next((a for a in study.arms if a.role is Role.PLAIN and a.data == "signal"), None)
    if plain is None:
        return None
    before = [entry.label for entry in plain.stack_for(gpe).entries]
    found = []
    for arm in study.arms:
        entries = () if arm.data != "signal" or arm is plain else arm.stack_for(gpe).entries
        mixes = [entry for entry in entries if isinstance(entry, Mix) and entry.share and not entry.replaces]
        if len(mixes) == 1 and _others(entries) == before:
            found.append(_read(arm, mixes[0], len(plain.rows_of(gpe)), (arm.recipe or study.recipe).steps))
    series = [(d.pool, d.at) for d in found if not d.narrow]
    if not series or max(series.count(one) for one in series) < FEWEST:
        return None
    wanted, kept = asked_of(gpe, study, plain)
    rows, steps = len(plain.rows_of(gpe)), (plain.recipe or study.recipe).steps
    return DoseSpec(gpe.name, plain.name, tuple(found), wanted, kept, rows, steps)


def _others(entries: Iterable[Intervention]) -> list[str]:
    return [entry.label for entry in entries if not isinstance(entry, Mix)]


def _read(arm: Arm, mix: Mix, rows: int, steps: int) -> Dose:
    added = mix.at == "added budget"
    narrow = added and (mix.source in NARROW or arm.role is Role.PLACEBO)
    total = rows + (exact_count(mix.share, rows, mix.label) if added and rows else 0)
    return Dose(arm.name, mix.source, mix.share, mix.at, narrow, total, steps)


def asked_of(gpe: GPE, study: Study, plain: Arm) -> tuple[dict[str, Better], tuple[str, ...]]:
    """The traits that broadening is to improve, the headline first, and those it must keep.

    Traits on edited points are left out: they are about flips.
    """
    from isobath.study.control_sections import spec_of

    kinds = {t.name: t.kind for t in gpe.traits if all(q.edit is None for q in t.questions)}
    better: dict[str, Better] = {gpe.headline: "lower" if kinds.get(gpe.headline) is TraitKind.UNWANTED else "higher"}
    better |= {name: "higher" for name, kind in kinds.items() if kind is TraitKind.WANTED and name not in better}
    spec = spec_of(gpe, study.arms, plain.name)
    kept = (*spec.capability, *([spec.coherence] if spec.coherence else []))
    return better, tuple(name for name in kept if name not in better)
