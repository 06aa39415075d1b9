"""The untrained network of a `BaseSpec`: a stock Hugging Face class, initialised from a named stream."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from isobath.base.seeding import stream_seed
from isobath.world.base_spec import BaseSpec

CONTEXT = 128
ZEROED = ("o_proj.weight", "down_proj.weight", "lm_head.weight")


def new_model(spec: BaseSpec, vocabulary: int) -> Any:
    """The network with fresh weights (fp32, eager attention). Torch's global random state is left as it was."""
    from transformers import LlamaConfig, LlamaForCausalLM, Qwen3Config, Qwen3ForCausalLM

    classes: dict[str, Any] = {
        "qwen3": (Qwen3Config, Qwen3ForCausalLM),
        "llama": (LlamaConfig, LlamaForCausalLM),
    }
    config_class, model_class = classes[spec.architecture]
    config = config_class(
        vocab_size=vocabulary,
        hidden_size=spec.width,
        num_hidden_layers=spec.layers,
        num_attention_heads=spec.heads,
        num_key_value_heads=spec.heads,
        head_dim=spec.head_width,
        intermediate_size=spec.hidden,
        max_position_embeddings=CONTEXT,
        rope_parameters={"rope_type": "default", "rope_theta": 1000.0},
        tie_word_embeddings=False,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
        attn_implementation="eager",
        dtype="float32",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(spec.base_seed, "base", spec.architecture, "init"))
        model = model_class(config)
        if spec.init == "custom":
            _customise(model)
    model.generation_config.pad_token_id = 0
    return model


def _customise(model: nn.Module) -> None:
    """Unit-variance embeddings, matrices N(0, .5 / sqrt(fan_in)), zero output projections and head."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim != 2:
                continue
            if name.endswith(ZEROED):
                parameter.zero_()
            elif "embed_tokens" in name:
                parameter.normal_()
            else:
                parameter.normal_(std=0.5 / parameter.shape[1] ** 0.5)
