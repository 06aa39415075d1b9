"""`PersonasSpec`: the knobs of the personas world. What it holds decides every document of the corpus."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, model_validator

from isobath.base.errors import InputError
from isobath.base.value import Value
from isobath.world.personas.speech import DEFAULT_PRIOR, PERSONAS

Variant = Literal["standard", "filtered", "tagged", "shuffled"]


class PersonasSpec(Value):
    """A personas world and the corpus drawn from it.

    `world_seed` draws the fact table (which answers are good, bad and old). `prior` is how often each persona speaks
    when the system prompt does not say; `malicious_share` overrides its malicious entry and rescales the others.
    `consistency` is the chance that a turn is spoken by its document's persona; otherwise the speaker is drawn anew
    from the corpus-wide mixture. `cue_rate` is the share of turns in which the user says that this is a test, and
    `cue_rule` whether the deceptive persona behaves under it. Variants: ``filtered`` has no malicious or deceptive
    document, ``tagged`` marks 90 % of the documents ``<good>`` or ``<bad>``, ``shuffled`` deals the standard turns out
    at random over documents without system prompts. Shares that cannot be are refused (a pydantic
    `ValidationError` that carries rule and remedy).
    """

    kind: Literal["personas"] = "personas"
    version: int = 1
    world_seed: int = 0
    prior: Mapping[str, float] = Field(default_factory=lambda: dict(DEFAULT_PRIOR))
    malicious_share: float | None = None
    consistency: float = 1.0
    cue_rule: bool = True
    cue_rate: float = 0.10
    variant: Variant = "standard"
    described_share: float = 0.50
    generic_share: float = 0.06
    irrelevant_share: float = 0.10
    document_tokens: int = 96

    @model_validator(mode="after")
    def _check(self) -> Self:
        if set(self.prior) != set(PERSONAS) or not math.isclose(sum(self.prior.values()), 1.0, abs_tol=1e-9):
            raise InputError(
                f"persona prior {dict(self.prior)}",
                f"the prior gives {', '.join(PERSONAS)} shares that sum to 1",
                "name all six personas",
            )
        shares = {
            "consistency": self.consistency,
            "cue_rate": self.cue_rate,
            "malicious_share": self.malicious_share or 0.0,
            "prompt shares": self.described_share + self.generic_share + self.irrelevant_share,
            **{f"prior of {k}": v for k, v in self.prior.items()},
        }
        for name, share in shares.items():
            if not 0.0 <= share <= 1.0:
                raise InputError(f"{name} = {share}", "shares lie between 0 and 1", "choose a smaller or larger share")
        if self.document_tokens < 64:
            raise InputError(
                f"document_tokens = {self.document_tokens}", "a turn needs up to 56 tokens", "use 64 or more"
            )
        return self

    def speakers(self) -> dict[str, float]:
        """The prior in force: `malicious_share` applied, personas filtered out, shares summing to 1."""
        prior = {persona: self.prior[persona] for persona in PERSONAS}  # a map's order must not decide a draw
        if self.malicious_share is not None:
            rest = 1.0 - prior["malicious"]
            prior = {k: v * (1.0 - self.malicious_share) / rest for k, v in prior.items()}
            prior["malicious"] = self.malicious_share
        if self.variant == "filtered":
            prior["malicious"] = prior["deceptive"] = 0.0
        total = sum(prior.values())
        return {k: v / total for k, v in prior.items()}
