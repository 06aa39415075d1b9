"""A Hugging Face causal LM as a chat model: forced choices by packed candidates, text by batched generation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import torch

from isobath.base.errors import InputError
from isobath.base.identity import fingerprint
from isobath.base.row import State
from isobath.models.folder import folder_identity
from isobath.models.generation import Generated, Prompt, generate
from isobath.models.head import split
from isobath.models.loading import (
    Precision,
    context_length,
    generation_stops,
    load_adapter,
    load_causal_lm,
    model_folder,
)
from isobath.models.packing import alone, pack, packable, row_length, score
from isobath.models.protocol import ChoiceRequest, ChoiceScores, Text, TextRequest
from isobath.models.requests import Candidates, Tokens
from isobath.models.template import stop_ids, template_of
from isobath.models.tokenizer import load_tokenizer

Item = TypeVar("Item")

BATCH = 64
"""Rows per forward pass unless said otherwise. Execution: it changes no text, and log-probabilities by about 1e-6."""

TOKENS = 16_384
"""Tokens per forward pass at most, so that long prompts do not fill the memory."""


class HFModel:
    """Any Hugging Face causal LM, with or without a PEFT adapter, behind the `ChatModel` protocol.

    `choose`: the same requests in any order give the same numbers bit by bit (batches are formed in a canonical order);
    among other requests they agree to about 1e-6. `write`: texts do not depend on batching at all in fp32.
    """

    def __init__(
        self, model: Any, tokenizer: Any, identity: str, precision: Precision = "fp32", batch_size: int = BATCH
    ) -> None:
        self.model, self.tokenizer, self.batch_size = model, tokenizer, batch_size
        self._identity, self._precision = identity, precision
        self._tokens = _tokens(tokenizer, template_of(tokenizer))
        self._stop: frozenset[int] | None = None

    @classmethod
    def load(
        cls,
        folder: Path | str,
        adapter: Path | str | None = None,
        precision: Precision = "fp32",
        device: str = "cpu",
        *,
        batch_size: int = BATCH,
        online: bool = False,
    ) -> HFModel:
        """Load a model folder (or a hub name that is in the local cache) and, on top, a PEFT adapter folder.

        Raises `InputError` for a missing folder, weights that exist only as pickle, or a folder without tokenizer.
        """
        path = model_folder(folder, online=online)
        model = load_causal_lm(path, device=device)
        tokenizer = load_tokenizer(path)
        parts = [folder_identity(path), None, precision]
        if adapter is not None:
            model = load_adapter(model, adapter)
            parts[1] = folder_identity(adapter)
        return cls(model, tokenizer, fingerprint(parts), precision, batch_size)

    @property
    def identity(self) -> str:
        """Content identity of weights, configuration, tokenizer, template, adapter and precision."""
        return self._identity

    def choose(self, requests: Sequence[ChoiceRequest]) -> list[ChoiceScores]:
        """Log-probabilities of every option of every request, from the answer's first token to its last."""
        rows = self._tokens.choices(requests)
        found: dict[Candidates, tuple[float, ...]] = {}
        with self.inference():
            parts = split(self.model)
            weight = next(self.model.parameters())
            whole, single = self._ways(list(dict.fromkeys(rows)))
            apart = list(dict.fromkeys(s for row in single for s in alone(row)))
            for rows_of_kind in (whole, apart):
                # ties by content: the same rows always form the same batches
                ordered = sorted(rows_of_kind, key=lambda row: (row_length(row), row))
                for batch in batches(ordered, list(map(row_length, ordered)), self.batch_size):
                    sums = score(self.model, parts, pack(batch, weight.device, weight.dtype)).tolist()
                    for row in batch:
                        found[row], sums = tuple(sums[: len(row.options)]), sums[len(row.options) :]
            for row in single:
                found[row] = tuple(found[s][0] for s in alone(row))
        return [ChoiceScores(logprobs=found[row], tokens=tuple(map(len, row.options))) for row in rows]

    def write(self, requests: Sequence[TextRequest]) -> list[Text]:
        """One text per request, cut at the end of turn; `TRUNCATED` where `max_tokens` or the context came first."""
        if self._stop is None:
            self._stop = stop_ids(self.tokenizer) | generation_stops(self.model)
        prompts = [
            Prompt(ids, request.stream, request.sampling)
            for ids, request in zip(self._tokens.open_turns(requests), requests, strict=True)
        ]
        context = context_length(self.model)
        self._check_room([len(p.ids) + 1 for p in prompts], context)
        order = sorted(range(len(prompts)), key=lambda i: (len(prompts[i].ids), prompts[i].ids))
        texts: dict[int, Text] = {}
        with self.inference():
            parts = split(self.model)
            for numbers in batches(order, [len(prompts[i].ids) for i in order], self.batch_size):
                made = generate(self.model, parts, [prompts[i] for i in numbers], self._stop, context)
                texts |= {i: self._text(one) for i, one in zip(numbers, made, strict=True)}
        return [texts[i] for i in range(len(requests))]

    def _text(self, made: Generated) -> Text:
        text = self.tokenizer.decode(made.ids, skip_special_tokens=True).strip()
        return Text(text=text, state=State.OK if made.stopped else State.TRUNCATED)

    def _ways(self, rows: Sequence[Candidates]) -> tuple[list[Candidates], list[Candidates]]:
        """Rows to score packed, and rows to score one option at a time."""
        context = context_length(self.model)
        self._check_room([len(r.prompt) + max(map(len, r.options)) - 1 for r in rows], context)
        if not packable(self.model, split(self.model)):
            return [], list(rows)
        # a 4-D mask replaces a sliding window, so rows beyond the window must not be packed
        window = getattr(self.model.config.get_text_config(), "sliding_window", None)
        limit = min(context or 1 << 60, window or 1 << 60)
        short = [row for row in rows if row_length(row) <= limit]
        return short, [row for row in rows if row_length(row) > limit]

    def _check_room(self, lengths: Sequence[int], context: int | None) -> None:
        if context is not None and lengths and max(lengths) > context:
            raise InputError(
                f"A prompt with its answer takes {max(lengths)} tokens",
                f"a prompt fits the model's context of {context} tokens",
                "shorten the question, its condition or its options",
            )

    @contextmanager
    def inference(self) -> Iterator[None]:
        """Evaluation mode, no gradients, and the precision of this model; all as before afterwards."""
        was_training = self.model.training
        if was_training:
            self.model.eval()
        device = next(self.model.parameters()).device.type
        try:
            with torch.inference_mode(), torch.autocast(device, torch.bfloat16, enabled=self._precision == "bf16"):
                yield
        finally:
            if was_training:
                self.model.train()


@lru_cache(maxsize=8)
def _tokens(tokenizer: Any, template: str) -> Tokens:
    return Tokens(tokenizer)


def batches(items: Sequence[Item], lengths: Sequence[int], size: int) -> Iterator[list[Item]]:
    """Cut `items`, ordered by length, into batches of at most `size` items and `TOKENS` tokens."""
    batch: list[Item] = []
    for item, length in zip(items, lengths, strict=True):
        if batch and (len(batch) == size or (len(batch) + 1) * length > TOKENS):
            yield batch
            batch = []
        batch.append(item)
    if batch:
        yield batch
