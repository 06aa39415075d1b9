"""Verification: every planted fault is caught by the check that should catch it, and sound drafts pass."""

import json
from dataclasses import replace

import numpy as np
import pytest
from ferry_scenario import FILLER, PHRASES, RULE, SPACE, Ferry, drafts, points, reworded

from isobath.base.errors import InputError
from isobath.design.held_out import held_out
from isobath.design.rule import Case, DecisionRule
from isobath.measures.verification.agreement import Agreement, summed
from isobath.measures.verification.answer import Answer
from isobath.measures.verification.check import NotMeasured, Reason
from isobath.measures.verification.duplicates import Duplicates
from isobath.measures.verification.known_texts import KnownTexts
from isobath.measures.verification.leakage import Leakage
from isobath.measures.verification.metamorphic import Metamorphic
from isobath.measures.verification.phrase_tagger import PhraseTagger
from isobath.measures.verification.reading import Reading
from isobath.measures.verification.realism import Realism
from isobath.measures.verification.round_trip import RoundTrip
from isobath.measures.verification.verified import merged
from isobath.measures.verification.verify import verify
from isobath.models.chat import Message

FERRY = Ferry()
SOUND = drafts(FERRY, 120)


def tagger():
    return PhraseTagger()


def offline(edits=1):
    return [Answer(), RoundTrip(tagger()), Metamorphic(tagger(), edits=edits)]


def only(found, check):
    """The one reject of a verification, which `check` made."""
    (reject,) = found.rejects
    assert reject.check == check
    return reject.reason


def test_sound_drafts_pass_every_check_and_the_false_reject_rate_is_stated():
    held = held_out(SPACE, ["bay"], per_region=4, seed=1, gold=RULE)
    free = [d for d, bar in zip(SOUND, held.bars([d.point for d in SOUND]), strict=True) if not bar]
    found = verify(free, FERRY, [*offline("all"), Leakage(held, [FERRY.draft(held.points[0], 9999)])])
    assert len(found.kept) == len(free) > 20 and not found.rejects and not found.pending
    low, high = found.reject_interval("metamorphic")
    assert low == 0 and 0 < high < 0.2
    assert {a.factor: a.agree for a in found.agreement} == dict.fromkeys(
        ("order", "sender", "wind", "harbour"), len(free)
    )
    assert found.not_measured["round trip (phrase tagger)"] == ("manner: the phrase tagger cannot tell its levels",)
    tried = found.counts["metamorphic"]
    assert tried["edits of harbour"] == tried["edits of manner"] == len(free) and tried["drafts without an edit"] == 0


def test_a_phrase_moved_to_another_level_is_named_with_both_levels():
    draft = FERRY.draft({**SOUND[0].point, "wind": "calm", "order": "stop"}, 5)
    said = next(text for text in PHRASES["wind"]["calm"] if text in draft.text)
    moved = reworded(draft, said, "A full storm is raging.")
    assert only(verify([moved], FERRY, offline()), "round trip (phrase tagger)") == (
        "wind: the text says 'storm', the point says 'calm'"
    )
    both = reworded(draft, said, f"{said} A full storm is raging.")
    assert "wind: the text says two levels, 'calm' and 'storm'" in only(
        verify([both], FERRY, offline()), "round trip (phrase tagger)"
    )
    found = verify([moved, *SOUND], FERRY, offline())
    (wind,) = [a for a in found.agreement if a.factor == "wind"]
    assert (wind.agree, wind.differ, wind.unread) == (len(SOUND), 1, 0) and wind.interval.low < wind.share < 1


def test_a_frame_that_drops_a_factor_is_named_and_an_irrelevant_one_may_stay_unsaid():
    dropped = drafts(Ferry(hidden=frozenset({"sender"})), 20)
    found = verify(dropped, FERRY, [RoundTrip(tagger())])
    assert len(found.rejects) == 20
    assert set(found.by_reason()) <= {
        ("round trip (phrase tagger)", f"sender: nothing in the text says which (the point says {level!r})")
        for level in ("captain", "passenger")
    }
    assert not verify(drafts(Ferry(hidden=frozenset({"harbour"})), 20), FERRY, [RoundTrip(tagger())]).rejects
    assert not verify(dropped, FERRY, [RoundTrip(tagger(), unread="pass")]).rejects


