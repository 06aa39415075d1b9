"""Optimisers of a recipe, and its learning rate at each step."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from isobath.base.errors import InputError
from isobath.train.recipe import Recipe

Optimisers = list[torch.optim.Optimizer]


def optimisers(model: nn.Module, recipe: Recipe) -> Optimisers:
    """One optimiser per rule of the recipe over the trainable parameters; peak rates are kept as ``peak``."""
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    if not named:
        raise InputError(
            "No parameter of the model is trainable", "a run trains something", "set requires_grad, or add LoRA"
        )
    blocks = _block_matrices(model, named) if recipe.optimiser == "muon" else []
    taken = {id(p) for p in blocks}
    rest = [p for _, p in named if id(p) not in taken]
    made: Optimisers = []
    if blocks:
        made.append(
            torch.optim.Muon(
                blocks,
                lr=recipe.muon_learning_rate,
                momentum=recipe.muon_momentum,
                weight_decay=recipe.muon_weight_decay,
            )
        )
    if rest:
        settings: dict[str, Any] = {"lr": recipe.learning_rate, "betas": recipe.betas, "fused": True}
        made.append(torch.optim.AdamW(rest, weight_decay=recipe.weight_decay, **settings))
    for optimiser in made:
        for group in optimiser.param_groups:
            group["peak"] = group["lr"]
    return made


def set_rate(made: Optimisers, factor: float) -> None:
    """Set every learning rate to `factor` of its peak."""
    for optimiser in made:
        for group in optimiser.param_groups:
            group["lr"] = group["peak"] * factor


def _block_matrices(model: Any, named: list[tuple[str, nn.Parameter]]) -> list[nn.Parameter]:
    """2-D parameters of the blocks: not the token or position embeddings, not the output head."""
    outer = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    head = model.get_output_embeddings()
    if head is not None:
        outer.add(id(head.weight))
    return [p for _, p in named if p.ndim == 2 and id(p) not in outer]
