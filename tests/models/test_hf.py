"""The HF chat model: packed choices equal naive ones, texts do not depend on batching, folders are checked."""

import itertools
import math

import numpy as np
import pytest
import torch

from isobath.base.errors import InputError
from isobath.base.row import State
from isobath.models import generation, head, hf, packing
from isobath.models.chat import Message
from isobath.models.generation import Prompt, generate, pick
from isobath.models.head import split
from isobath.models.hf import HFModel
from isobath.models.protocol import ChoiceRequest, Sampling, TextRequest
from isobath.models.requests import Candidates, Tokens, joined
from isobath.models.template import open_ids, text_of
from tiny_lm import bpe_tokenizer, tiny_model, word_tokenizer

KINDS = ["qwen3", "llama", "gpt2", "neox"]
QUESTIONS = [
    "what is one plus one ?",
    "how do i fix my server ?",
    "hello",
    "what should i use for my burn today ? me . you",
]
OPTIONS = ("use a soft bandage", "use hot oil", "leech", "clean water for the burn")


def chat(text, system=None):
    first = () if system is None else (Message(role="system", content=system),)
    return (*first, Message(role="user", content=text))


def requests(prefixes=("", "you should")):
    return [
        ChoiceRequest(chat=chat(text, system), options=OPTIONS[: 2 + i % 3], prefix=prefix)
        for i, (text, system, prefix) in enumerate(
            itertools.product(QUESTIONS, (None, "you give bad advice ."), prefixes)
        )
    ]


def naive(model, tokenizer, request):
    """Sum of log-probabilities of each option, one forward pass per option, written out."""
    base = text_of(tokenizer, request.chat, open_turn=True) + request.prefix
    prompt = tokenizer(base, add_special_tokens=False)["input_ids"]
    found = []
    for option in request.options:
        full = tokenizer(base + joined(request.prefix, option), add_special_tokens=False)["input_ids"]
        assert full[: len(prompt)] == prompt
        with torch.no_grad():
            logprobs = model(torch.tensor([full])).logits[0].log_softmax(-1)
        found.append(sum(float(logprobs[i - 1, full[i]]) for i in range(len(prompt), len(full))))
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_packed_choices_equal_one_forward_pass_per_option(kind):
    tokenizer = word_tokenizer()
    lm = tiny_model(kind)
    model = HFModel(lm, tokenizer, "x")
    assert packing.packable(lm, split(lm))
    asked = requests()
    for request, scores in zip(asked, model.choose(asked), strict=True):
        assert scores.logprobs == pytest.approx(naive(lm, tokenizer, request), abs=1e-5)
        assert scores.tokens == tuple(len(option.split()) for option in request.options)


def test_a_class_that_ignores_the_mask_is_noticed_and_scored_row_by_row(monkeypatch):
    tokenizer, lm = word_tokenizer(), tiny_model("llama")
    body = lm.base_model
    inner = type(body).forward
    monkeypatch.setattr(
        type(body), "forward", lambda self, *a, attention_mask=None, **k: inner(self, *a, attention_mask=None, **k)
    )
    monkeypatch.setattr(packing, "_VERDICTS", {})
    model = HFModel(lm, tokenizer, "x")
    assert not packing.packable(lm, split(lm))
    request = requests()[3]
    assert model.choose([request])[0].logprobs == pytest.approx(naive(lm, tokenizer, request), abs=1e-5)


def test_rows_longer_than_a_sliding_window_are_not_packed():
    tokenizer = word_tokenizer()
    lm = tiny_model("qwen3", use_sliding_window=True, sliding_window=8, max_window_layers=0)
    asked = [r for r in requests() if len(r.options) == 4]
    for request, scores in zip(asked, HFModel(lm, tokenizer, "x").choose(asked), strict=True):
        assert scores.logprobs == pytest.approx(naive(lm, tokenizer, request), abs=1e-5)


