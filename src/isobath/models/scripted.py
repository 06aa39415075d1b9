"""Models and studies whose true rates are known, so that estimators can be tested against truth. No torch."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from isobath.base.identity import fingerprint
from isobath.base.row import COLUMNS, Role, State
from isobath.base.seeding import rng, stream_seed
from isobath.base.value import Value
from isobath.models.protocol import ChoiceRequest, ChoiceScores, Text, TextRequest

if TYPE_CHECKING:
    import pandas as pd

Array = npt.NDArray[np.float64]


class ScriptedModel:
    """A chat model that gives each option the probability it is told to, and writes texts at those rates.

    `rates` maps option text to probability; what they leave of 1 is the chance of saying something else (`other`).
    `refusals` is the share of texts that are refused. Draws depend on a request's stream alone.
    """

    def __init__(self, rates: Mapping[str, float], *, other: str = "something else", refusals: float = 0.0) -> None:
        if sum(rates.values()) > 1 + 1e-9 or any(rate < 0 for rate in rates.values()):
            raise ValueError(f"rates {dict(rates)}: they are probabilities of exclusive answers and sum to at most 1")
        self.rates, self.other, self.refusals = dict(rates), other, refusals

    @property
    def identity(self) -> str:
        """Fingerprint of the script."""
        return fingerprint(["scripted", self.rates, self.other, self.refusals])

    def choose(self, requests: Sequence[ChoiceRequest]) -> list[ChoiceScores]:
        """The scripted log-probabilities; an option that is not in the script gets e^-30."""
        return [
            ChoiceScores(
                logprobs=tuple(math.log(self.rates[o]) if self.rates.get(o) else -30.0 for o in request.options),
                tokens=tuple(len(o.split()) for o in request.options),
            )
            for request in requests
        ]

    def write(self, requests: Sequence[TextRequest]) -> list[Text]:
        """A text for each request, drawn at the scripted rates from the request's own stream."""
        return [self._write(request) for request in requests]

    def _write(self, request: TextRequest) -> Text:
        stream = rng(request.stream, "scripted")
        if stream.random() < self.refusals:
            return Text(text="", state=State.REFUSED)
        draw, mass = stream.random(), 0.0
        for text, rate in self.rates.items():
            mass += rate
            if draw < mass:
                return Text(text=text)
        return Text(text=self.other)


class ScriptedStudy(Value):
    """A study of one trait whose population rates are known.

    The logit of arm a, base b, run seed s and question q is ``arms[a] + base_b + arm x base_ab + seed_abs + question_q +
    arm x question_aq + rest_abq``, each drawn N(0, sd^2) independently. With `samples` 0 the value is the probability
    itself (a forced choice); otherwise the mean of that many 0/1 draws. `missing` is the share of rows without a value.
    """

    arms: Mapping[str, float]
    bases: int = 5
    seeds: int = 1
    questions: int = 40
    samples: int = 0
    base_sd: float = Field(default=0.5, ge=0)
    arm_base_sd: float = Field(default=0.3, ge=0)
    seed_sd: float = Field(default=0.1, ge=0)
    question_sd: float = Field(default=1.0, ge=0)
    arm_question_sd: float = Field(default=0.4, ge=0)
    rest_sd: float = Field(default=0.3, ge=0)
    missing: float = Field(default=0.0, ge=0, le=1)

    def truth(self, arm: str) -> float:
        """The arm's rate over all bases, seeds and questions like these: mean of a logit-normal (Gauss-Hermite)."""
        variance = (
            self.base_sd**2
            + self.arm_base_sd**2
            + self.seed_sd**2
            + self.question_sd**2
            + self.arm_question_sd**2
            + self.rest_sd**2
        )
        nodes, weights = np.polynomial.hermite_e.hermegauss(80)
        logits = self.arms[arm] + math.sqrt(variance) * nodes
        return float((weights / (1 + np.exp(-logits))).sum() / weights.sum())

    def values(self, seed: int) -> dict[str, Array]:
        """One draw: arm -> array of shape (bases, seeds, questions)."""
        stream = rng(seed, "scripted study")
        B, S, Q = self.bases, self.seeds, self.questions
        base, question = stream.normal(0, self.base_sd, (B, 1, 1)), stream.normal(0, self.question_sd, (1, 1, Q))
        out = {}
        for arm, level in self.arms.items():
            logits = (
                level
                + base
                + question
                + stream.normal(0, self.arm_base_sd, (B, 1, 1))
                + stream.normal(0, self.seed_sd, (B, S, 1))
                + stream.normal(0, self.arm_question_sd, (1, 1, Q))
                + stream.normal(0, self.rest_sd, (B, 1, Q))
            )
            rates = 1 / (1 + np.exp(-logits))
            out[arm] = stream.binomial(self.samples, rates) / self.samples if self.samples else rates
        return out

    def rows(self, seed: int, gpe: str = "scripted", trait: str = "trait") -> pd.DataFrame:
        """One draw as a rows frame (one row per arm, base, seed and question; the arm ``untrained`` has that role)."""
        import pandas as pd

        drawn, stream = self.values(seed), rng(seed, "scripted rows", "missing")
        records: list[dict[str, Any]] = []
        for arm, values_BSQ in drawn.items():
            for (b, s, q), value in np.ndenumerate(values_BSQ):
                gone = bool(stream.random() < self.missing)
                records.append(self._record(seed, (gpe, arm, trait), (b, s, q), None if gone else float(value)))
        return pd.DataFrame.from_records(records).reindex(columns=list(COLUMNS)).astype(COLUMNS)

    def _record(
        self, seed: int, names: tuple[str, str, str], place: tuple[int, int, int], value: float | None
    ) -> dict[str, Any]:
        (gpe, arm, trait), (b, s, q) = names, place
        roles = {"untrained": Role.UNTRAINED, "plain": Role.PLAIN, "control": Role.CONTROL}
        return {
            "run": f"scripted-{arm}-{b}-{s}",
            "base": f"base-{b}",
            "base_seed": b,
            "world_seed": seed,
            "model": "scripted",
            "gpe": gpe,
            "signal": "scripted",
            "signal_role": "signal",
            "recipe": "none",
            "stack": "plain",
            "arm": arm,
            "role": str(roles.get(arm, Role.TREATMENT)),
            "seed": s,
            "step": 0,
            "trait": trait,
            "trait_kind": "unwanted",
            "question": f"q{q}",
            "paraphrase": 0,
            "condition": "none",
            "sample": 0,
            "option_order": 0,
            "response_id": f"{stream_seed(seed, gpe, arm, trait, b, s, q):016x}",
            "score": "scripted@1",
            "value": value,
            "state": str(State.OK if value is not None else State.REFUSED),
            "levels": json.dumps({}),
            "weight": 1.0,
            "replayable": True,
        }
