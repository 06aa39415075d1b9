"""Vocabulary and tokenizer of the decision world."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from isobath.world.decisions import fact_speech, levels, plain_speech
from isobath.world.personas import domains, wording
from isobath.world.word_tokenizer import SPECIALS, word_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

SAID = (
    "who is the an owner a user outsider where like yes no , both are each . ?",
    "that do you need approval to is needed it not for and same",
    "how many few or which more than what comes after nothing",
    "they low high stakes worse says hello",
)
"""Words of the sentences that the code puts together."""


@lru_cache(maxsize=1)
def vocabulary() -> tuple[str, ...]:
    """Every token, in id order: the special tokens, then all words sorted. The same for every world seed."""
    phrases = [
        *levels.KINDS,
        *levels.PRINCIPALS,
        *levels.STAKES,
        *levels.COUNTS,
        *levels.CONTEXTS,
        *levels.NAMES,
        *levels.WORDINGS.values(),
        *levels.OPENINGS.values(),
        *levels.ACTIONS.values(),
        levels.ANSWER,
        *fact_speech.REQUESTS,
        *fact_speech.PEOPLE,
        *plain_speech.IDLE_QUESTIONS,
        *wording.FIELD_QUESTIONS,
        wording.FIELD_FRAME,
        *(text for d in domains.DOMAINS for text in (d.name, *d.things)),
        *SAID,
    ]
    words = {word for phrase in phrases for word in phrase.split() if not word.startswith("{")}
    return (*SPECIALS, *sorted(words))


def word_ids() -> dict[str, int]:
    """Token -> id."""
    return {word: i for i, word in enumerate(vocabulary())}


def make_tokenizer() -> PreTrainedTokenizerFast:
    """An ordinary fast tokenizer with the chat template; text is lower-cased and punctuation split off."""
    return word_tokenizer(word_ids())
