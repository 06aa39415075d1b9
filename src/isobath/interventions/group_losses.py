"""Losses over groups and rows: Group DRO (1911.08731), V-REx (2003.00688), CVaR (Rockafellar and Uryasev 2000)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from isobath.interventions.cvar import CVaR
from isobath.interventions.group_dro import GroupDRO
from isobath.interventions.groups import grouped
from isobath.interventions.vrex import VREx
from isobath.models.token_row import TokenRow
from isobath.train.batch import Batch
from isobath.train.forward import weighted_mean
from isobath.train.hooks import Hook, Outputs, Run


def part_losses(nll: Tensor, weights: Tensor, part_of: Tensor, parts: int) -> Tensor:
    """Weighted mean loss of each part (parts,), from N loss tokens and the part each belongs to; 0 for an empty one.

    As in the recipe's own loss, the mean is over absolute weights.
    """
    zero = nll.new_zeros(parts)
    weights = weights.to(nll.dtype)
    mass = zero.index_add(0, part_of, weights.abs())
    return zero.index_add(0, part_of, nll * weights) / torch.where(mass > 0, mass, 1.0)


def raised(log_q: Tensor, losses: Tensor, step_size: float) -> Tensor:
    """log of q_g exp(step_size l_g), with as much weight in all as before; in logs, no loss is too large."""
    return (log_q + step_size * losses).log_softmax(0) + log_q.logsumexp(0)


def worst_share_mean(losses: Tensor, worst: float) -> Tensor:
    """Mean of the largest `worst` share of `losses` (n,), the last of them counted in part so that it is exact."""
    ordered = losses.sort(descending=True).values
    # 0.3 of 10 must be 3 and not 2.9999...
    held = round(worst * len(ordered), 9)
    shares = (held - torch.arange(len(ordered), dtype=torch.float64, device=losses.device)).clamp(0.0, 1.0)
    return (ordered * shares.to(losses.dtype)).sum() / held


class _Grouped(Hook):
    """Which group each row of a batch belongs to. Robust losses replace the mean, whatever others added to the loss."""

    def __init__(self, column: str, asked_by: str) -> None:
        self._column, self._asked_by = column, asked_by
        self._number: dict[object, int] = {}
        self.groups: tuple[str, ...] = ()
        self.counts = torch.zeros(0)

    def rows(self, run: Run, rows: Sequence[TokenRow]) -> Sequence[TokenRow]:
        """Number the groups, in the order of their names."""
        found = grouped(rows, [self._column], self._asked_by)
        self.groups = tuple(found)
        self.counts = torch.tensor([len(members) for members in found.values()], dtype=torch.float64)
        self._number = {repr(rows[members[0]].metadata[self._column]): i for i, members in enumerate(found.values())}
        return rows

    def losses(self, batch: Batch, outputs: Outputs) -> tuple[Tensor, Tensor]:
        """Loss of every group (G,), and which of them are in the batch (G,)."""
        numbers = [self._number[repr(row.metadata[self._column])] for row in batch.rows]
        of_row = torch.tensor(numbers, device=outputs.nll.device)
        here = torch.zeros(len(self.groups), dtype=torch.bool, device=of_row.device)
        here[of_row] = True
        return part_losses(outputs.nll, batch.weights, of_row[batch.row_of], len(self.groups)), here


def instead(loss: Tensor, batch: Batch, outputs: Outputs, robust: Tensor, strength: float = 1.0) -> Tensor:
    """`loss` with `strength` of its mean over tokens replaced by `robust`; penalties that others added stay."""
    return loss + strength * (robust - weighted_mean(outputs.nll, batch.weights))


class GroupDROHook(_Grouped):
    """The loss of `GroupDRO`; its memory is the weight of every group."""

    def __init__(self, entry: GroupDRO) -> None:
        super().__init__(entry.group, entry.label)
        self._entry = entry
        self._log_q = torch.zeros(0, dtype=torch.float64)

    def rows(self, run: Run, rows: Sequence[TokenRow]) -> Sequence[TokenRow]:
        """Start with equal weights."""
        super().rows(run, rows)
        self._log_q = torch.zeros(len(self.groups), dtype=torch.float64).log_softmax(0)
        return rows

    @property
    def q(self) -> Tensor:
        """The weight of every group, in the order of `groups`."""
        return self._log_q.exp()

    def loss(self, run: Run, batch: Batch, outputs: Outputs, loss: Tensor) -> Tensor:
        """Raise the weights of the groups that are here, then weigh their losses."""
        losses, here = self.losses(batch, outputs)
        there = here.cpu()
        seen = losses.detach().double().cpu()[there] + self._entry.adjustment / self.counts[there].sqrt()
        self._log_q[there] = raised(self._log_q[there], seen, self._entry.step_size)
        q = self._log_q[there].softmax(0).to(losses)
        return instead(loss, batch, outputs, (q * losses[here]).sum(), self._entry.strength)

    def state(self) -> Mapping[str, Tensor]:
        """The weights."""
        return {"log_q": self._log_q}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take the weights back."""
        self._log_q = state["log_q"].clone()


class VRExHook(_Grouped):
    """The loss of `VREx`. It has no memory."""

    def __init__(self, entry: VREx) -> None:
        super().__init__(entry.group, entry.label)
        self._entry = entry

    def loss(self, run: Run, batch: Batch, outputs: Outputs, loss: Tensor) -> Tensor:
        """Mean and variance over the groups that are here."""
        losses, here = self.losses(batch, outputs)
        present = losses[here]
        robust = present.mean() + self._entry.weight(run.step) * present.var(correction=0)
        return instead(loss, batch, outputs, robust)


class CVaRHook(Hook):
    """The loss of `CVaR`. It has no memory."""

    def __init__(self, entry: CVaR) -> None:
        self._entry = entry
        self._groups = _Grouped(entry.group, entry.label) if entry.group else None

    def rows(self, run: Run, rows: Sequence[TokenRow]) -> Sequence[TokenRow]:
        """Number the groups, where there are any."""
        return self._groups.rows(run, rows) if self._groups else rows

    def loss(self, run: Run, batch: Batch, outputs: Outputs, loss: Tensor) -> Tensor:
        """The worst share of what is in the batch."""
        if self._groups:
            losses, here = self._groups.losses(batch, outputs)
            losses = losses[here]
        else:
            losses = part_losses(outputs.nll, batch.weights, batch.row_of, len(batch.rows))
        return instead(loss, batch, outputs, worst_share_mean(losses, self._entry.worst))
