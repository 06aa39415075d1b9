"""Is a factor there to be read, and is it read the same way further out? A linear readout of hidden states, trained on
the island alone and tested on every region (docs/distance.md).

Penalty and layer are chosen on island texts held out from training; the island's own score comes from a third part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from isobath.base.errors import InputError
from isobath.base.row import State
from isobath.base.seeding import rng
from isobath.design.factor import MISSING, Factor
from isobath.design.region import Region
from isobath.design.space import Point
from isobath.measures.linear_readout import Fitted, Part, fitted, rank_correlation

Array = NDArray[np.float64]
ISLAND = str(Region.ISLAND)
DEAL = (Part.FIT, Part.TEST, Part.FIT, Part.CHOOSE)
"""How the island's texts of one level are dealt out: half to fit, a quarter each to choose with and to test."""
NAN = float("nan")


@dataclass(frozen=True)
class Target:
    """What is read out: `of` a point gives a label, or None where it has none. With `order` (labels from low to high)
    it is read as a rank, which can name levels that the island does not have; without, as one of the labels seen."""

    name: str
    of: Callable[[Point], str | None]
    order: tuple[str, ...] = ()


@dataclass(frozen=True)
class Readout:
    """How well one layer's readout does in one region.

    `accuracy` over `n` texts, `chance` the share of the commonest label among them, `control` the accuracy of the same
    readout with labels dealt to points at random (Hewitt and Liang 2019, arXiv:1909.03368): what it can learn without
    the factor. `unseen` counts texts whose label the island does not have: a rank can still be right about them, a
    label cannot, and they are left out of `n`. For ranks: `correlation` (Spearman, within the region), `pooled` (with
    the island's test texts), `bias` (mean read less true rank). `chosen` marks the layer that did best on the island's
    held-out texts. `state` is `not_applicable`, with `why`, where there is no accuracy.
    """

    target: str
    layer: int
    chosen: bool
    region: str
    state: State
    accuracy: float = NAN
    chance: float = NAN
    control: float = NAN
    correlation: float = NAN
    pooled: float = NAN
    bias: float = NAN
    n: int = 0
    unseen: int = 0
    penalty: float = NAN
    why: str = ""

    @property
    def selectivity(self) -> float:
        """Accuracy less that of the control."""
        return self.accuracy - self.control


def target_of(factor: Factor) -> Target:
    """The level of a factor: a rank for ordered factors, where `MISSING` has none, else a label."""
    if not factor.ordered:
        return Target(factor.name, lambda point: point[factor.name])
    order = tuple(level for level in factor.domain if level != MISSING)
    return Target(factor.name, lambda point: point[factor.name] if point[factor.name] in order else None, order)


def factor_readout(
    states: NDArray[np.floating],
    points: Sequence[Point],
    regions: Sequence[str],
    target: Target | Factor,
    *,
    layers: Sequence[int] | None = None,
    seed: int = 0,
    controls: int = 2,
) -> list[Readout]:
    """Read `target` from `states` (layers, texts, width): one record per layer and region, in the regions' order.

    `points` and `regions` are those of the texts. `layers` names the layers (None: 0, 1, ...). Texts with the same
    states stay in one part of the island. `controls` is how many random dealings of labels the control averages; 0
    leaves it out. To compare checkpoints, read the same texts from each with the same `seed`. A property that levels
    share, such as the right decision at a point, is a `Target` of its own: it can be read where levels are new. Raises
    `InputError` for shapes that do not fit and where no text of the island has a label.
    """
    goal = target_of(target) if isinstance(target, Factor) else target
    names = list(range(len(states))) if layers is None else list(layers)
    _check(states, points, regions, names)
    labels = [goal.of(point) for point in points]
    _check_labels(labels, regions, goal)
    places = list(dict.fromkeys(r for r in (str(r) for r in Region) if r in set(regions)))
    island = {label for label, region in zip(labels, regions, strict=True) if label is not None and region == ISLAND}
    if len(island) < 2:
        why = f"the island has {'no' if not island else 'one'} level of {goal.name}: nothing to tell apart"
        return [Readout(goal.name, names[0], True, r, State.NOT_APPLICABLE, why=why) for r in places]
    real = _trial(states, labels, regions, goal, rng(seed, "readout", goal.name))
    stream = rng(seed, "readout", goal.name, "control")
    cell = [tuple(sorted(point.items())) for point in points]
    dealt = [_trial(states, _dealt(labels, cell, regions, stream), regions, goal, stream) for _ in range(controls)]
    best = min(range(len(names)), key=lambda i: real.fits[i].loss)
    found = []
    for i, name in enumerate(names):
        for region in places:
            control = float(np.mean([_score(t, i, region, goal)["accuracy"] for t in dealt])) if dealt else NAN
            scored = _score(real, i, region, goal)
            found.append(_record(scored, goal, name, region, i == best, control, real.fits[i].penalty))
    return found


