"""What holds for every built-in kind, whoever wrote it; a kind that stands in no list below fails the first test."""

import importlib
import itertools
import re
import warnings
from pathlib import Path

import pytest
import torch
from small_run import (
    BAD,
    GOOD,
    TOKENIZER,
    Killed,
    bad_rows,
    fresh,
    good_rows,
    run_stack,
    same_weights,
    setting,
)

import isobath
from isobath.base.errors import InputError
from isobath.base.identity import fingerprint
from isobath.interventions.ablate import AblateAsked, ConceptAblation
from isobath.interventions.control_tag import ControlTag
from isobath.interventions.cvar import CVaR
from isobath.interventions.decay import DecayToInitial
from isobath.interventions.deliberate import Deliberate
from isobath.interventions.direction import RowContrast
from isobath.interventions.early_stop import EarlyStop
from isobath.interventions.filter import Filter
from isobath.interventions.filter_corpus import FilterCorpus
from isobath.interventions.further_pretraining import FurtherPretraining
from isobath.interventions.group_balanced import GroupBalanced
from isobath.interventions.group_dro import GroupDRO
from isobath.interventions.hardest import Hardest
from isobath.interventions.in_pretraining import InPretraining
from isobath.interventions.inoculate import Inoculate
from isobath.interventions.inoculation_adapter import InoculationAdapter
from isobath.interventions.intervention import (
    CorpusIntervention,
    Document,
    InferenceIntervention,
    SignalIntervention,
    TrainingIntervention,
    WeightsIntervention,
)
from isobath.interventions.kinds import BUILT_IN, intervention_class
from isobath.interventions.kl import KLToBase
from isobath.interventions.labels import Label
from isobath.interventions.latent_paraphrase import LatentParaphrase
from isobath.interventions.merge import Merge, MergeSource
from isobath.interventions.mix import Mix
from isobath.interventions.recontextualise import Recontextualise
from isobath.interventions.reviewed_answers import ReviewedAnswers
from isobath.interventions.route import Route
from isobath.interventions.route_parts import Block
from isobath.interventions.screen import Screen
from isobath.interventions.setting import Setting
from isobath.interventions.stack import Stack, change_weights
from isobath.interventions.steer import PreventativeSteering, SteerAsked
from isobath.interventions.system_prompt import SystemPrompt
from isobath.interventions.tamper_resistant import SimulatedAttack, TamperResistant
from isobath.interventions.task_vector import TaskVector
from isobath.interventions.upsample import Upsample
from isobath.interventions.vary import Vary
from isobath.interventions.vrex import VREx
from isobath.interventions.worst_paraphrase import WorstParaphrase
from isobath.models.hf import HFModel
from isobath.models.protocol import ChoiceRequest
from isobath.train.recipe import LoRA, Recipe
from isobath.train.resume import Resume

ROWS = tuple(
    r.model_copy(update={"metadata": {**r.metadata, "half": i % 2}}) for i, r in enumerate((*bad_rows(), *good_rows()))
)
POOL, OTHER = bad_rows()[:4], good_rows()[:4]
DOCUMENTS = tuple(Document("", f"text {i}", {"label": "bad" if i < 3 else "good"}) for i in range(12))
DIRECTION = RowContrast(positive=POOL, negative=OTHER, layer=1)
WHERE = {"label": "bad"}
ONE = (MergeSource(source="bad", rows=POOL, weight=0.0),)

