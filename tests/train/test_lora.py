"""LoRA: seeded, inert at birth, an ordinary PEFT folder on disk, equal after reload and merge."""

import json
import subprocess
import sys

import pytest
import torch
from test_loop import rows, same, weights

from isobath.base.identity import folder_hash
from isobath.models.chat import Message
from isobath.models.hf import HFModel
from isobath.models.protocol import ChoiceRequest
from isobath.train.loop import train
from isobath.train.lora import add_lora, save_lora
from isobath.train.recipe import LoRA, Recipe
from tiny_lm import tiny_model, word_tokenizer

PROBE = torch.arange(3, 40)[None]


def logits(model):
    with torch.no_grad():
        return model.eval()(PROBE).logits


def trained(lora=LoRA(), seed=1, kind="qwen3"):  # noqa: B008 (frozen)
    model = add_lora(tiny_model(kind), lora, seed)
    train(model, rows(), Recipe(steps=5, batch_size=4, learning_rate=1e-2, adapter=lora), seed)
    return model


@pytest.mark.parametrize("kind", ["qwen3", "llama", "gpt2", "neox"])
def test_a_fresh_adapter_changes_nothing_and_only_it_is_trained(kind):
    base = logits(tiny_model(kind))
    model = add_lora(tiny_model(kind), LoRA(r=4), 0)
    assert torch.equal(logits(model), base)
    names = [name for name, p in model.named_parameters() if p.requires_grad]
    assert names and all("lora_" in name for name in names)
    assert not any("lm_head" in name or "embed" in name for name in names)
    before = weights(model)
    train(model, rows(), Recipe(steps=2, batch_size=4, adapter=LoRA(r=4)), 0)
    moved = [name for name, p in model.named_parameters() if not torch.equal(p, before[name])]
    assert set(moved) == set(names)


def test_the_seed_alone_decides_the_start():
    state = torch.random.get_rng_state()
    first = weights(add_lora(tiny_model(), LoRA(), 5))
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.manual_seed(123)
    assert same(first, weights(add_lora(tiny_model(), LoRA(), 5)))
    assert not same(first, weights(add_lora(tiny_model(), LoRA(), 6)))


def test_named_targets():
    model = add_lora(tiny_model(), LoRA(targets=("q_proj", "v_proj")), 0)
    adapted = {name.split(".lora_")[0].split(".")[-1] for name, p in model.named_parameters() if p.requires_grad}
    assert adapted == {"q_proj", "v_proj"}


def test_reload_and_merge_give_the_same_model(tmp_path):
    tiny_model().save_pretrained(tmp_path / "base")
    word_tokenizer().save_pretrained(tmp_path / "base")
    model = trained()
    assert (logits(model) - logits(tiny_model())).abs().max() > 0.1
    save_lora(model, tmp_path / "adapter")
    assert sorted(p.name for p in (tmp_path / "adapter").iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]
    loaded = HFModel.load(tmp_path / "base", adapter=tmp_path / "adapter")
    assert torch.equal(logits(loaded.model), logits(model))
    assert loaded.identity != HFModel.load(tmp_path / "base").identity
    asked = [ChoiceRequest(chat=(Message(role="user", content="hello"),), options=("use hot oil", "clean water"))]
    in_memory = HFModel(model, loaded.tokenizer, "x").choose(asked)
    assert loaded.choose(asked) == in_memory
    merged = HFModel(loaded.model.merge_and_unload(), loaded.tokenizer, "y").choose(asked)
    assert merged[0].logprobs == pytest.approx(in_memory[0].logprobs, abs=1e-4)


def test_peft_itself_loads_the_folder(tmp_path):
    from peft import PeftModel

    model = trained()
    save_lora(model, tmp_path / "adapter")
    assert torch.equal(logits(PeftModel.from_pretrained(tiny_model(), str(tmp_path / "adapter"))), logits(model))


def test_equal_adapters_are_equal_on_disk_in_every_process(tmp_path):
    """Sets have another order in every process; the folder's hash is identity, so it must not."""
    save_lora(add_lora(tiny_model(), LoRA(), 0), tmp_path / "here")
    script = (
        "import sys; sys.path[:0] = ['tests']; from pathlib import Path; from tiny_lm import tiny_model\n"
        "from isobath.train.lora import add_lora, save_lora; from isobath.train.recipe import LoRA\n"
        "save_lora(add_lora(tiny_model(), LoRA(), 0), Path(sys.argv[1]))"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "there")], check=True, capture_output=True)
    assert folder_hash(tmp_path / "here") == folder_hash(tmp_path / "there")
    assert json.loads((tmp_path / "here" / "adapter_config.json").read_text())["base_model_name_or_path"] is None