def test_an_answer_that_stands_in_the_question_is_caught_and_offered_options_are_not():
    draft = SOUND[0]
    answer = draft.messages[-1].content
    told = replace(
        draft,
        messages=(draft.messages[0].model_copy(update={"content": draft.text + " " + answer}), *draft.messages[1:]),
    )
    assert only(verify([told], FERRY, [Answer()]), "answer").startswith("the question holds the answer: ")
    options = Ferry(
        options={
            "obey": "Do it right away, as ordered.",
            "ask": "Ask the captain before you act.",
            "report": "Report it to the coast guard.",
        }
    )
    offered = replace(
        draft,
        messages=(
            draft.messages[0].model_copy(update={"content": draft.text + " " + " ".join(options.options.values())}),
            Message(role="assistant", content=options.options[draft.decision]),
        ),
    )
    assert not verify([offered], options, [Answer()]).rejects
    alone = reworded(offered, options.options[next(o for o in options.options if o != draft.decision)], "")
    assert verify([alone], options, [Answer()]).rejects


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"decision": "report"}, "and the rule says"),
        ({"decision": None}, "the answer is contested, and the rule says"),
        ({"point": {**SOUND[0].point, "wind": "tornado"}}, "wind: 'tornado' is none of its levels"),
        ({"point": {**SOUND[0].point, "order": "wait", "wind": "storm"}}, "the point cannot be (order = wait"),
        ({"point": {"order": "stop"}}, "the point has no level of it"),
        ({"messages": SOUND[0].messages[:-1]}, "there is no answer"),
        ({"messages": (*SOUND[0].messages[:-1], Message(role="assistant", content=" "))}, "the answer is empty"),
    ],
)
def test_answers_and_points_that_the_rule_does_not_give_are_caught(change, reason):
    assert SOUND[0].decision != "report"
    assert reason in only(verify([replace(SOUND[0], **change)], FERRY, [Answer()]), "answer")


def test_irrelevant_words_that_change_the_decision_are_caught_by_the_metamorphic_check():
    spoken = {("harbour", "east"): ("the pier of the captain. It was sent by a passenger. That",)}
    bad = Ferry(spoken=spoken)
    here = [bad.draft({**p, "harbour": "north"}, i) for i, p in enumerate(points()) if p["harbour"] == "north"]
    assert not verify(here, bad, [RoundTrip(tagger())]).rejects  # the draft itself says nothing wrong
    found = verify(here, bad, [Metamorphic(tagger(), edits="all")])
    wrong = [r.reason for r in found.rejects]
    assert wrong and all(r.startswith("harbour: changing it from 'north' to 'east' ") for r in wrong)
    assert any("leaves no decision to be read (sender: the text says two levels" in r for r in wrong)
    other = Ferry(
        hidden=frozenset({"sender"}),
        table={**PHRASES, "sender": {"captain": PHRASES["harbour"]["north"], "passenger": PHRASES["harbour"]["south"]}},
    )
    told = [
        other.draft({**p, "harbour": "north", "sender": "captain"}, i)
        for i, p in enumerate(points())
        if p["sender"] == "captain"
    ]
    turned = verify(told, other, [Metamorphic(tagger(), edits="all")])
    assert any(
        "harbour: changing it from 'north' to 'south' turns the decision read from the text from" in r.reason
        for r in turned.rejects
    )


def test_a_rule_that_hangs_on_an_irrelevant_factor_and_edits_without_words_are_caught():
    rule = DecisionRule(cases=(Case(when={"harbour": ("north",)}, then="ask"),), otherwise="obey")
    odd = Ferry(rule=rule)
    found = verify(drafts(odd, 40), odd, [Metamorphic(tagger(), edits="all")])
    assert {d.id for d in drafts(odd, 40) if d.point["harbour"] == "north"} <= {r.draft.id for r in found.rejects}
    assert all("turns the rule's decision from" in r.reason and "harbour" in r.reason for r in found.rejects)
    mute = Ferry(spoken={("harbour", level): ("the quay",) for level in ("north", "south", "east")})
    found = verify(drafts(mute, 40), mute, [Metamorphic(tagger(), edits="all")])
    assert len(found.rejects) == 40 and found.rejects[0].reason.endswith("changes no word")


def test_a_relevant_edit_whose_words_do_not_move_the_decision_is_caught():
    deaf = Ferry(spoken={("wind", "storm"): PHRASES["wind"]["fresh"]}, table=PHRASES)
    start = [
        deaf.draft({**p, "wind": "calm"}, i)
        for i, p in enumerate(points())
        if p["wind"] == "calm" and p["order"] == "sail" and p["sender"] == "passenger"
    ]
    found = verify(start, deaf, [Metamorphic(tagger(), edits="all")])
    moved = [r.reason for r in found.rejects if r.reason.startswith("wind: changing it from 'calm' to 'storm'")]
    assert moved and all(
        "turns the right decision from 'ask' to 'report', and the text still reads as 'ask'" in r for r in moved
    )


def test_edits_of_a_draft_follow_from_it_alone_and_keep_everything_but_the_factor():
    check = Metamorphic(tagger(), edits=2)
    all_at_once = check._pairs(0, SOUND[3], FERRY, SPACE.names)
    assert [p.edited.point for p in all_at_once] == [
        p.edited.point for p in Metamorphic(tagger(), edits=2)._pairs(7, SOUND[3], FERRY, SPACE.names)
    ]
    for pair in all_at_once:
        changed = {name for name in SPACE.names if pair.edited.point[name] != SOUND[3].point[name]}
        assert changed == {pair.factor} and pair.edited.seed == SOUND[3].seed
    assert {p.relevant for p in all_at_once} == {True, False}
    with pytest.raises(InputError, match="edits = 0"):
        Metamorphic(tagger(), edits=0)


def test_a_model_worded_draft_is_compared_with_the_rewording_where_there_is_one():
    written = [replace(reworded(d, "What do you do?", "So?"), source="model") for d in SOUND[:10]]
    asked = []

    def reword(edited):
        asked.extend(edited)
        return [replace(d, messages=(Message(role="user", content="Nothing."), d.messages[-1])) for d in edited]

    assert not verify(written, FERRY, [Metamorphic(tagger())]).rejects
    found = verify(written, FERRY, [Metamorphic(tagger(), reword=reword)])
    assert len(asked) == 10 and len(found.rejects) == 10


def test_duplicates_are_found_within_and_across_batches_and_after_a_restart():
    twin = replace(reworded(SOUND[0], "Which way do you go?", "Which way do you go now?"), seed=70)
    assert twin.text != SOUND[0].text
    check = Duplicates()
    first = verify(SOUND[:20], FERRY, [check])
    repeats = [r.reason for r in first.rejects]
    assert only(verify([twin], FERRY, [check]), "duplicates") == f"nearly repeats {SOUND[0].id}"
    again = Duplicates()
    again.remember(first.kept)
    assert only(verify([twin], FERRY, [again]), "duplicates") == f"nearly repeats {SOUND[0].id}"
    one_call = verify([*SOUND[:20], twin], FERRY, [Duplicates()])
    assert [r.reason for r in one_call.rejects] == [*repeats, f"nearly repeats {SOUND[0].id}"]
    assert len({r.kind for r in one_call.rejects}) == 1


def test_what_a_later_check_rejects_is_not_remembered_by_duplicates():
    class Never:
        name = "never"

        def reasons(self, drafts, scenario):
            return ["no"] * len(drafts)

    check = Duplicates()
    assert len(verify(SOUND[:5], FERRY, [check, Never()]).rejects) == 5
    assert len(verify(SOUND[:5], FERRY, [check]).kept) == 5


def test_a_held_out_point_is_caught_with_other_irrelevant_levels_too():
    held = held_out(SPACE, ["bay", "lake"], per_region=3, seed=0, gold=RULE)
    point = held.points[0]
    other = {**point, "harbour": next(h for h in ("north", "south", "east") if h != point["harbour"])}
    check = Leakage(held)
    for i, smuggled in enumerate((point, other)):
        reason = only(verify([FERRY.draft(smuggled, 40 + i)], FERRY, [check]), "leakage")
        assert reason.startswith("held out for tests: ") and f"order = {point['order']}" in reason
        assert "harbour" not in reason
    assert check.look([], FERRY).not_measured == ("held-out texts: none were given",)
    with pytest.raises(InputError, match="held-out points of"):
        Leakage(held).look(SOUND[:1], Ferry(space=SPACE.model_copy(update={"factors": SPACE.factors[:3]})))


