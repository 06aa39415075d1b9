"""Batches: which rows come at which step, and how they become tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from isobath.base.errors import InputError
from isobath.base.seeding import rng
from isobath.models.token_row import TokenRow

PAD = 0
"""Id on the right of short rows. No loss token can see it under causal attention, so its value does not matter."""


@dataclass(frozen=True)
class Batch:
    """One step's tensors. B rows, T columns, N tokens with loss.

    `ids` (B, T) right-padded, without what follows the last token that predicts; `positions` (N,) index the flattened
    (B * T) states that predict `targets` (N,) with `weights` (N,); `row_of` (N,) says to which of `rows` each loss
    token belongs.
    """

    ids: Tensor
    positions: Tensor
    targets: Tensor
    weights: Tensor
    row_of: Tensor
    rows: tuple[TokenRow, ...]

    @property
    def tokens(self) -> int:
        """Real tokens, without padding."""
        return sum(len(row.ids) for row in self.rows)


class Order:
    """Row numbers by step: one permutation per epoch, cut into batches that may span two epochs.

    Drawn from the stream (`seed`, "order", epoch) and nothing else, so any step can be computed without the ones
    before it and nothing else in a run can shift it.
    """

    def __init__(self, rows: int, batch_size: int, seed: int) -> None:
        self._rows, self._size, self._seed = rows, batch_size, seed
        self._epochs: dict[int, npt.NDArray[np.int64]] = {}

    def at(self, step: int) -> list[int]:
        """Row numbers of `step` (0-based)."""
        first = step * self._size
        return [int(self._epoch(i // self._rows)[i % self._rows]) for i in range(first, first + self._size)]

    def _epoch(self, epoch: int) -> npt.NDArray[np.int64]:
        if epoch not in self._epochs:
            self._epochs = {e: p for e, p in self._epochs.items() if e >= epoch - 1}
            self._epochs[epoch] = rng(self._seed, "order", epoch).permutation(self._rows)
        return self._epochs[epoch]


def check_rows(rows: Sequence[TokenRow], context: int | None) -> None:
    """Raise `InputError` unless there are rows, each with matching lengths, a loss token and room in the context."""
    if not rows:
        raise InputError(
            "No training rows", "a run needs at least one row", "check the data file or the filter before it"
        )
    for number, row in enumerate(rows):
        if len(row.ids) != len(row.loss_weights):
            raise InputError(
                f"Row {number} has {len(row.ids)} ids but {len(row.loss_weights)} loss weights", "one each"
            )
        if context is not None and len(row.ids) > context:
            raise InputError(
                f"Row {number} has {len(row.ids)} tokens",
                f"a row fits the model's context of {context} tokens",
                "shorten or drop the row: cutting it silently would change the data",
            )
        if not np.asarray(row.loss_weights[1:]).any():
            raise InputError(
                f"Row {number} has no token with loss",
                "each row trains at least one token after the first",
                "drop the row, or give its completion a weight",
            )


def collate(rows: Sequence[TokenRow], device: torch.device) -> Batch:
    """Right-pad `rows` and list the positions that carry loss.

    The columns end before the last token with loss: nothing is predicted from that one or from what follows.
    """
    widest = max(len(row.ids) for row in rows)
    ids = np.full((len(rows), widest), PAD, dtype=np.int64)
    weights = np.zeros((len(rows), widest), dtype=np.float32)
    for number, row in enumerate(rows):
        ids[number, : len(row.ids)] = row.ids
        weights[number, : len(row.ids)] = row.loss_weights
    weights[:, 0] = 0.0
    row_of, column = np.nonzero(weights)
    width = int(column.max(initial=1))
    return Batch(
        ids=torch.from_numpy(np.ascontiguousarray(ids[:, :width])).to(device),
        positions=torch.from_numpy(row_of * width + column - 1).to(device),
        targets=torch.from_numpy(ids[row_of, column]).to(device),
        weights=torch.from_numpy(weights[row_of, column]).to(device),
        row_of=torch.from_numpy(row_of).to(device),
        rows=tuple(rows),
    )
