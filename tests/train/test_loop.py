"""The training loop: what it optimises, in which order, what hooks see, and how a killed run goes on."""

import copy
import itertools
import os
import signal
import subprocess
import sys
import textwrap
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from isobath.base.errors import InputError, StoreError, TrainingError
from isobath.models.token_row import TokenRow
from isobath.train.batch import Order, collate
from isobath.train.hooks import Hook
from isobath.train.loop import train
from isobath.train.lora import add_lora
from isobath.train.recipe import LoRA, Recipe
from isobath.train.resume import Resume
from tiny_lm import tiny_model

KINDS = ["qwen3", "llama", "gpt2", "neox"]
SHORT = Recipe(steps=4, batch_size=4)


def rows(n=10, seed=0):
    generator = np.random.default_rng(seed)
    made = []
    for i in range(n):
        length = int(generator.integers(5, 20))
        ids = tuple(int(x) for x in generator.integers(3, 128, length))
        prompt = int(generator.integers(1, length - 1))
        made.append(TokenRow(ids, (0.0,) * prompt + (1.0,) * (length - prompt), {"number": i}))
    return made


def weights(model):
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def by_hand(model, data, recipe, seed, *, padded_mask):
    """The textbook loop: full logits, shifted labels, one row's padding masked if asked."""
    model.train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=1.0, betas=recipe.betas, weight_decay=recipe.weight_decay)
    losses = []
    for step in range(recipe.steps):
        picked = [data[i] for i in Order(len(data), recipe.batch_size, seed).at(step)]
        width = max(len(r.ids) for r in picked)
        ids = torch.tensor([list(r.ids) + [0] * (width - len(r.ids)) for r in picked])
        weight = torch.tensor([list(r.loss_weights) + [0.0] * (width - len(r.ids)) for r in picked])
        mask = torch.tensor([[1] * len(r.ids) + [0] * (width - len(r.ids)) for r in picked])
        logits = model(input_ids=ids, attention_mask=mask if padded_mask else None).logits
        nll = F.cross_entropy(logits[:, :-1].transpose(1, 2), ids[:, 1:], reduction="none")
        loss = (nll * weight[:, 1:]).sum() / weight[:, 1:].sum()
        optimiser.zero_grad()
        loss.backward()
        if recipe.max_grad_norm:
            torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.max_grad_norm)
        optimiser.param_groups[0]["lr"] = recipe.learning_rate * recipe.rate(step)
        optimiser.step()
        losses.append(float(loss.detach()))
    return losses


@pytest.mark.parametrize("kind", KINDS)
def test_equals_the_textbook_loop_with_a_padding_mask(kind):
    """Also shows that right padding under causal attention needs no mask."""
    recipe = Recipe(steps=5, batch_size=4, weight_decay=0.1, max_grad_norm=1.0, warmup_steps=2, flat_fraction=0.5)
    ours, theirs = tiny_model(kind), tiny_model(kind)
    log = train(ours, rows(), recipe, 7)
    assert log.losses == pytest.approx(by_hand(theirs, rows(), recipe, 7, padded_mask=True), abs=1e-4)
    # logits, not weights: a bias of the keys has no true gradient, so Adam moves it by the sign of rounding errors
    probe = torch.arange(3, 43)[None]
    with torch.no_grad():
        torch.testing.assert_close(ours.eval()(probe).logits, theirs.eval()(probe).logits, atol=1e-3, rtol=0)
    expected = [len(rows()[i].ids) for step in range(5) for i in Order(10, 4, 7).at(step)]
    assert log.tokens == sum(expected)


def test_loss_falls_and_the_model_comes_back_as_it_was_set():
    model = tiny_model()
    state = torch.random.get_rng_state()
    log = train(model, rows(), Recipe(steps=60, batch_size=8, learning_rate=3e-3), 0)
    assert log.losses[-1] < log.losses[0] / 2
    assert not model.training
    assert all(p.grad is None for p in model.parameters())
    assert torch.equal(torch.random.get_rng_state(), state)


