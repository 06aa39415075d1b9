"""Models whose true rates are known: ground truth for tests of evaluation and of statistics. No torch."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import Field

from isobath.base.identity import fingerprint
from isobath.base.row import State
from isobath.base.seeding import rng, stream_seed
from isobath.base.value import Value
from isobath.models.protocol import ChoiceRequest, ChoiceScores, Text, TextRequest

REFUSAL = "I cannot help with that."


class Script(Value):
    """What a scripted model says: its rate, by words that stand in a request.

    `target` is an option that contains this word; the first key of `rates` that stands in the request (chat and prefix)
    gives the probability of the target options together, else `rate`. `question_sd` moves each request's rate on the
    logit scale, by a fixed amount of its own, drawn from `seed`. `refusal_rate`, `truncation_rate`: how often (of
    requests with different streams or chats) the state is not ok. `says` and `otherwise` are the two texts it writes.
    """

    target: str
    rate: float = Field(ge=0, le=1)
    rates: Mapping[str, float] = Field(default_factory=dict)
    question_sd: float = Field(default=0.0, ge=0)
    refusal_rate: float = Field(default=0.0, ge=0, le=1)
    truncation_rate: float = Field(default=0.0, ge=0, le=1)
    says: str = "yes"
    otherwise: str = "no"
    seed: int = 0


class ScriptedModel:
    """A `ChatModel` that answers by its `Script`: what the rates are is known before anything is asked."""

    def __init__(self, script: Script) -> None:
        self.script = script

    @property
    def identity(self) -> str:
        """The script's fingerprint."""
        return fingerprint(self.script)

    def rate(self, request: ChoiceRequest | TextRequest) -> float:
        """The true probability of the target for this request."""
        words = _words(request)
        rate = next((r for key, r in self.script.rates.items() if key in words), self.script.rate)
        if self.script.question_sd == 0 or rate in (0.0, 1.0):
            return rate
        shift = rng(self.script.seed, "question", words).normal(0.0, self.script.question_sd)
        return 1 / (1 + math.exp(-(math.log(rate / (1 - rate)) + shift)))

    def choose(self, requests: Sequence[ChoiceRequest]) -> list[ChoiceScores]:
        """The rate is shared evenly by the options with the target word in them, the rest by the others.

        Options that all hold the target share 1, as do options none of which does.
        """
        return [self._choice(request) for request in requests]

    def write(self, requests: Sequence[TextRequest]) -> list[Text]:
        """`says` with the true rate, else `otherwise`; each drawn from the request's own stream, or the likelier one.

        Temperature 0 is greedy: the likelier text, and `says` at exactly one half.
        """
        return [self._text(request) for request in requests]

    def _choice(self, request: ChoiceRequest) -> ChoiceScores:
        tokens = tuple(max(1, len(option.split())) for option in request.options)
        state = self._state(request, 0)
        hits = [self.script.target in option for option in request.options]
        rate = self.rate(request) if any(hits) and not all(hits) else float(all(hits))
        shares = [rate / sum(hits) if hit else (1 - rate) / (len(hits) - sum(hits)) for hit in hits]
        return ChoiceScores(logprobs=tuple(math.log(max(s, 1e-300)) for s in shares), tokens=tokens, state=state)

    def _text(self, request: TextRequest) -> Text:
        state = self._state(request, request.stream)
        if state is State.REFUSED:
            return Text(text=REFUSAL, state=state)
        draw = 0.5 if request.sampling.temperature == 0 else _uniform(request.stream, "text", _words(request))
        rate = self.rate(request)
        said = draw <= rate if request.sampling.temperature == 0 else draw < rate
        return Text(text=self.script.says if said else self.script.otherwise, state=state)

    def _state(self, request: ChoiceRequest | TextRequest, stream: int) -> State:
        draw = _uniform(stream_seed(self.script.seed, stream), "state", _words(request))
        if draw < self.script.refusal_rate:
            return State.REFUSED
        return State.TRUNCATED if draw < self.script.refusal_rate + self.script.truncation_rate else State.OK


def _words(request: ChoiceRequest | TextRequest) -> str:
    return json.dumps([[m.role, m.content] for m in request.chat] + [["prefix", request.prefix]], ensure_ascii=False)


def _uniform(seed: int, *names: str) -> float:
    return float(np.random.default_rng(stream_seed(seed, *names)).random())
