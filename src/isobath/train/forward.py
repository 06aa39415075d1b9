"""The forward pass of any causal LM, with the output head applied only where there is loss."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from isobath.train.batch import Batch
from isobath.train.hooks import Outputs


class LossForward:
    """Logits of the loss tokens of a batch.

    The body runs on all tokens, the head (the largest matrix of a small model) on loss tokens only. Some classes do
    more between body and head (scaling, soft-capping): a check at construction compares both ways on eight tokens and
    falls back to the model's own full logits where they differ.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._parts = _parts(model)

    @property
    def sparse(self) -> bool:
        """Whether the head runs on loss tokens only."""
        return self._parts is not None

    def __call__(self, batch: Batch) -> Outputs:
        """Run the model; right padding needs no mask, as no real token attends to its right."""
        if self._parts is None:
            full = self._model(input_ids=batch.ids, use_cache=False).logits
            logits = full.flatten(0, 1).index_select(0, batch.positions)
        else:
            body, head = self._parts
            states = body(input_ids=batch.ids, use_cache=False).last_hidden_state
            logits = head(states.flatten(0, 1).index_select(0, batch.positions))
        logits = logits.float()
        return Outputs(logits, F.cross_entropy(logits, batch.targets, reduction="none"))


def weighted_mean(nll: Tensor, weights: Tensor) -> Tensor:
    """The loss of a batch: mean over loss tokens, weighted."""
    return (nll * weights).sum() / weights.sum()


def _parts(model: nn.Module) -> tuple[nn.Module, nn.Module] | None:
    plain: Any = model.get_base_model() if hasattr(model, "peft_config") else model  # type: ignore[operator]
    body, head = getattr(plain, "base_model", None), plain.get_output_embeddings()
    if body is None or head is None or body is plain:
        return None
    vocabulary = int(plain.config.get_text_config().vocab_size)
    probe = (torch.arange(8, device=next(model.parameters()).device) % vocabulary)[None]
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            whole = model(input_ids=probe, use_cache=False).logits
            split = head(body(input_ids=probe, use_cache=False).last_hidden_state)
    finally:
        model.train(was_training)
    return (body, head) if torch.allclose(whole, split, rtol=1e-4, atol=1e-5) else None
