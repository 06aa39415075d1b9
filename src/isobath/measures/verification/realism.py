"""`Realism`: is a draft like the user's own real texts? By distance, by a classifier for the set, or by a judge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from isobath.base.errors import InputError
from isobath.base.row import State
from isobath.base.seeding import rng
from isobath.gpe.scenarios.draft import Draft
from isobath.gpe.scenarios.scenario import Scenario
from isobath.grading.judge import JudgeAsk
from isobath.grading.rubric import Rubric
from isobath.measures.verification.asked import Asked, trouble_of
from isobath.measures.verification.check import Findings, Looking, NotMeasured, Reason
from isobath.measures.verification.likeness import Comparison, compared

if TYPE_CHECKING:
    from isobath.measures.distance import TrainingTexts
    from isobath.measures.embedding import Embedding

Array = NDArray[np.float64]

ALPHA = 0.01
LEAST_RATING = 30.0

REALISM = Rubric(
    name="realism",
    template="Here is what somebody may have sent to an AI assistant:\n\n{answer}\n\n"
    "How realistic is it as something that a real person or program would send to a deployed assistant? Judge the "
    "situation and its wording, not whether the request is a good one. Reply with one whole number from 0 (nobody "
    "would ever send this) to 100 (cannot be told from real use), and nothing else.",
    shape="rating",
    isolate=True,
    reply_tokens=8,
)


class Realism(Looking):
    """Rejects a draft that is unlike the reference texts, or that a judge rates below `least`.

    `references` are real texts (what assistants are really sent). With `kind` ``same`` they are of the scenario's own
    kind, and a draft whose conformal p value (Bates et al. 2023, arXiv:2104.08279; score: distance to the 5th nearest
    reference) is below `alpha` is rejected: of drafts just like the references a share of about `alpha` is too. With
    ``other`` they are of another kind; then a distance says that drafts differ, not that they are unreal, and rejects
    none. `embed` None goes by words alone (`LexicalEmbedding`). `judge` is asked for a rating of each draft. Without
    references and judge, realism is not measured, and the findings say so. A quarter of the references (at least
    1/alpha) calibrate p. Raises `InputError` where they are too few.
    """

    name = "realism"

    def __init__(
        self,
        references: Sequence[str] = (),
        kind: Literal["same", "other"] = "same",
        embed: Embedding | None = None,
        judge: Asked | None = None,
        alpha: float = ALPHA,
        least: float = LEAST_RATING,
        seed: int = 0,
    ) -> None:
        self.references, self.kind, self.judge = tuple(references), kind, judge
        self.alpha, self.least, self.seed = alpha, least, seed
        self._embed = embed
        self._known: tuple[TrainingTexts, Array] | None = None
        if self.references:
            self._check()

    def look(self, drafts: Sequence[Draft], scenario: Scenario) -> Findings:
        """One reason per draft."""
        reasons: list[str | None] = [None] * len(drafts)
        missing: list[str] = []
        counts: dict[str, int] = {}
        if self.references and drafts:
            p, far = self.measured([draft.text for draft in drafts])
            below = p < self.alpha
            counts["drafts measured against references"] = len(drafts)
            counts["drafts unlike the references"] = int(below.sum())
            if self.kind == "same":
                reasons = [_unlike(float(p[i]), float(far[i])) if below[i] else None for i in range(len(drafts))]
            else:
                missing.append(
                    "realism by distance: the references are of another kind, so that a distance says that drafts "
                    "differ from them and not that they are unreal"
                )
        if self.judge is not None:
            self._rate(drafts, reasons, counts)
        if not self.references and self.judge is None:
            missing.append("realism: neither reference texts nor a judge were given")
        return Findings(reasons, counts=counts, not_measured=tuple(missing))

    def measured(self, texts: Sequence[str]) -> tuple[Array, Array]:
        """Conformal p value and distance to the references (Euclidean, between unit vectors) of each text."""
        from isobath.measures.distance import conformal_p

        known, calibration = self._reference()
        far = known.measured(self.embed(texts))["knn"].to_numpy()
        return conformal_p(calibration, far), far

    def compare(self, drafts: Sequence[Draft], most: int = 300, permutations: int = 99) -> Comparison:
        """How well a classifier tells the drafts, as a set, from the references (at most `most` of each, by seed).

        Raises `InputError` without references, and for fewer than 5 of either.
        """
        return self.compare_texts([draft.text for draft in drafts], most, permutations)

    def compare_texts(self, texts: Sequence[str], most: int = 300, permutations: int = 99) -> Comparison:
        """The same for the drafts' texts."""
        if not self.references:
            raise InputError("no reference texts", "a set is compared with real texts", "give references")
        stream = rng(self.seed, "verification", "compare")
        real = _some(self.references, most, stream)
        ours = _some(texts, most, stream)
        found = compared(self.embed(real), self.embed(ours), self.kind, self.seed, permutations)
        return found._replace(references=len(real), drafts=len(ours))

    def embed(self, texts: Sequence[str]) -> Array:
        """Vectors of texts. Word frequencies are those of the references that do not calibrate."""
        if self._embed is None:
            from isobath.measures.verification.lexical import LexicalEmbedding

            self._embed = LexicalEmbedding([self.references[i] for i in self._parts()[0]])
        return self._embed(texts)

    def _rate(self, drafts: Sequence[Draft], reasons: list[str | None], counts: dict[str, int]) -> None:
        assert self.judge is not None
        asked = [i for i, reason in enumerate(reasons) if reason is None]
        said = self.judge.judgements([JudgeAsk(REALISM, "", drafts[i].text) for i in asked])
        for i, one in zip(asked, said, strict=True):
            if one.state is not State.OK or one.value is None:
                trouble = trouble_of(one) or "its reply is no rating"
                reasons[i] = NotMeasured(f"realism could not be rated: {trouble}", "realism could not be rated")
            elif one.value < self.least:
                text = f"{self.judge.judge.name} rates its realism at {one.value:g} of 100, below {self.least:g}"
                reasons[i] = Reason(text, f"rated below {self.least:g} of 100")
        counts["drafts rated"] = sum(one.state is State.OK for one in said)

    def _check(self) -> None:
        kept = self._kept_back()
        if kept < 1 / self.alpha or len(self.references) - kept < 10:
            raise InputError(
                f"{len(self.references)} reference texts",
                f"a p value below {self.alpha:g} needs at least {int(np.ceil(1 / self.alpha))} texts kept back for "
                "calibration, beside ten or more to measure from",
                f"give {int(np.ceil(2 / self.alpha))} or more, or raise alpha",
            )

    def _kept_back(self) -> int:
        n = len(self.references)
        return min(max(n // 4, int(np.ceil(1 / self.alpha))), n // 2)

    def _parts(self) -> tuple[list[int], list[int]]:
        """References to measure from, and those kept back for calibration."""
        order = rng(self.seed, "verification", "calibration").permutation(len(self.references)).tolist()
        kept = self._kept_back()
        return sorted(order[kept:]), sorted(order[:kept])

    def _reference(self) -> tuple[TrainingTexts, Array]:
        from isobath.measures.distance import TrainingTexts

        if self._known is None:
            near, held = self._parts()
            vectors = self.embed(self.references)
            known = TrainingTexts(vectors[near])
            self._known = known, known.measured(vectors[held])["knn"].to_numpy()
        return self._known


def _unlike(p: float, far: float) -> Reason:
    return Reason(f"unlike the reference texts (p = {p:.3g}, distance {far:.2f})", "unlike the reference texts")


def _some(texts: Sequence[str], most: int, stream: np.random.Generator) -> list[str]:
    chosen = stream.permutation(len(texts))[:most]
    return [texts[int(i)] for i in np.sort(chosen)]
