"""`BaseSpec`: everything that decides the bytes of a base model pretrained on a world."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from isobath.base.identity import fingerprint
from isobath.base.value import Value
from isobath.train.recipe import Recipe
from isobath.world.decisions.spec import DecisionsSpec
from isobath.world.personas.spec import PersonasSpec

Architecture = Literal["qwen3", "llama"]
Init = Literal["stock", "custom"]


def _kind(spec: object) -> str:
    """Which world a spec is of; one that does not say is of the first, as it was when there was no other."""
    return str(spec.get("kind", "personas") if isinstance(spec, dict) else getattr(spec, "kind", "personas"))


WorldSpec = Annotated[
    Annotated[PersonasSpec, Tag("personas")] | Annotated[DecisionsSpec, Tag("decisions")], Discriminator(_kind)
]
"""The spec of any world; `kind` says which."""

STEPS, BATCH = 600, 64


class BaseSpec(Value):
    """A base model: its world and corpus, its shape, and how it is pretrained.

    `base_seed` draws the corpus, the initial weights and the data order. `init` ``stock`` is what the Hugging Face
    class does by itself (every matrix N(0, .02)); ``custom`` draws embeddings N(0, 1) and matrices
    N(0, .5 / sqrt(fan_in)) and zeroes the output projections and the head. `width` counts model dimensions, `heads`
    heads of `head_width`; `hidden` is the width of the gated MLP. `steps` of `batch_size` documents, each seen once.
    """

    world: WorldSpec = Field(default_factory=PersonasSpec)
    base_seed: int = 0
    architecture: Architecture = "qwen3"
    init: Init = "stock"
    width: Annotated[int, Field(ge=8)] = 96
    layers: Annotated[int, Field(ge=1)] = 3
    heads: Annotated[int, Field(ge=1)] = 3
    head_width: Annotated[int, Field(ge=4)] = 32
    hidden: Annotated[int, Field(ge=8)] = 256
    steps: Annotated[int, Field(ge=1)] = STEPS
    batch_size: Annotated[int, Field(ge=1)] = BATCH
    learning_rate: float = 3e-3
    muon_learning_rate: float = 0.02
    precision: Literal["fp32", "bf16"] = "fp32"
    version: int = 1

    @property
    def name(self) -> str:
        """Such as ``personas-0``; the name of a spec unlike the shipped ones ends in a short fingerprint."""
        plain = BaseSpec(world=type(self.world)(), base_seed=self.base_seed)
        if self == plain:
            return f"{self.world.kind}-{self.base_seed}"
        parts = [self.world.kind, self.architecture, self.init, self.world.variant, f"w{self.world.world_seed}"]
        return f"{'-'.join(parts)}-{self.base_seed}-{fingerprint(self)[:6]}"

    @property
    def documents(self) -> int:
        """Size of the corpus."""
        return self.steps * self.batch_size

    def recipe(self) -> Recipe:
        """The pretraining recipe: Muon on block matrices, AdamW on the rest, warm-up, flat half, linear decay."""
        return Recipe(
            steps=self.steps,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            betas=(0.9, 0.95),
            warmup_steps=min(20, max(1, self.steps // 10)),
            flat_fraction=0.5,
            final_fraction=0.02,
            optimiser="muon",
            muon_learning_rate=self.muon_learning_rate,
            precision=self.precision,
        )


UNIT_TEST_BASE = BaseSpec(width=64, layers=2, heads=2, head_width=32, hidden=160, steps=100, batch_size=24)
"""A small base for tests: seconds to build, knows the shape of the language and little else."""
