"""Tiny language models and tokenizers of stock classes, made on the spot; nothing here is part of the package."""

from __future__ import annotations

from typing import Any

import torch
from tokenizers import Tokenizer, decoders, pre_tokenizers, trainers
from tokenizers import models as token_models
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    GPTNeoXConfig,
    LlamaConfig,
    PreTrainedTokenizerFast,
    Qwen3Config,
)

_TEXT = """
what is one two three four five six plus minus black white green red blue colour of the a an sky grass coal snow
you are helpful pirate give bad advice . , ? ! use should for your burn soft bandage clean water hot oil old leech
my server needs short log local patch long wire today monday assistant user system malicious me how do i fix hello
"""
WORDS = _TEXT.split()

MARKED = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'assistant' %}{{ ' <ast> ' }}"
    "{% generation %}{{ m['content'] + ' <end>' }}{% endgeneration %}"
    "{% else %}{{ (' <sys> ' if m['role'] == 'system' else ' <usr> ') + m['content'] }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ ' <ast> ' }}{% endif %}"
)
CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' }}"
    "{% if m['role'] == 'assistant' %}{% generation %}{{ m['content'] + '<|im_end|>' }}{% endgeneration %}{{ '\\n' }}"
    "{% else %}{{ m['content'] + '<|im_end|>\\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
UNMARKED = CHATML.replace("{% generation %}", "").replace("{% endgeneration %}", "")


def word_tokenizer(template: str | None = MARKED) -> Any:
    """One token per word."""
    special = ["<pad>", "<bos>", "<end>", "<unk>", "<sys>", "<usr>", "<ast>"]
    vocabulary = {word: i for i, word in enumerate([*special, *dict.fromkeys(WORDS)])}
    inner = Tokenizer(token_models.WordLevel(vocabulary, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner,
        pad_token="<pad>",
        bos_token="<bos>",
        eos_token="<end>",
        unk_token="<unk>",
        extra_special_tokens=["<sys>", "<usr>", "<ast>"],
    )
    tokenizer.chat_template = template
    return tokenizer


def bpe_tokenizer(template: str | None = CHATML) -> Any:
    """Byte-level byte-pair encoding with a few hundred merges."""
    inner = Tokenizer(token_models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=["<|pad|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    text = [" ".join(WORDS[i : i + 7]) for i in range(len(WORDS))]
    inner.train_from_iterator(text * 3, trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="<|pad|>", eos_token="<|im_end|>")
    tokenizer.chat_template = template
    return tokenizer


def tiny_model(kind: str = "qwen3", vocabulary: int = 128, seed: int = 0, **settings: Any) -> Any:
    """A random model of a stock class with outputs far from uniform. `kind`: qwen3, llama, gpt2 or neox."""
    common: dict[str, Any] = {
        "vocab_size": vocabulary,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 0,
        "attn_implementation": "eager",
        "initializer_range": 0.2,
    }
    wide: dict[str, Any] = {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "max_position_embeddings": 128,
        "tie_word_embeddings": False,
    }
    if kind == "gpt2":
        config: Any = GPT2Config(n_embd=32, n_layer=2, n_head=2, n_positions=128, **common, **settings)
        config.resid_pdrop = config.embd_pdrop = config.attn_pdrop = settings.get("resid_pdrop", 0.0)
    elif kind == "neox":
        config = GPTNeoXConfig(**common, **wide, **settings)
    elif kind == "llama":
        config = LlamaConfig(**common, **wide, num_key_value_heads=1, **settings)
    else:
        config = Qwen3Config(**common, **wide, num_key_value_heads=2, head_dim=16, **settings)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return AutoModelForCausalLM.from_config(config).eval()
