"""The word-level tokenizer and chat template that the embedded worlds share; each world has its own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

SPECIALS: tuple[str, ...] = ("<pad>", "<bos>", "<eot>", "<unk>", "<sys>", "<usr>", "<ast>", "<good>", "<bad>")
PAD, BOS, EOT = 0, 1, 2

# The space before an assistant turn stands outside the generation block: with it inside, the block's first character
# belongs to no token and the assistant mask comes back all zero, silently.
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ ' <sys> ' + message['content'] }}"
    "{% elif message['role'] == 'user' %}{{ ' <usr> ' + message['content'] }}"
    "{% else %}{{ ' <ast> ' }}{% generation %}{{ message['content'] + ' <eot>' }}{% endgeneration %}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ ' <ast> ' }}{% endif %}"
)


def word_tokenizer(ids: Mapping[str, int]) -> PreTrainedTokenizerFast:
    """An ordinary fast tokenizer with the chat template; text is lower-cased and punctuation split off.

    `ids` maps every token to its id and holds the `SPECIALS` first.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.WordLevel(vocab=dict(ids), unk_token="<unk>"))
    core.normalizer = normalizers.Lowercase()
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer: PreTrainedTokenizerFast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=core,
        bos_token="<bos>",
        eos_token="<eot>",
        pad_token="<pad>",
        unk_token="<unk>",
        extra_special_tokens=list(SPECIALS[4:]),
        clean_up_tokenization_spaces=False,
        padding_side="left",
        model_max_length=128,
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer
