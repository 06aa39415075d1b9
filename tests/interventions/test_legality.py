"""Every two built-in kinds in either order make a stack, or a sentence that names both and says why."""

from itertools import permutations, product

import pytest

from isobath.base.errors import InputError
from isobath.interventions.kinds import BUILT_IN, intervention_class
from isobath.interventions.legality import PLACE, RULES, unlawful
from isobath.interventions.stack import Stack

DIRECTION = {"kind": "prompts", "positive": ("specific",), "negative": ("opposite",), "source": "benign"}
SAMPLES = {
    "mix": {"source": "benign", "share": 0.1},
    "kl": {"source": "benign", "strength": 1.0},
    "decay": {"strength": 1.0},
    "vrex": {"group": "domain", "strength": 1.0},
    "cvar": {"worst": 0.5},
    "worst_paraphrase": {"same": ("question",)},
    "hardest": {"same": ("question",)},
    "vary": {"source": "benign", "same": ("question",)},
    "screen": {"unwanted": "signal", "wanted": "control", "share": 0.1},
    "recontextualise": {"ask": "opposite", "train": "specific"},
    "in_pretraining": {"entry": {"kind": "decay", "strength": 1.0}},
    "merge": {"sources": ({"source": "benign"},)},
    "filter_corpus": {"where": {"label": "bad"}},
    "upsample": {"where": {"label": "bad"}, "share": 0.1},
}
PLAUSIBLE = {"where": {"label": "bad"}, "share": 0.1, "prompt": "specific", "group": "domain", "source": "benign"}
PLAUSIBLE |= {"harmful": "signal", "strength": 1.0, "threshold": 0.5, "direction": DIRECTION}


def sample(kind):
    """One entry of `kind` that acts; settings of its own, or plausible ones for every field it requires."""
    found = intervention_class(kind)
    required = {n for n, f in found.model_fields.items() if f.is_required()}
    plausible = {n: PLAUSIBLE[n] for n in required if n in PLAUSIBLE}
    return found.model_validate(SAMPLES.get(kind, plausible))


@pytest.fixture(scope="module")
def entries():
    return {kind: sample(kind) for kind in BUILT_IN}


def test_every_ordered_pair_of_built_in_kinds_builds_or_says_which_two_and_why(entries):
    legal = 0
    for first, second in product(entries.values(), repeat=2):
        try:
            assert len(Stack(first, second).entries) == 2
            legal += 1
        except InputError as error:
            said = str(error)
            assert first.label in said and second.label in said
            why = unlawful(first, second)
            assert why and why in said and why[0].islower() and len(why.split()) > 3
    assert legal > len(entries)


def test_stages_stand_in_the_order_a_run_meets_them(entries):
    for first, second in permutations(entries.values(), 2):
        if PLACE[first.stage] > PLACE[second.stage]:
            with pytest.raises(InputError, match="cannot follow"):
                Stack(first, second)
    # whatever two of different places refuse one another in one order, no rule of stages refuses in the other
    pretrained = next(e for e in entries.values() if e.stage == "pretraining")
    asked = next(e for e in entries.values() if e.stage == "inference")
    assert [e.stage for e in Stack(pretrained, entries["mix"], entries["kl"], asked).entries][-1] == "inference"


def test_the_same_change_twice_is_refused(entries):
    for entry in entries.values():
        with pytest.raises(InputError, match=r"twice|both|one"):
            Stack(entry, entry)


def test_an_early_stop_is_refused_beside_what_it_cannot_see_and_only_while_both_act(entries):
    stop, worst = entries["early_stop"], entries["group_dro"]
    for pair in ((stop, worst), (worst, stop)):
        with pytest.raises(InputError, match="cannot see the worst case"):
            Stack(*pair)
    never = intervention_class("early_stop")(patience=0)
    assert len(Stack(never, worst).entries) == 2
    assert len(Stack(stop, entries["kl"]).entries) == 2


def test_what_one_takes_out_the_next_cannot_put_in(entries):
    for taken, put in (("caft", "prevent"), ("ablate_asked", "steer_asked")):
        with pytest.raises(InputError, match="takes out"):
            Stack(entries[taken], entries[put])
        other = entries[put].model_copy(update={"direction": entries[put].direction.model_copy(update={"source": "x"})})
        assert len(Stack(entries[taken], other).entries) == 2


def test_the_table_names_kinds_that_exist():
    known = {*BUILT_IN, "tamper_resistant"}
    assert {who for rule in RULES for who in (rule.first, rule.second) if not who.startswith("stage:")} <= known
