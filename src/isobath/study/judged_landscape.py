"""The landscape of answers that somebody judged: rows with their places, answers, and the report. No model is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from isobath.base.errors import InputError
from isobath.base.row import Claim, Role
from isobath.gpe.tagged.rows import judged_decisions, judged_rows
from isobath.gpe.tagged.spec import Landscape, TaggedSpec
from isobath.report.report import ArmCard, GPECard, Report, TraitCard
from isobath.study.arm import UNTRAINED
from isobath.study.bare_landscape import bare_rows
from isobath.study.edited import Decided, pairs_frame
from isobath.study.landscape import GPE_NAME, fall_questions, name_of
from isobath.study.landscape_sections import LandscapeParts, landscape_sections, shown_conditions
from isobath.study.provenance_card import provenance_card

if TYPE_CHECKING:
    import pandas as pd

    from isobath.analysis.question import Finding
    from isobath.design.support import Support

LIMITS = (
    "The judge was not checked here. Where it errs, every number errs with it, and no interval on this page says so.",
    "Which scenarios are in the file, and how they were tagged, was decided elsewhere. A region is only as right as "
    "the tags.",
)

ASKED = (
    "These comparisons follow a rule and were made after the data existed: every region against the innermost one that "
    "has questions, for every arm and trait."
)


@dataclass(frozen=True)
class JudgedLandscape:
    """Judged answers with their places, analysed.

    `rows` has one row per answer (columns: isobath.base.row.COLUMNS); `support` is None where texts had no levels;
    `pairs` are decisions on scenarios that differ in one factor, where the file says what was decided; `said` what was
    assumed.
    """

    path: Path
    rows: pd.DataFrame
    support: Support | None
    pairs: pd.DataFrame
    said: Sequence[str] = ()

    @property
    def claim(self) -> Claim:
        """What the intervals speak about: bases or, where there is one, training runs are the replicates."""
        return Claim.THIS_RECIPE if self.rows["base"].nunique() > 1 else Claim.THIS_MODEL

    @property
    def regions(self) -> dict[str, int]:
        """How many scenarios lie where."""
        first = self.rows.drop_duplicates("question")
        return {str(region): int(count) for region, count in first["region"].value_counts(sort=False).items()}

    @cached_property
    def means(self) -> pd.DataFrame:
        """Replicate means behind every number."""
        from isobath.analysis.replicates import replicate_means

        return replicate_means(self.rows, self.claim)

    @cached_property
    def findings(self) -> list[Finding]:
        """Does each trait of each arm fall from the island outwards?"""
        from isobath.analysis.answer import answer

        pairs = self.rows[["trait", "arm"]].drop_duplicates().itertuples(index=False, name=None)
        asked = [(str(t), str(a)) for t, a in pairs]
        asked.sort(key=lambda one: one[1] == UNTRAINED.name)  # what was trained heads the page
        questions = [
            question
            for condition in shown_conditions(self.rows)
            for question in fall_questions(self.regions, asked, self.claim, condition)
        ]
        return answer(questions, self.rows, means={self.claim: self.means})

    @cached_property
    def report(self) -> Report:
        """Everything the page says."""
        from isobath.analysis.estimates import arm_estimates

        rows = self.rows
        traits = rows[["trait", "trait_kind"]].drop_duplicates().itertuples(index=False, name=None)
        around = "" if self.support is None else f", placed around {self.support.examples:,} training examples"
        return Report(
            name=name_of(str(self.path)),
            findings=self.findings,
            rows=rows,
            estimates=arm_estimates(rows, self.claim, means=self.means),
            claim=self.claim,
            means=self.means,
            description=f"{len(rows):,} judged answers to {rows['question'].nunique():,} scenarios{around}. No model "
            "was asked.",
            control="",
            profiled=False,
            gpes=[GPECard(GPE_NAME, self.path.name, traits=[TraitCard(str(t), str(k)) for t, k in traits])],
            arms=[ArmCard(name, role) for name, role in _arms(rows)],
            sections=landscape_sections(
                LandscapeParts(
                    gpe=GPE_NAME,
                    rows=rows,
                    claim=self.claim,
                    support=self.support,
                    pairs=self.pairs,
                    reference=_reference(rows),
                    said=self.said,
                )
            ),
            limits=LIMITS,
            asked=ASKED,
            provenance=provenance_card(
                bases=sorted(map(str, rows["base"].unique())),
            ),
        )

    def write(self, folder: Path) -> Path:
        """Write rows.parquet, report.html, figures and their numbers into `folder`; returns the page's path."""
        from isobath.report.page import write_report

        folder.mkdir(parents=True, exist_ok=True)
        self.rows.to_parquet(folder / "rows.parquet", index=False)
        return write_report(self.report, folder / "report.html", folder / "figures")


def judged_landscape(spec: TaggedSpec) -> JudgedLandscape:
    """Read the file of `spec` and place its judged answers. Raises `InputError` for what cannot be read."""
    from isobath.analysis.table import frame_of

    landscape = spec.read()
    unjudged = next((line for line in landscape.file.test if line.state is None), None)
    if unjudged is not None:
        raise InputError(
            "the line has no judgement",
            "unless a model is asked, every test line has a `value`, or a `state` that says why not",
            "judge it, leave it out, or name a model to ask: --model M",
            unjudged.at,
        )
    pairs = pairs_frame(landscape.edits, _decided(landscape))
    return JudgedLandscape(
        landscape.path, frame_of(judged_rows(landscape)), landscape.support, pairs, landscape.remarks
    )


def bare_landscape(path: str, model: str) -> JudgedLandscape:
    """Judged answers to texts without levels: in-distribution, near or far in the hidden states of `model`."""
    from isobath.analysis.table import frame_of

    rows, said = bare_rows(path, model)
    return JudgedLandscape(Path(path), frame_of(rows), None, pairs_frame([], []), said)


def _arms(rows: pd.DataFrame) -> list[tuple[str, str]]:
    found = rows[["arm", "role"]].drop_duplicates().itertuples(index=False, name=None)
    return sorted(((str(a), str(r)) for a, r in found), key=lambda arm: arm[1] != str(Role.UNTRAINED))


def _reference(rows: pd.DataFrame) -> str:
    """The untrained arm that others are read against, if one stands beside others."""
    untrained = [name for name, role in _arms(rows) if role == str(Role.UNTRAINED)]
    return untrained[0] if len(untrained) == 1 and rows["arm"].nunique() > 1 else ""


def _decided(landscape: Landscape) -> list[tuple[dict[str, object], dict[str, Decided]]]:
    asked = {name for question, edit in landscape.edits for name in (question, edit.of)}
    return [
        (cell, {name: Decided(said, {said: 1.0}) for name, said in decisions.items() if name in asked})
        for cell, decisions in judged_decisions(landscape)
    ]
