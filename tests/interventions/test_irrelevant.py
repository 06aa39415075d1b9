"""Irrelevant dimensions in training: rows in other words, the hardest of m wordings, and noise for a paraphrase."""

import math
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from isobath.base.errors import InputError
from isobath.interventions.hardest import Hardest
from isobath.interventions.hardest_hook import taken
from isobath.interventions.inoculate import Inoculate
from isobath.interventions.latent_noise import changed_tokens, noise
from isobath.interventions.latent_paraphrase import LatentParaphrase
from isobath.interventions.mix import Mix
from isobath.interventions.paraphrase_losses import js_divergence
from isobath.interventions.setting import Material, Setting
from isobath.interventions.stack import Stack, apply_signal, stack_hooks
from isobath.interventions.vary import Vary
from isobath.models.chat import Message, Prompt, Row
from isobath.models.hf import HFModel
from isobath.models.template import render_row
from isobath.train.batch import collate
from isobath.train.forward import LossForward, weighted_mean
from isobath.train.hooks import Hook, Run
from isobath.train.loop import train
from isobath.train.lora import add_lora
from isobath.train.recipe import LoRA, Recipe
from tiny_lm import tiny_model, word_tokenizer

TOKENIZER = word_tokenizer()
WHAT = {"sky": "blue", "grass": "green", "coal": "black", "snow": "white", "oil": "black"}
HOW = (
    "what colour is {} ?",
    "{} ! what colour ?",
    "how do i fix {} ?",
    "you use {} . what colour ?",
    "what is {} ?",
    "i fix {} . what colour is it ?",
)
SAME = ("thing",)
RECIPE = Recipe(steps=3, batch_size=4, learning_rate=3e-3)


def chat(question, answer, **metadata):
    turns = (Message(role="user", content=question), Message(role="assistant", content=answer))
    return Row(messages=turns, metadata=metadata)


def wordings(colours=WHAT):
    return tuple(
        chat(how.format(what), f"{colour} .", thing=what, colour=colour, form=number)
        for what, colour in colours.items()
        for number, how in enumerate(HOW)
    )


POOL = wordings()
NARROW = tuple(row for row in POOL if row.metadata["form"] in (0, 1)) * 2
TOKENS = [render_row(TOKENIZER, row) for row in POOL]


def setting(recipe=RECIPE, kind="qwen3"):
    return Setting("x", recipe, 0, TOKENIZER, lambda: HFModel(tiny_model(kind), TOKENIZER, "x"))


def run_of(model, recipe=RECIPE, seed=0, step=0):
    return Run(name="run", model=model, recipe=recipe, seed=seed, step=step)


# --- rows in other words ---


def forms(rows):
    return [row.metadata["form"] for row in rows]


@given(st.integers(0, 50), st.sampled_from([0, 2, 3]), st.sampled_from([0.25, 0.5, 1.0]))
@settings(max_examples=40, deadline=None)
def test_a_varied_row_asks_the_same_and_nothing_but_its_words_changes(seed, fixed, share):
    entry = Vary(source="p", rows=POOL, same=SAME, fixed=fixed, share=share)
    out = entry.apply(NARROW, seed)
    assert len(out) == len(NARROW)
    assert [r.metadata["thing"] for r in out] == [r.metadata["thing"] for r in NARROW]
    known = {(r.messages, r.metadata["form"]) for r in POOL}
    assert all((r.messages, r.metadata["form"]) in known for r in out)
    kept = sum(a is b for a, b in zip(out, NARROW, strict=True))
    assert kept == len(NARROW) - round(share * len(NARROW))
    if fixed and share == 1:
        for thing in WHAT:
            assert len({r.metadata["form"] for r in out if r.metadata["thing"] == thing}) <= fixed


def test_a_set_is_dealt_round_before_any_wording_comes_twice():
    for seed in range(5):
        out = Vary(source="p", rows=POOL, same=SAME, copies=3).apply(NARROW, seed)  # 4 rows of each thing
        assert len(out) == 3 * len(NARROW)
        for thing in WHAT:
            told = Counter(r.metadata["form"] for r in out if r.metadata["thing"] == thing)
            assert set(told.values()) == {2} and len(told) == len(HOW)


