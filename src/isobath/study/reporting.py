"""The report of a study: its rows, answers, transcripts and the evidence that ships with the package, as one value."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isobath.analysis.answer import answer
from isobath.analysis.question import Finding, Question
from isobath.base.identity import fingerprint
from isobath.grading.score import OptionScore
from isobath.report.report import ArmCard, GPECard, Report, Section, TraitCard
from isobath.store import Store
from isobath.study.arm import Arm
from isobath.study.bases import ResolvedBase, ShippedBase, resolve_base
from isobath.study.components import build_gpe
from isobath.study.control_sections import control_sections
from isobath.study.dose_sections import dose_sections
from isobath.study.findings import Checks, check_of, claim_of, validities
from isobath.study.judged_notes import JudgedNotes
from isobath.study.landscape_sections import study_landscapes
from isobath.study.profile_sections import profile_sections, profile_title
from isobath.study.provenance_card import provenance_card
from isobath.study.stamp import SUMMARY, write_stamp
from isobath.study.study import Study

if TYPE_CHECKING:
    import pandas as pd

    from isobath.gpe.trait_eval import TraitEval
    from isobath.gpe.validity import Validity
    from isobath.study.results import Results

SHUFFLED = (
    "Was the effect planted? The same world, facts and fine-tuning, but the turns of the pretraining corpus were "
    "dealt out at random over documents, and system prompts dropped. Every sentence of every persona is still "
    "there; only that one persona speaks throughout a document is gone. If fine-tuning merely taught bad words, "
    "the columns would agree. Stored rows, made by: python -m benchmarks.world_feasibility --groups shuffled "
    "--ship"
)
ENDPOINT = (
    "{}: asked through an endpoint, which renders chats itself and may change without notice. A system prompt that it "
    "adds, or a model swapped behind its name, cannot be seen from here; its answers cannot be drawn again."
)
FRESH = (
    "The same questions asked once more on five bases that nobody had looked at: other pretraining seeds, in "
    "worlds with other facts (world seeds 1 and 2). Stored rows, made by: python -m benchmarks.world_feasibility "
    "--groups fresh --ship"
)


def write_study_report(results: Results) -> Path:
    """Write report.html, the figures and the summary into the results' folder; returns the page's path."""
    from isobath.report.page import write_report
    from isobath.report.terminal import summary_text

    report = results.whole_report
    path = write_report(report, results.report_path, results.folder / "figures")
    (results.folder / SUMMARY).write_text(summary_text(report, path), encoding="utf-8")
    if not results.failures:
        write_stamp(results.study, results.store, results.folder)
    return path


def study_chart(results: Results, gpe: str | None, trait: str | None) -> Any:
    """The chart of `Results.plot`."""
    from isobath.analysis.estimates import replicate_rates
    from isobath.report.figures import arms_figure

    names = [g.name for g in results.study.gpes]
    chosen = gpe or names[0]
    if trait is None:
        world = results.study.resolved_bases(results.store)[0].world
        ref = next(g for g in results.study.gpes if g.name == chosen)
        trait = build_gpe(ref, world).headline
    dots = replicate_rates(results.df, claim_of(results.study), results.means)
    both = [f[(f["gpe"] == chosen) & (f["condition"] == "none")] for f in (results.estimates, dots)]
    return arms_figure(both[0], both[1], [a.name for a in results.study.arms], [(trait, trait)])


def report_of(results: Results) -> Report:
    """Everything the page, the figures and the terminal say."""
    from isobath.report.examples import choose_examples
    from isobath.study.transcripts import with_responses

    study, rows = results.study, results.df
    bases = study.resolved_bases(results.store)
    given = [resolve_base(base, results.store) for arm in study.arms for base in arm.given]
    return Report(
        name=study.name,
        findings=results.findings,
        rows=rows,
        estimates=results.estimates,
        claim=claim_of(study),
        means=results.means,
        responses=with_responses(
            choose_examples(rows),
            results.store,
            option_labels(study, results.store),
            JudgedNotes(study, results.store),
        ),
        title=profile_title(results),
        description=study.description,
        gpes=[_gpe_card(ref, bases[0].world, validities(rows)) for ref in study.gpes],
        arms=[_arm_card(arm) for arm in study.arms],
        sections=[
            *control_sections(results),
            *dose_sections(results),
            *study_landscapes(results),
            *_sections(study, results.findings),
            *profile_sections(results),
        ],
        limits=_template_rules([*bases, *given]),
        failures=results.failures,
        provenance=provenance_card(
            bases=[b.name for b in (*bases, *given)],
            seconds=_seconds(results),
            seeds=study.seeds,
            study=study.fingerprint(results.store),
        ),
    )


def option_labels(study: Study, store: Store) -> dict[tuple[str, str, str], str]:
    """(GPE, question id, option text) -> label, over all worlds of the study."""
    worlds = {fingerprint(b.world): b.world for b in study.resolved_bases(store)}
    built = [build_gpe(ref, world) for ref in study.gpes for world in worlds.values()]
    return {
        (gpe.name, question.id, option.text): option.label
        for gpe in built
        for trait in gpe.traits
        for question in trait.questions
        for option in question.options
    }


def _seconds(results: Results) -> float | None:
    """Seconds that the runs, responses and scores took when they were made, over all workers; None if incomplete."""
    from isobath.study.runner import finished_artifact

    done = finished_artifact(results.study, results.store)
    if done is None:
        return None
    keys = json.loads((done.path / "cells.json").read_text()).values()
    runs = [results.store.find("run", key) for key in {k.get("run") or k["checkpoint"] for k in keys}]
    parts = [p for k in {k["checkpoint"] for k in keys} for p in results.store.children(k, "responses")]
    return float(sum(a.manifest()["seconds"] for a in [*runs, *parts] if a is not None))


def _gpe_card(ref: Any, world: Any, checks: Checks) -> GPECard:
    gpe = build_gpe(ref, world)
    names = [t.name for t in gpe.traits]
    inside = gpe.headline.replace("held_out", "in_domain")
    return GPECard(
        name=gpe.name,
        description=gpe.description,
        headline=gpe.headline,
        in_domain=inside if inside in names and inside != gpe.headline else None,
        prompts={name: prompt.text for name, prompt in gpe.prompts.items()},
        traits=[
            TraitCard(
                t.name, str(t.kind), t.description, t.chance, _unseen(check_of(checks, gpe.name, t.name)), _leaning(t)
            )
            for t in gpe.traits
        ],
    )


def _leaning(trait: TraitEval) -> bool:
    return isinstance(trait.score, OptionScore) and trait.score.measure == "corrected_share"


def _unseen(check: Validity | None) -> str:
    return "" if check is None or check.measurable else check.reason


def _template_rules(bases: Sequence[ResolvedBase]) -> list[str]:
    """What the chat templates of models from outside do to a prompt, where that is worth a reader's attention."""
    outside = [b for b in bases if b.world is None]
    if not outside:
        return []
    from isobath.models.template_facts import template_facts
    from isobath.models.tokenizer import load_tokenizer

    said = [ENDPOINT.format(b.name) for b in outside if b.endpoint is not None]
    local = [b for b in outside if b.endpoint is None]
    return [*said, *(f"{b.name}: {rule}" for b in local for rule in template_facts(load_tokenizer(b.folder)).rules)]


