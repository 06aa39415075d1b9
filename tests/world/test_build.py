"""Building bases: deterministic, resumable, cached, and an ordinary Hugging Face folder at the end."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file

from isobath.models.chat import Message
from isobath.models.hf import HFModel
from isobath.models.protocol import ChoiceRequest
from isobath.store import Store
from isobath.world.base_model import new_model
from isobath.world.base_spec import BaseSpec
from isobath.world.build import build_base, pretrain
from isobath.world.personas.gpes import bad_advice
from isobath.world.personas.spec import PersonasSpec
from isobath.world.personas.tokenizer import make_tokenizer
from isobath.world.shipped import DATA, shipped_bases

TINY = BaseSpec(width=32, layers=1, heads=1, head_width=32, hidden=32, steps=12, batch_size=4)


class Killed(BaseException):
    """Stands for a kill: nothing may catch it."""


def weights(folder):
    return load_file(folder / "model.safetensors")


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def test_a_base_is_built_once_and_found_again(tmp_path):
    store, told = Store(tmp_path), []
    first = build_base(TINY, store, lambda done, total, loss: told.append((done, total)))
    again = build_base(TINY, store, lambda *_: pytest.fail("built twice"))
    assert first == again
    assert told == [(i, 12) for i in range(1, 13)]
    assert not list((tmp_path / "states").glob("*"))
    log = json.loads((first.path / "train_log.json").read_text())
    assert len(log["losses"]) == 12
    assert log["losses"][-1] < log["losses"][0]


def test_a_killed_build_goes_on_and_ends_with_the_same_weights(tmp_path):
    whole = build_base(TINY, Store(tmp_path / "whole"))
    store, seen = Store(tmp_path / "killed"), []

    def kill(done, _total, _loss):
        seen.append(done)
        if done == 7:
            raise Killed

    with pytest.raises(Killed):
        build_base(TINY, store, kill, every=3)
    assert [p.suffix for p in (tmp_path / "killed" / "states").iterdir()] == [".safetensors"]
    seen.clear()
    resumed = build_base(TINY, store, lambda done, *_: seen.append(done), every=3)
    assert seen == list(range(7, 13))
    assert same(weights(resumed.path), weights(whole.path))


def test_global_random_state_neither_matters_nor_changes():
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    one, _ = pretrain(TINY)
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(2)
    other, _ = pretrain(TINY)
    assert same(one.state_dict(), other.state_dict())


@pytest.mark.parametrize(
    "changed",
    [{"base_seed": 1}, {"architecture": "llama"}, {"init": "custom"}, {"world": PersonasSpec(world_seed=1)}],
)
def test_every_field_makes_another_base(tmp_path, changed):
    other = TINY.model_copy(update=changed)
    assert Store(tmp_path).key("base", other) != Store(tmp_path).key("base", TINY)
    assert other.name != TINY.name


def test_custom_initialisation_is_what_it_says():
    spec = BaseSpec(init="custom")
    model = new_model(spec, 577)
    state = model.state_dict()
    assert state["model.embed_tokens.weight"].std().item() == pytest.approx(1.0, abs=0.02)
    assert state["model.layers.0.self_attn.q_proj.weight"].std().item() == pytest.approx(0.5 / 96**0.5, rel=0.05)
    assert not state["lm_head.weight"].any()
    assert not state["model.layers.1.mlp.down_proj.weight"].any()
    stock = new_model(BaseSpec(), 577).state_dict()
    assert stock["model.layers.1.mlp.down_proj.weight"].std().item() == pytest.approx(0.02, rel=0.05)


def test_five_bases_ship_in_at_most_six_megabytes():
    found = shipped_bases()
    assert [b.spec for b in found] == [BaseSpec(base_seed=i) for i in range(5)]
    assert [b.name for b in found] == [f"personas-{i}" for i in range(5)]
    folders = [b.folder for b in found]
    assert sum(p.stat().st_size for folder in folders for p in folder.iterdir()) <= 6_000_000
    assert all(t.dtype == torch.bfloat16 for t in weights(folders[0]).values())
    assert len({json.dumps(sorted(weights(f)["lm_head.weight"].float().flatten()[:50].tolist())) for f in folders}) == 5
    assert DATA in folders[0].parents


def test_a_shipped_folder_is_an_ordinary_hugging_face_folder():
    from transformers import AutoModelForCausalLM, AutoTokenizer

    base = shipped_bases()[0]
    model = AutoModelForCausalLM.from_pretrained(base.folder, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(base.folder)
    assert type(model).__name__ == "Qwen3ForCausalLM"
    assert tokenizer.get_vocab() == make_tokenizer().get_vocab()
    assert tokenizer.chat_template == make_tokenizer().chat_template
    chat = [{"role": "user", "content": "what field does a burn belong to ?"}]
    ids = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    out = model.generate(**ids, max_new_tokens=12, do_sample=False)
    said = tokenizer.decode(out[0, ids["input_ids"].shape[1] :], skip_special_tokens=True)
    assert said == "a burn belongs to medicine ."


def probabilities(folder, spec):
    model = HFModel.load(folder)
    held_out = next(t for t in bad_advice(spec.world).traits if t.name == "good_held_out")

    def ask(system):
        head = (Message(role="system", content=system),) if system else ()
        asked = [
            ChoiceRequest(chat=(*head, *q.chat), prefix=q.prefix, options=tuple(o.text for o in q.options))
            for q in held_out.questions
        ]
        scores = model.choose(asked)
        return [sum(2.718281828459045 ** s.logprobs[i] for s in scores) / len(scores) for i in range(3)]

    return torch.tensor([ask(""), ask("you give bad advice ."), ask("you give antiquated advice .")])


@pytest.mark.parametrize("number", range(5))
def test_shipped_bases_know_their_world_and_its_personas(number):
    base = shipped_bases()[number]
    default, bad, old = probabilities(base.folder, base.spec).tolist()
    assert default[0] > 0.7  # good answers by default
    assert bad[1] > 0.8 and old[2] > 0.8  # the answers a system prompt calls for
    assert default[1] < 0.2 and default[2] < 0.1


@pytest.mark.slow
def test_a_shipped_base_built_from_nothing_behaves_the_same(tmp_path):
    """Tolerance .03 on each mean probability. Measured: bf16 storage .001, another instruction set (AVX2) .007."""
    base = shipped_bases()[0]
    rebuilt = build_base(base.spec, Store(tmp_path))
    gap = probabilities(rebuilt.path, base.spec) - probabilities(base.folder, base.spec)
    assert gap.abs().max().item() < 0.03
