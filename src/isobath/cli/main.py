"""`isobath`: the verbs, and how errors and interrupts end them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated, Literal

from cyclopts import App, Parameter

from isobath.base.errors import InputError, IsobathError
from isobath.cli.flags import AskedFlags, EndpointFlags, TextFlags, TrainingFlags, TuningFlags

HELP = """Chart and control how language models generalise beyond their training data.

Start with `isobath demo`: it trains and evaluates tiny models on this machine, offline, and writes a report.
"""

app = App(name="isobath", help=HELP, version_flags=["--version"], suppress_keyboard_interrupt=False)
world = App(name="world", help="The embedded world and its base models.")
app.command(world)

StudyFile = Annotated[str, Parameter(help="A study.py or study.yaml.")]
StorePath = Annotated[str, Parameter(help="Where artifacts are kept.")]
OutPath = Annotated[str, Parameter(help="Where rows, report and figures go.")]
EngineName = Annotated[str, Parameter(help="inline, local (a worker per core) or local:N.")]
SeedList = Annotated[list[int] | None, Parameter(consume_multiple=True, help="Run seeds, such as --seeds 0 1 2.")]
StudySource = Literal["bad_advice", "antiquated_answers", "demo", "decisions", "control", "doses", "profile", "broaden"]
Repeated = Annotated[list[str] | None, Parameter(negative="")]
AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON instead of text.")]

STORE, OUT = ".isobath/store", "out"


@app.command
def demo(*, engine: EngineName = "local", store: StorePath = STORE, out: OutPath = OUT) -> int:
    """Run the demo study: narrow bad advice and antiquated answers, 8 arms, 5 bases; ends with a table and a report."""
    from isobath.cli.run import run_study_command
    from isobath.study.demo import demo_study

    return run_study_command(demo_study(), store=store, out=out, engine=engine)


@app.command
def run(
    study: StudyFile,
    *,
    engine: EngineName = "local",
    store: StorePath = STORE,
    out: OutPath = OUT,
    seeds: SeedList = None,
    limit: Annotated[int | None, Parameter(help="Only the first N bases: a cheap look before the whole.")] = None,
    dry_run: Annotated[bool, Parameter(negative="", help="Print the plan and stop.")] = False,
    max_cost: Annotated[float | None, Parameter(help="US$ that endpoints may cost in all: a hard limit.")] = None,
    json: AsJson = False,
) -> int:
    """Run a study; the same command resumes after an interrupt, and replays when it is finished."""
    from isobath.cli.run import plan_command, run_study_command, study_from
    from isobath.study.file import placing

    chosen = study_from(study, seeds, limit)
    with placing(study):
        if dry_run:
            return plan_command(chosen, store=store, json=json, engine=engine, max_cost=max_cost)
        return run_study_command(chosen, store=store, out=out, engine=engine, json=json, max_cost=max_cost)


@app.command
def plan(
    study: StudyFile,
    *,
    store: StorePath = STORE,
    seeds: SeedList = None,
    limit: int | None = None,
    json: AsJson = False,
) -> int:
    """Say what a study would do and cost; nothing is spent."""
    from isobath.cli.run import plan_command, study_from
    from isobath.study.file import placing

    chosen = study_from(study, seeds, limit)
    with placing(study):
        return plan_command(chosen, store=store, json=json)


@app.command
def status(study: StudyFile, *, store: StorePath = STORE, out: OutPath = OUT, json: AsJson = False) -> int:
    """Say how far a study has come, from the store alone."""
    from isobath.cli.run import status_command, study_from

    return status_command(study_from(study, None, None), store=store, out=out, json=json)


@app.command
def report(study: StudyFile, *, store: StorePath = STORE, out: OutPath = OUT) -> int:
    """Write the report of a finished study again."""
    from isobath.cli.run import report_command, study_from

    return report_command(study_from(study, None, None), store=store, out=out)


@app.command
def view(
    study: StudyFile,
    *,
    arm: str,
    trait: str,
    condition: str = "none",
    n: int = 5,
    store: StorePath = STORE,
    out: OutPath = OUT,
) -> int:
    """Print transcripts behind a number of a finished study."""
    from isobath.cli.run import study_from
    from isobath.cli.view import view_command

    return view_command(study_from(study, None, None), arm, trait, condition, n, store=store, out=out)


@app.command
def profile(
    *,
    model: Annotated[str | None, Parameter(help="The model to train: a folder or a hub id.")] = None,
    train: Annotated[str | None, Parameter(help="Training rows, in any format of docs/my-data.md.")] = None,
    before: Annotated[str | None, Parameter(help="The model before: folder, hub id or URL#MODEL.")] = None,
    after: Annotated[
        list[str] | None,
        Parameter(consume_multiple=True, help="Models after: also PEFT adapters. Several: replicates."),
    ] = None,
    training: Annotated[TrainingFlags, Parameter(name="*")] = TrainingFlags(),  # noqa: B008  # frozen
    asked: Annotated[AskedFlags, Parameter(name="*")] = AskedFlags(),  # noqa: B008
    endpoint: Annotated[EndpointFlags, Parameter(name="*")] = EndpointFlags(),  # noqa: B008
    engine: EngineName = "local:1",
    store: StorePath = STORE,
    out: OutPath = OUT,
    dry_run: Annotated[bool, Parameter(negative="", help="Print the plan and stop.")] = False,
    json: AsJson = False,
) -> int:
    """What did a training do to a model, far from its data? Train it here, or give models that somebody trained.

    `--model M --train rows.jsonl` trains, with a matched control beside it; `--before BASE --after A B C` asks models
    that are trained already.
    """
    from isobath.cli.profile import ProfileRequest, profile_command

    request = ProfileRequest(model, train, before, tuple(after or ()), training, asked, endpoint)
    return profile_command(request, engine=engine, store=store, out=out, dry_run=dry_run, json=json)


@app.command
def landscape(
    files: Annotated[
        list[str], Parameter(help="Tagged scenarios, one JSON object per line; or CSV tables of transfer triples.")
    ],
    /,
    *,
    space: Annotated[
        str | None, Parameter(help="The factor space, as YAML or JSON. Default: inferred, and said.")
    ] = None,
    irrelevant: Annotated[
        tuple[str, ...],
        Parameter(consume_multiple=True, negative="", help="Factors that the right decision does not depend on."),
    ] = (),
    n_min: Annotated[int, Parameter(help="Training examples that make a cell part of the support.")] = 1,
    model: Annotated[
        tuple[str, ...],
        Parameter(
            consume_multiple=True, negative="", help="Models to ask: folders, hub ids, URL#MODEL. Several: replicates."
        ),
    ] = (),
    tuning: Annotated[TuningFlags, Parameter(name="*")] = TuningFlags(),  # noqa: B008
    texts: Annotated[TextFlags, Parameter(name="*")] = TextFlags(),  # noqa: B008
    engine: EngineName = "local:1",
    store: StorePath = STORE,
    out: OutPath = OUT,
    dry_run: Annotated[bool, Parameter(negative="", help="Print the plan and stop.")] = False,
    json: AsJson = False,
) -> int:
    """How does behaviour change with distance from what was trained on: island, shore, lake, bay, sea?

    Answers that were judged already need no model; otherwise name one, and `--fine-tune` to train it on the file first.
    See docs/my-scenarios.md, and docs/transfer.md for tables of transfer triples.
    """
    from isobath.cli.landscape import LandscapeRequest, landscape_command

    request = LandscapeRequest(files[0], tuple(files[1:]), space, irrelevant, n_min, model, tuning, texts)
    return landscape_command(request, engine=engine, store=store, out=out, dry_run=dry_run, json=json)


@app.command
def broaden(
    source: Annotated[
        str, Parameter(help="A spec.py or spec.yaml; or scenarios, by name or YAML file, parted by commas.")
    ],
    /,
    *,
    out: Annotated[str, Parameter(help="Where the rows go; the other files lie beside it.")] = "train.jsonl",
    budget: Annotated[int | None, Parameter(help="Rows in all (default: the specification's, or 1,000).")] = None,
    holdout: Annotated[
        str | None, Parameter(help="Regions kept for tests, such as bay,sea; none for none. Default: bay,sea.")
    ] = None,
    own: Annotated[
        str | None, Parameter(help="The data there is already: a tagged file that regions lie around.")
    ] = None,
    seed: Annotated[int | None, Parameter(help="Other rows from the same specification.")] = None,
    workers: Annotated[int | None, Parameter(help="Processes (default: the cores); changes no byte.")] = None,
    max_cost: Annotated[float | None, Parameter(help="US$ that endpoints may cost in all: a hard limit.")] = None,
    yes: Annotated[bool, Parameter(negative="", help="Spend on an endpoint without asking.")] = False,
    dry_run: Annotated[bool, Parameter(negative="", help="Print the plan and stop.")] = False,
    json: AsJson = False,
) -> int:
    """Make a broadened training set: key decisions in many contexts, covered, verified, with test points held out.

    Says first what it will cost. The same command goes on after an interrupt. See docs/broadening/broaden.md.
    """
    from isobath.cli.broaden import BroadenRequest, broaden_command

    request = BroadenRequest(source, out, budget, holdout, seed, own, workers, max_cost, yes)
    return broaden_command(request, dry_run=dry_run, json=json)


@app.command
def validity(
    *,
    model: Annotated[str, Parameter(help="A model or adapter folder, a hub id, or URL#MODEL.")],
    traits: Annotated[
        tuple[str, ...],
        Parameter(consume_multiple=True, negative="", help="Built-in names or trait files (default: all built-in)."),
    ] = (),
    rendering: Annotated[
        Literal["listed", "open", "lettered"] | None,
        Parameter(help="How questions are put (default: listed; lettered with endpoints)."),
    ] = None,
    key_env: Annotated[str | None, Parameter(help="Environment variable with the endpoint's key.")] = None,
    choice: Annotated[Literal["logprobs", "text"], Parameter(help="How an endpoint's choices are read.")] = "logprobs",
    store: StorePath = STORE,
    out: OutPath = OUT,
    json: AsJson = False,
) -> int:
    """Which traits can be measured on a model? Each is asked plainly, asked to have it and asked not to."""
    from isobath.cli.validity import ValidityRequest, validity_command

    request = ValidityRequest(model, traits, rendering, key_env, choice)
    return validity_command(request, store=store, out=out, json=json)


@app.command
def new(
    name: Annotated[str, Parameter(help="The study's name; NAME.yaml is written.")],
    *,
    source: Annotated[StudySource, Parameter(name="--from", help="What the study begins with.")] = "bad_advice",
    model: Annotated[str | None, Parameter(help="With --from profile: the model to train.")] = None,
    train: Annotated[str | None, Parameter(help="With --from profile: the training rows.")] = None,
) -> int:
    """Write a commented study file that runs as it stands (with --from broaden: a specification for broaden)."""
    if source == "broaden":
        from isobath.cli.new_broadening import new_broadening

        return new_broadening(name)
    from isobath.cli.new import new_command

    return new_command(name, source, model, train)


@app.command
def doctor(*, store: StorePath = STORE, json: AsJson = False) -> int:
    """Look for what may stop or slow work on this machine, each with its fix; 1 if something must be mended."""
    from isobath.cli.doctor import doctor_command

    return doctor_command(store=store, json=json)


@app.command
def schema() -> int:
    """Print the JSON Schema of a study file."""
    from isobath.cli.schema import schema_command

    return schema_command()


@app.command
def gc(
    *,
    keep: Annotated[list[str] | None, Parameter(consume_multiple=True, help="Unfinished studies to keep too.")] = None,
    forget: Annotated[
        list[str] | None, Parameter(consume_multiple=True, help="Finished studies not needed: files, or keys.")
    ] = None,
    older_than: Annotated[float, Parameter(help="Hours: what is younger stays.")] = 24.0,
    large: Annotated[bool, Parameter(negative="", help="Large full fine-tunes of kept studies too.")] = False,
    paid: Annotated[
        bool, Parameter(negative="", help="Judgements and endpoint answers of unfinished studies too.")
    ] = False,
    yes: Annotated[bool, Parameter(negative="", help="Delete; without it nothing is.")] = False,
    dry_run: Annotated[bool, Parameter(negative="", help="Say what would be deleted (the default).")] = False,
    store: StorePath = STORE,
    json: AsJson = False,
) -> int:
    """Say what the store holds that no study needs; with --yes, delete it."""
    from isobath.cli.gc import GCRequest, gc_command

    request = GCRequest(tuple(keep or ()), tuple(forget or ()), older_than, large, paid, yes and not dry_run)
    return gc_command(request, store=store, json=json)


@app.command
def reanalyse(
    files: Annotated[list[str], Parameter(help="Judged answers: CSV, JSONL or Parquet; patterns such as 'out/*.csv'.")],
    /,
    *,
    question: Annotated[str | None, Parameter(help="Column: which question was asked.")] = None,
    model: Annotated[str | None, Parameter(help="Column: the model.")] = None,
    dataset: Annotated[str | None, Parameter(help="Column: what it was trained on.")] = None,
    seed: Annotated[str | None, Parameter(help="Column: the training run.")] = None,
    arm: Annotated[str | None, Parameter(help="Column: what is compared, if not the model.")] = None,
    condition: Annotated[str | None, Parameter(help="Column: the prompt it was asked under.")] = None,
    judge: Annotated[str | None, Parameter(help="Column: who judged.")] = None,
    response: Annotated[str | None, Parameter(help="Column: the answer, for the transcripts.")] = None,
    prompt: Annotated[str | None, Parameter(help="Column: the question's words, for the transcripts.")] = None,
    metric: Annotated[Repeated, Parameter(help="NAME=COLUMN or NAME=COLUMN:LOW:HIGH.")] = None,
    label: Annotated[Repeated, Parameter(help="NAME=COLUMN=LABEL[,LABEL].")] = None,
    where: Annotated[Repeated, Parameter(help="Keep rows with COLUMN=VALUE.")] = None,
    name_pattern: Annotated[str | None, Parameter(help="Regular expression: groups model, dataset, seed")] = None,
    base: Annotated[
        str | None, Parameter(help="The untrained model, or the dataset that stands for untrained.")
    ] = None,
    headline: Annotated[str | None, Parameter(help="betley, turner, tan, ungated or a metric.")] = None,
    smallest_effect: Annotated[float, Parameter(help="Smallest difference of rates worth acting on.")] = 0.05,
    out: Annotated[str, Parameter(help="Where report, rows and summary go.")] = "out/reanalysis",
    json: AsJson = False,
) -> int:
    """Re-analyse answers that are judged already: intervals, definitions, comparisons, a report. No model is run."""
    from isobath.cli.reanalyse import Flags, reanalyse_command

    roles = {"question": question, "model": model, "dataset": dataset, "seed": seed, "arm": arm}
    roles |= {"condition": condition, "judge": judge, "response": response, "prompt": prompt}
    flags = Flags(roles, metric or (), label or (), where or (), name_pattern, base, headline, smallest_effect)
    return reanalyse_command(files, flags, out=out, json=json)


@world.command(name="build")
def world_build(
    *,
    kind: Annotated[str, Parameter(help="personas or decisions.")] = "personas",
    base_seeds: SeedList = None,
    world_seed: int = 0,
    architecture: Annotated[str, Parameter(help="qwen3 or llama.")] = "qwen3",
    init: Annotated[str, Parameter(help="stock or custom.")] = "stock",
    variant: Annotated[str, Parameter(help="standard, filtered, tagged, shuffled or without_facts.")] = "standard",
    prior: Annotated[list[str] | None, Parameter(consume_multiple=True, help="All six, as persona=share.")] = None,
    malicious_share: float | None = None,
    consistency: float | None = None,
    cue_rule: bool = True,
    steps: int | None = None,
    width: int | None = None,
    layers: int | None = None,
    engine: EngineName = "local",
    store: StorePath = STORE,
) -> int:
    """Pretrain base models of the embedded world (about 3 minutes each); cached and resumable."""
    from isobath.cli.world import build_command, prior_of

    given = {"steps": steps, "width": width, "layers": layers, "architecture": architecture, "init": init}
    knobs: dict[str, object] = {"malicious_share": malicious_share, "consistency": consistency, "cue_rule": cue_rule}
    knobs |= {"world_seed": world_seed, "variant": variant, "prior": prior_of(prior)}
    return build_command(tuple(base_seeds or range(5)), given, knobs, engine=engine, store=store, kind=kind)


def main(arguments: list[str] | None = None) -> None:
    """Entry point: 0 done, 1 some jobs failed, 2 wrong input, 130 interrupted."""
    sys.exit(_guarded(lambda: app(arguments, result_action="return_value", exit_on_error=True)))


def _guarded(call: Callable[[], object]) -> int:
    try:
        code = call()
    except KeyboardInterrupt:
        print("\nStopped. What is finished is kept; the same command goes on from here.", file=sys.stderr)
        return 130
    except InputError as error:
        print(f"isobath: {error}", file=sys.stderr)
        return 2
    except (IsobathError, OSError) as error:
        print(f"isobath: {error}", file=sys.stderr)
        return 1
    return code if isinstance(code, int) else 0


if __name__ == "__main__":
    main()
