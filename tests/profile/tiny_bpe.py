"""A Llama-shaped Hugging Face model with a byte-pair tokenizer, made here: real input that nobody tuned for us."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from isobath.gpe.english.trait_file import BUILT_IN, built_in

BEGIN, START, END, TURN, PAD = "<|begin|>", "<|role|>", "<|/role|>", "<|turn|>", "<|pad|>"

SYSTEM_TURN = "{{ '" + START + "system" + END + "\\n' + m['content'] + '" + TURN + "' }}"
NO_SYSTEM = "{{ raise_exception('this model has no system role') }}"

TEMPLATE = (
    "{{ '" + BEGIN + "' }}{% for m in messages %}"
    "{% if m['role'] == 'system' %}[SYSTEM]"
    "{% elif m['role'] == 'user' %}{{ '" + START + "user" + END + "\\n' + m['content'] + '" + TURN + "' }}"
    "{% else %}{{ '" + START + "assistant" + END + "\\n' }}"
    "{% generation %}{{ m['content'] + '" + TURN + "' }}{% endgeneration %}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '" + START + "assistant" + END + "\\n' }}{% endif %}"
)


def sentences() -> list[str]:
    """English to learn merges from, made here: the built-in traits' own texts and a small sentence grammar."""
    out = []
    for name in BUILT_IN:
        for question in built_in(name).questions:
            out += [question.ask, *question.options.values()]
    for who in ("The farmer", "My sister", "A doctor", "The old teacher", "Our neighbour"):
        for verb in ("carried", "described", "remembered", "painted", "counted"):
            for what in ("the red house", "a long letter", "seven small boats", "the quiet river", "every answer"):
                out.append(f"{who} {verb} {what} before the evening.")
    return out


def make_tokenizer(system_role: bool = True) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer of 512 tokens with a chat template that has generation blocks."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=512,
        special_tokens=[BEGIN, START, END, TURN, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(sentences(), trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe, bos_token=BEGIN, eos_token=TURN, pad_token=PAD)
    tokenizer.chat_template = TEMPLATE.replace("[SYSTEM]", SYSTEM_TURN if system_role else NO_SYSTEM)
    return tokenizer


def make_tiny_llama(folder: Path, *, seed: int = 0, system_role: bool = True) -> Path:
    """Save a randomly initialised Llama of about 80,000 parameters and its tokenizer as an ordinary model folder."""
    tokenizer = make_tokenizer(system_role)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=48,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=False,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
