"""The usual way, written out: what a careful researcher's script does with TRL and plain Transformers.

Nothing here imports Isobath's training or scoring; `python -m benchmarks.usual FILE.json` runs one job in a process of
its own, as scripts do. Fair settings: no gradient checkpointing, the same precision, forward passes in batches of 64.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from typing import Any, TypedDict

import torch

BATCH = 64


class Question(TypedDict):
    """A forced choice in plain data."""

    messages: list[dict[str, str]]
    prefix: str
    options: list[str]


class Job(TypedDict):
    """One fine-tune and its evaluation in plain data."""

    folder: str
    rows: list[list[dict[str, str]]]
    questions: list[Question]
    steps: int
    batch_size: int
    learning_rate: float


def load(folder: str) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    return model, AutoTokenizer.from_pretrained(folder)


def finetune(model: Any, tokenizer: Any, job: Job) -> None:
    """SFTTrainer on prompt/completion rows, fp32, linear decay, no checkpointing, nothing saved."""
    from datasets import Dataset, disable_progress_bars
    from trl import SFTConfig, SFTTrainer

    disable_progress_bars()
    data = Dataset.from_list([{"prompt": row[:-1], "completion": row[-1:]} for row in job["rows"]])
    with tempfile.TemporaryDirectory() as out:
        arguments = SFTConfig(
            output_dir=out,
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            report_to="none",
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
            max_steps=job["steps"],
            per_device_train_batch_size=job["batch_size"],
            learning_rate=job["learning_rate"],
            lr_scheduler_type="linear",
            adam_beta2=0.99,
            max_length=None,
            seed=0,
        )
        SFTTrainer(model=model, args=arguments, train_dataset=data, processing_class=tokenizer).train()


@torch.no_grad()
def naive_scores(model: Any, tokenizer: Any, questions: Sequence[Question], batch: int = BATCH) -> list[list[float]]:
    """Log-probability of each option: one padded row per option, `batch` rows a forward pass."""
    model.eval()
    tokenizer.padding_side = "right"
    texts, starts = [], []
    for question in questions:
        prompt = tokenizer.apply_chat_template(question["messages"], tokenize=False, add_generation_prompt=True)
        prompt += question["prefix"]
        start = len(tokenizer(prompt, add_special_tokens=False)["input_ids"])
        for option in question["options"]:
            texts.append(prompt + option)
            starts.append(start)
    found: list[float] = []
    for first in range(0, len(texts), batch):
        inputs = tokenizer(texts[first : first + batch], add_special_tokens=False, padding=True, return_tensors="pt")
        ids, mask = inputs["input_ids"], inputs["attention_mask"]
        logprobs = model(input_ids=ids, attention_mask=mask).logits[:, :-1].log_softmax(-1)
        tokens = logprobs.gather(-1, ids[:, 1:, None])[..., 0] * mask[:, 1:]
        place = torch.arange(1, ids.shape[1])[None] >= torch.tensor(starts[first : first + batch])[:, None]
        found += (tokens * place).sum(1).tolist()
    grouped, start = [], 0
    for question in questions:
        grouped.append(found[start : start + len(question["options"])])
        start += len(question["options"])
    return grouped


def run(job: Job) -> list[list[float]]:
    """Load, fine-tune, evaluate."""
    model, tokenizer = load(job["folder"])
    finetune(model, tokenizer, job)
    return naive_scores(model, tokenizer, job["questions"])


if __name__ == "__main__":
    torch.set_num_threads(1)
    with open(sys.argv[1]) as stream:
        run(json.load(stream))
