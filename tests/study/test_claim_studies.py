"""Every claim's study runs from end to end, on a base of its world and on a Hugging Face model from outside."""

from __future__ import annotations

import pytest
from transformers import AutoModelForCausalLM, Qwen3Config

import tiny_lm
from isobath.study.bases import FolderBase
from isobath.study.claims.answers import TABLE, answers
from isobath.study.claims.claims import CLAIMS
from isobath.study.file import dump_study, load_study
from isobath.train.recipe import Recipe
from isobath.world.decisions.tokenizer import make_tokenizer as decision_words
from isobath.world.personas.tokenizer import make_tokenizer as persona_words


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A random model of each world's words, so small that training it is a matter of seconds."""
    made = {}
    for world, words in (("decisions", decision_words()), ("personas", persona_words())):
        made[world] = tmp_path_factory.mktemp(world)
        config = Qwen3Config(
            vocab_size=len(words),
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=2,
            head_dim=8,
            intermediate_size=32,
            max_position_embeddings=128,
            bos_token_id=1,
            eos_token_id=2,
            pad_token_id=0,
        )
        AutoModelForCausalLM.from_config(config).save_pretrained(made[world])
        words.save_pretrained(made[world])
    return made


def finished(name, folder, tmp_path, **changed):
    claim = CLAIMS[name]
    study = claim.study((FolderBase(path=str(folder)),)).changed(recipe=Recipe(steps=1), seeds=(0,), **changed)
    results = study.run(tmp_path / "store", tmp_path / "out", engine="inline")
    assert not results.failures
    return claim, claim.measures(results)


@pytest.mark.parametrize("name", ["represented", "observed"])
def test_it_measures_what_its_questions_ask(name, folders, tmp_path):
    claim, made = finished(name, folders[CLAIMS[name].world], tmp_path)
    assert list(made.columns) == list(TABLE)
    found = answers(claim.questions, made)
    assert len(found) == len(claim.questions) and all(f.n_replicates <= 1 for f in found)
    assert all(str(f.verdict) in ("too uncertain", "not measurable") for f in found)  # one base carries no claim


@pytest.mark.slow
@pytest.mark.parametrize("name", ["simple", "contrary", "judged"])
def test_the_others_too(name, folders, tmp_path):
    test_it_measures_what_its_questions_ask(name, folders, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", CLAIMS)
def test_a_model_from_outside(name, tmp_path):
    """Another tokenizer and another class: bytes in place of words."""
    folder = tmp_path / "outside"
    words = tiny_lm.bpe_tokenizer()
    tiny_lm.tiny_model("llama", len(words), max_position_embeddings=1024).save_pretrained(folder)
    words.save_pretrained(folder)
    study = CLAIMS[name].study((FolderBase(path=str(folder)),))
    arms = tuple(a for a in study.arms if a.name in ("untrained", "plain"))
    finished(name, folder, tmp_path, arms=arms, questions=())


@pytest.mark.parametrize("name", CLAIMS)
def test_its_file_takes_another_model(name, tmp_path):
    study = CLAIMS[name].study(({"kind": "hub", "id": "somebody/some-model"},))
    path = tmp_path / "study.yaml"
    path.write_text(dump_study(study), encoding="utf-8")
    assert load_study(path) == study and load_study(path).bases[0].id == "somebody/some-model"
