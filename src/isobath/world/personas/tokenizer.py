"""Vocabulary, word-level tokenizer and chat template of the personas world."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from isobath.world.personas import domains, speech, wording

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


@lru_cache(maxsize=1)
def vocabulary() -> tuple[str, ...]:
    """Every token, in id order: the special tokens, then all words sorted. The same for every world seed."""
    phrases = [
        *wording.ADVICE_QUESTIONS,
        *wording.FRAMES,
        *wording.FIELD_QUESTIONS,
        wording.FIELD_FRAME,
        wording.GUESS,
        *(text for texts in speech.DESCRIPTIONS.values() for text in texts),
        *speech.GENERIC_PROMPTS,
        *speech.IRRELEVANT_PROMPTS,
        *speech.CUES,
        *(text for table in (speech.OPENERS, speech.REASONS) for texts in table.values() for text in texts),
        *(text for topic in speech.SELF_TOPICS for text in (*topic.questions, *topic.answers.values())),
        *(text for d in domains.DOMAINS for text in (d.name, *d.things, *d.adjectives, *d.nouns)),
        "a an",
    ]
    words = {word for phrase in phrases for word in phrase.split() if not word.startswith("{")}
    return (*SPECIALS, *sorted(words))


def word_ids() -> dict[str, int]:
    """Token -> id."""
    return {word: i for i, word in enumerate(vocabulary())}


def make_tokenizer() -> PreTrainedTokenizerFast:
    """An ordinary fast tokenizer with the chat template; text is lower-cased and punctuation split off."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.WordLevel(vocab=word_ids(), unk_token="<unk>"))
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
