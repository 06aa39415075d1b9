"""Vocabulary, word-level tokenizer and chat template of the personas world."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from isobath.world.personas import domains, speech, wording
from isobath.world.word_tokenizer import BOS as BOS
from isobath.world.word_tokenizer import CHAT_TEMPLATE as CHAT_TEMPLATE
from isobath.world.word_tokenizer import EOT as EOT
from isobath.world.word_tokenizer import PAD as PAD
from isobath.world.word_tokenizer import SPECIALS, word_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


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
    return word_tokenizer(word_ids())