def test_same_seed_same_bits_and_nothing_global_matters():
    first, second, other = tiny_model(), tiny_model(), tiny_model()
    train(first, rows(), SHORT, 3)
    torch.manual_seed(99)
    np.random.seed(99)  # noqa: NPY002 (to show that it does not matter)
    train(second, rows(), SHORT, 3)
    train(other, rows(), SHORT, 4)
    assert same(weights(first), weights(second))
    assert not same(weights(first), weights(other))


def test_row_weights_weigh():
    """A row of weight 0 beside others trains like its absence; equal factors on all rows change nothing."""
    data = rows(4)
    one = Recipe(steps=1, batch_size=4)
    scaled = [r._replace(loss_weights=tuple(4.0 * w for w in r.loss_weights)) for r in data]
    a, b = tiny_model(), tiny_model()
    assert train(a, data, one, 0).losses == pytest.approx(train(b, scaled, one, 0).losses, abs=1e-6)
    model = tiny_model()
    batch = collate(data, torch.device("cpu"))
    assert set(batch.row_of.tolist()) == {0, 1, 2, 3}
    per_row = [train(copy.deepcopy(model), [r], Recipe(steps=1, batch_size=1), 0).losses[0] for r in data]
    counts = [sum(r.loss_weights) for r in data]
    mean = sum(x * n for x, n in zip(per_row, counts, strict=True)) / sum(counts)
    assert train(model, data, one, 0).losses[0] == pytest.approx(mean, abs=1e-5)


@given(st.integers(1, 30), st.integers(1, 12), st.integers(0, 2**40))
def test_every_epoch_visits_every_row_once(n, batch, seed):
    order = Order(n, batch, seed)
    seen = [i for step in range(3 * n) for i in order.at(step)]
    for epoch in range(3):
        assert sorted(seen[epoch * n : (epoch + 1) * n]) == list(range(n))
    assert Order(n, batch, seed).at(2) == order.at(2)