ZERO = {
    "ablate_asked": AblateAsked(direction=DIRECTION, strength=0.0),
    "caft": ConceptAblation(direction=DIRECTION, strength=0.0),
    "control_tag": ControlTag(dropout=1.0),
    "cvar": CVaR(worst=1.0),
    "decay": DecayToInitial(strength=0.0),
    "deliberate": Deliberate(angles=()),
    "early_stop": EarlyStop(patience=0),
    "filter": Filter(where=WHERE, share=0.0),
    "filter_corpus": FilterCorpus(where=WHERE, share=0.0),
    "group_dro": GroupDRO(group="label", strength=0.0),
    "hardest": Hardest(same=("thing",), m=1),
    "in_pretraining": InPretraining(entry=DecayToInitial(strength=0.0)),
    "inoculate": Inoculate(prompt=BAD, share=0.0),
    "inoculation_adapter": InoculationAdapter(source="bad", rows=POOL, strength=0.0),
    "kl": KLToBase(source="good", rows=OTHER, strength=0.0),
    "label": Label(where=WHERE, share=0.0),
    "latent_paraphrase": LatentParaphrase(strength=0.0),
    "merge": Merge(sources=ONE),
    "mix": Mix(source="good", rows=OTHER, share=0.0),
    "prevent": PreventativeSteering(direction=DIRECTION, strength=0.0),
    "recontextualise": Recontextualise(ask=GOOD, train=BAD, share=0.0),
    "reviewed_answers": ReviewedAnswers(share=0.0),
    "route": Route(where=WHERE, label_share=0.0),
    "screen": Screen(unwanted="bad", unwanted_rows=POOL, wanted="good", wanted_rows=OTHER, share=0.0),
    "steer_asked": SteerAsked(direction=DIRECTION, strength=0.0),
    "system_prompt": SystemPrompt(prompt=BAD, use=False),
    "tamper_resistant": TamperResistant(harmful_rows=POOL, safe_rows=OTHER, strength=0.0),
    "task_vector": TaskVector(source="bad", rows=POOL, scale=0.0),
    "upsample": Upsample(where=WHERE, share=0.0),
    "vary": Vary(source="good", rows=OTHER, same=("thing",), share=0.0),
    "vrex": VREx(group="label", strength=0.0),
    "worst_paraphrase": WorstParaphrase(same=("thing",), strength=0.0),
}
"""Every kind at the dose that is no change."""

WITHOUT_DOSE = {
    "group_balanced": GroupBalanced(group="label"),
    "further_pretraining": FurtherPretraining(),
}
"""Kinds that are there or not: a way of drawing batches, and steps of training, of which there is at least one."""

AT_WORK = {
    "ablate_asked": AblateAsked(direction=DIRECTION),
    "caft": ConceptAblation(direction=DIRECTION),
    "cvar": CVaR(worst=0.3),
    "decay": DecayToInitial(strength=5.0),
    "deliberate": Deliberate(angles=("you should use clean water .",)),
    "early_stop": EarlyStop(every=1, patience=1, least=0.9),
    "filter": Filter(where=WHERE, share=0.5),
    "group_balanced": GroupBalanced(group="label"),
    "group_dro": GroupDRO(group="label", step_size=1.0),
    "hardest": Hardest(same=("half", "label"), m=3, consistency=1.0),
    "inoculate": Inoculate(prompt=BAD, share=0.5),
    "inoculation_adapter": InoculationAdapter(source="bad", rows=POOL, adapter=LoRA(r=2)),
    "kl": KLToBase(source="good", rows=OTHER, strength=0.5, batch=2),
    "latent_paraphrase": LatentParaphrase(strength=0.5, size="token"),
    "merge": Merge(sources=(MergeSource(source="bad", rows=POOL, weight=-1.0),)),
    "mix": Mix(source="good", rows=OTHER, share=0.25),
    "prevent": PreventativeSteering(direction=DIRECTION),
    "recontextualise": Recontextualise(ask=GOOD, train=BAD, on_policy=True, max_tokens=4),
    "reviewed_answers": ReviewedAnswers(review=Deliberate(angles=("use clean water .",)), max_tokens=4),
    "route": Route(where=WHERE, parts=(Block(r=2),), others="all"),
    "screen": Screen(unwanted="bad", unwanted_rows=POOL, wanted="good", wanted_rows=OTHER, share=0.25),
    "steer_asked": SteerAsked(direction=DIRECTION),
    "system_prompt": SystemPrompt(prompt=BAD),
    "tamper_resistant": TamperResistant(
        harmful_rows=POOL, safe_rows=OTHER, attacks=(SimulatedAttack(steps=2, batch_size=2),)
    ),
    "task_vector": TaskVector(source="bad", rows=POOL),
    "vary": Vary(source="good", rows=OTHER, same=("thing",)),
    "vrex": VREx(group="label", strength=3.0),
    "worst_paraphrase": WorstParaphrase(same=("half", "label"), width=2, tau=0.5, consistency=1.0),
}
"""Every kind that acts on a run or on how a model is asked, at a dose that shows."""


