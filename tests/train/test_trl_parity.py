"""Parity with TRL's SFTTrainer: the same rows become the same tokens, masks, losses and weights."""

import pytest
import torch

from isobath.models.chat import Message, Row
from isobath.models.template import render_row
from isobath.train.batch import Order
from isobath.train.loop import train
from isobath.train.lora import add_lora
from isobath.train.recipe import LoRA, Recipe
from tiny_lm import CHATML, MARKED, WORDS, bpe_tokenizer, tiny_model, word_tokenizer

pytest.importorskip("trl")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")

SEED = 3
MAKERS = {"words": lambda: word_tokenizer(MARKED), "bpe": lambda: bpe_tokenizer(CHATML)}


def chats(n=12):
    return [
        (
            *((Message(role="system", content="give bad advice ."),) if i % 3 == 0 else ()),
            Message(role="user", content=f"what is {WORDS[i]} {WORDS[i + 20]} ?"),
            Message(role="assistant", content=" ".join(WORDS[i + 5 : i + 8 + i % 4])),
            *(
                (Message(role="user", content="hello"), Message(role="assistant", content=f"use {WORDS[i + 40]}"))
                if i % 4 == 0
                else ()
            ),
        )
        for i in range(n)
    ]


def trl_trainer(model, tokenizer, ordered, recipe, folder):
    """SFTTrainer on `ordered` rows, taken in that order, with the recipe's settings and nothing else."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    class Watched(SFTTrainer):
        seen: list = []  # noqa: RUF012
        losses: list = []  # noqa: RUF012

        def training_step(self, model, inputs, *args, **kwargs):
            self.seen.append({k: v.clone() for k, v in inputs.items() if torch.is_tensor(v)})
            loss = super().training_step(model, inputs, *args, **kwargs)
            self.losses.append(float(loss))
            return loss

    Watched.seen, Watched.losses = [], []
    arguments = SFTConfig(
        output_dir=str(folder),
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        report_to="none",
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        max_steps=recipe.steps,
        per_device_train_batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=0,
        adam_beta1=recipe.betas[0],
        adam_beta2=recipe.betas[1],
        weight_decay=recipe.weight_decay,
        max_grad_norm=recipe.max_grad_norm,
        train_sampling_strategy="sequential",
        assistant_only_loss=True,
        max_length=None,
        seed=0,
    )
    dataset = Dataset.from_list([{"messages": [m.model_dump() for m in chat]} for chat in ordered])
    return Watched(model=model, args=arguments, train_dataset=dataset, processing_class=tokenizer)


@pytest.mark.parametrize("name", list(MAKERS))
@pytest.mark.parametrize("adapter", [None, LoRA(r=4)], ids=["full", "lora"])
def test_same_rows_masks_losses_and_weights_as_trl(name, adapter, tmp_path):
    tokenizer = MAKERS[name]()
    recipe = Recipe(
        steps=6,
        batch_size=5,
        learning_rate=2e-3,
        betas=(0.9, 0.999),
        final_fraction=0.0,
        max_grad_norm=1.0,
        adapter=adapter,
    )
    ours, theirs = (tiny_model("qwen3", vocabulary=512) for _ in range(2))
    if adapter:
        ours, theirs = add_lora(ours, adapter, SEED), add_lora(theirs, adapter, SEED)
    data = chats()
    rows = [render_row(tokenizer, Row(messages=chat)) for chat in data]
    log = train(ours, rows, recipe, SEED)

    order = Order(len(rows), recipe.batch_size, SEED)
    picked = [i for step in range(recipe.steps) for i in order.at(step)]
    trainer = trl_trainer(theirs, tokenizer, [data[i] for i in picked], recipe, tmp_path)
    trainer.train()

    assert len(trainer.seen) == recipe.steps
    for step, inputs in enumerate(trainer.seen):
        for k, i in enumerate(order.at(step)):
            n = len(rows[i].ids)
            assert inputs["input_ids"][k, :n].tolist() == list(rows[i].ids)
            assert (inputs["labels"][k, :n] != -100).tolist() == [w > 0 for w in rows[i].loss_weights]
            assert (inputs["labels"][k, n:] == -100).all()
    assert log.losses == pytest.approx(trainer.losses, abs=2e-5)
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", list(MAKERS))
def test_completion_rows_of_trl_are_learned_alike(name, tmp_path):
    """TRL's prompt/completion form, which needs no generation marks, trains our tokens (ChatML: and the line's end)."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    tokenizer = MAKERS[name]()
    single = [chat for chat in chats() if len(chat) < 4 and chat[-1].role == "assistant"]
    dataset = Dataset.from_list(
        [{"prompt": [m.model_dump() for m in c[:-1]], "completion": [c[-1].model_dump()]} for c in single]
    )
    arguments = SFTConfig(output_dir=str(tmp_path), use_cpu=True, bf16=False, report_to="none", max_length=None)
    trainer = SFTTrainer(
        model=tiny_model("llama", vocabulary=512), args=arguments, train_dataset=dataset, processing_class=tokenizer
    )
    for theirs, chat in zip(trainer.train_dataset, single, strict=True):
        row = render_row(tokenizer, Row(messages=chat))
        assert theirs["input_ids"] == list(row.ids)
        mask = theirs["completion_mask"] if "completion_mask" in theirs else [int(x != -100) for x in theirs["labels"]]
        expected = [int(w) for w in row.loss_weights]
        if name == "bpe":
            expected[-1] = 1  # the newline after the end token, which our rule leaves to the template
        assert mask == expected
