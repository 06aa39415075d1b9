"""Training on the hardest of m wordings: the hook of `Hardest` (MaxUp, Gong et al. 2020, arXiv:2002.09024, eq. 1)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor

from isobath.base.errors import InputError
from isobath.interventions.group_batches import SetCandidates
from isobath.interventions.group_losses import part_losses
from isobath.interventions.hardest import Hardest
from isobath.interventions.paraphrase_losses import consistency
from isobath.train.batch import Batch
from isobath.train.forward import LossForward
from isobath.train.hooks import Outputs, Run


class HardestHook(SetCandidates):
    """Deals candidates, scores them, and leaves the hardest of each place. It has no memory."""

    def __init__(self, entry: Hardest) -> None:
        super().__init__(entry.same, entry.m, entry.label)
        self._entry = entry
        self._pairs: list[list[int]] = []

    def batch(self, run: Run, batch: Batch) -> Batch:
        """The hardest candidate of every place; with consistency also the easiest, with weight 0, after them.

        Raises `InputError` where another entry has changed the candidates since they were dealt.
        """
        self._check_dealt(batch)
        losses = current_losses(run, batch)
        places = torch.split(losses, self.sizes)
        first = [sum(self.sizes[:i]) for i in range(len(self.sizes))]
        hardest = [start + int(found.argmax()) for start, found in zip(first, places, strict=True)]
        self._pairs = []
        if not self._entry.consistency:
            return taken(batch, hardest)
        easiest = [start + int(found.argmin()) for start, found in zip(first, places, strict=True)]
        both = [(i, hard, easy) for i, (hard, easy) in enumerate(zip(hardest, easiest, strict=True)) if hard != easy]
        self._pairs = [[i, len(hardest) + k] for k, (i, _, _) in enumerate(both)]
        chosen = taken(batch, [*hardest, *(easy for _, _, easy in both)])
        weights = torch.where(chosen.row_of < len(hardest), chosen.weights, 0.0)
        return dataclasses.replace(chosen, weights=weights)

    def loss(self, run: Run, batch: Batch, outputs: Outputs, loss: Tensor) -> Tensor:
        """How far the answers to the hardest and the easiest wording lie apart, beside the loss of the hardest."""
        if not self._pairs:
            return loss
        return loss + self._entry.consistency * consistency(batch, outputs, self._pairs)

    def _check_dealt(self, batch: Batch) -> None:
        same = len(batch.rows) == len(self.dealt) and all(a is b for a, b in zip(batch.rows, self.dealt, strict=True))
        if not same:
            raise InputError(
                f"{self._entry.label} deals m candidates for each row, and another entry changes them",
                "candidates are compared as they were dealt",
                "put what changes the rows before it in the stack",
            )


def current_losses(run: Run, batch: Batch) -> Tensor:
    """Loss of every row of `batch` (B,) under the model as it stands, without gradient and without dropout."""
    was_training = run.model.training
    run.model.eval()
    try:
        precise = run.recipe.precision == "bf16"
        with torch.no_grad(), torch.autocast(batch.ids.device.type, torch.bfloat16, enabled=precise):
            outputs = LossForward(run.model)(batch)
    finally:
        run.model.train(was_training)
    return part_losses(outputs.nll, batch.weights, batch.row_of, len(batch.rows)).float().cpu()


def taken(batch: Batch, rows: Sequence[int]) -> Batch:
    """`batch` with these of its rows alone, in this order; weights that others have changed stay as they are."""
    width = batch.ids.shape[1]
    of, column = batch.row_of.cpu(), batch.positions.cpu() % width
    parts = [torch.nonzero(of == row).flatten() for row in rows]
    tokens = torch.cat(parts)
    row_of = torch.repeat_interleave(torch.arange(len(rows)), torch.tensor([len(part) for part in parts]))
    narrow = max(1, int(column[tokens].max()) + 1)
    device = batch.ids.device
    return Batch(
        ids=batch.ids[torch.tensor(list(rows), device=device), :narrow].contiguous(),
        positions=(row_of * narrow + column[tokens]).to(device),
        targets=batch.targets[tokens.to(device)],
        weights=batch.weights[tokens.to(device)],
        row_of=row_of.to(device),
        rows=tuple(batch.rows[row] for row in rows),
    )