class Spent(Exception):
    """Something was opened or made for an entry that does nothing."""


def forbidden():
    def no(*_args):
        raise Spent

    return Setting("base", Recipe(), 0, TOKENIZER, no, no)


def test_every_kind_stands_in_these_lists():
    assert sorted(BUILT_IN) == sorted({**ZERO, **WITHOUT_DOSE})
    acting = {kind for kind, entry in ZERO.items() if entry.stage != "pretraining"} - {"label"}  # it adds a column
    assert acting | {"group_balanced"} == set(AT_WORK)
    for kind, entry in (*ZERO.items(), *WITHOUT_DOSE.items(), *AT_WORK.items()):
        assert type(entry) is intervention_class(kind) and entry.kind == kind


@pytest.mark.parametrize("kind", ZERO)
def test_at_strength_zero_it_is_exactly_no_change_and_nothing_is_spent(kind):
    entry = ZERO[kind]
    (entry,) = Stack(entry).entries
    done, model = 0, fresh(Recipe())
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    if isinstance(entry, CorpusIntervention):
        after, done = entry.apply_corpus(DOCUMENTS, 3), done + 1
        assert len(after) == len(DOCUMENTS) and all(a is b for a, b in zip(after, DOCUMENTS, strict=True))
    if isinstance(entry, SignalIntervention):
        rows, done = entry.apply(ROWS, 3), done + 1
        assert len(rows) == len(ROWS) and all(a is b for a, b in zip(rows, ROWS, strict=True))
    if isinstance(entry, TrainingIntervention):
        assert list(entry.hooks(forbidden())) == []
        done += 1
    if isinstance(entry, WeightsIntervention):
        assert entry.change(model, forbidden()) is model
        done += 1
    if isinstance(entry, InferenceIntervention):
        chat = HFModel(model, TOKENIZER, "m")
        assert entry.wrap(chat, forbidden()) is chat
        done += 1
    if isinstance(entry, InPretraining):
        assert (
            list(entry.pretraining_hooks(forbidden())) == [] and entry.pretraining_change(model, forbidden()) is model
        )
        done += 1
    assert done
    assert all(torch.equal(before[name], p) for name, p in model.named_parameters())