def readout_frame(records: Sequence[Readout], **labels: str) -> pd.DataFrame:
    """Records as a frame, with `selectivity` and a column for each of `labels`, such as ``base`` and ``checkpoint``."""
    rows = [{**labels, **asdict(r), "state": str(r.state), "selectivity": r.selectivity} for r in records]
    return pd.DataFrame(rows)


class _Trial(NamedTuple):
    """One labelling of the texts, the part each is in, and the readout of each layer."""

    labels: list[str | None]
    regions: list[str]
    part: NDArray[np.intp]
    fits: list[Fitted]
    read: list[Array]
    """Per layer: the label number (texts,) for labels, the rank for ranks."""
    seen: tuple[str, ...]


def _trial(
    states: NDArray[np.floating],
    labels: Sequence[str | None],
    regions: Sequence[str],
    goal: Target,
    stream: np.random.Generator,
) -> _Trial:
    part = _parts(states, labels, regions, stream)
    present = {label for label, p in zip(labels, part, strict=True) if p == Part.FIT and label is not None}
    seen = tuple(x for x in goal.order if x in present) if goal.order else tuple(sorted(present))
    number = {label: i for i, label in enumerate(goal.order or seen)}
    codes = np.array([-1 if label is None else number.get(label, -1) for label in labels], dtype=np.intp)
    fits = [fitted(np.asarray(layer, dtype=float), codes, part, bool(goal.order)) for layer in states]
    return _Trial(list(labels), list(regions), part, fits, [f.read for f in fits], seen)


def _parts(
    states: NDArray[np.floating], labels: Sequence[str | None], regions: Sequence[str], stream: np.random.Generator
) -> NDArray[np.intp]:
    """The part of each text; those outside the island are tested, those without a label are in none."""
    _, same = np.unique(np.asarray(states[-1]), axis=0, return_inverse=True)
    part = np.full(len(labels), Part.NONE, dtype=np.intp)
    groups: dict[str, list[int]] = {}
    for i, (label, region) in enumerate(zip(labels, regions, strict=True)):
        if label is not None and region == ISLAND:
            groups.setdefault(label, []).append(i)
        elif label is not None:
            part[i] = Part.TEST
    for label in sorted(groups):
        members = np.array(groups[label])
        kinds = np.unique(same[members])
        dealt = dict(zip(stream.permutation(kinds).tolist(), (DEAL[i % 4] for i in range(len(kinds))), strict=True))
        part[members] = [dealt[kind] for kind in same[members].tolist()]
    return part


def _dealt(
    labels: Sequence[str | None],
    cells: Sequence[tuple[tuple[str, str], ...]],
    regions: Sequence[str],
    stream: np.random.Generator,
) -> list[str | None]:
    """Labels of a control task: each point gets that of another point of its region, the same for all its texts."""
    found: dict[tuple[tuple[str, str], ...], str | None] = {}
    for region in sorted(set(regions)):
        known = {c: x for c, x, r in zip(cells, labels, regions, strict=True) if r == region and x is not None}
        mixed = stream.permutation(len(known))
        values = list(known.values())
        found |= {cell: values[i] for cell, i in zip(known, mixed, strict=True)}
    return [found.get(cell) if label is not None else None for cell, label in zip(cells, labels, strict=True)]