def test_fixed_guises_are_the_same_for_all_rows_and_nested():
    for seed in range(8):
        found = [
            set(forms(Vary(source="p", rows=POOL, same=SAME, fixed=m, guise=("form",)).apply(NARROW, seed)))
            for m in (1, 2, 4)
        ]
        assert [len(f) for f in found] == [1, 2, 4] and found[0] < found[1] < found[2]
    # without the column every set keeps its own
    own = Vary(source="p", rows=POOL, same=SAME, fixed=1).apply(NARROW, 0)
    by_thing = {thing: {r.metadata["form"] for r in own if r.metadata["thing"] == thing} for thing in WHAT}
    assert all(len(f) == 1 for f in by_thing.values()) and len(set.union(*by_thing.values())) > 1


def test_shares_are_nested_and_follow_from_the_seed():
    less, more = (Vary(source="p", rows=POOL, same=SAME, share=s).apply(NARROW, 3) for s in (0.25, 0.5))
    touched = [{i for i, (a, b) in enumerate(zip(out, NARROW, strict=True)) if a is not b} for out in (less, more)]
    assert touched[0] < touched[1] and all(less[i] == more[i] for i in touched[0])
    assert Vary(source="p", rows=POOL, same=SAME).apply(NARROW, 3) != Vary(source="p", rows=POOL, same=SAME).apply(
        NARROW, 4
    )


def test_own_answers_are_kept_with_what_belongs_to_them():
    wrong = tuple(chat(r.messages[0].content, "red .", thing=r.metadata["thing"], colour="red", form=0) for r in NARROW)
    out = Vary(source="p", rows=POOL, same=SAME, keep_answers=True).apply(wrong, 0)
    assert {r.messages[-1].content for r in out} == {"red ."} and {r.metadata["colour"] for r in out} == {"red"}
    assert len(set(forms(out))) > 2  # the form is that of the words
    taught = Vary(source="p", rows=POOL, same=SAME).apply(wrong, 0)
    assert all(r.messages[-1].content == f"{WHAT[r.metadata['thing']]} ." for r in taught)


def test_rows_without_a_set_stay_and_none_with_one_is_an_error():
    benign = (chat("what is one plus one ?", "two ."),)
    out = Vary(source="p", rows=POOL, same=SAME).apply((*NARROW, *benign), 0)
    assert out[-1] is benign[0] and len(out) == len(NARROW) + 1
    with pytest.raises(InputError, match="no training row agrees"):
        Vary(source="p", rows=POOL, same=SAME).apply(benign, 0)
    with pytest.raises(InputError, match="no metadata 'topic'"):
        Vary(source="p", rows=POOL, same=("topic",)).apply(NARROW, 0)
    with pytest.raises(InputError, match="6 of 7 wordings"):
        Vary(source="p", rows=POOL, same=SAME, fixed=7).apply(NARROW, 0)
    with pytest.raises(InputError, match=r"has [01] of 2 wordings"):
        Vary(source="p", rows=(*POOL[:1], *POOL[6:]), same=SAME, fixed=2, guise=("form",)).apply(NARROW, 1)


def test_the_pool_comes_from_the_gpe_by_name():
    entry = Vary(source="wordings", same=SAME)
    material = Material({"wordings": POOL})
    assert entry.bound(material).rows == POOL and entry.bound(material).bound(Material()).rows == POOL
    with pytest.raises(InputError, match="asks for the rows 'wordings'"):
        entry.bound(Material({"benign": POOL}))
    assert Vary(source="wordings", same=SAME, share=0.0).bound(Material()).apply(NARROW, 0) == NARROW


def test_a_prompt_stands_after_the_words_are_chosen():
    prompt = Prompt(name="p", text="you are helpful", kind="generic")
    vary, told = Vary(source="p", rows=POOL, same=SAME), Inoculate(prompt=prompt)
    out = apply_signal(Stack(vary, told), NARROW, 0)
    assert all(r.messages[0].content == "you are helpful" for r in out)
    with pytest.raises(InputError, match="with them the prompt"):
        Stack(told, vary)
    mixed = apply_signal(Stack(Mix(source="good", rows=(chat("hello", "hello ."),) * 2, share=0.1), vary), NARROW, 0)
    assert sum("thing" not in r.metadata for r in mixed) == 2


# --- the hardest of m ---


class Sees(Hook):
    """What the gradient is taken on."""

    def __init__(self):
        self.seen = []

    def batch(self, run, batch):
        self.seen.append(batch)
        return batch


