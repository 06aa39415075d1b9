"""How far test texts lie from training texts, in any embedding. Covariates, not regions: see `bare_label`.

None of these numbers can tell a new irrelevant detail from a new relevant one: a factor space does that
(`isobath.design`). They are measured beside it, and guard against texts that do not realise their point.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from isobath.analysis.multiplicity import benjamini_hochberg
from isobath.base.errors import InputError
from isobath.base.seeding import rng
from isobath.measures.shrinkage import ledoit_wolf
from isobath.measures.two_sample import likeness

Array = NDArray[np.float64]

NEIGHBOURS = 5
COMPONENTS = 30
ALPHA = 0.05
SHARE = 0.25
"""Part of the training texts kept back for calibration where none are given."""
CHUNK = 512


class BareLabel(StrEnum):
    """All that an embedding can say of a text. There is no member for a region, so none can be claimed from one."""

    IN_DISTRIBUTION = "in-distribution"
    NEAR = "near"
    FAR = "far"


class TrainingTexts:
    """Embedded training texts (n, width) that others are measured from. All measures: the higher, the further.

    `knn`: Euclidean distance between unit vectors to the k-th nearest training text (Sun et al. 2022,
    arXiv:2204.06507). `density_ratio`: that distance over the mean of the same distance at the k nearest training texts
    (about 1 inside, larger outside; the local outlier factor of Breunig et al. 2000 without its smoothing).
    `mahalanobis`: distance under one Gaussian, on the first `components` principal components, with the covariance of
    Ledoit and Wolf (Lee et al. 2018, arXiv:1807.03888, with a single class); what lies across those components is not
    seen. Raises `InputError` for too few texts, for texts that are all the same, and for vectors that are not finite.
    """

    def __init__(self, train: Array, *, k: int = NEIGHBOURS, components: int = COMPONENTS) -> None:
        values = _checked(train, "training")
        if len(values) <= k or (values == values[0]).all():
            raise InputError(
                f"{len(values)} training texts, {len(np.unique(values, axis=0))} of them different",
                f"a distance to the {k} nearest needs more texts than that, and not all the same",
                "give more training texts",
            )
        self.k, self._unit = k, _unit(values)
        self._own, _ = _nearest(self._unit, self._unit, k + 1)  # the nearest is the text itself
        self._mean = values.mean(0)
        _, sizes, axes = np.linalg.svd(values - self._mean, full_matrices=False)
        self._axes = axes[: max(1, min(components, int((sizes > 1e-9 * sizes[0]).sum())))].T
        turned = (values - self._mean) @ self._axes
        self._precision = np.linalg.inv(ledoit_wolf(turned).covariance)

    def measured(self, texts: Array) -> pd.DataFrame:
        """Columns ``knn``, ``density_ratio`` and ``mahalanobis``, one row per text (m, width)."""
        values = _checked(texts, "test")
        if values.shape[1] != len(self._mean):
            raise InputError(
                f"test vectors of width {values.shape[1]} and training vectors of width {len(self._mean)}",
                "both come from one embedding",
                "embed them alike",
            )
        far, who = _nearest(_unit(values), self._unit, self.k)
        around: Array = self._own[who].mean(1)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(around > 0, far / around, np.where(far > 0, np.inf, 1.0))
        turned = (values - self._mean) @ self._axes
        squared = np.einsum("ij,jk,ik->i", turned, self._precision, turned)
        return pd.DataFrame({"knn": far, "density_ratio": ratio, "mahalanobis": np.sqrt(np.maximum(squared, 0.0))})


def distance_covariates(
    train: Array,
    test: Array,
    calibration: Array | None = None,
    *,
    seed: int = 0,
    k: int = NEIGHBOURS,
    components: int = COMPONENTS,
    margin: float | None = None,
) -> pd.DataFrame:
    """Every covariate of each test text: one row per row of `test` (m, width), in its order.

    Columns: ``knn``, ``density_ratio``, ``mahalanobis`` (`TrainingTexts`); ``c2st`` (`two_sample.likeness`); ``p_knn``
    and ``p_mahalanobis`` (`conformal_p`); ``adjusted_p`` (Benjamini and Hochberg over the test texts, of ``p_knn``);
    ``label`` (`bare_label` of ``knn``). `calibration` are texts like the training texts that were held out; None holds
    out a quarter of `train` (of few, up to half: labels take 20), drawn from the stream of `seed`. With n of them no p
    is below 1/(n + 1), so that few leave nothing to reject among many test texts. Raises `InputError` as
    `TrainingTexts` and `bare_label` do.
    """
    every = train
    if calibration is None:
        order = rng(seed, "distance", "calibration").permutation(len(train))
        kept = max(round(len(train) * SHARE), min(int(1 / ALPHA), len(train) // 2))
        train, calibration = train[np.sort(order[kept:])], train[np.sort(order[:kept])]
    known = TrainingTexts(train, k=k, components=components)
    held, found = known.measured(_checked(calibration, "calibration")), known.measured(test)
    found["c2st"] = likeness(np.asarray(every, dtype=float), np.asarray(test, dtype=float))
    for name in ("knn", "mahalanobis"):
        found[f"p_{name}"] = conformal_p(held[name].to_numpy(), found[name].to_numpy())
    found["adjusted_p"] = benjamini_hochberg(list(found["p_knn"]))
    found["label"] = [str(x) for x in bare_label(held["knn"].to_numpy(), found["knn"].to_numpy(), margin=margin)]
    return found


def conformal_p(calibration: Array, scores: Array) -> Array:
    """p value of each score under "drawn like the calibration texts": (1 + #{calibration >= score}) / (n + 1).

    Bates et al. 2023 (arXiv:2104.08279). Valid without any assumption on the distribution, as long as the calibration
    texts were held out from what the scores were made with. The smallest possible is 1/(n + 1). Raises `InputError`
    for no calibration scores.
    """
    if not len(calibration):
        raise InputError("no calibration text", "a p value compares with texts held out", "hold some out")
    ordered = np.sort(calibration)
    at_least = len(ordered) - np.searchsorted(ordered, scores, side="left")
    found: Array = (1 + at_least.astype(float)) / (len(ordered) + 1)
    return found


def bare_label(
    calibration: Array, scores: Array, *, margin: float | None = None, alpha: float = ALPHA
) -> list[BareLabel]:
    """In-distribution, near or far, from the scores alone (the higher, the further).

    In-distribution: conformal p at least `alpha`. Near: below the 99th percentile of the calibration scores plus
    `margin`. Far: beyond. `margin` None is the way from the calibration scores' median to that percentile: as far again
    as the edge lies from the middle. Never a region: embeddings cannot tell a shore from a bay. Raises `InputError`
    where so few calibration scores are there that no p value could fall below `alpha`.
    """
    if 1 / (len(calibration) + 1) >= alpha:
        raise InputError(
            f"{len(calibration)} calibration texts",
            f"a p value below {alpha:g} needs at least {int(np.floor(1 / alpha))} of them",
            "hold out more training texts",
        )
    p = conformal_p(calibration, scores)
    edge = float(np.quantile(calibration, 0.99, method="higher"))
    reach = edge - float(np.median(calibration)) if margin is None else margin
    return [
        BareLabel.IN_DISTRIBUTION if chance >= alpha else BareLabel.NEAR if score < edge + reach else BareLabel.FAR
        for chance, score in zip(p, scores, strict=True)
    ]


def _checked(values: Array, what: str) -> Array:
    found = np.asarray(values, dtype=float)
    if found.ndim != 2 or not found.size or not np.isfinite(found).all():
        raise InputError(
            f"{what} vectors of shape {found.shape}" + ("" if np.isfinite(found).all() else ", not all finite"),
            "an embedding is a matrix of finite numbers, one row per text",
            "give one row per text",
        )
    return found


def _unit(values: Array) -> Array:
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    found: Array = values / np.where(lengths > 0, lengths, 1.0)
    return found


def _nearest(of: Array, among: Array, k: int) -> tuple[Array, NDArray[np.intp]]:
    """Distance (m,) of each row of `of` to the k-th nearest of `among`, and which the k nearest are (m, k)."""
    far, who = np.empty(len(of)), np.empty((len(of), k), dtype=np.intp)
    for start in range(0, len(of), CHUNK):
        part = of[start : start + CHUNK]
        cosine = part @ among.T
        near = np.argpartition(-cosine, k - 1, axis=1)[:, :k]
        # from the difference, not from the cosine: exact where two texts are the same
        gaps = np.linalg.norm(part[:, None] - among[near], axis=2)
        who[start : start + CHUNK], far[start : start + CHUNK] = near, gaps.max(1)
    return far, who
