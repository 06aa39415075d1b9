"""Every scenario of the catalogue through verification: sound drafts pass, a moved or cut phrase is named."""

from dataclasses import replace

import pytest

from isobath.base.seeding import rng
from isobath.gpe.scenarios.catalogue import CATALOGUE, scenario
from isobath.measures.verification.answer import Answer
from isobath.measures.verification.duplicates import Duplicates
from isobath.measures.verification.learnt_tagger import LearntTagger
from isobath.measures.verification.metamorphic import Metamorphic
from isobath.measures.verification.phrase_tagger import PhraseTagger
from isobath.measures.verification.round_trip import RoundTrip
from isobath.measures.verification.verify import verify


def sound(one, count):
    stream, found = rng(1, "catalogue test", one.name), []
    while len(found) < count:
        point = {f.name: f.domain[int(stream.integers(len(f.domain)))] for f in one.space.factors}
        if one.space.allows(point) and one.decide(point) is not None:
            found.append(one.draft(point, len(found), one.renderings[len(found) % len(one.renderings)]))
    return found


def edited(draft, old, new):
    chat = tuple(m.model_copy(update={"content": m.content.replace(old, new)}) for m in draft.messages[:-1])
    return replace(draft, messages=(*chat, draft.messages[-1]))


@pytest.mark.parametrize("name", CATALOGUE)
def test_sound_drafts_pass_and_a_phrase_that_is_moved_or_cut_is_named(name):
    one, tagger = scenario(name), PhraseTagger()
    drafts = sound(one, 45)
    found = verify(drafts, one, [Answer(), RoundTrip(tagger), Metamorphic(tagger, edits="all"), Duplicates()])
    assert len(found.kept) == 45, found.lines()
    relevant = [factor.name for factor in one.space.relevant]
    assert set(relevant) <= set(tagger.tells(one))
    assert {a.factor: a.share for a in found.agreement if a.factor in relevant} == dict.fromkeys(relevant, 1.0)
    tried = 0
    for number, draft in enumerate(drafts):
        factor = relevant[number % len(relevant)]
        table, level = one.phrases(factor), draft.point[factor]
        said = next((text for text in table[level] if text in draft.text), None)
        plain = [(o, text) for o, texts in table.items() if o != level for text in texts if "{" not in text]
        if said is None or not plain:
            continue  # a wording with a slot: its words are not known in advance
        other, words = plain[0]
        tried += 1
        (moved,) = verify([edited(draft, said, words)], one, [RoundTrip(tagger)]).rejects
        assert moved.reason == f"{factor}: the text says {other!r}, the point says {level!r}"
        (cut,) = verify([edited(draft, said, "")], one, [RoundTrip(tagger)]).rejects
        assert cut.reason == f"{factor}: nothing in the text says which (the point says {level!r})"
    assert tried > 20


@pytest.mark.slow
@pytest.mark.parametrize("name", CATALOGUE)
def test_a_tagger_without_the_table_agrees_on_new_seeds(name):
    one = scenario(name)
    learnt = LearntTagger.fit(one)
    assert {factor.name for factor in one.space.relevant} <= set(learnt.tells(one))
    found = verify(sound(one, 150), one, [RoundTrip(learnt, unread="pass")])
    assert found.reject_interval("round trip (learnt tagger)").low < 0.02
    assert all(a.share > 0.95 for a in found.agreement if one.space.factor(a.factor).relevant)