def _score(trial: _Trial, layer: int, region: str, goal: Target) -> dict[str, float]:
    """Accuracy and what goes with it in one region."""
    there = [i for i, r in enumerate(trial.regions) if r == region and trial.part[i] == Part.TEST]
    unseen = sum(trial.labels[i] not in trial.seen for i in there)
    kept = there if goal.order else [i for i in there if trial.labels[i] in trial.seen]
    out = {"n": float(len(kept)), "unseen": float(unseen), "accuracy": NAN, "chance": NAN}
    if not kept:
        return out
    number = {label: i for i, label in enumerate(goal.order or trial.seen)}
    true = np.array([number[str(trial.labels[i])] for i in kept])
    read = trial.read[layer][kept]
    out["chance"] = float(np.bincount(true).max() / len(true))
    if not goal.order:
        return out | {"accuracy": float((read == true).mean())}
    ends = np.clip(np.rint(read), 0, len(goal.order) - 1)
    home = [i for i, r in enumerate(trial.regions) if r == ISLAND and trial.part[i] == Part.TEST and region != ISLAND]
    pooled = [*kept, *home]
    return out | {
        "accuracy": float((ends == true).mean()),
        "correlation": rank_correlation(read, true),
        "pooled": rank_correlation(trial.read[layer][pooled], np.array([number[str(trial.labels[i])] for i in pooled])),
        "bias": float((read - true).mean()),
    }


def _record(
    scored: Mapping[str, float], goal: Target, layer: int, region: str, chosen: bool, control: float, penalty: float
) -> Readout:
    n, unseen = int(scored["n"]), int(scored["unseen"])
    if n:
        return Readout(
            target=goal.name,
            layer=layer,
            chosen=chosen,
            region=region,
            state=State.OK,
            accuracy=scored["accuracy"],
            chance=scored["chance"],
            control=control,
            correlation=scored.get("correlation", NAN),
            pooled=scored.get("pooled", NAN),
            bias=scored.get("bias", NAN),
            n=n,
            unseen=unseen,
            penalty=penalty,
        )
    why = (
        "none of the levels here occurs on the island, and a label never seen cannot be named: read a property that "
        "the levels share"
        if unseen
        else "no text with a label here to test on"
    )
    return Readout(goal.name, layer, chosen, region, State.NOT_APPLICABLE, unseen=unseen, why=why)


def _check(
    states: NDArray[np.floating], points: Sequence[Point], regions: Sequence[str], layers: Sequence[int]
) -> None:
    if states.ndim != 3 or not len(points) == len(regions) == states.shape[1] or len(layers) != len(states):
        raise InputError(
            f"states of shape {states.shape}, {len(points)} points, {len(regions)} regions, {len(layers)} layers",
            "states are (layers, texts, width), with a point and a region for each text",
            "give one of each per text",
        )
    if not np.isfinite(states).all():
        raise InputError("states that are not finite", "states are finite", "look at the model's precision")
    known = {str(region) for region in Region}
    if strange := sorted({str(region) for region in regions} - known):
        raise InputError(f"the region {strange[0]!r}", f"a region is one of {', '.join(known)}", "correct it")


def _check_labels(labels: Sequence[str | None], regions: Sequence[str], goal: Target) -> None:
    if ISLAND not in set(regions):
        raise InputError(
            "no text of the island", "a readout is trained on the island", "ask some questions at training points"
        )
    if goal.order and (strange := next((x for x in labels if x is not None and x not in goal.order), None)):
        raise InputError(
            f"{goal.name} = {strange!r}", f"its order is {', '.join(goal.order)}", "add it to the order, or give None"
        )
