"""Which points are to be worded, how often and in what form: the candidates of one scenario."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from isobath.base.errors import InputError
from isobath.base.seeding import rng, stream_seed
from isobath.design.held_out import HeldOut, held_out
from isobath.design.space import Codes, Space
from isobath.design.training_points import training_points
from isobath.gpe.scenarios.draft import Draft
from isobath.gpe.scenarios.scenario import Rendering, Scenario
from isobath.study.broadening.own_data import OwnData
from isobath.study.broadening.spec import Broadening

SEEDS, ROUND, TESTS = 10**12, 10**8, 9 * 10**11
"""Seeds of drafts: those of a specification's seed count up from its multiple of the first, each round of making
rejected rows again from a multiple of the second, test points from the third."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """What is worded, a row each: `codes`, `renderings`, `lineages` (empty: drawn), `same` (rows of one point).

    The first rows cover; the ones after balance and vary. `held` bars what is kept for tests; `said` are sentences for
    the card.
    """

    scenario: Scenario
    codes: Codes
    renderings: tuple[Rendering, ...]
    lineages: Mapping[int, tuple[str, ...]]
    same: npt.NDArray[np.int64] | None
    held: HeldOut | None
    seed: int
    said: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.codes)

    def drafts(self, rows: Sequence[int], round_: int = 0) -> list[Draft]:
        """The template drafts of `rows`; another round gives the same points other words."""
        points = self.scenario.space.decode(self.codes[np.asarray(rows, dtype=np.int64)])
        made = []
        for row, point in zip(rows, points, strict=True):
            seed = self.seed * SEEDS + round_ * ROUND + row
            draft = self.scenario.draft(point, seed, self.renderings[row])
            lineage = self.lineages.get(row)
            made.append(draft if not lineage else replace(draft, lineage=lineage))
        return made


def held_of(spec: Broadening, scenario: Scenario, own: OwnData) -> HeldOut | None:
    """What is held out of `scenario`; None where nothing is."""
    if spec.holdout is None:
        return None
    try:
        return held_out(
            scenario.space,
            spec.holdout.regions,
            support=own.support,
            per_region=spec.holdout.per_region,
            seed=stream_seed(spec.seed, "broaden", "held out", scenario.name) % 2**31,
            gold=scenario.decide,
            extent=spec.holdout.extent,
        )
    except InputError as error:
        raise InputError(f"{scenario.name}: {error.what}", error.rule, error.remedy) from None


def candidates_of(spec: Broadening, scenario: Scenario, rows: int, own: OwnData) -> Candidates:
    """The candidates for `rows` rows of `scenario`: more where a selection is made after."""
    held = held_of(spec, scenario, own)
    seed = stream_seed(spec.seed, "broaden", "points", scenario.name) % 2**31
    wanted = rows // spec.wordings
    if spec.selection is not None:
        wanted = math.ceil(wanted * spec.selection.oversample)
    drawn = training_points(
        scenario.space,
        wanted,
        seed,
        strength=spec.strength,
        held=held,
        support=own.support if own.whole else None,
        gold=scenario.decide,
        fixed_irrelevant=spec.fixed,
    )
    codes, said = drawn.codes, list(drawn.notes)
    lineages: dict[int, tuple[str, ...]] = {}
    if spec.evolution is not None:
        from isobath.study.broadening.evolving import evolved

        codes, lineages, more = evolved(spec, scenario, codes, drawn.covering, held, own, seed)
        said += more
    same = None
    if spec.wordings > 1:
        codes, lineages, same = _repeated(spec, scenario.space, codes, lineages, held, seed)
    forms, more = _renderings(spec, scenario, len(codes))
    return Candidates(scenario, codes, forms, lineages, same, held, spec.seed, (*own.said, *said, *more))


def _repeated(
    spec: Broadening,
    space: Space,
    codes: Codes,
    lineages: Mapping[int, tuple[str, ...]],
    held: HeldOut | None,
    seed: int,
) -> tuple[Codes, dict[int, tuple[str, ...]], npt.NDArray[np.int64]]:
    """Each point `wordings` times, its irrelevant levels drawn anew for all but the first."""
    stream, m = rng(seed, "broaden", "wordings"), spec.wordings
    many = np.repeat(codes, m, axis=0)
    for column, factor in enumerate(space.factors):
        if factor.relevant:
            continue
        # a group's wordings take different levels as long as there are any
        orders = np.stack([stream.permutation(len(factor.domain)) for _ in range(len(codes))])
        own = (orders == codes[:, column, None]).argmax(axis=1)
        orders[np.arange(len(codes)), own] = orders[:, 0]
        orders[:, 0] = codes[:, column]
        for k in range(1, m):
            many[k::m, column] = orders[:, k % len(factor.domain)]
    wrong = ~space.allowed(many)
    if held is not None:
        wrong |= held.bars(many)
    many[wrong] = np.repeat(codes, m, axis=0)[wrong]
    same = np.repeat(np.arange(len(codes)), m)
    return many, {i * m + k: lineage for i, lineage in lineages.items() for k in range(m)}, same


def _renderings(spec: Broadening, scenario: Scenario, rows: int) -> tuple[tuple[Rendering, ...], list[str]]:
    """A form for every row: the shares are met exactly, in an order drawn by the seed."""
    known = [name for name in scenario.renderings if spec.renderings.get(name, 0) > 0]
    if not known:
        asked = ", ".join(spec.renderings)
        raise InputError(
            f"{scenario.name} in the rendering {asked}",
            f"it can be put as {', '.join(scenario.renderings)}",
            "name one of these in renderings",
        )
    left = [name for name, share in spec.renderings.items() if share > 0 and name not in known]
    said = [f"It has no rendering {', '.join(left)}: its rows take the others."] if left else []
    shares = np.array([spec.renderings[name] for name in known], dtype=float)
    counts = np.floor(shares / shares.sum() * rows).astype(int)
    for i in np.argsort(-(shares / shares.sum() * rows - counts), kind="stable")[: rows - counts.sum()]:
        counts[i] += 1
    order = np.repeat(np.arange(len(known)), counts)
    rng(spec.seed, "broaden", "renderings", scenario.name).shuffle(order)
    return tuple(known[i] for i in order.tolist()), said


def replaced(spec: Broadening, candidates: Candidates, rows: Sequence[int]) -> Candidates:
    """`candidates` with other points, drawn anew, in `rows`: those whose points no words could be found for."""
    scenario = candidates.scenario
    seed = stream_seed(spec.seed, "broaden", "other points", scenario.name) % 2**31
    drawn = training_points(
        scenario.space,
        len(rows),
        seed,
        strength=spec.strength,
        held=candidates.held,
        gold=scenario.decide,
        fixed_irrelevant=spec.fixed,
    )
    codes, lineages = candidates.codes.copy(), dict(candidates.lineages)
    for row, code in zip(rows, drawn.codes, strict=False):
        codes[row] = code
        lineages.pop(row, None)
    return replace(candidates, codes=codes, lineages=lineages)
