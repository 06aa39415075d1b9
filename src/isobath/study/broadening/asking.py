"""`Asking`: the endpoints that have a part in a broadening, with everything they answered before."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping, Sequence
from typing import TYPE_CHECKING

from isobath.gpe.scenarios.scenario import Scenario
from isobath.grading.judge import JudgeAsk, judgement_key
from isobath.grading.judgement import Judgement
from isobath.measures.verification.asked import Asked
from isobath.models.endpoint.budget import Budget
from isobath.models.endpoint.endpoint import Endpoint
from isobath.study.broadening.journal import Journal
from isobath.study.broadening.spec import Broadening
from isobath.study.broadening.writing import EndpointWriter, Tell

if TYPE_CHECKING:
    from isobath.measures.verification.reading import Tagger


class Asking:
    """Who words and who reads back, over one journal and one budget. `stopped`: nothing more is asked, and why."""

    def __init__(self, spec: Broadening, journal: Journal, budget: Budget | None, tell: Tell) -> None:
        self.spec, self.journal, self.budget, self.tell = spec, journal, budget, tell
        self.stopped = ""
        self.writer = None if spec.writer is None else EndpointWriter(spec.writer, spec.sampling, journal, budget, tell)

    def stop(self, why: str) -> None:
        """Ask for nothing more; what is in the journal is used."""
        self.stopped = self.stopped or why
        if self.writer is not None:
            self.writer.give_up(self.stopped)

    def reader(self, scenario: Scenario) -> Tagger:
        """The endpoint that reads points back; of factors that decide nothing it is not asked."""
        from isobath.measures.verification.endpoint_tagger import EndpointTagger

        judge = self.spec.reader
        assert isinstance(judge, Endpoint)
        known = Judgements(self.journal, self.budget, self.tell)
        relevant = [factor.name for factor in scenario.space.relevant]
        tagger = EndpointTagger(judge, relevant, self.budget, known)
        if self.stopped:
            tagger.asked = _Known(judge, None, "text", known)
        return tagger


class _Known(Asked):
    """Asks nobody: what is not known stays so."""

    def judgements(self, asks: Sequence[JudgeAsk]) -> list[Judgement]:
        keys = [judgement_key(self.judge, self.read, ask) for ask in asks]
        return [self.known.get(key) or self._failed(key, ask, "not asked") for key, ask in zip(keys, asks, strict=True)]


class Judgements(MutableMapping[str, Judgement]):
    """Judgements in the journal, by key: what is put in is on disk at once."""

    def __init__(self, journal: Journal, budget: Budget | None, tell: Tell) -> None:
        self._journal, self._budget, self._tell = journal, budget, tell
        self._before = journal.dollars - (budget.spent if budget is not None else 0.0)

    def __getitem__(self, key: str) -> Judgement:
        return Judgement.model_validate(self._journal[key]["judgement"])

    def __setitem__(self, key: str, value: Judgement) -> None:
        entry: dict[str, object] = {"judgement": value.model_dump(mode="json")}
        if self._budget is not None:
            # what was spent and no answer accounts for yet: a later run must take it off its own budget
            entry["dollars"] = max(0.0, self._budget.spent - (self._journal.dollars - self._before))
        self._journal.append(key, entry)
        self._tell(1)

    def __delitem__(self, key: str) -> None:
        raise TypeError("answers that were paid for are never deleted")

    def __iter__(self) -> Iterator[str]:
        return (key for key, entry in self._journal.entries.items() if "judgement" in entry)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, key: object) -> bool:
        return key in self._journal and "judgement" in self._journal[str(key)]
