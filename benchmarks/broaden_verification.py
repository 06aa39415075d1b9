"""What verification sees and misses on every scenario of the catalogue, and what it costs.

    python -m benchmarks.broaden_verification [--unseen] [--speed 10000] [--only NAME ...]

Agreement: 300 sound drafts of each scenario (random points with an agreed decision, seeds 0-299), read by the phrase
tagger and by the n-gram tagger (fitted on other points and seeds; ``--unseen``: by classifiers that have not seen the
wording at hand). Faults: in up to 300 of these drafts one relevant phrase is put into another level's words, or cut, or
the answer is put into the question: how many are caught. ``worn`` is no fault: two words fewer in a phrase, as a model
might put it; how many are rejected all the same. ``sound``: by the metamorphic check, every factor edited.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from isobath.analysis.intervals import clopper_pearson
from isobath.base.seeding import rng
from isobath.design.held_out import held_out
from isobath.gpe.scenarios.catalogue import CATALOGUE, scenario
from isobath.gpe.scenarios.draft import Draft
from isobath.gpe.scenarios.scenario import Scenario
from isobath.measures.verification.answer import Answer
from isobath.measures.verification.check import Check
from isobath.measures.verification.duplicates import Duplicates
from isobath.measures.verification.leakage import Leakage
from isobath.measures.verification.learnt_tagger import LearntTagger
from isobath.measures.verification.metamorphic import Metamorphic
from isobath.measures.verification.phrase_tagger import PhraseTagger
from isobath.measures.verification.realism import Realism
from isobath.measures.verification.round_trip import RoundTrip
from isobath.measures.verification.verify import verify

DRAFTS = 300


def sound(one: Scenario, count: int, seed: int = 0) -> list[Draft]:
    """Drafts at random points with an agreed decision, in every rendering."""
    stream, found = rng(seed, "verification bench", one.name), []
    while len(found) < count:
        point = {f.name: f.domain[int(stream.integers(len(f.domain)))] for f in one.space.factors}
        if one.space.allows(point) and one.decide(point) is not None:
            found.append(
                one.draft(point, seed * 1_000_000 + len(found), one.renderings[len(found) % len(one.renderings)])
            )
    return found


def faulty(one: Scenario, drafts: Sequence[Draft], kind: str) -> Iterator[Draft]:
    """Each draft with a fault of `kind` in its words, where one can be planted."""
    for i, draft in enumerate(drafts):
        stream = rng(i, "verification bench", one.name, kind)
        if kind == "answer told":
            last = draft.messages[-2].model_copy(
                update={"content": f"{draft.messages[-2].content} {draft.messages[-1].content}"}
            )
            yield replace(draft, messages=(*draft.messages[:-2], last, draft.messages[-1]))
            continue
        factor = one.space.relevant[int(stream.integers(len(one.space.relevant)))]
        table = one.phrases(factor.name)
        said = next((t for t in table[draft.point[factor.name]] if t in draft.text), None)
        other = [
            t for level, texts in table.items() if level != draft.point[factor.name] for t in texts if "{" not in t
        ]
        if said is None or not other:
            continue  # a wording with a slot: its words are not known in advance
        new = other[int(stream.integers(len(other)))] if kind == "moved" else ""
        if kind == "worn":  # no fault: two words fewer, as a writer of another style would have it
            kept = said.split()
            for _ in range(2):
                kept.pop(int(stream.integers(len(kept))))
            new = " ".join(kept)
        chat = tuple(m.model_copy(update={"content": m.content.replace(said, new)}) for m in draft.messages[:-1])
        yield replace(draft, messages=(*chat, draft.messages[-1]))


def share(hits: int, of: int) -> str:
    """Such as ``297 of 300 (97.1-99.8 %)``."""
    low, high = clopper_pearson(hits, of)
    return f"{hits} of {of} ({100 * low:.1f}-{100 * high:.1f} %)"


def catalogue(names: Sequence[str], unseen: bool) -> None:
    """Print the tables of agreement and of planted faults."""
    lines, faults = [], []
    for name in names:
        one = scenario(name)
        drafts = sound(one, DRAFTS)
        phrases = PhraseTagger()
        taggers = [phrases, LearntTagger.fit(one, folds=4) if unseen else LearntTagger.fit(one)]
        for tagger in taggers:
            found = verify(drafts, one, [RoundTrip(tagger, unread="pass")])
            relevant = {f.name for f in one.space.relevant}
            tested = tagger.accuracy if isinstance(tagger, LearntTagger) else found.agreement
            parts = [a for a in tested if a.factor in relevant]
            worst = min(parts, key=lambda a: a.share)
            low, high = worst.interval
            named = sum(a.agree + a.differ for a in parts)
            right = sum(a.agree for a in parts) / max(1, named)
            mean = np.mean([a.share for a in parts])
            told = f"{mean:.3f} | {worst.factor} {worst.share:.3f} ({low:.3f}-{high:.3f}) | {right:.3f}"
            lines.append(f"| {name} | {tagger.name} | {told} | {len(found.rejects)} |")
        checks: list[tuple[str, Check]] = [
            ("moved", RoundTrip(phrases)),
            ("moved", RoundTrip(taggers[1], unread="pass")),
            ("cut", RoundTrip(phrases)),
            ("cut", RoundTrip(taggers[1])),
            ("answer told", Answer()),
            ("worn", RoundTrip(phrases)),
            ("worn", RoundTrip(taggers[1], unread="pass")),
            ("sound", Metamorphic(phrases, edits="all")),
        ]
        cells = []
        for kind, check in checks:
            asked = drafts if kind == "sound" else list(faulty(one, drafts, kind))
            cells.append(share(len(verify(asked, one, [check]).rejects), len(asked)))
        faults.append(f"| {name} | " + " | ".join(cells) + " |")
        print("\n".join([*lines[-2:], faults[-1]]), flush=True)
    print("\n| scenario | tagger | mean agreement | least (95 %) | right of named | sound rejected |")
    print("|---|---|---|---|---|---|")
    print("\n".join(lines))
    heads = ("moved: phrases", "n-grams", "cut: phrases", "n-grams", "answer told", "worn: phrases", "n-grams", "sound")
    print(f"\n| scenario | {' | '.join(heads)} |\n{'|---' * (len(heads) + 1)}|")
    print("\n".join(faults))


def speed(name: str, count: int) -> None:
    """Print CPU seconds of every offline check."""
    one = scenario(name)
    held = held_out(one.space, ["lake"], per_region=20, seed=0, gold=one.decide)
    tests = [one.draft(point, 9_000_000 + i) for i, point in enumerate(held.points)]
    every = sound(one, 2 * count, 3)
    drafts = [d for d, bar in zip(every, held.bars([d.point for d in every]), strict=True) if not bar][:count]
    references = [d.text for d in sound(one, 1_200, 7)]
    start = time.process_time()
    learnt, phrases = LearntTagger.fit(one), PhraseTagger()
    print(f"| fitting the n-gram tagger | {time.process_time() - start:.2f} | |")
    checks = [
        Answer(),
        Leakage(held, tests),
        RoundTrip(phrases),
        RoundTrip(learnt, unread="pass"),
        Metamorphic(phrases),
        Realism(references),
        Duplicates(),
    ]
    total = 0.0
    for check in checks:
        start = time.process_time()
        found = verify(drafts, one, [check])
        spent = time.process_time() - start
        total += spent
        print(f"| {check.name} | {spent:.2f} | {share(len(found.rejects), len(drafts))} |")
    print(f"| all checks, {len(drafts):,} drafts | {total:.2f} | |")


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=list(CATALOGUE))
    parser.add_argument("--unseen", action="store_true")
    parser.add_argument("--speed", type=int, default=0)
    args = parser.parse_args()
    if args.speed:
        speed(args.only[0], args.speed)
    else:
        catalogue(args.only, args.unseen)


if __name__ == "__main__":
    main()