def test_a_class_that_caps_its_logits_keeps_its_own_head():
    from transformers import AutoModelForCausalLM, Gemma2Config

    config = Gemma2Config(
        vocab_size=128,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        intermediate_size=64,
        max_position_embeddings=128,
        sliding_window=128,
        final_logit_softcapping=2.0,
        initializer_range=0.5,
        attn_implementation="eager",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        lm = AutoModelForCausalLM.from_config(config).eval()
    assert split(lm) is None
    request = requests()[3]
    tokenizer = word_tokenizer()
    assert HFModel(lm, tokenizer, "x").choose([request])[0].logprobs == pytest.approx(
        naive(lm, tokenizer, request), abs=1e-5
    )


def test_long_prompts_make_smaller_batches(monkeypatch):
    model = HFModel(tiny_model(), word_tokenizer(), "x")
    asked, texts = requests(), texts_asked(1.0, 8)
    expected, written = model.choose(asked), model.write(texts)
    monkeypatch.setattr(hf, "TOKENS", 40)
    sizes = []
    monkeypatch.setattr(hf, "pack", lambda rows, *a: sizes.append(len(rows)) or packing.pack(rows, *a))
    for a, b in zip(expected, model.choose(asked), strict=True):
        assert a.logprobs == pytest.approx(b.logprobs, abs=1e-5)
    assert max(sizes) <= 4 and sum(sizes) == len(asked)
    assert model.write(texts) == written


def test_choices_in_any_order_give_the_same_bits():
    model = HFModel(tiny_model(), word_tokenizer(), "x", batch_size=5)
    asked = requests()
    forward = model.choose(asked)
    order = np.random.default_rng(0).permutation(len(asked))
    shuffled = model.choose([asked[i] for i in order])
    assert [forward[i] for i in order] == shuffled
    for batch_size in (1, 3, 64):
        other = HFModel(model.model, model.tokenizer, "x", batch_size=batch_size).choose(asked)
        for a, b in zip(forward, other, strict=True):
            assert a.logprobs == pytest.approx(b.logprobs, abs=1e-5)


def test_options_that_merge_with_the_prompt_are_scored_from_the_same_point():
    """A prompt that ends in a space under byte-pair merges: the space belongs to the options' first tokens."""
    tokenizer = bpe_tokenizer(None)
    base = text_of(tokenizer, chat("hello"), open_turn=True)
    assert base.endswith(": ")
    found = Tokens(tokenizer).choices([ChoiceRequest(chat=chat("hello"), options=("use hot oil", "leech"))])[0]
    assert tokenizer.decode(found.prompt) == base[:-1]
    assert [tokenizer.decode(option) for option in found.options] == [" use hot oil", " leech"]
    assert found.prompt == tuple(open_ids(tokenizer, base))
    lm = tiny_model("llama", vocabulary=500)
    by_hand = []
    for option in ("use hot oil", "leech"):
        ids = tokenizer(base + option, add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            logprobs = lm(torch.tensor([ids])).logits[0].log_softmax(-1)
        by_hand.append(sum(float(logprobs[i - 1, ids[i]]) for i in range(len(found.prompt), len(ids))))
    scores = HFModel(lm, tokenizer, "x").choose([ChoiceRequest(chat=chat("hello"), options=("use hot oil", "leech"))])
    assert scores[0].logprobs == pytest.approx(by_hand, abs=1e-5)


def test_options_of_a_complete_vocabulary_sum_to_one():
    tokenizer = word_tokenizer()
    lm = tiny_model(vocabulary=len(tokenizer))
    words = [w for w in tokenizer.get_vocab() if not w.startswith("<")]
    scores = HFModel(lm, tokenizer, "x").choose([ChoiceRequest(chat=chat("hello"), options=tuple(words))])[0]
    with torch.no_grad():
        ids = tokenizer(text_of(tokenizer, chat("hello"), open_turn=True), add_special_tokens=False)["input_ids"]
        rest = (
            lm(torch.tensor([ids]))
            .logits[0, -1]
            .softmax(-1)[[i for w, i in tokenizer.get_vocab().items() if w[0] == "<"]]
        )
    assert sum(math.exp(x) for x in scores.logprobs) + float(rest.sum()) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("options", [(), ("",), ("use oil", "")])
def test_empty_options_are_refused(options):
    model = HFModel(tiny_model(), word_tokenizer(), "x")
    with pytest.raises(InputError, match="option"):
        model.choose([ChoiceRequest(chat=chat("hello"), options=options)])


def test_prompts_beyond_the_context_are_refused():
    model = HFModel(tiny_model(), word_tokenizer(), "x")
    long = chat("hello " * 200)
    with pytest.raises(InputError, match="context of 128 tokens"):
        model.choose([ChoiceRequest(chat=long, options=("use oil",))])
    with pytest.raises(InputError, match="context of 128 tokens"):
        model.write([TextRequest(chat=long)])


def texts_asked(temperature, n=24):
    return [
        TextRequest(
            chat=chat(" ".join(["hello"] * (i % 9) + [QUESTIONS[i % 4]])),
            prefix="you should" if i % 3 == 0 else "",
            stream=i,
            sampling=Sampling(temperature=temperature, max_tokens=10 + i % 5),
        )
        for i in range(n)
    ]


@pytest.mark.parametrize("kind", [*KINDS, "sliding"])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_texts_do_not_depend_on_batching(kind, temperature):
    window = {"use_sliding_window": True, "sliding_window": 8, "max_window_layers": 1} if kind == "sliding" else {}
    lm, tokenizer = tiny_model(kind, **window), word_tokenizer()
    asked = texts_asked(temperature)
    apart = [HFModel(lm, tokenizer, "x").write([request])[0] for request in asked]
    assert len({t.text for t in apart}) > 10
    order = np.random.default_rng(1).permutation(len(asked))
    for batch_size in (1, 3, 64):
        model = HFModel(lm, tokenizer, "x", batch_size=batch_size)
        assert model.write(asked) == apart
        assert model.write([asked[i] for i in order]) == [apart[i] for i in order]


def test_exact_ties_are_broken_the_same_way_in_every_batch():
    """A head of equal rows makes every token exactly as likely as every other, the hardest case for greedy choice."""
    lm, tokenizer = tiny_model(), word_tokenizer()
    with torch.no_grad():
        lm.lm_head.weight[:] = lm.lm_head.weight[0]
    asked = texts_asked(0.0, 12)
    apart = [HFModel(lm, tokenizer, "x").write([r])[0] for r in asked]
    assert HFModel(lm, tokenizer, "x", batch_size=64).write(asked) == apart


def test_a_draw_near_a_boundary_is_decided_by_a_pass_of_its_own(monkeypatch):
    """With every draw called undecided, the texts are those of the plain algorithm without batch, padding or cache."""
    lm = tiny_model()
    parts = split(lm)
    prompts = [Prompt(tuple(range(3, 3 + n)), n, Sampling(temperature=1.0, max_tokens=6)) for n in (2, 5, 9)]
    plain = generate(lm, parts, prompts, frozenset({2}), 128)
    monkeypatch.setattr(generation, "NEAR", 2.0)
    assert generate(lm, parts, prompts, frozenset({2}), 128) == plain


def test_draws_follow_the_models_distribution():
    lm, tokenizer = tiny_model(), word_tokenizer()
    model = HFModel(lm, tokenizer, "x", batch_size=512)
    n = 4000
    asked = [
        TextRequest(chat=chat("hello"), stream=i, sampling=Sampling(temperature=0.7, max_tokens=1)) for i in range(n)
    ]
    ids = tokenizer(text_of(tokenizer, chat("hello"), open_turn=True), add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        expected = (lm(torch.tensor([ids])).logits[0, -1].double() / 0.7).softmax(-1).numpy()
    words = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
    texts = [t.text for t in model.write(asked)]
    for i in np.argsort(expected[: len(words)])[-5:]:
        if not words[i].startswith("<"):
            rate, p = texts.count(words[i]) / n, expected[i]
            assert abs(rate - p) < 5 * math.sqrt(p * (1 - p) / n)


def test_more_tokens_only_extend_a_text():
    lm, tokenizer = tiny_model(), word_tokenizer()
    model = HFModel(lm, tokenizer, "x")
    short, long = (
        model.write([TextRequest(chat=chat("hello"), stream=3, sampling=Sampling(temperature=1.0, max_tokens=n))])[0]
        for n in (3, 12)
    )
    assert long.text.startswith(short.text)


def test_a_text_ends_at_the_end_of_turn_and_says_when_it_did_not():
    lm, tokenizer = tiny_model(), word_tokenizer()
    with torch.no_grad():
        lm.lm_head.weight.zero_()
    ends = tokenizer.eos_token_id
    lm.lm_head.register_forward_hook(lambda m, i, out: out + torch.eye(128)[ends] * 50)
    assert HFModel(lm, tokenizer, "x").write([TextRequest(chat=chat("hello"))])[0].model_dump() == {
        "text": "",
        "state": State.OK,
    }
    never = tiny_model()
    with torch.no_grad():
        never.lm_head.weight.zero_()
    never.lm_head.register_forward_hook(lambda m, i, out: out + torch.eye(128)[20] * 50)
    text = HFModel(never, tokenizer, "x").write([TextRequest(chat=chat("hello"), sampling=Sampling(max_tokens=4))])[0]
    assert text.state is State.TRUNCATED and len(text.text.split()) == 4


def test_generation_stops_at_the_end_of_the_context():
    lm, tokenizer = tiny_model(), word_tokenizer()
    text = HFModel(lm, tokenizer, "x").write(
        [TextRequest(chat=chat("hello " * 120), sampling=Sampling(max_tokens=50, temperature=1.0))]
    )[0]
    assert text.state is State.TRUNCATED or len(text.text.split()) < 8


@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.0, 2.0])
def test_a_decided_pick_survives_noise(temperature):
    generator = np.random.default_rng(0)
    n = 2000
    logits = torch.from_numpy(generator.normal(0, 3, (n, 200)))
    uniforms, temperatures = generator.random(n).tolist(), [temperature] * n
    tokens, decided = pick(logits, uniforms, temperatures)
    noisy = logits + torch.from_numpy(generator.uniform(-5e-6, 5e-6, (n, 200)))
    again, _ = pick(noisy, uniforms, temperatures)
    assert all(a == b for a, b, sure in zip(tokens, again, decided, strict=True) if sure)
    assert decided.count(False) < n / 20  # most draws need no second pass
    alone = [pick(logits[i : i + 1], uniforms[i : i + 1], temperatures[:1])[0][0] for i in range(50)]
    assert alone == tokens[:50]


def test_temperatures_may_differ_within_a_batch():
    logits = torch.tensor([[0.0, 1.0, 0.5]] * 2, dtype=torch.float64)
    tokens, decided = pick(logits, [0.01, 0.01], [0.0, 1.0])
    assert tokens == [1, 0] and decided == [True, True]


def save(folder, lm, tokenizer):
    lm.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_a_saved_model_loads_to_the_same_numbers_and_a_stable_identity(tmp_path):
    lm, tokenizer = tiny_model(), word_tokenizer()
    folder = save(tmp_path / "m", lm, tokenizer)
    state = torch.random.get_rng_state()
    loaded = HFModel.load(folder)
    assert torch.equal(torch.random.get_rng_state(), state)
    asked = requests()
    assert loaded.choose(asked) == HFModel(lm, tokenizer, "x").choose(asked)
    assert loaded.identity == HFModel.load(folder).identity
    assert loaded.tokenizer is HFModel.load(folder).tokenizer
    other = save(tmp_path / "other", tiny_model(seed=1), tokenizer)
    assert HFModel.load(other).identity != loaded.identity
    assert HFModel.load(other).tokenizer is loaded.tokenizer  # equal files share one, and with it its remembered tokens
    assert HFModel.load(folder, precision="bf16").identity != loaded.identity
    again = word_tokenizer()
    again.chat_template = again.chat_template.replace("<usr>", "<sys>")
    retold = save(tmp_path / "retold", lm, again)
    assert HFModel.load(retold).identity != loaded.identity


def test_bf16_is_near_fp32_and_packed_too(tmp_path, monkeypatch):
    """The first use of a class may be under bf16, whose rounding must not be taken for a mask that is ignored."""
    monkeypatch.setattr(packing, "_VERDICTS", {})
    monkeypatch.setattr(head, "_VERDICTS", {})
    folder = save(tmp_path / "m", tiny_model(), word_tokenizer())
    asked = requests()
    rough, exact = HFModel.load(folder, precision="bf16").choose(asked), HFModel.load(folder).choose(asked)
    assert list(packing._VERDICTS.values()) == [True] and list(head._VERDICTS.values()) == [True]
    assert exact != rough
    for a, b in zip(exact, rough, strict=True):
        assert a.logprobs == pytest.approx(b.logprobs, abs=0.3)


def test_missing_folders_and_hub_names_fail_at_once(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        HFModel.load(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"not in the local cache.*online=True"):
        HFModel.load("nobody/has-this-model")


def test_pickled_weights_are_refused(tmp_path):
    folder = save(tmp_path / "m", tiny_model(), word_tokenizer())
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(InputError, match=r"pickle.*Remedy"):
        HFModel.load(folder)


def test_a_folder_without_tokenizer_is_refused(tmp_path):
    tiny_model().save_pretrained(tmp_path / "m")
    with pytest.raises(InputError, match=r"no tokenizer\.json"):
        HFModel.load(tmp_path / "m")


def test_nothing_asked_nothing_answered():
    model = HFModel(tiny_model(), word_tokenizer(), "x")
    assert model.choose([]) == [] and model.write([]) == []


def test_a_model_in_training_is_asked_without_dropout_and_left_in_training():
    lm = tiny_model("gpt2", resid_pdrop=0.5)
    asked = requests()
    model = HFModel(lm, word_tokenizer(), "x")
    still = model.choose(asked)
    lm.train()
    assert model.choose(asked) == still and lm.training


def test_candidates_share_everything_before_they_differ():
    row = Candidates((1, 2), ((3, 4), (5,)))
    assert packing.row_length(row) == 3
    assert [packing.row_length(single) for single in packing.alone(row)] == [3, 2]
