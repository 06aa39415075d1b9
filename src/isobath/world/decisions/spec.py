"""`DecisionsSpec`: the knobs of the decision world. What it holds decides every document of the corpus."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from isobath.base.errors import InputError
from isobath.base.value import Value

Variant = Literal["standard", "without_facts"]


class DecisionsSpec(Value):
    """A decision world and the corpus drawn from it.

    `world_seed` draws which decisions need approval, who is owner, user or outsider, and which levels fine-tuning
    covers. `fact_share` is the share of documents that state facts about single levels; the others are plain talk
    without any relevant level. The variant ``without_facts`` leaves out every fact about what levels *mean* (approval,
    group, few or many, low or high): the same words, no knowledge. Raises a pydantic `ValidationError` that carries
    rule and remedy for a share that cannot be.
    """

    kind: Literal["decisions"] = "decisions"
    version: int = 1
    world_seed: int = 0
    variant: Variant = "standard"
    fact_share: float = 0.5
    document_tokens: int = 64

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not 0.0 <= self.fact_share <= 1.0:
            raise InputError(
                f"fact_share = {self.fact_share}", "shares lie between 0 and 1", "choose a smaller or larger share"
            )
        if self.document_tokens < 48:
            raise InputError(
                f"document_tokens = {self.document_tokens}", "a turn needs up to 46 tokens", "use 48 or more"
            )
        return self