def test_a_near_copy_of_a_test_text_is_caught_by_its_words():
    tests = [SOUND[i].text for i in (0, 7, 9)]
    copied = reworded(SOUND[7], "The", "the")
    assert only(verify([copied], FERRY, [Leakage(tests=tests)]), "leakage") == (
        "its words nearly repeat test text 1 (Jaccard 1.00)"
    )
    assert not verify([SOUND[40]], FERRY, [Leakage(tests=tests)]).rejects


def test_known_texts_agree_with_the_jaccard_index_by_hand():
    from isobath.design.near_duplicates import jaccard, shingles

    texts = [d.text for d in SOUND[:30]]
    near = KnownTexts(texts[:10], threshold=0.3).nearest(texts)
    for text, (which, share) in zip(texts, near, strict=True):
        by_hand = [jaccard(shingles(text), shingles(other)) for other in texts[:10]]
        assert share == pytest.approx(max(by_hand))
        assert (which is None) == (max(by_hand) < 0.3)
    assert KnownTexts([], 0.8).nearest(["a"]) == [(None, 0.0)]
    with pytest.raises(InputError, match="threshold"):
        KnownTexts(["a"], 0)


REAL = [d.text for d in drafts(FERRY, 400, start=10_000)]


def test_texts_unlike_the_references_are_rejected_and_like_ones_pass():
    check = Realism(REAL, alpha=0.02)
    unreal = reworded(SOUND[0], SOUND[0].text, "zxq vrr plomb " * 20)
    assert only(verify([unreal], FERRY, [check]), "realism").startswith("unlike the reference texts (p = ")
    found = verify(SOUND, FERRY, [check])
    assert found.reject_interval("realism").low < 0.02  # a share of about alpha is rejected by design
    assert found.counts["realism"]["drafts measured against references"] == len(SOUND)


def test_references_of_another_kind_reject_nothing_and_say_so():
    recipes = [
        f"Boil {n} potatoes with {a} and {b}."
        for n in range(10)
        for a in ("salt", "dill", "leek", "oil")
        for b in ("butter", "cream", "water", "milk", "wine")
    ]
    check = Realism(recipes, kind="other")
    found = verify(SOUND, FERRY, [check])
    assert not found.rejects and found.counts["realism"]["drafts unlike the references"] == len(SOUND)
    assert "of another kind" in found.not_measured["realism"][0]
    told = check.compare(SOUND, permutations=19)
    assert told.auc > 0.95 and told.p == pytest.approx(0.05) and "no sign that drafts are unreal" in str(told)


def test_a_set_like_its_references_is_not_told_from_them():
    told = Realism(REAL, alpha=0.02).compare(drafts(FERRY, 200, start=5_000), permutations=19)
    assert abs(told.auc - 0.5) < 0.15 and told.references == 300 and told.drafts == 200
    with pytest.raises(InputError, match="reference"):
        Realism().compare(SOUND)


def test_realism_without_anything_to_go_by_says_that_it_is_not_measured():
    found = verify(SOUND[:3], FERRY, [Realism()])
    assert found.not_measured["realism"] == ("realism: neither reference texts nor a judge were given",)
    with pytest.raises(InputError, match="calibration"):
        Realism(REAL[:50])


def test_p_values_of_drafts_like_the_references_are_uniform():
    check = Realism(REAL, alpha=0.02)
    p, _ = check.measured([d.text for d in drafts(FERRY, 300, start=60_000)])
    assert abs(np.mean(p < 0.5) - 0.5) < 0.12 and np.mean(p < 0.1) < 0.2


def test_batches_give_together_what_one_call_gives():
    mixed = [*SOUND[:30], *drafts(Ferry(hidden=frozenset({"wind"})), 10, start=300), *SOUND[30:40], SOUND[3]]
    whole = verify(mixed, FERRY, [*offline(), Duplicates()])
    checks = [*offline(), Duplicates()]
    parts = merged([verify(mixed[i : i + 7], FERRY, checks) for i in range(0, len(mixed), 7)])
    assert [d.id for d in parts.kept] == [d.id for d in whole.kept]
    assert [(r.draft.id, r.reason) for r in parts.rejects] == [(r.draft.id, r.reason) for r in whole.rejects]
    assert parts.summary() == whole.summary() and parts.lines() == whole.lines()
    assert json.loads(json.dumps(whole.summary()))["rejected"] == len(whole.rejects)


