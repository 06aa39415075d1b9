"""A causal LM as body and output head, so that the head (often the costliest matrix) runs only where it is needed."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn


class Parts(NamedTuple):
    """`head(body(...).last_hidden_state)` equals the model's logits."""

    body: nn.Module
    head: nn.Module


_VERDICTS: dict[Hashable, bool] = {}


def split(model: Any) -> Parts | None:
    """Body and head of `model` (PEFT or plain), or None for a class that does more between the two.

    Some classes scale or cap their logits; no list of names could be complete, so both ways are compared on eight
    tokens, once per class and configuration.
    """
    plain = plain_model(model)
    body, head = getattr(plain, "base_model", None), plain.get_output_embeddings()
    if body is None or head is None or body is plain:
        return None
    key = class_key(plain)
    if key not in _VERDICTS:
        _VERDICTS[key] = _same(model, Parts(body, head))
    return Parts(body, head) if _VERDICTS[key] else None


def plain_model(model: Any) -> Any:
    """The Hugging Face model itself, its adapters still active."""
    return model.get_base_model() if hasattr(model, "peft_config") else model


def logits_at(model: Any, parts: Parts | None, positions: Tensor, **inputs: Any) -> Tensor:
    """Logits (N, vocabulary) of the `positions` (N,) of the flattened states (B * T) of one forward pass."""
    if parts is None:
        whole: Tensor = model(**inputs).logits
        return whole.flatten(0, 1).index_select(0, positions)
    states = parts.body(**inputs).last_hidden_state
    found: Tensor = parts.head(states.flatten(0, 1).index_select(0, positions))
    return found


def _same(model: Any, parts: Parts) -> bool:
    weight = next(model.parameters())
    vocabulary = int(model.config.get_text_config().vocab_size)
    probe = (torch.arange(8, device=weight.device) % vocabulary)[None]
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad(), torch.autocast(weight.device.type, enabled=False):
            whole = model(input_ids=probe, use_cache=False).logits
            parted = parts.head(parts.body(input_ids=probe, use_cache=False).last_hidden_state)
    finally:
        model.train(was_training)
    return torch.allclose(whole, parted, rtol=1e-4, atol=1e-5)


def class_key(plain: Any) -> Hashable:
    """What decides how a model computes, apart from its weights: its class and configuration."""
    settings = tuple(sorted((name, repr(value)) for name, value in vars(plain.config).items() if name[0] != "_"))
    return (type(plain), settings)
