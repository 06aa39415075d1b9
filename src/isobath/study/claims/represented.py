"""What hidden states hold of a scenario: readouts across levels, invariance to rendering, likeness to the base."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isobath.base.seeding import rng
from isobath.design.keys import row_keys
from isobath.design.space import Codes, Point
from isobath.study.claims.left_out import LATENTS, latent, left_out
from isobath.world.decisions.coverage import coverage, grid, with_irrelevant
from isobath.world.decisions.levels import ANSWER
from isobath.world.decisions.scenario import SPACE, decision_rule, request

if TYPE_CHECKING:
    from isobath.models.hf import HFModel

Array = NDArray[np.float64]

FIT, TESTED, POINTS, RENDERINGS = 480, 160, 60, 6
"""Texts a readout learns from, texts of each test, decisions that are rendered anew, and how often each."""

PENALTIES = (1.0, 0.1, 0.01, 0.001)


class Texts(NamedTuple):
    """Points whose states are read. `fit` and `same` have trained levels; `new` has left-out ones of one factor, the
    other three trained; `rendered` is POINTS x RENDERINGS, in contexts, wordings, lengths and names never trained."""

    fit: Sequence[Point]
    same: Sequence[Point]
    new: Mapping[str, Sequence[Point]]
    rendered: Sequence[Point]


class Read(NamedTuple):
    """Accuracy of one readout at new texts of trained levels and at levels left out; where it was read."""

    same: float
    new: float
    layer: int


def texts_of(world_seed: int) -> Texts:
    """The texts of a world: the same for every model, so that what differs is the model."""
    known, draw = coverage(world_seed), rng(world_seed, "claims", "represented")
    first = {name: known.narrow[name][:1] for name in known.narrow}
    seen = with_irrelevant(_drawn(grid({**known.relevant, **first}), 2 * (FIT + TESTED), draw), known.narrow, draw)
    (keys,) = row_keys(SPACE.shape, seen)
    trained = SPACE.decode(seen[np.sort(np.unique(keys, return_index=True)[1])][: FIT + TESTED])  # no text twice
    new = {
        factor: SPACE.decode(
            with_irrelevant(_drawn(grid({**known.relevant, factor: levels, **first}), TESTED, draw), known.narrow, draw)
        )
        for factor, levels in left_out(world_seed).items()
    }
    rule, cells = decision_rule(world_seed), grid({**known.relevant, **first})
    agreed = cells[[rule(p) is not None for p in SPACE.decode(cells)]]
    again = np.repeat(agreed[draw.permutation(len(agreed))[:POINTS]], RENDERINGS, axis=0)
    rendered = SPACE.decode(with_irrelevant(again, known.kept, draw))
    return Texts(trained[:FIT], trained[FIT:], new, rendered)


def _drawn(cells: Codes, count: int, draw: np.random.Generator) -> Codes:
    rounds = np.concatenate([draw.permutation(len(cells)) for _ in range(-(-count // len(cells)))])
    found: Codes = cells[rounds[:count]]
    return found


def states_of(model: HFModel, points: Sequence[Point]) -> Array:
    """(layers, points, width): the state of the token that the decision is read from, the last of "i will"."""
    from isobath.models.chat import Message
    from isobath.models.hidden import hidden_states
    from isobath.models.template import text_of

    chats = [(Message(role="user", content=request(point)),) for point in points]
    opened = [f"{text_of(model.tokenizer, chat, open_turn=True)}{ANSWER}" for chat in chats]
    return hidden_states(model, opened, pool="last").astype(float)


def readout(fit: Array, codes: NDArray[np.intp], levels: Sequence[str], seed: int) -> tuple[int, float]:
    """Layer and penalty of the linear readout of `codes` from states `fit` (layers, texts, width).

    Chosen by squared error at levels that were not fitted: the levels of each code are dealt to two folds, each of
    which is read with what the other taught. A code with one level has its texts dealt out instead. Layer 0, the
    embedding of a token that is always the same, is left out.
    """
    fold = _folds(codes, levels, seed)
    losses = {
        (layer, penalty): float(np.mean([_loss(fit[layer], codes, fold == f, penalty) for f in (0, 1)]))
        for layer in range(1, len(fit))
        for penalty in PENALTIES
    }
    return min(losses, key=lambda key: losses[key])


def _folds(codes: NDArray[np.intp], levels: Sequence[str], seed: int) -> NDArray[np.intp]:
    draw, fold = rng(seed, "claims", "readout folds"), np.zeros(len(codes), dtype=np.intp)
    names = np.array(levels)
    for code in np.unique(codes):
        mine = np.flatnonzero(codes == code)
        kinds = np.unique(names[mine])
        if len(kinds) == 1:
            fold[draw.permutation(mine)[: len(mine) // 2]] = 1
            continue
        for kind in draw.permutation(kinds)[: len(kinds) // 2]:
            fold[mine[names[mine] == kind]] = 1
    return fold


def _loss(states: Array, codes: NDArray[np.intp], held: NDArray[np.bool_], penalty: float) -> float:
    target = np.eye(int(codes.max()) + 1)
    scores = ridge(states[~held], codes[~held], penalty, states[held], len(target))
    return float(((scores - target[codes[held]]) ** 2).sum(1).mean())


def ridge(states: Array, codes: NDArray[np.intp], penalty: float, at: Array, count: int) -> Array:
    """Scores (at, count) of a ridge regression of one-hot `codes` on standardised `states`, with a free intercept."""
    middle, spread = states.mean(0), states.std(0) + 1e-9
    values, target = (states - middle) / spread, np.eye(count)[codes]
    gram = values.T @ values + penalty * len(values) * np.eye(values.shape[1])
    weights = np.linalg.solve(gram, values.T @ (target - target.mean(0)))
    found: Array = (at - middle) / spread @ weights + target.mean(0)
    return found


def read_latent(fit: Array, same: Array, new: Array, texts: Texts, factor: str, world_seed: int) -> Read:
    """How well the latent of `factor` is read, by a readout that was fitted and chosen on trained levels alone."""

    def codes(points: Sequence[Point]) -> NDArray[np.intp]:
        return np.array([LATENTS[factor].index(latent(world_seed, factor, p[factor])) for p in points], dtype=np.intp)

    known = codes(texts.fit)
    layer, penalty = readout(fit, known, [p[factor] for p in texts.fit], world_seed)

    def accuracy(states: Array, points: Sequence[Point]) -> float:
        scores = ridge(fit[layer], known, penalty, states[layer], len(LATENTS[factor]))
        right, true = scores.argmax(1), codes(points)
        return float(np.mean([(right[true == c] == c).mean() for c in np.unique(true)]))

    return Read(accuracy(same, texts.same), accuracy(new, texts.new[factor]), layer)


class Invariance(NamedTuple):
    """`rendering`: share of the variance of states that lies between renderings of the same decision. `cosine`: mean
    cosine between renderings of one scenario less that between scenarios with different right decisions (centred)."""

    rendering: float
    cosine: float


def invariance(states: Array, actions: Sequence[str]) -> Invariance:
    """Of states (points, renderings, width) of one layer; `actions` (points,) are the right decisions."""
    centred = states - states.mean((0, 1))
    within = centred - centred.mean(1, keepdims=True)
    unit = centred / (np.linalg.norm(centred, axis=2, keepdims=True) + 1e-12)
    points, renderings, _ = unit.shape
    flat = unit.reshape(points * renderings, -1)
    cosines = flat @ flat.T
    point = np.repeat(np.arange(points), renderings)
    action = np.unique(np.array(actions), return_inverse=True)[1][point]
    same = (point[:, None] == point) & ~np.eye(len(point), dtype=bool)
    other = action[:, None] != action
    return Invariance(
        float((within**2).sum() / (centred**2).sum()), float(cosines[same].mean() - cosines[other].mean())
    )


def cka(first: Array, second: Array) -> float:
    """Linear centred kernel alignment of two sets of states (texts, width) of the same texts, 1 if equal up to rotation
    and scale (Kornblith et al. 2019, arXiv:1905.00414)."""
    a, b = first - first.mean(0), second - second.mean(0)
    cross = float(((a.T @ b) ** 2).sum())
    return cross / float(np.linalg.norm(a.T @ a) * np.linalg.norm(b.T @ b))
