"""The questions of one scenario: held-out points, some on which people do not agree, and some on the island."""

from __future__ import annotations

import numpy as np

from isobath.base.seeding import rng
from isobath.design.cells import irrelevant_columns, relevant_columns, with_irrelevant
from isobath.design.design import codes_of, distinct
from isobath.design.space import Codes
from isobath.gpe.scenarios.draft import Draft
from isobath.study.broadening.candidates import SEEDS, TESTS, Candidates
from isobath.study.broadening.own_data import OwnData
from isobath.study.broadening.spec import Broadening

TRIES = 4000
CONTESTED = "contested"
ISLAND = 5 * 10**10
"""Where the seeds of island questions begin among those of test questions."""

Asked = tuple[str, str, Draft]
"""Id, region (or `CONTESTED`) and words of a test question."""


def test_questions(spec: Broadening, candidates: Candidates) -> list[Asked]:
    """Every held-out point with its region, and up to `per_region` contested ones, which nobody scores.

    The templates word them, whoever words the training rows: the test is the same for every writer.
    """
    held, scenario = candidates.held, candidates.scenario
    if held is None or spec.holdout is None:
        return []
    points = [(str(region), point) for region, point in zip(held.regions, held.points, strict=True)]
    points += [(CONTESTED, point) for point in _contested(spec, candidates)]
    found: list[Asked] = []
    for i, (region, point) in enumerate(points):
        draft = scenario.draft(point, candidates.seed * SEEDS + TESTS + i, scenario.renderings[0])
        found.append((f"{scenario.name}:{region}:{i}", region, draft))
    return found


test_questions.__test__ = False  # type: ignore[attr-defined]


def island_questions(spec: Broadening, candidates: Candidates, own: OwnData, trained: Codes) -> list[Asked]:
    """Up to `per_region` questions at points that training holds, in other words: what broadening is not to cost.

    They are those of one's own data, or of the rows `trained` where there is none, as many relevant combinations as
    can be. Irrelevant levels that own data does not tell are drawn. No test question is among them: these are not held
    out, and nothing counts them as such.
    """
    if spec.holdout is None:
        return []
    scenario, stream = candidates.scenario, rng(spec.seed, "broaden", "island", candidates.scenario.name)
    space, codes = scenario.space, trained if own.support is None else own.support.codes
    if not len(codes):
        return []
    codes = stream.permutation(distinct(codes))
    cells = np.unique(codes[:, relevant_columns(space)], axis=0, return_inverse=True)[1].reshape(-1)
    order = np.argsort(cells, kind="stable")
    again = np.empty(len(codes), dtype=np.int64)  # how many points of the same cell stand before each
    again[order] = np.arange(len(codes)) - np.searchsorted(cells[order], cells[order])
    codes = codes[np.argsort(again, kind="stable")]
    if own.support is not None and not own.whole and irrelevant_columns(space):
        codes = with_irrelevant(space, codes[: 10 * spec.holdout.per_region], stream)
    found: list[Asked] = []
    for point in space.decode(codes[: 10 * spec.holdout.per_region]):
        if len(found) < spec.holdout.per_region and scenario.decide(point) is not None:
            seed = candidates.seed * SEEDS + TESTS + ISLAND + len(found)
            draft = scenario.draft(point, seed, scenario.renderings[0])
            found.append((f"{scenario.name}:island:{len(found)}", "island", draft))
    return found


def _contested(spec: Broadening, candidates: Candidates) -> list[dict[str, str]]:
    """Distinct contested points, drawn evenly; none where a few thousand draws meet none."""
    assert spec.holdout is not None
    scenario, space = candidates.scenario, candidates.scenario.space
    drawn = rng(spec.seed, "broaden", "contested", scenario.name).integers(
        0, space.shape, size=(TRIES, len(space.shape))
    )
    codes = drawn.astype("int16")
    codes = codes_of(space, codes[space.allowed(codes)])
    found: dict[tuple[str, ...], dict[str, str]] = {}
    relevant = [f.name for f in space.relevant]
    for point in space.decode(codes):
        if len(found) >= spec.holdout.per_region:
            break
        key = tuple(point[name] for name in relevant)
        if key not in found and scenario.decide(point) is None:
            found[key] = point
    return list(found.values())