def test_schedule():
    recipe = Recipe(steps=100, warmup_steps=10, flat_fraction=0.5, final_fraction=0.02)
    rates = [recipe.rate(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1) and rates[9:51] == pytest.approx([1.0] * 42)
    assert rates[75] == pytest.approx(0.51) and rates[99] == pytest.approx(0.0396)
    assert all(a >= b for a, b in itertools.pairwise(rates[9:]))
    constant = Recipe(steps=5, flat_fraction=1.0)
    assert [constant.rate(step) for step in range(5)] == [1.0] * 5


def test_muon_trains_block_matrices_and_leaves_the_rest_to_adamw():
    model = tiny_model("llama")
    before = weights(model)
    recipe = Recipe(steps=1, batch_size=4, optimiser="muon", muon_learning_rate=0.02, learning_rate=1e-3)
    train(model, rows(), recipe, 0)
    moved = {name: (p - before[name]).detach() for name, p in model.named_parameters()}
    for name, change in moved.items():
        if "layers" in name and change.ndim == 2:  # orthogonalised: all singular values of the step near one size
            spread = torch.linalg.svdvals(change / 0.02)
            assert 0.5 < float(spread.max()) < 3
        else:
            assert float(change.abs().max()) <= 1.1e-3


def test_muon_with_an_adapter_is_refused():
    with pytest.raises(ValidationError, match="full matrices"):
        Recipe(optimiser="muon", adapter=LoRA())


def test_bf16_keeps_fp32_weights_and_differs_a_little():
    exact, rough = tiny_model(), tiny_model()
    a = train(exact, rows(), SHORT, 0)
    b = train(rough, rows(), SHORT.model_copy(update={"precision": "bf16"}), 0)
    assert all(p.dtype == torch.float32 for p in rough.parameters())
    assert a.losses != b.losses and a.losses == pytest.approx(b.losses, abs=0.1)


def test_dropout_follows_the_run_seed():
    made = [tiny_model("gpt2", resid_pdrop=0.5) for _ in range(3)]
    losses = [train(model, rows(), SHORT, seed).losses for model, seed in zip(made, (0, 0, 1), strict=True)]
    assert losses[0] == losses[1] != losses[2]
    still = tiny_model("gpt2")
    assert train(still, rows(), SHORT, 0).losses != losses[0]


# --- hooks


class Recorder(Hook):
    def __init__(self, model):
        self.calls = []
        self.model, self.before = model, weights(model)

    def note(self, name):
        self.calls.append(name)

    def start(self, run):
        self.note("start")
        assert run.model is self.model and run.model.training and run.step == 0

    def rows(self, run, rows):
        self.note("rows")
        assert len(rows) == 10
        return rows

    def rollout(self, run, rows):
        self.note("rollout")
        assert [r.metadata["number"] for r in rows] == Order(10, 4, run.seed).at(run.step)
        return rows

    def batch(self, run, batch):
        self.note("batch")
        assert batch.ids.shape[0] == 4 and batch.rows[0].metadata["number"] in range(10)
        return batch

    @contextmanager
    def inside(self):
        self.note("forward in")
        yield
        self.note("forward out")

    def forward(self, run, batch):
        return self.inside()

    def loss(self, run, batch, outputs, loss):
        self.note("loss")
        assert outputs.logits.shape == (len(batch.targets), 128)
        assert torch.allclose(loss, (outputs.nll * batch.weights).sum() / batch.weights.sum())
        assert len(run.losses) == run.step
        return loss

    def gradient(self, run):
        self.note("gradient")
        assert all(p.grad is not None for p in run.model.parameters())
        self.before = weights(run.model)

    def step(self, run):
        self.note("step")
        assert not same(self.before, weights(run.model))
        assert len(run.losses) == run.step + 1

    def end(self, run, log):
        self.note("end")
        assert len(log.losses) == 3 and log.tokens > 0


def test_points_are_called_in_order_with_what_they_promise():
    model = tiny_model()
    recorder = Recorder(model)
    train(model, rows(), Recipe(steps=3, batch_size=4), 5, [recorder])
    each = ["rollout", "batch", "forward in", "forward out", "loss", "gradient", "step"]
    assert recorder.calls == ["start", "rows", *each * 3, "end"]


def test_a_hook_that_does_nothing_changes_no_bit():
    plain, hooked = tiny_model(), tiny_model()
    a, b = train(plain, rows(), SHORT, 0), train(hooked, rows(), SHORT, 0, [Hook(), Hook()])
    assert a.losses == b.losses and same(weights(plain), weights(hooked))


def test_hooks_replace_what_they_return():
    class Half(Hook):
        def rows(self, run, rows):
            return rows[:5]

        def rollout(self, run, rows):
            return [r for r in rows if r.metadata["number"] < 5][:2]

        def batch(self, run, batch):
            return replace(batch, weights=batch.weights * 2)

        def loss(self, run, batch, outputs, loss):
            assert len(batch.rows) == 2 and set(batch.weights.tolist()) == {2.0}
            return loss * 0 + 1.5

    model = tiny_model()
    before = weights(model)
    log = train(model, rows(), SHORT, 0, [Half()])
    assert log.losses == (1.5,) * 4
    assert same(before, weights(model))  # a constant loss has no gradient


def test_hooks_see_what_the_one_before_returned():
    class Scale(Hook):
        def __init__(self, factor, seen):
            self.factor, self.seen = factor, seen

        def loss(self, run, batch, outputs, loss):
            self.seen.append(float(loss.detach()))
            return loss * self.factor

    seen = []
    log = train(tiny_model(), rows(), Recipe(steps=1, batch_size=4), 0, [Scale(2.0, seen), Scale(3.0, seen)])
    assert seen[1] == pytest.approx(2 * seen[0]) and log.losses[0] == pytest.approx(6 * seen[0])


def test_a_forward_context_steers_the_forward_pass_alone():
    class Steer(Hook):
        @contextmanager
        def steering(self, run):
            layer = run.model.model.layers[0]
            handle = layer.register_forward_hook(lambda m, i, out: out + 1.0)
            yield
            handle.remove()

        def forward(self, run, batch):
            return self.steering(run)

        def step(self, run):
            assert not run.model.model.layers[0]._forward_hooks

    plain, steered = tiny_model(), tiny_model()
    assert train(plain, rows(), SHORT, 0).losses != train(steered, rows(), SHORT, 0, [Steer()]).losses


def test_a_gradient_hook_can_freeze_a_part():
    class Freeze(Hook):
        def gradient(self, run):
            run.model.lm_head.weight.grad.zero_()

    model = tiny_model()
    before = weights(model)
    train(model, rows(), SHORT, 0, [Freeze()])
    assert torch.equal(model.lm_head.weight, before["lm_head.weight"])
    assert not torch.equal(model.model.embed_tokens.weight, before["model.embed_tokens.weight"])


def test_a_hook_may_stop_a_run_early_and_draw_its_own_numbers():
    class Stop(Hook):
        drawn: list = []  # noqa: RUF012

        def step(self, run):
            self.drawn.append(run.rng("noise").random())
            run.stop = run.step == 1

    log = train(tiny_model(), rows(), SHORT, 0, [Stop()])
    assert len(log.losses) == 2
    assert len(set(Stop.drawn)) == 2


# --- what cannot go on


class Spoil(Hook):
    def __init__(self, at, value=float("nan")):
        self.at, self.value = at, value

    def loss(self, run, batch, outputs, loss):
        return loss * self.value if run.step == self.at else loss


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_stops_before_the_weights_are_touched(value):
    spoilt, clean = tiny_model(), tiny_model()
    with pytest.raises(TrainingError, match=r"Run arm-7: the loss at step 2 is (nan|inf).*Rule.*Remedy"):
        train(spoilt, rows(), SHORT, 0, [Spoil(2, value)], name="arm-7")

    class Stop(Hook):
        def step(self, run):
            run.stop = run.step == 1

    train(clean, rows(), SHORT, 0, [Stop()])
    assert same(weights(spoilt), weights(clean))
    assert not spoilt.training


def test_weights_that_are_not_finite_at_the_end_are_an_error():
    class Break(Hook):
        def gradient(self, run):
            if run.step == 3:
                run.model.lm_head.weight.grad.fill_(float("nan"))

    with pytest.raises(TrainingError, match=r"after 4 steps the weights lm_head\.weight are not finite"):
        train(tiny_model(), rows(), SHORT, 0, [Break()])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "No training rows"),
        ([TokenRow((3, 4), (0.0, 0.0))], "Row 0 has no token with loss"),
        ([TokenRow((3,), (1.0,))], "Row 0 has no token with loss"),
        ([TokenRow((3, 4), (1.0,))], "2 ids but 1 loss weights"),
        ([rows()[0], TokenRow((3,) * 200, (1.0,) * 200)], "Row 1 has 200 tokens.*context of 128"),
    ],
)
def test_rows_that_cannot_be_trained_on_are_named(data, message):
    with pytest.raises(InputError, match=message):
        train(tiny_model(), data, SHORT, 0)


