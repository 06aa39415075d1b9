"""What the report of a study of doses adds: dose-response by region, gain and tax at each dose, the front."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isobath.analysis.dose import DoseSpec, dose_tables
from isobath.report.dose_view import DoseFrames, dose_section
from isobath.report.report import Section
from isobath.report.words import label
from isobath.study.components import build_gpe
from isobath.study.dose import dose_spec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from isobath.study.results import Results


def dose_sections(results: Results) -> list[Section]:
    """A section for every GPE of the study whose arms are doses; none for other studies."""
    study = results.study
    if not any(arm.role == "plain" for arm in study.arms):
        return []
    world = study.resolved_bases(results.store)[0].world
    specs = [dose_spec(study, build_gpe(ref, world)) for ref in study.gpes]
    found = [spec for spec in specs if spec is not None]
    if not found:
        return []
    from isobath.study.control_sections import run_seconds

    seconds, sections = run_seconds(results), []
    for spec in found:
        mine = {arm: taken for (gpe, arm), taken in seconds.items() if gpe == spec.gpe}
        frames = dose_frames(results.means, spec, mine)
        if len(frames.changes):
            title = "Doses" if len(found) == 1 else f"Doses: {label(spec.gpe)}"
            sections.append(dose_section(spec, frames, title))
    return sections


def dose_frames(means: pd.DataFrame, spec: DoseSpec, seconds: Mapping[str, Sequence[float]]) -> DoseFrames:
    """Everything about the doses of one GPE, from `replicate_means` and the seconds of training runs by arm."""
    from isobath.analysis.dose_curves import dose_curves, dose_points, narrow_points
    from isobath.analysis.dose_front import dose_front
    from isobath.analysis.dose_table import dose_changes, dose_costs, dose_pairs

    tables = dose_tables(means, spec)
    return DoseFrames(
        points=dose_points(tables, spec),
        curves=dose_curves(tables, spec),
        narrow=narrow_points(tables, spec),
        changes=dose_changes(tables, spec),
        pairs=dose_pairs(tables, spec),
        costs=dose_costs(spec, seconds),
        front=dose_front(means, spec),
    )