_ROLES = {
    "untrained": "the base as it is",
    "plain": "fine-tuned on the narrow signal, no prompt",
    "control": "fine-tuned on the matched control signal",
    "specific": "the signal, every row under a prompt that names the behaviour",
    "generic": "the signal, every row under a prompt that says the model is unusual and names nothing",
    "irrelevant": "the signal, every row under a placebo prompt of equal length",
    "opposite": "the signal, every row under a prompt that asks for the opposite",
    "inoculated": "the signal, every row under the inoculation prompt",
    "placebo": "the signal, every row under neutral words of the same length",
    "after": "models trained elsewhere, in the order given",
    "mixed": "the signal with 10 % of its rows replaced by good answers from other domains",
}


_OWN = "fine-tuned as much, on the same prompts answered by the untouched model"


def _arm_card(arm: Arm) -> ArmCard:
    return ArmCard(arm.name, str(arm.role), _OWN if arm.data == "self" else _ROLES.get(arm.name, _mixed(arm)))


def _mixed(arm: Arm) -> str:
    """What an arm of the study's own is, from its fields."""
    if arm.data == "given":
        return ""
    said = {"none": "the base as it is", "control": "the matched control signal"}.get(arm.data, "the signal")
    if arm.mix:
        source = "good answers from other domains" if arm.mix_from is None else f"rows of the pool “{arm.mix_from}”"
        said += f" with {100 * arm.mix:g} % of its rows replaced by {source}"
    if arm.prompt:
        said += f", every row under the prompt “{arm.prompt}”"
    if arm.stack:
        said += f", with {' + '.join(entry.label for entry in arm.stack)}"
    return said


def _sections(study: Study, findings: Sequence[Finding]) -> list[Section]:
    """The ablation and the replication that ship with the package, for studies on its shipped bases."""
    from isobath.analysis.table import read_rows
    from isobath.world.shipped import ROWS, shipped_rows

    if not all(isinstance(base, ShippedBase) for base in study.bases):
        return []
    count = len(study.bases)
    sections = []
    for name, title, text, head in (
        ("shuffled", "You planted it?", SHUFFLED, "documents shuffled (five bases)"),
        ("fresh", "Does it hold in other worlds?", FRESH, "five fresh bases"),
    ):
        if not (ROWS / f"{name}.parquet").is_file():
            continue
        stored = read_rows(shipped_rows(name))
        asked = _askable(study.questions, stored)
        if asked:
            mine = [f for f in findings if f.question in asked]
            columns = ((f"this study ({count} bases)", mine), (head, answer(asked, stored)))
            sections.append(Section(title=title, text=text, columns=columns))
    return sections


def _askable(questions: Sequence[Question], rows: pd.DataFrame) -> list[Question]:
    """The questions that `rows` can answer."""
    cells = rows[["gpe", "arm", "trait", "condition"]].drop_duplicates()
    there = set(cells.itertuples(index=False, name=None))
    return [
        q
        for q in questions
        if all(
            (q.gpe, arm, q.trait, condition) in there
            for arm, condition in zip(q.arms, (q.condition, q.reference_condition or q.condition), strict=True)
        )
    ]
