"""What evaluation asks of a model: log-probabilities of options, and text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from isobath.base.row import State
from isobath.base.value import Value
from isobath.models.chat import Chat


class Sampling(Value):
    """How text is drawn. Temperature 0 is greedy."""

    temperature: float = 0.0
    max_tokens: int = 24


class ChoiceRequest(Value):
    """Score each option as the continuation of `chat` + `prefix` (the opening words of the assistant's turn)."""

    chat: Chat
    options: tuple[str, ...]
    prefix: str = ""


class ChoiceScores(Value):
    """Natural-log probability and token count of each option, in the order asked."""

    logprobs: tuple[float, ...]
    tokens: tuple[int, ...]
    state: State = State.OK


class TextRequest(Value):
    """Continue `chat` + `prefix`. `stream` seeds this request alone, so that batching cannot change the draw."""

    chat: Chat
    prefix: str = ""
    stream: int = 0
    sampling: Sampling = Sampling()


class Text(Value):
    """A generated text; `TRUNCATED` when it met `max_tokens` before the end of turn."""

    text: str
    state: State = State.OK


class ChatModel(Protocol):
    """A model that can be evaluated. Results do not depend on how requests are batched or ordered."""

    @property
    def identity(self) -> str:
        """Content identity: the same string iff the same weights, tokenizer and chat template."""
        ...

    def choose(self, requests: Sequence[ChoiceRequest]) -> list[ChoiceScores]:
        """Log-probabilities of every option of every request."""
        ...

    def write(self, requests: Sequence[TextRequest]) -> list[Text]:
        """One text for every request."""
        ...
