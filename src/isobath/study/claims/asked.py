"""One question of a claim, as the studies of claims ask it."""

from __future__ import annotations

from typing import Literal

from isobath.analysis.question import Expect, Question


def asked(
    text: str, trait: str, contrast: tuple[str, str], expect: Expect, headline: bool, region: str | None = None
) -> Question:
    """A question with the default smallest effect; `headline` ones of a study are adjusted together."""
    family: Literal["headline", "exploratory"] = "headline" if headline else "exploratory"
    return Question(text=text, trait=trait, contrast=contrast, region=region, expect=expect, family=family)
