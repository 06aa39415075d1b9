"""The token row: what training sees of a training row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Ids: TypeAlias = Sequence[int] | npt.NDArray[np.integer[Any]]
Weights: TypeAlias = Sequence[float] | npt.NDArray[np.floating[Any]]
Metadata: TypeAlias = Mapping[str, str | int | float | bool | None]

NOTHING: Metadata = MappingProxyType({})


class TokenRow(NamedTuple):
    """One rendered training row.

    `ids` are the token ids of the whole text; `loss_weights[i]` is the weight of predicting `ids[i]` from what stands
    before it (so the first is never used): 0 for the prompt, the row's weight for the completion. `metadata` reaches
    the batch and the hooks untouched. Both sequences have the same length; numpy arrays save memory in large corpora.
    """

    ids: Ids
    loss_weights: Weights
    metadata: Metadata = NOTHING
