"""The test questions of one scenario: held-out points, and some on which people do not agree."""

from __future__ import annotations

from isobath.base.seeding import rng
from isobath.design.design import codes_of
from isobath.gpe.scenarios.draft import Draft
from isobath.study.broadening.candidates import SEEDS, TESTS, Candidates
from isobath.study.broadening.spec import Broadening

TRIES = 4000
CONTESTED = "contested"

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