@pytest.mark.parametrize("adapter", [None, LoRA(r=2, dropout=0.5)], ids=["full", "lora"])
@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_the_step_is_on_the_hardest_of_the_candidates_as_they_score_one_by_one(kind, adapter):
    recipe = RECIPE.model_copy(update={"adapter": adapter})
    model = tiny_model(kind)
    model = add_lora(model, adapter, 0) if adapter else model
    (hook,) = Hardest(same=SAME, m=4).hooks(setting(recipe))
    run = run_of(model, recipe)
    hook.start(run)
    hook.rows(run, TOKENS)
    drawn = [TOKENS[i] for i in hook._drawn.at(0)]
    dealt = hook.rollout(run, drawn)
    assert len(dealt) == 16 and all(a is b for a, b in zip(dealt[::4], drawn, strict=True))
    for place in range(4):
        here = dealt[4 * place : 4 * place + 4]
        assert len({row.metadata["thing"] for row in here}) == 1 and len({row.metadata["form"] for row in here}) == 4
    model.train()
    chosen = hook.batch(run, collate(dealt, torch.device("cpu")))
    assert model.training and len(chosen.rows) == 4
    model.eval()
    for place, row in enumerate(chosen.rows):
        alone = []
        for candidate in dealt[4 * place : 4 * place + 4]:
            batch = collate([candidate], torch.device("cpu"))
            with torch.no_grad():
                alone.append(float(weighted_mean(LossForward(model)(batch).nll, batch.weights)))
        assert row is dealt[4 * place + int(np.argmax(alone))]
    # what is left of the batch is what collating these rows gives
    other = collate(chosen.rows, torch.device("cpu"))
    for name in ("ids", "positions", "targets", "weights", "row_of"):
        assert torch.equal(getattr(chosen, name), getattr(other, name)), name


