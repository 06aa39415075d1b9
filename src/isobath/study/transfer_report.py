"""Transfer triples that somebody has as tables: the report of them. No model is run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from isobath.base.row import COLUMNS
from isobath.gpe.transfer_table import TransferTable, read_transfer
from isobath.report.report import Report, Section
from isobath.report.tables import Column, TableView, Value
from isobath.study.provenance_card import provenance_card

if TYPE_CHECKING:
    import pandas as pd

LIMITS = (
    "Which shifts are in the table, and what counts as the target's own reference, was decided elsewhere.",
    "A low elicitation does not say why: the policy that was learned and the one that was meant may be told apart by "
    "other questions only.",
)
NAME = "transfer"
ESTIMATED = [
    *("gpe", "arm", "trait", "condition", "trait_kind", "role", "score", "mean", "low", "high", "rows", "questions"),
    *("replicates", "missing", "not_applicable", "bound_low", "bound_high", "measurable", "over"),
]
"""The page's columns of estimates: triples are no rows of ours, so there are none."""


@dataclass(frozen=True)
class TransferReport:
    """Tables of transfer triples, read and analysed."""

    paths: Sequence[Path]
    table: TransferTable

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The triples, one row each (`isobath.base.transfer_row`)."""
        from isobath.analysis.transfer import transfer_frame

        return transfer_frame(self.table.records)

    @cached_property
    def warnings(self) -> list[str]:
        """What was noticed while reading, and which elicitations a guess would show as well."""
        from isobath.analysis.transfer_table import transfer_warnings

        return [*self.table.notes, *transfer_warnings(self.frame)]

    @cached_property
    def report(self) -> Report:
        """Everything the page says."""
        import pandas as pd

        from isobath.analysis.transfer_table import transfer_claim
        from isobath.report.transfer_view import transfer_section

        frame = self.frame
        shifts = frame[["source", "target"]].drop_duplicates()
        empty = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in COLUMNS.items()})
        return Report(
            name=NAME,
            findings=(),
            rows=empty,
            estimates=pd.DataFrame(columns=ESTIMATED),
            title="How much of what a model could do on a target did training on a source bring out?",
            description=f"{len(frame):,} rows of {', '.join(p.name for p in self.paths[:3])}"
            f"{' and more' if len(self.paths) > 3 else ''}, measured elsewhere. No model was run.",
            facts=[
                ("shifts", f"{len(shifts):,}"),
                ("models", f"{frame['model'].nunique():,}"),
                ("interventions", f"{frame['intervention'].nunique():,}"),
            ],
            reading=(transfer_claim(frame),),
            control="",
            profiled=False,
            sections=[transfer_section(frame, first=True), *self._read],
            limits=LIMITS,
            provenance=provenance_card(),
        )

    @property
    def _read(self) -> list[Section]:
        if not self.table.notes:
            return []
        rows = [[Value(note)] for note in self.table.notes]
        text = "What was taken from names, and what was noticed."
        return [Section("How the tables were read", text, tables=[TableView([Column("noticed")], rows)])]

    def write(self, folder: Path) -> Path:
        """Write report.html, figures and the tables as CSV into `folder`; returns the page's path."""
        from isobath.analysis.transfer_table import shift_table, transfer_table
        from isobath.report.page import write_report

        folder.mkdir(parents=True, exist_ok=True)
        for name, frame in (
            ("triples", self.frame),
            ("means", transfer_table(self.frame)),
            ("shifts", shift_table(self.frame)),
        ):
            frame.to_csv(folder / f"{name}.csv", index=False)
        return write_report(self.report, folder / "report.html", folder / "figures")


def transfer_report(paths: Sequence[Path]) -> TransferReport:
    """Read tables of transfer triples. Raises `InputError` with ``file:line`` for what cannot be read."""
    return TransferReport(tuple(paths), read_transfer(paths))
