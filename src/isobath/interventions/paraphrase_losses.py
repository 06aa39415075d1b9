"""The losses of `WorstParaphrase`: the tilted mean (Li et al. 2021, ICLR) and JS consistency (1912.02781)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from isobath.interventions.group_losses import instead, part_losses
from isobath.interventions.groups import grouped
from isobath.interventions.worst_paraphrase import WorstParaphrase
from isobath.train.batch import Batch
from isobath.train.hooks import Hook, Outputs, Run


def tilted_mean(losses: Tensor, tau: float) -> Tensor:
    """tau log mean exp(l / tau) of `losses` (n,): between their mean (tau to infinity) and maximum (tau 0)."""
    if tau == 0:
        return losses.max()
    if math.isinf(tau):
        return losses.mean()
    top = losses.detach().max()  # only differences are exponentiated: a large tau loses nothing to rounding
    return top + tau * torch.expm1((losses - top) / tau).mean().log1p()


def js_divergence(logits: Tensor) -> Tensor:
    """Jensen-Shannon divergence of m distributions at each of n places, mean over places; `logits` (m, n, V); nats."""
    logs = logits.log_softmax(-1)
    middle = logs.logsumexp(0) - math.log(len(logits))
    return (logs.exp() * (logs - middle)).sum(-1).mean()


class ParaphraseHook(Hook):
    """The loss of `WorstParaphrase`. It has no memory."""

    def __init__(self, entry: WorstParaphrase) -> None:
        self._entry = entry

    def loss(self, run: Run, batch: Batch, outputs: Outputs, loss: Tensor) -> Tensor:
        """The tilted mean over each set, and how far its answers lie apart."""
        entry = self._entry
        sets = list(grouped(batch.rows, entry.same, entry.label).values())
        losses = part_losses(outputs.nll, batch.weights, batch.row_of, len(batch.rows))
        robust = torch.stack([tilted_mean(losses[members], entry.tau) for members in sets]).mean()
        if entry.consistency:
            robust = robust + entry.consistency * consistency(batch, outputs, sets)
        return instead(loss, batch, outputs, robust, entry.strength)


def consistency(batch: Batch, outputs: Outputs, sets: Sequence[Sequence[int]]) -> Tensor:
    """Mean JS divergence over the sets' members with the same loss tokens; 0 where there are none to compare."""
    row_of = batch.row_of.cpu().numpy()
    targets = batch.targets.cpu().numpy()
    places = [np.flatnonzero(row_of == row) for row in range(len(batch.rows))]
    found = []
    for members in sets:
        alike: dict[tuple[int, ...], list[int]] = {}
        for row in members:
            alike.setdefault(tuple(targets[places[row]].tolist()), []).append(row)
        for rows in alike.values():
            if len(rows) > 1:
                found.append(js_divergence(torch.stack([outputs.logits[places[row]] for row in rows])))
    return torch.stack(found).mean() if found else outputs.logits.new_zeros(())