def test_recipe_and_model_must_agree_on_the_adapter():
    with pytest.raises(InputError, match="carries none"):
        train(tiny_model(), rows(), SHORT.model_copy(update={"adapter": LoRA()}), 0)
    with pytest.raises(InputError, match="recipe names none"):
        train(add_lora(tiny_model(), LoRA(), 0), rows(), SHORT, 0)
    frozen = tiny_model().requires_grad_(False)
    with pytest.raises(InputError, match="trainable"):
        train(frozen, rows(), SHORT, 0)


# --- resume

RECIPES = {
    "adamw": Recipe(steps=9, batch_size=4, max_grad_norm=1.0),
    "muon": Recipe(steps=9, batch_size=4, optimiser="muon", warmup_steps=3),
    "lora": Recipe(steps=9, batch_size=4, adapter=LoRA(dropout=0.2)),
}


class Interrupt(Hook):
    """Breaks off like a killed process: nothing after this point is written."""

    def __init__(self, at):
        self.at = at

    def gradient(self, run):
        if run.step == self.at:
            raise KeyboardInterrupt


def start(recipe, kind="qwen3"):
    model = tiny_model(kind)
    return add_lora(model, recipe.adapter, 1) if recipe.adapter else model


@pytest.mark.parametrize("name", list(RECIPES))
@pytest.mark.parametrize("at", [2, 7])
def test_a_resumed_run_ends_with_the_same_bits(name, at, tmp_path):
    recipe, resume = RECIPES[name], Resume(tmp_path / "state.safetensors", every=3)
    whole, broken, resumed = start(recipe), start(recipe), start(recipe)
    log = train(whole, rows(), recipe, 1)
    with pytest.raises(KeyboardInterrupt):
        train(broken, rows(), recipe, 1, [Interrupt(at)], resume=resume)
    again = train(resumed, rows(), recipe, 1, resume=resume)
    assert again.resumed_from == at // 3 * 3
    assert same(weights(whole), weights(resumed))
    assert (again.losses, again.tokens) == (log.losses, log.tokens)
    finished = train(start(recipe), rows(), recipe, 1, resume=resume)
    assert finished.resumed_from == 9 and finished.losses == log.losses