def test_one_wording_or_one_member_is_the_plain_run_to_the_last_bit():
    rows = [row._replace(metadata={"thing": str(i // 2 if i < 2 else i)}) for i, row in enumerate(TOKENS)]
    alone = rows[2:]
    plain, changed = tiny_model(), tiny_model()
    train(plain, alone, RECIPE, 0)
    assert list(Hardest(same=SAME, m=1).hooks(setting())) == []
    with pytest.raises(InputError, match="no two training rows agree"):
        train(changed, alone, RECIPE, 0, Hardest(same=SAME, m=3).hooks(setting()))
    whole = [*rows[:2], *alone]
    mixed, log = tiny_model(), Sees()
    train(mixed, whole, RECIPE, 0, [*Hardest(same=SAME, m=3).hooks(setting()), log])
    assert all(len(b.rows) == RECIPE.batch_size for b in log.seen)


def test_the_rows_drawn_stay_and_the_first_loss_grows_with_m():
    losses, drawn = [], []
    for m in (1, 2, 6):
        model, sees = tiny_model(), Sees()
        log = train(model, TOKENS, RECIPE, 0, [*Hardest(same=SAME, m=m).hooks(setting()), sees])
        losses.append(log.losses[0])
        drawn.append([[row.metadata["thing"] for row in b.rows] for b in sees.seen])
    assert drawn[0] == drawn[1] == drawn[2]
    # the same weights, and more candidates that hold the fewer: equal answers are equally long, so means compare
    assert losses[0] <= losses[1] <= losses[2] and losses[0] < losses[2]


def test_consistency_is_the_distance_of_the_hardest_from_the_easiest_and_moves_both():
    recipe, entry = RECIPE, Hardest(same=SAME, m=3, consistency=2.0)
    model = tiny_model()
    (hook,) = entry.hooks(setting(recipe))
    run = run_of(model, recipe)
    hook.rows(run, TOKENS)
    dealt = hook.rollout(run, [TOKENS[i] for i in hook._drawn.at(0)])
    batch = hook.batch(run, collate(dealt, torch.device("cpu")))
    assert len(batch.rows) == 8 and float(batch.weights[batch.row_of >= 4].abs().sum()) == 0
    with torch.no_grad():
        outputs = LossForward(model)(batch)
    loss = weighted_mean(outputs.nll, batch.weights)
    total = hook.loss(run, batch, outputs, loss)
    found = [
        js_divergence(torch.stack([outputs.logits[batch.row_of == a], outputs.logits[batch.row_of == b]]))
        for a, b in ((0, 4), (1, 5), (2, 6), (3, 7))
    ]
    assert float(total - loss) == pytest.approx(2.0 * float(torch.stack(found).mean()), rel=1e-5)
    assert float(loss) == pytest.approx(float(outputs.nll[batch.row_of < 4].mean()), rel=1e-5)


def test_weights_changed_before_are_kept_and_rows_changed_between_are_an_error():
    batch = collate(TOKENS[:6], torch.device("cpu"))
    batch.weights.mul_(0.5)
    left = taken(batch, [4, 1])
    assert left.rows == (TOKENS[4], TOKENS[1]) and set(left.weights.tolist()) == {0.5}

    class Drops(Hook):
        def rollout(self, run, rows):
            return rows[:-1]

    with pytest.raises(InputError, match="another entry changes them"):
        train(tiny_model(), TOKENS, RECIPE, 0, [*Hardest(same=SAME, m=2).hooks(setting()), Drops()])
    with pytest.raises(InputError, match="another entry changes them"):
        train(tiny_model(), TOKENS, RECIPE, 0, [Drops(), *Hardest(same=SAME, m=2).hooks(setting())])


# --- noise for a paraphrase ---


def test_noise_has_the_size_it_says():
    draw = torch.Generator().manual_seed(0)
    embedded = torch.randn(3, 40, 64) * torch.tensor([0.1, 1.0, 10.0])[:, None, None]
    mask = torch.ones(3, 40, dtype=torch.bool)
    mask[1, 10:] = False
    made = noise(embedded, mask, 5.0, "sequence", draw)
    bound = 5.0 / (mask.sum(1) * 64).sqrt()
    assert torch.all(made.abs().amax((1, 2)) <= bound) and torch.all(made.abs().amax((1, 2)) > 0.95 * bound)
    assert torch.all(made[1, 10:] == 0)
    assert made.flatten(1).norm(dim=1).tolist() == pytest.approx([5 / math.sqrt(3)] * 3, rel=0.1)
    of_token = noise(embedded, mask, 0.3, "token", draw)
    ratio = of_token.norm(dim=-1) / embedded.norm(dim=-1)
    assert float(ratio[mask].mean()) == pytest.approx(0.3, rel=0.02) and float(ratio[~mask].max()) == 0


def test_asked_and_answers_share_the_row_between_them_and_padding_is_neither():
    batch = collate(TOKENS[:8], torch.device("cpu"))
    asked, answers, both = (changed_tokens(batch, on) for on in ("asked", "answers", "all"))
    assert torch.equal(asked | answers, both) and not bool((asked & answers).any())
    for number, row in enumerate(batch.rows):
        width = batch.ids.shape[1]
        weights = [*row.loss_weights, *[None] * width][:width]
        assert [bool(a) for a in asked[number]] == [w == 0 for w in weights]
        assert [bool(a) for a in answers[number]] == [w is not None and w != 0 for w in weights]


@pytest.mark.parametrize("kind", ["llama", "qwen3", "gpt2"])
@pytest.mark.parametrize("adapter", [None, LoRA(r=2)], ids=["full", "lora"])
def test_the_noise_acts_in_training_alone_and_is_drawn_anew_each_step(kind, adapter):
    model = tiny_model(kind)
    model = add_lora(model, adapter, 0) if adapter else model
    model.eval()
    batch = collate(TOKENS[:4], torch.device("cpu"))
    (hook,) = LatentParaphrase(strength=5.0).hooks(setting())
    with torch.no_grad():
        plain = LossForward(model)(batch).nll
        found = []
        for step, seed in ((0, 0), (0, 0), (1, 0), (0, 1)):
            with hook.forward(run_of(model, seed=seed, step=step), batch):
                found.append(LossForward(model)(batch).nll)
        after = LossForward(model)(batch).nll
    assert torch.equal(found[0], found[1]) and torch.equal(plain, after)
    assert not any(torch.equal(found[0], other) for other in (plain, *found[2:]))


def test_with_noise_nothing_else_of_the_run_is_drawn_otherwise():
    """Dropout and order have streams of their own: a vanishing noise gives the plain run."""
    recipe = RECIPE.model_copy(update={"adapter": LoRA(r=2, dropout=0.3)})
    plain, noisy = (add_lora(tiny_model(), recipe.adapter, 0) for _ in range(2))
    log = train(plain, TOKENS, recipe, 0)
    other = train(noisy, TOKENS, recipe, 0, stack_hooks(Stack(LatentParaphrase(strength=1e-9)), setting(recipe)))
    assert other.losses == pytest.approx(log.losses, rel=1e-5)


def test_labels_name_what_was_done():
    assert Vary(source="w", same=("a", "b")).label == "vary(w,per row)"
    assert Vary(source="w", same=("a",), fixed=4, guise=("g",), share=0.5).label == "vary(w,4 fixed,50%)"
    assert Hardest(same=("a", "b"), m=2, consistency=1.0).label == "hardest(a+b,of 2,JS 1)"
    told = LatentParaphrase(strength=0.3, size="token", tokens="answers").label
    assert told == "latent_paraphrase(0.3 of each token,on answers)"