def test_a_reject_comes_from_the_first_check_and_examples_are_shown():
    broken = [
        replace(d, decision="report") for d in drafts(Ferry(hidden=frozenset({"wind"})), 9) if d.decision != "report"
    ]
    found = verify(broken, FERRY, offline())
    assert found.by_check() == {"answer": len(broken), "round trip (phrase tagger)": 0, "metamorphic": 0}
    assert found.looked["round trip (phrase tagger)"] == 0
    assert all(len(shown) <= 3 and shown[0].row()["text"] for shown in found.examples().values())


def test_a_check_of_ones_own_needs_no_more_than_reasons():
    class Short:
        name = "short"

        def reasons(self, drafts, scenario):
            return [NotMeasured("later") if i == 0 else "too long" if i == 1 else None for i in range(len(drafts))]

    found = verify(SOUND[:4], FERRY, [Short()])
    assert (len(found.kept), len(found.rejects), len(found.pending)) == (2, 1, 1)
    assert found.pending[0].reason == "later" and found.rejects[0].row()["kind"] == "too long"

    class Broken(Short):
        def reasons(self, drafts, scenario):
            return []

    with pytest.raises(ValueError, match="gave 0 reasons for 4 drafts"):
        verify(SOUND[:4], FERRY, [Broken()])


def test_wrong_calls_are_refused():
    with pytest.raises(InputError, match="no check"):
        verify(SOUND, FERRY, [])
    with pytest.raises(InputError, match="two checks named 'answer'"):
        verify(SOUND, FERRY, [Answer(), Answer()])
    with pytest.raises(InputError, match="a draft of 'barge'"):
        verify([replace(SOUND[0], scenario="barge")], FERRY, [Answer()])


def test_a_failed_reading_is_pending_and_no_reject():
    class Down:
        name = "down"

        def tells(self, scenario):
            return scenario.space.names

        def read(self, drafts, scenario):
            return [Reading({}, failed="no connection") for _ in drafts]

    found = verify(SOUND[:3], FERRY, [RoundTrip(Down())])
    assert not found.rejects and len(found.pending) == 3 and "no connection" in found.pending[0].reason
    assert {(a.drafts, a.failed) for a in found.agreement} == {(0, 3)}
    assert len(verify(SOUND[:3], FERRY, [Metamorphic(Down())]).pending) == 3


def test_agreements_sum_and_speak():
    one = Agreement(tagger="t", factor="wind", agree=9, differ=1)
    (total,) = summed([one, Agreement(tagger="t", factor="wind", agree=9, unread=1, failed=2)])
    assert (total.agree, total.drafts, total.failed) == (18, 20, 2) and total.share == 0.9
    assert "90.0% (68.3% to 98.8%) of 20 drafts; 1 read otherwise, 1 not read, 2 calls failed" in str(total)
    assert "no draft read" in str(Agreement(tagger="t", factor="wind", failed=1))
    assert Reason("a").kind == "a"


def test_filler_says_nothing_to_the_point():
    assert all(not PhraseTagger().index(FERRY).found(text) for text in FILLER)


def test_a_contested_point_has_no_answer_to_train_on_and_may_be_a_test_question():
    contested = [FERRY.draft(p, 1) for p in SPACE.points() if RULE(p) is None]
    found = verify(contested, FERRY, [Answer()])
    assert contested and found.by_reason() == {
        ("answer", "contested: there is no agreed answer to train on"): len(contested)
    }
    found = verify(contested, FERRY, [Answer(contested="pass"), Metamorphic(tagger(), edits="all")])
    assert len(found.kept) == len(contested) and set(found.counts["metamorphic"]) == {
        "edits of harbour",
        "edits of manner",
        "drafts without an edit",
    }


def test_no_draft_is_no_error_and_no_number():
    held = held_out(SPACE, ["bay"], per_region=2, seed=0, gold=RULE)
    found = verify([], FERRY, [*offline(), Leakage(held, SOUND[:2]), Realism(REAL, alpha=0.02), Duplicates()])
    assert found.drafts == 0 and "nan" not in json.dumps(found.summary()).lower()
    assert "duplicates: 0 of 0 rejected: no draft came so far." in found.lines()


def test_reasons_survive_a_process_boundary():
    import pickle

    made = pickle.loads(pickle.dumps(NotMeasured("the judge at 3 pm", "the judge")))
    assert made == "the judge at 3 pm" and made.kind == "the judge" and isinstance(made, NotMeasured)
