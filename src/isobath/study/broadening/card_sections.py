"""The card as sections of sentences, tables and texts, which Markdown and page both show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from isobath.models.endpoint.budget import dollars
from isobath.models.endpoint.endpoint import Endpoint
from isobath.report.words import count, percent
from isobath.study.broadening.card import THRESHOLD, Card
from isobath.study.broadening.card_limits import limits
from isobath.study.broadening.numbers import Covered
from isobath.study.broadening.paths import Paths

Cells = tuple[str, ...]


@dataclass(frozen=True)
class Grid:
    """A table."""

    caption: str
    head: Cells
    rows: tuple[Cells, ...]


@dataclass(frozen=True)
class Shown:
    """Words as they are in the data, under a heading."""

    heading: str
    text: str


@dataclass(frozen=True)
class Section:
    """One part of the card."""

    title: str
    said: tuple[str, ...] = ()
    grids: tuple[Grid, ...] = ()
    shown: tuple[Shown, ...] = field(default=())


def lede(card: Card) -> str:
    """The card in a few sentences."""
    names = len(card.numbers)
    rows = f"{card.rows:,} training rows from {count(names, 'scenario')}"
    asked = [number.relevant_coverage if card.spec.fixed else number.coverage for number in card.numbers]
    full = all(one.covered == one.trainable for found in asked for one in found if one.t == card.spec.strength)
    what = f"{_noun(card.spec.strength)} of {'relevant ' if card.spec.fixed else ''}levels"
    cover = f"every {what} that may be trained on is covered" if full else f"not every {what} is covered"
    tests = f"{count(card.tests, 'test question')} held out, {card.leaked_rows} leaked"
    near = f"near-duplicates {percent(card.near)}{_near_span(card)}" if card.rows > 1 else "no second row"
    return f"{rows}; {cover}; {tests}; {near}."


def _near_span(card: Card) -> str:
    low, high = card.near_interval
    return "" if low == high else f" (95 % interval {percent(low)} to {percent(high)})"


def warnings_of(card: Card) -> list[str]:
    """What must not be overlooked."""
    found = [f"Not finished: {why.rstrip('.')}. The same command goes on from here." for why in card.stopped]
    if not card.rows and not card.stopped:
        found.append("No row was made: every draft was turned down, and the same command ends the same way.")
    if card.missing and card.stopped:
        found.append(f"{count(card.missing, 'row')} of the budget are not there yet.")
    elif card.missing:
        found.append(
            f"{count(card.missing, 'row')} of the budget could not be made: every draft for them was turned down (see "
            "what was turned down), or there is no further point."
        )
    if card.leaked_rows or card.leaked_texts:
        found.append(
            f"{card.leaked_rows + card.leaked_texts} training rows are test questions too: do not use the test."
        )
    return found


def sections(card: Card) -> list[Section]:
    """Every part, in the order a reader needs it."""
    found = [_asked(card), _scenarios(card), _coverage(card), _tests(card), _rejects(card), _diversity(card)]
    found += [_agreement(card), _source(card), _examples(card)]
    return [*[one for one in found if one is not None], Section("What this cannot show", tuple(limits(card)))]


def _noun(t: int) -> str:
    return {1: "level", 2: "pair", 3: "triple"}.get(t, f"{t}-tuple")


def _asked(card: Card) -> Section:
    spec = card.spec
    held = "nothing"
    if spec.holdout is not None:
        whole = "all of them" if spec.holdout.extent == "region" else f"{spec.holdout.per_region} test points in each"
        held = f"{', '.join(spec.holdout.regions)} ({whole}, per scenario)"
    shares = ", ".join(f"{name} {share:g}" for name, share in spec.renderings.items())
    rows = [
        ("budget", count(spec.budget, "row")),
        ("own data", _own(card)),
        ("held out", held),
        ("coverage", f"every {_noun(spec.strength)} of {'relevant ' if spec.fixed else ''}levels that is not held out"),
        ("renderings (shares)", shares),
        ("irrelevant levels", spec.irrelevant),
        ("words", "templates" if spec.writer is None else spec.writer.name),
        ("read back by", _reader(card)),
        ("checks", ", ".join(spec.checked).replace("_", " ")),
        ("evolution", _evolution(card)),
        ("selection", _selection(card)),
        ("seed", str(spec.seed)),
        ("Isobath", card.version),
    ]
    if card.command:
        rows.insert(0, ("command", card.command))
    return Section("What was asked for", grids=(Grid("", ("", ""), tuple(rows)),))


def _own(card: Card) -> str:
    own = card.spec.own
    if own is None:
        return "none given"
    if isinstance(own, str):
        return Path(own).name
    return ", ".join(f"{name}: {Path(one).name if isinstance(one, str) else 'levels'}" for name, one in own.items())


def _reader(card: Card) -> str:
    reader = card.spec.reader
    names = {"phrases": "looking up the templates' phrases", "learnt": "a classifier of words, fitted on other drafts"}
    return reader.name if isinstance(reader, Endpoint) else names[reader]


def _evolution(card: Card) -> str:
    chosen = card.spec.evolution
    return "none" if chosen is None else f"{count(chosen.generations, 'generation')}, by {chosen.fitness}"


def _selection(card: Card) -> str:
    chosen = card.spec.selection
    return "none" if chosen is None else f"{chosen.method} from {chosen.oversample:g} times as many"


def _scenarios(card: Card) -> Section:
    rows = tuple(
        (n.title or n.name, f"{n.rows:,}", f"{n.drafted:,}", f"{n.rejected:,}", f"{n.cells:,}", _balance(n.decisions))
        for n in card.numbers
    )
    head = ("scenario", "rows", "drafts", "turned down", "relevant combinations", "decisions")
    said = [f"{number.title or number.name}: {text}" for number in card.numbers for text in dict.fromkeys(number.said)]
    said += [
        f"{number.name}: {count(number.left_out, 'row')} left out, because not all wordings of the point passed."
        for number in card.numbers
        if number.left_out
    ]
    spare = card.spec.budget - sum(number.asked for number in card.numbers)
    if spare:
        said.append(
            f"{count(spare, 'row')} of the budget left: rows come in whole sets of {card.spec.wordings} wordings."
        )
    forms = Counter[str]()
    for number in card.numbers:
        forms.update(number.renderings)
    said.append(f"Renderings: {_balance(forms)}.")
    steps = Counter[str]()
    for number in card.numbers:
        steps.update(number.lineages)
    if set(steps) - {"drawn"}:
        said.append(f"How points came about, by their last step: {_balance(steps)}.")
    return Section("Rows", tuple(said), (Grid("Rows by scenario", head, rows),))


def _balance(counts: object) -> str:
    pairs = dict(counts) if isinstance(counts, dict) else {}
    total = sum(pairs.values())
    return ", ".join(f"{name} {n:,} ({percent(n / total)})" for name, n in pairs.items()) if total else "none"


def _coverage(card: Card) -> Section:
    head = ("scenario", "factors", "levels", "pairs", "triples")
    rows: list[Cells] = []
    for number in card.numbers:
        rows.append((number.name, "all", *_shares(number.coverage)))
        rows.append((number.name, "relevant", *_shares(number.relevant_coverage)))
    said = (
        "Counted exactly, over the rows as they are written (own data counts where all of its levels are known). The "
        "second number is how many combinations an agreed point holds that is not held out; in brackets, how many the "
        "space holds with held-out and contested ones.",
    )
    return Section("Coverage", said, (Grid("Combinations of levels covered", head, tuple(rows)),))


def _shares(found: Sequence[Covered]) -> Cells:
    texts = [
        f"{one.covered:,} of {one.trainable:,}" + (f" ({one.feasible:,})" if one.feasible != one.trainable else "")
        for one in found
    ]
    return (*texts, *["–"] * (3 - len(texts)))


def _tests(card: Card) -> Section | None:
    if not card.tests:
        return None
    head = ("scenario", "questions by region", "right decisions", "regions once the new rows are trained on")
    rows = tuple((n.name, _counts(n.tests), _counts(n.test_decisions), _counts(n.tests_after)) for n in card.numbers)
    own = [n.name for n in card.numbers if n.around_own]
    around = "everything that may be trained on"
    if own:
        of = "" if len(own) == len(card.numbers) else f" ({', '.join(own)}), of the others around {around}"
        around = f"one's own data{of}"
    island = sum(n.island for n in card.numbers)
    said = (
        f"Leaked: {card.leaked_rows} of {card.rows:,} training rows have the relevant levels of a test question, and "
        f"{card.leaked_texts} have its words (every row compared with every question).",
        f"Regions are those around {around}. The templates word every question.",
        "Contested questions have no right decision: they are asked, and nobody scores them.",
        f"Beside them {count(island, 'question')} where training data is ({_island_file(card)}): at points of one's "
        "own data, or else of these rows, in other words. They are not held out, and show what broadening costs there.",
    )
    return Section("Test questions", said, (Grid("Held out", head, rows),))


def _island_file(card: Card) -> str:
    return Paths(Path(card.name)).island.name


def _counts(counts: object) -> str:
    pairs = dict(counts) if isinstance(counts, dict) else {}
    return ", ".join(f"{name} {n:,}" for name, n in pairs.items()) or "none"


def _rejects(card: Card) -> Section:
    merged: dict[tuple[str, str], int] = {}
    shown: dict[tuple[str, str], list[Shown]] = {}
    for number in card.numbers:
        for one in number.rejects:
            key = (one.check, one.kind)
            merged[key] = merged.get(key, 0) + one.drafts
            for example in one.examples:
                if len(shown.setdefault(key, [])) < 1:
                    heading = f"{one.check}: {example['reason']} ({example['id']})"
                    shown[key].append(Shown(heading, example["text"]))
    order = sorted(merged, key=lambda key: (-merged[key], key))
    rows = tuple((check, kind, f"{merged[check, kind]:,}") for check, kind in order)
    said = [
        f"{card.rejected:,} of {count(card.drafted, 'draft')} turned down"
        + (f"; each was made again in other words, at most {card.spec.rounds} times." if card.rejected else ".")
    ]
    missing = {
        text if text.startswith(f"{check}:") else f"{check}: {text}"
        for n in card.numbers
        for check, texts in n.not_measured.items()
        for text in texts
    }
    said += [f"Not measured, {text}." for text in sorted(missing)[:12]]
    grids = (Grid("Drafts turned down, by reason", ("check", "reason", "drafts"), rows),) if rows else ()
    return Section("What was turned down", tuple(said), grids, tuple(one for key in order[:12] for one in shown[key]))


def _diversity(card: Card) -> Section:
    one, top = card.vendi
    said = (
        f"Near-duplicates: {percent(card.near)} of {card.sampled:,} rows drawn{_near_span(card)} have another row, "
        f"among all {card.rows:,}, whose words before the answer share {THRESHOLD:g} or more of their 3-word sequences "
        "(exact Jaccard index).",
        f"Vendi score of {card.diverse:,} rows: {one:.1f} (q = 1), {top:.1f} (q = infinity): as many as so many "
        "entirely different texts, by cosine of word and word-pair frequencies. It compares sets of one size only.",
    )
    return Section("Diversity", (*said, card.realism) if card.realism else said)


def _agreement(card: Card) -> Section | None:
    rows = []
    for number in card.numbers:
        for one in number.agreement:
            read = one.agree + one.differ + one.unread
            rows.append(
                (
                    number.name,
                    one.factor,
                    one.tagger,
                    f"{percent(one.agree / read)} ({percent(one.low)} to {percent(one.high)})",
                    f"{one.differ:,}",
                    f"{one.unread:,}",
                    f"{read:,}",
                )
            )
    if not rows:
        return None
    head = ("scenario", "factor", "reader", "reads the level of the point", "another level", "none", "drafts")
    said = ("Of all drafts, those turned down included; 95 % intervals (Clopper-Pearson).",)
    return Section("Reading back", said, (Grid("Agreement of the reader with the points", head, tuple(rows)),))


def _source(card: Card) -> Section:
    sources = Counter[str]()
    for number in card.numbers:
        sources.update(number.sources)
    said = [f"Words by: {_balance(sources)}."]
    if card.bill.answers:
        money = "" if card.bill.dollars is None else f"; about {dollars(card.bill.dollars)} by the prices given"
        said.append(
            f"Answers bought: {card.bill.answers:,}, of which {card.bill.readings:,} read drafts back; "
            f"{card.bill.tokens_in:,} tokens in and {card.bill.tokens_out:,} out were counted by the server for the "
            f"others{money}."
        )
    else:
        said.append("Cost: nothing but this machine's time.")
    return Section("Source and cost", tuple(said))


def _examples(card: Card) -> Section:
    shown = tuple(Shown(f"{name}, {row}", text) for name, row, text in card.examples)
    return Section("Examples", ("The first rows of each scenario, as a model is trained on them.",), shown=shown)