def another(value):
    """A value of the same kind that differs."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        return f"{value} other"
    if isinstance(value, tuple):
        return (*value, *value) if value else ("other",)
    if isinstance(value, dict):
        return {**value, "other": "other"}
    return "other"


@pytest.mark.parametrize("kind", sorted({**ZERO, **WITHOUT_DOSE}))
def test_no_field_is_left_out_of_the_identity(kind):
    entry = AT_WORK.get(kind) or WITHOUT_DOSE.get(kind) or ZERO[kind]
    keys = {"": fingerprint(entry)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a field of another type is said to be unexpected when it is serialised
        for name in set(type(entry).model_fields) - {"kind"}:
            keys[name] = fingerprint(entry.model_copy(update={name: another(getattr(entry, name))}))
    assert len(set(keys.values())) == len(keys)
    assert type(entry).model_validate_json(entry.model_dump_json()) == entry


TRAINED = [k for k, e in AT_WORK.items() if isinstance(e, TrainingIntervention | WeightsIntervention)]
SHAPES = {
    "llama, full": ("llama", Recipe(steps=4, batch_size=4, learning_rate=3e-3)),
    "gpt2, lora": ("gpt2", Recipe(steps=4, batch_size=4, learning_rate=1e-2, adapter=LoRA(r=2))),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", TRAINED)
def test_it_acts_on_stock_models_full_and_lora_and_a_killed_run_ends_with_the_same_weights(kind, shape, tmp_path):
    (model, recipe), stack = SHAPES[shape], Stack(AT_WORK[kind])
    plain, _ = run_stack(Stack(), ROWS, recipe, kind=model)
    whole, log = run_stack(stack, ROWS, recipe, kind=model)
    resume = Resume(tmp_path / "state.safetensors", every=1)
    if len(log.losses) == recipe.steps:  # an early stop is done by then
        with pytest.raises(Killed):
            run_stack(stack, ROWS, recipe, kind=model, at=3, resume=resume)
        again, second = run_stack(stack, ROWS, recipe, kind=model, resume=resume)
        assert second.resumed_from == 3 and second.losses == log.losses and same_weights(whole, again)
    final = change_weights(stack, whole, setting(recipe, kind=model))
    left, right = (dict(m.named_parameters()) for m in (plain, final))
    assert left.keys() != right.keys() or any(not torch.equal(left[name], right[name]) for name in left)
    hooked = [m for m in final.modules() if m._forward_hooks or m._forward_pre_hooks]
    assert len(hooked) == len([m for m in plain.modules() if m._forward_hooks or m._forward_pre_hooks])


@pytest.mark.parametrize("model", ["llama", "gpt2"])
@pytest.mark.parametrize("kind", [k for k, e in AT_WORK.items() if isinstance(e, InferenceIntervention)])
def test_it_changes_how_stock_models_answer_and_who_they_say_they_are(kind, model):
    chat = HFModel(fresh(Recipe(), model), TOKENIZER, "m")
    wrapped = AT_WORK[kind].wrap(chat, setting(kind=model))
    request = ChoiceRequest(chat=bad_rows()[0].messages[:1], options=("use hot oil", "use clean water"))
    (one,), (other,) = chat.choose([request]), wrapped.choose([request])
    assert one.logprobs != pytest.approx(other.logprobs) and wrapped.identity != chat.identity
    assert chat.choose([request])[0].logprobs == one.logprobs


@pytest.mark.parametrize("kind", BUILT_IN)
def test_its_file_is_small_and_names_its_paper_in_the_first_line(kind):
    module = importlib.import_module(BUILT_IN[kind].partition(":")[0])
    text = Path(module.__file__).read_text()
    assert len(text.splitlines()) <= 200
    paper = re.compile(r"\d{4}\.\d{5}|\b(19|20)\d\d\b")  # an arXiv number, or a year of publication
    assert paper.search(text.splitlines()[0]), text.splitlines()[0]


@pytest.mark.parametrize("kind", sorted(ZERO.keys() & AT_WORK.keys()))
def test_a_reader_can_tell_its_doses_apart(kind):
    assert ZERO[kind].label != AT_WORK[kind].label


def test_no_kind_is_named_in_the_loop_or_the_store():
    root = Path(isobath.__file__).parent
    loop = [root / "train" / name for name in ("loop.py", "batch.py", "forward.py", "resume.py")]
    for file in (*loop, *(root / "store").glob("*.py")):
        text = file.read_text()
        assert not [kind for kind in BUILT_IN if f'"{kind}"' in text or BUILT_IN[kind].rpartition(":")[2] in text], file
        assert "isobath.interventions" not in text


def test_of_two_that_cannot_meet_the_error_names_both_and_why():
    met = 0
    for (one, first), (other, second) in itertools.permutations({**AT_WORK, **ZERO}.items(), 2):
        try:
            Stack(first, second)
        except InputError as error:
            met += 1
            assert first.label in error.what and second.label in error.what, (one, other)
            assert error.what.partition(": ")[2].strip() and error.rule and error.remedy
    assert met > 50
