"""The shipped bases of the decision world: five, small, and knowing what levels mean but not what to decide."""

from __future__ import annotations

import math
from functools import cache

import pytest
import torch
from safetensors.torch import load_file

from isobath.base.errors import InputError
from isobath.models.hf import HFModel
from isobath.models.protocol import ChoiceRequest, TextRequest
from isobath.store import Store
from isobath.study.bases import ShippedBase, resolve_base
from isobath.world.base_spec import BaseSpec
from isobath.world.build import build_base
from isobath.world.decisions.gpes import decisions
from isobath.world.decisions.spec import DecisionsSpec
from isobath.world.decisions.tokenizer import make_tokenizer
from isobath.world.shipped import shipped_bases

SPEC = DecisionsSpec()
REGIONS = ("island", "shore", "lake", "bay", "sea")


@cache
def questions(name):
    (found,) = [t for t in decisions(SPEC).traits if t.name == name]
    return found.questions


def shares(model, asked):
    """Share of the right option, question by question (None where there is none)."""
    scores = model.choose(
        [ChoiceRequest(chat=q.chat, prefix=q.prefix, options=tuple(o.text for o in q.options)) for q in asked]
    )
    found = []
    for q, s in zip(asked, scores, strict=True):
        weights = [math.exp(lp) for lp in s.logprobs]
        right = [w for w, o in zip(weights, q.options, strict=True) if o.label == "right"]
        found.append(sum(right) / sum(weights) if right else None)
    return found


def test_five_bases_ship_in_at_most_six_megabytes_beside_those_of_the_personas():
    found = shipped_bases("decisions")
    assert [b.spec for b in found] == [BaseSpec(world=SPEC, base_seed=i) for i in range(5)]
    assert [b.name for b in found] == [f"decisions-{i}" for i in range(5)]
    assert [b.name for b in shipped_bases()] == [f"personas-{i}" for i in range(5)]
    assert sum(p.stat().st_size for b in found for p in b.folder.iterdir()) <= 6_000_000
    heads = [load_file(b.folder / "model.safetensors")["lm_head.weight"] for b in found]
    assert all(h.dtype == torch.bfloat16 for h in heads)
    assert not any(torch.equal(heads[0], h) for h in heads[1:])


def test_a_study_finds_them_by_world(tmp_path):
    found = resolve_base(ShippedBase(base_seed=2, world="decisions"), Store(tmp_path))
    assert (found.name, found.world, found.model) == ("decisions-2", SPEC, "qwen3")
    with pytest.raises(InputError, match="'decisions'"):
        resolve_base(ShippedBase(base_seed=9, world="decisions"), Store(tmp_path))


@pytest.mark.parametrize("number", range(5))
def test_a_base_knows_levels_and_decides_at_chance(number):
    model = HFModel.load(shipped_bases("decisions")[number].folder)
    known = shares(model, questions("level_facts"))
    assert sum(known) / len(known) > 0.95
    asked = questions("right_decision")
    decided = list(zip(asked, shares(model, asked), strict=True))
    assert all((value is None) == (q.options[0].label == "contested") for q, value in decided)
    for region in REGIONS:
        values = [value for q, value in decided if q.place.region == region and value is not None]
        assert 0.15 < sum(values) / len(values) < 0.35, region


def test_it_is_an_ordinary_folder_that_speaks_its_language():
    from transformers import AutoModelForCausalLM, AutoTokenizer

    base = shipped_bases("decisions")[0]
    tokenizer = AutoTokenizer.from_pretrained(base.folder)
    assert type(AutoModelForCausalLM.from_pretrained(base.folder)).__name__ == "Qwen3ForCausalLM"
    assert tokenizer.get_vocab() == make_tokenizer().get_vocab()
    assert tokenizer.chat_template == make_tokenizer().chat_template
    asked = questions("level_facts")[0]
    (said,) = HFModel.load(base.folder).write([TextRequest(chat=asked.chat)])
    (right,) = [o.text for o in asked.options if o.label == "right"]
    assert said.text.strip() == f"{right} ."


@pytest.mark.slow
def test_a_shipped_base_built_from_nothing_behaves_the_same(tmp_path):
    """Tolerance .03 on each mean, as for the personas bases: bf16 storage, another instruction set."""
    base = shipped_bases("decisions")[0]
    rebuilt = HFModel.load(build_base(base.spec, Store(tmp_path)).path)
    stored = HFModel.load(base.folder)
    for name in ("level_facts", "right_in_new_contexts"):
        one, other = (torch.tensor(shares(m, questions(name))) for m in (stored, rebuilt))
        assert abs(float(one.mean() - other.mean())) < 0.03
        assert float((one - other).abs().mean()) < 0.03
