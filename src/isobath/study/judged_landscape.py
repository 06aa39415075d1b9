"""The landscape of answers that somebody judged: rows with their places, answers, and the report. No model is run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from isobath.base.row import Claim, Role
from isobath.gpe.tagged.rows import judged_decisions, judged_rows
from isobath.gpe.tagged.spec import Landscape, TaggedSpec
from isobath.report.report import ArmCard, GPECard, Provenance, Report, TraitCard
from isobath.store.provenance import provenance
from isobath.study.edited import Decided, Edits, pairs_frame
from isobath.study.landscape import GPE_NAME, name_of, region_questions
from isobath.study.landscape_sections import LandscapeParts, landscape_sections

if TYPE_CHECKING:
    import pandas as pd

    from isobath.analysis.question import Finding

LIMITS = (
    "The judge was not checked here. Where it errs, every number errs with it, and no interval on this page says so.",
    "Which scenarios are in the file, and how they were tagged, was decided elsewhere. A region is only as right as "
    "the tags.",
)


@dataclass(frozen=True)
class JudgedLandscape:
    """A tagged file whose answers were judged elsewhere, analysed."""

    landscape: Landscape

    @cached_property
    def rows(self) -> pd.DataFrame:
        """One row per answer (columns: isobath.base.row.COLUMNS)."""
        from isobath.analysis.table import frame_of

        return frame_of(judged_rows(self.landscape))

    @property
    def claim(self) -> Claim:
        """What the intervals speak about: bases or, where there is one, training runs are the replicates."""
        return Claim.THIS_RECIPE if self.rows["base"].nunique() > 1 else Claim.THIS_MODEL

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
        questions = list(region_questions(self.landscape, [(str(t), str(a)) for t, a in pairs], self.claim))
        return answer(questions, self.rows, means={self.claim: self.means})

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """Decisions on scenarios that differ in one factor, where the file says what was decided."""
        edits = self.landscape.edits
        return pairs_frame(edits, _decided(self.landscape, edits))

    @cached_property
    def report(self) -> Report:
        """Everything the page says."""
        from isobath.analysis.estimates import arm_estimates
        from isobath.study.reporting import command_line

        landscape, made, rows = self.landscape, provenance(), self.rows
        traits = rows[["trait", "trait_kind"]].drop_duplicates().itertuples(index=False, name=None)
        parts = LandscapeParts(GPE_NAME, rows, landscape.support, self.claim, self.pairs, list(landscape.said))
        return Report(
            name=name_of(str(landscape.path)),
            findings=self.findings,
            rows=rows,
            estimates=arm_estimates(rows, self.claim, means=self.means),
            claim=self.claim,
            means=self.means,
            description=f"{len(rows):,} judged answers to {len(landscape.questions):,} scenarios, placed around "
            f"{landscape.support.examples:,} training examples. No model was run.",
            control="",
            profiled=False,
            gpes=[GPECard(GPE_NAME, landscape.path.name, traits=[TraitCard(str(t), str(k)) for t, k in traits])],
            arms=[ArmCard(str(a), str(r)) for a, r in _arms(rows)],
            sections=landscape_sections(parts),
            limits=LIMITS,
            provenance=Provenance(
                command=command_line(),
                version=str(made["versions"]["isobath"]),
                commit=made["commit"],
                dirty=made["dirty"],
                bases=sorted(map(str, rows["base"].unique())),
                versions=made["versions"],
                machine=f"{made['machine']}, {os.cpu_count()} cores",
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
    return JudgedLandscape(spec.read())


def _arms(rows: pd.DataFrame) -> list[tuple[str, str]]:
    found = rows[["arm", "role"]].drop_duplicates().itertuples(index=False, name=None)
    return sorted(((str(a), str(r)) for a, r in found), key=lambda arm: arm[1] != str(Role.UNTRAINED))


def _decided(landscape: Landscape, edits: Edits) -> list[tuple[dict[str, object], dict[str, Decided]]]:
    asked = {name for question, edit in edits for name in (question, edit.of)}
    return [
        (cell, {name: Decided(said, {said: 1.0}) for name, said in decisions.items() if name in asked})
        for cell, decisions in judged_decisions(landscape)
    ]