def test_a_state_of_another_run_or_a_damaged_one_is_passed_over(tmp_path):
    recipe, resume = RECIPES["adamw"], Resume(tmp_path / "state.safetensors", every=3)
    train(start(recipe), rows(), recipe, 1, resume=resume)
    for seed, data, kind in ((2, rows(), "qwen3"), (1, rows(seed=5), "qwen3"), (1, rows(), "llama")):
        resume_copy = Resume(tmp_path / "copy.safetensors", every=100)
        resume_copy.path.write_bytes(resume.path.read_bytes())
        assert train(start(recipe, kind), data, recipe, seed, resume=resume_copy).resumed_from == 0
    resume.path.write_bytes(resume.path.read_bytes()[:1000])
    assert train(start(recipe), rows(), recipe, 1, resume=resume).resumed_from == 0
    assert not list(tmp_path.glob("*.partial"))


def test_hooks_with_memory_are_resumed(tmp_path):
    class Sum(Hook):
        def __init__(self):
            self.total = torch.zeros(())

        def step(self, run):
            self.total = self.total + run.losses[-1]

        def state(self):
            return {"total": self.total}

        def restore(self, state):
            self.total = state["total"]

    recipe, resume = RECIPES["adamw"], Resume(tmp_path / "s.safetensors", every=2)
    with pytest.raises(KeyboardInterrupt):
        train(start(recipe), rows(), recipe, 1, [Sum(), Interrupt(5)], resume=resume)
    hook = Sum()
    log = train(start(recipe), rows(), recipe, 1, [hook, Hook()], resume=resume)
    assert float(hook.total) == pytest.approx(sum(log.losses), abs=1e-4)


def test_a_state_that_cannot_be_written_is_a_store_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="Cannot write the resume state"):
        train(tiny_model(), rows(), SHORT, 0, resume=Resume(tmp_path / "file" / "state.safetensors", every=1))


def test_kill_9_and_run_again_ends_with_the_same_bits(tmp_path):
    """A process killed by signal 9 in mid-step, then the same command again, against an undisturbed run here."""
    state, done = tmp_path / "state.safetensors", tmp_path / "weights.safetensors"
    script = tmp_path / "job.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import os, signal, sys
            sys.path[:0] = {[str(Path(__file__).parent), str(Path(__file__).parents[1])]!r}
            import torch
            torch.set_num_threads(1)
            from safetensors.torch import save_file
            from test_loop import RECIPES, Hook, rows, start, weights
            from isobath.train.loop import train
            from isobath.train.resume import Resume
            from pathlib import Path

            class Kill(Hook):
                def gradient(self, run):
                    if run.step == 5 and "--kill" in sys.argv:
                        os.kill(os.getpid(), signal.SIGKILL)

            model = start(RECIPES["muon"])
            log = train(model, rows(), RECIPES["muon"], 1, [Kill()], resume=Resume(Path({str(state)!r}), every=2))
            assert log.resumed_from == 4
            save_file(weights(model), {str(done)!r})
            """
        )
    )
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    killed = subprocess.run([sys.executable, str(script), "--kill"], env=environment, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()[-2000:]
    assert state.exists() and not done.exists()
    subprocess.run([sys.executable, str(script)], env=environment, capture_output=True, check=True)
    from safetensors.torch import load_file

    whole = start(RECIPES["muon"])
    train(whole, rows(), RECIPES["muon"], 1)
    assert same(load_file(done), weights(whole))
