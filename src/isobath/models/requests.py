"""Requests to tokens: where the answer starts, and what an option adds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from isobath.base.errors import InputError
from isobath.models.protocol import ChoiceRequest, TextRequest
from isobath.models.template import common_length, open_ids, text_of

LIMIT = 100_000
"""Requests whose tokens are remembered; a worker asks many checkpoints the same questions."""


class Candidates(NamedTuple):
    """A choice in tokens: what all options share, and what each adds (at least one token)."""

    prompt: tuple[int, ...]
    options: tuple[tuple[int, ...], ...]


class Tokens:
    """Tokenised requests of one tokenizer, remembered."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self._choices: dict[ChoiceRequest, Candidates] = {}
        self._texts: dict[tuple[Any, str], tuple[int, ...]] = {}

    def forget(self) -> None:
        """Drop what is remembered."""
        self._choices.clear()
        self._texts.clear()

    def choices(self, requests: Sequence[ChoiceRequest]) -> list[Candidates]:
        """Candidates of each request; new ones are tokenised in one call."""
        fresh = [r for r in dict.fromkeys(requests) if r not in self._choices]
        if len(self._choices) + len(fresh) > LIMIT:
            self._choices.clear()
            fresh = list(dict.fromkeys(requests))
        texts = [text for request in fresh for text in self._choice_texts(request)]
        ids = self._encode(texts)
        start = 0
        for request in fresh:
            end = start + 1 + len(request.options)
            self._choices[request] = _candidates(request, ids[start:end])
            start = end
        return [self._choices[r] for r in requests]

    def open_turns(self, requests: Sequence[TextRequest]) -> list[tuple[int, ...]]:
        """Prompt ids of each request."""
        if len(self._texts) > LIMIT:
            self._texts.clear()
        for request in requests:
            key = (request.chat, request.prefix)
            if key not in self._texts:
                text = text_of(self.tokenizer, request.chat, open_turn=True) + request.prefix
                self._texts[key] = tuple(open_ids(self.tokenizer, text))
        return [self._texts[r.chat, r.prefix] for r in requests]

    def _encode(self, texts: list[str]) -> list[list[int]]:
        """Ids of many texts, without the offsets and the bookkeeping that cost the tokenizer's own call double."""
        backend = self.tokenizer.backend_tokenizer
        backend.no_padding()  # an earlier call of the tokenizer may have left either switched on
        backend.no_truncation()
        return [found.ids for found in backend.encode_batch_fast(texts, add_special_tokens=False)]

    def _choice_texts(self, request: ChoiceRequest) -> list[str]:
        if not request.options:
            raise InputError("A choice without options", "a forced choice has at least one option", "add options")
        base = text_of(self.tokenizer, request.chat, open_turn=True) + request.prefix
        return [base, *(base + joined(request.prefix, option) for option in request.options)]


def joined(prefix: str, option: str) -> str:
    """`option` parted from `prefix` by one space, unless either brings white space or there is no prefix."""
    apart = not prefix or prefix[-1].isspace() or option[:1].isspace()
    return option if apart else f" {option}"


def _candidates(request: ChoiceRequest, ids: Sequence[list[int]]) -> Candidates:
    """Score every option from the same point: the last token that the prompt and all full texts share.

    Under byte-pair merges a prompt's last token can change with what follows; starting each option where it alone
    departs would compare probabilities of different events.
    """
    cut = common_length(ids)
    options = tuple(tuple(full[cut:]) for full in ids[1:])
    for option, text in zip(options, request.options, strict=True):
        if not option or cut == 0:
            raise InputError(
                f"The option {text!r} adds no token to its prompt",
                "an option is text that the model would say next",
                "fill the option, and give the question a chat",
            )
    return Candidates(tuple(ids[0][:cut]), options)
