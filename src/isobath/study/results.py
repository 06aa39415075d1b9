"""`Results`: what a study found, as a frame, as answers, as a picture and as transcripts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isobath.base.errors import InputError
from isobath.store import Store

if TYPE_CHECKING:
    import pandas as pd

    from isobath.analysis.landscape import Landscape
    from isobath.analysis.question import Finding
    from isobath.report.report import Report
    from isobath.study.study import Study


@dataclass(frozen=True)
class Failure:
    """A job that did not finish, and why."""

    job: str
    error: str


@dataclass(frozen=True)
class Results:
    """The rows of a study and what follows from them. Everything but the rows is computed when asked for."""

    study: Study
    store: Store
    folder: Path
    rows_path: Path
    failures: tuple[Failure, ...] = ()

    @cached_property
    def df(self) -> pd.DataFrame:
        """One row per response and score (columns: isobath.base.row.COLUMNS)."""
        from isobath.analysis.table import read_rows

        return read_rows(self.rows_path)

    @cached_property
    def findings(self) -> list[Finding]:
        """Answers to the study's questions, in their order."""
        from isobath.study.findings import study_findings

        return study_findings(self.study, self.df, self.means)

    @cached_property
    def estimates(self) -> pd.DataFrame:
        """Every arm x trait x condition with its interval, n and replicates."""
        from isobath.analysis.estimates import arm_estimates
        from isobath.study.findings import claim_of

        return arm_estimates(self.df, claim_of(self.study), means=self.means)

    @cached_property
    def means(self) -> pd.DataFrame:
        """One row per arm, trait, condition, replicate and question: what every estimate rests on."""
        from isobath.analysis.replicates import replicate_means
        from isobath.study.findings import claim_of

        return replicate_means(self.df, claim_of(self.study))

    @cached_property
    def landscape(self) -> Landscape:
        """Behaviour by region, distance and point, for questions in a factor space, asked without a prompt.

        Raises `InputError` where no question has a place.
        """
        from isobath.analysis.landscape import landscape
        from isobath.study.findings import claim_of

        rows = self.df[self.df["condition"] == "none"]
        untrained = "untrained" if {"untrained"} < set(rows["arm"]) else ""
        return landscape(rows, claim_of(self.study), reference=untrained)

    @cached_property
    def whole_report(self) -> Report:
        """Everything the page, the figures and the terminal say, as one value."""
        from isobath.study.reporting import report_of

        return report_of(self)

    @property
    def report_path(self) -> Path:
        """Where the HTML report lies once `report` has written it."""
        return self.folder / "report.html"

    def report(self) -> Path:
        """Write the HTML report and the figures, and return the path of the report."""
        from isobath.study.reporting import write_study_report

        return write_study_report(self)

    def plot(self, trait: str | None = None, gpe: str | None = None) -> Any:
        """An Altair chart of every arm's estimate with its interval; `trait` defaults to the GPE's headline."""
        from isobath.study.reporting import study_chart

        return study_chart(self, gpe, trait)

    def view(self, arm: str, trait: str, condition: str = "none", n: int = 5) -> pd.DataFrame:
        """`n` transcripts behind a number: prompt, answer, value and state, spread evenly over the questions.

        Raises `InputError` if the results have no such rows.
        """
        from isobath.study.judged_notes import JudgedNotes
        from isobath.study.reporting import option_labels
        from isobath.study.transcripts import transcripts

        rows = self.df
        chosen = rows[(rows["arm"] == arm) & (rows["trait"] == trait) & (rows["condition"] == condition)]
        if chosen.empty:
            raise InputError(
                f"no rows for arm {arm!r}, trait {trait!r}, condition {condition!r}",
                f"arms are {sorted(rows['arm'].unique())}, traits {sorted(rows['trait'].unique())}, conditions "
                f"{sorted(rows['condition'].unique())}",
                "name one of each",
            )
        notes = JudgedNotes(self.study, self.store)
        return transcripts(chosen, self.store, n, option_labels(self.study, self.store), notes)
