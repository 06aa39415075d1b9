"""Latent paraphrase: noise on input embeddings (NEFTune, 2310.05914), a cheap relative of LaPael (2411.00686)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from isobath.interventions.change import Change
from isobath.interventions.intervention import Stage
from isobath.interventions.setting import Setting

if TYPE_CHECKING:
    from isobath.train.hooks import Hook


class LatentParaphrase(Change):
    """Add uniform noise to the input embeddings in every training step; the trained model is asked without it.

    `size` says how large. ``sequence`` (NEFTune): each coordinate is uniform within strength / sqrt(L d); L counts the
    row's tokens that are changed and d is the width, so that the noise of a row has the same expected norm (about
    strength / sqrt 3) however long it is; `strength` is the paper's alpha. ``token``: the noise of each token has, in
    the root mean square, `strength` times the norm of that token's own embedding. LaPael's noise is learned from
    paraphrases and enters at early layers; neither is that.

    `tokens` says where: ``asked`` (those without loss: what is asked), ``answers`` (those with loss: the same noise
    where no wording is, a placebo) or ``all`` (as in NEFTune). Noise comes from a stream of its own for each run and
    step. Strength 0 is no change.
    """

    kind: Literal["latent_paraphrase"] = "latent_paraphrase"
    strength: float = Field(default=5.0, ge=0.0)
    size: Literal["sequence", "token"] = "sequence"
    tokens: Literal["asked", "answers", "all"] = "asked"

    stage: ClassVar[Stage] = "forward"

    @property
    def label(self) -> str:
        """Such as ``latent_paraphrase(5)`` or ``latent_paraphrase(0.3 of each token,on answers)``."""
        where = f",on {self.tokens}" if self.tokens != "asked" else ""
        return f"{self.kind}({self.strength:g}{' of each token' if self.size == 'token' else ''}{where})"

    def hooks(self, setting: Setting) -> Sequence[Hook]:
        """One hook; none at strength 0."""
        if not self.strength:
            return ()
        from isobath.interventions.latent_noise import LatentNoise

        return [LatentNoise(self)]
