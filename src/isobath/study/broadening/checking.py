"""The checks of a specification, made for one scenario; cheap ones first, those that remember last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from isobath.design.held_out import HeldOut
from isobath.gpe.scenarios.draft import Draft
from isobath.gpe.scenarios.scenario import Scenario
from isobath.study.broadening.spec import CHECKS, Broadening, CheckName

if TYPE_CHECKING:
    from isobath.measures.verification.check import Check
    from isobath.measures.verification.reading import Tagger
    from isobath.study.broadening.asking import Asking


def checks_of(
    spec: Broadening, scenario: Scenario, held: HeldOut | None, tests: Sequence[Draft], tagger: Tagger
) -> list[Check]:
    """New checks, which remember nothing yet: each draft is turned down by the first that it fails."""
    from isobath.measures.verification.answer import Answer, AnswerReader
    from isobath.measures.verification.duplicates import Duplicates
    from isobath.measures.verification.leakage import Leakage
    from isobath.measures.verification.metamorphic import Metamorphic
    from isobath.measures.verification.realism import Realism
    from isobath.measures.verification.round_trip import RoundTrip

    made: dict[CheckName, Callable[[], Check]] = {
        "leakage": lambda: Leakage(held, tests),
        "answer": lambda: Answer(tagger if spec.writer is not None and isinstance(tagger, AnswerReader) else None),
        "round_trip": lambda: RoundTrip(tagger, unread="pass" if spec.reader == "learnt" else "reject"),
        "metamorphic": lambda: Metamorphic(tagger, seed=spec.seed),
        "realism": lambda: Realism(real_texts(spec), kind=spec.references_kind, seed=spec.seed),
        "duplicates": Duplicates,
    }
    return [made[name]() for name in CHECKS if name in spec.checked]


def tagger_of(spec: Broadening, scenario: Scenario, asking: Asking | None) -> Tagger:
    """Who reads points back from the words of `scenario`."""
    if spec.reader == "phrases":
        from isobath.measures.verification.phrase_tagger import PhraseTagger

        return PhraseTagger()
    if spec.reader == "learnt":
        from isobath.measures.verification.learnt_tagger import LearntTagger

        return LearntTagger.fit(scenario, seed=spec.seed)
    assert asking is not None, "an endpoint reads where endpoints are asked"
    return asking.reader(scenario)


def real_texts(spec: Broadening) -> list[str]:
    """What people really sent, from the reference rows: the user's turns of each."""
    if spec.references is None:
        return []
    from isobath.gpe.rows.read import read_rows_file

    rows = read_rows_file(spec.references).rows
    return ["\n".join(m.content for m in row.messages if m.role == "user") for row in rows]
