"""What a data card cannot show, for the specification it is of."""

from __future__ import annotations

from collections.abc import Iterator

from isobath.models.endpoint.endpoint import Endpoint
from isobath.study.broadening.card import Card


def limits(card: Card) -> Iterator[str]:
    """Sentences, each a limit."""
    spec = card.spec
    yield (
        "That training on these rows helps. Coverage says what was trained on, not what a model then does: measure it, "
        "against the same rows from one's own data (matched budget) and with what it costs elsewhere."
    )
    yield (
        "That the decisions are right. They follow from a rule that somebody wrote down; where people do not agree, "
        "points are left out of training, and the rule says where that is."
    )
    yield "Anything about factors that are not in the space: rows may share what nobody named."
    yield (
        "Near-duplicates in meaning. Texts are compared by their words: the same scenario in other words is no "
        "near-duplicate."
    )
    if spec.writer is None:
        yield (
            "How real requests read. Templates repeat their phrases; a model can learn the templates. Name a writer, "
            "or mix these rows with real data."
        )
    else:
        yield (
            "That the model kept to the facts wherever the reader agrees: both may err alike"
            + (", and here both are the same model." if spec.reader == spec.writer else ".")
        )
        if isinstance(spec.reader, Endpoint):
            yield "Irrelevant levels in the model's words: only the relevant ones are read back."
    if not spec.references and "realism" in spec.checked:
        yield "Realism: no texts that people really sent were given as references, so none were compared."
    if spec.holdout is not None:
        yield (
            "More than the held-out points stand for. Levels and words of a test question may be trained on one by "
            "one; only its combination of relevant levels is not."
        )
