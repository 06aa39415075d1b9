"""Noise on input embeddings during training's forward pass: the hook of `LatentParaphrase` (NEFTune, 2310.05914)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch import Tensor

from isobath.base.seeding import stream_seed
from isobath.interventions.latent_paraphrase import LatentParaphrase
from isobath.models.head import plain_model
from isobath.train.batch import Batch
from isobath.train.hooks import Hook, Run


class LatentNoise(Hook):
    """The noise, around the forward pass alone. It has no memory: a step's noise follows from run seed and step."""

    def __init__(self, entry: LatentParaphrase) -> None:
        self._entry = entry

    def forward(self, run: Run, batch: Batch) -> AbstractContextManager[Any]:
        """A hook on the input embedding."""
        entry = self._entry
        draw = torch.Generator(batch.ids.device)
        draw.manual_seed(stream_seed(run.seed, "hook", "latent paraphrase", run.step))
        mask = changed_tokens(batch, entry.tokens)
        return noisy_embedding(run.model, lambda e: e + noise(e, mask, entry.strength, entry.size, draw))


def changed_tokens(batch: Batch, which: str) -> Tensor:
    """(B, T): the tokens of ``asked``, ``answers`` or ``all``; never padding."""
    width = batch.ids.shape[1]
    lengths = torch.tensor([len(row.ids) for row in batch.rows], device=batch.ids.device)
    real = torch.arange(width, device=batch.ids.device)[None] < lengths[:, None]
    answers = torch.zeros_like(real)
    column = batch.positions % width + 1  # a position predicts the token after it
    inside = column < width
    answers[batch.row_of[inside], column[inside]] = True
    return real if which == "all" else real & answers if which == "answers" else real & ~answers


def noise(embedded: Tensor, mask: Tensor, strength: float, size: str, draw: torch.Generator) -> Tensor:
    """Noise (B, T, d) for `embedded`, zero outside `mask` (B, T); see `LatentParaphrase` for `size`."""
    wide = embedded.detach().float()
    unit = 2 * torch.rand(wide.shape, generator=draw, device=wide.device) - 1
    if size == "sequence":
        scale = strength / (mask.sum(1).clamp(min=1) * wide.shape[-1]).float().sqrt()[:, None, None]
    else:
        # a uniform number within +-1 has the mean square 1/3
        scale = strength * math.sqrt(3) * wide.square().mean(-1, keepdim=True).sqrt()
    return (unit * scale * mask[..., None]).to(embedded.dtype)


@contextmanager
def noisy_embedding(model: Any, change: Any) -> Iterator[None]:
    """While entered, what the input embedding of `model` gives is changed; the hook goes when it ends."""
    embedding = plain_model(model).get_input_embeddings()
    handle = embedding.register_forward_hook(lambda _module, _inputs, output: change(output))
    try:
        yield
    finally:
        handle.remove()
