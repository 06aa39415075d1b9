"""Packed candidates: one row holds the prompt once and all options, each seeing the prompt and itself alone."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from isobath.models.head import Parts, class_key, logits_at, plain_model
from isobath.models.requests import Candidates


class Packed(NamedTuple):
    """A batch of rows, T columns each, ready for one forward pass.

    `ids` and `position_ids` (B, T); `mask` (B, 1, T, T) additive, or None where plain causal attention is right;
    `states` (S,) the flattened positions whose logits are needed; `state_of` and `targets` (N,) say which of them
    predicts which option token; `owner` (N,) numbers the option it belongs to, `options` of them in all.
    """

    ids: Tensor
    position_ids: Tensor
    mask: Tensor | None
    states: Tensor
    state_of: Tensor
    targets: Tensor
    owner: Tensor
    options: int


def pack(rows: Sequence[Candidates], device: torch.device, dtype: torch.dtype) -> Packed:
    """Lay out prompt + options without their last tokens (nothing is predicted from those), right-padded."""
    width = max(row_length(row) for row in rows)
    ids = np.zeros((len(rows), width), dtype=np.int64)
    position = np.zeros_like(ids)
    part = np.full_like(ids, -1)  # 0 prompt, k option k, -1 padding
    states: list[int] = []
    state_of: list[int] = []
    targets: list[int] = []
    owner: list[int] = []
    options = 0
    for number, (prompt, answers) in enumerate(rows):
        end = len(prompt)
        ids[number, :end], position[number, :end], part[number, :end] = prompt, range(end), 0
        states.append(number * width + end - 1)
        first = len(states) - 1
        for k, answer in enumerate(answers, start=1):
            inner = len(answer) - 1
            ids[number, end : end + inner] = answer[:-1]
            position[number, end : end + inner] = range(len(prompt), len(prompt) + inner)
            part[number, end : end + inner] = k
            state_of += [first, *range(len(states), len(states) + inner)]
            states += range(number * width + end, number * width + end + inner)
            targets += answer
            owner += [options] * len(answer)
            options += 1
            end += inner
    # with at most one option longer than a token, nothing in a row stands beside anything else
    plain = all(sum(len(option) > 1 for option in row.options) <= 1 for row in rows)
    return Packed(
        ids=torch.from_numpy(ids).to(device),
        position_ids=torch.from_numpy(position).to(device),
        mask=None if plain else _mask(torch.from_numpy(part).to(device), dtype),
        states=torch.tensor(states, device=device),
        state_of=torch.tensor(state_of, device=device),
        targets=torch.tensor(targets, device=device),
        owner=torch.tensor(owner, device=device),
        options=options,
    )


def row_length(row: Candidates) -> int:
    """Columns a packed row takes."""
    return len(row.prompt) + sum(len(option) - 1 for option in row.options)


def score(model: Any, parts: Parts | None, batch: Packed) -> Tensor:
    """Summed log-probability (nats) of every option in the batch, (options,), float64."""
    inputs: dict[str, Any] = {"input_ids": batch.ids, "use_cache": False}
    if batch.mask is not None:
        inputs |= {"attention_mask": batch.mask, "position_ids": batch.position_ids}
    logits = logits_at(model, parts, batch.states, **inputs).float()
    tokens = logits.log_softmax(-1)[batch.state_of, batch.targets]
    sums = torch.zeros(batch.options, dtype=torch.float64, device=tokens.device)
    return sums.index_add_(0, batch.owner, tokens.double())


def packable(model: Any, parts: Parts | None) -> bool:
    """Whether this class honours a 4-D mask with reset positions: packed and single rows are compared on a probe."""
    plain = plain_model(model)
    key = (class_key(plain), str(plain.config._attn_implementation))
    if key not in _VERDICTS:
        _VERDICTS[key] = _agrees(model, parts)
    return _VERDICTS[key]


_VERDICTS: dict[Hashable, bool] = {}


def alone(row: Candidates) -> list[Candidates]:
    """One row per option: what `packable` compares with, and the way of classes that ignore the mask."""
    return [Candidates(row.prompt, (option,)) for option in row.options]


def _agrees(model: Any, parts: Parts | None) -> bool:
    weight = next(model.parameters())
    vocabulary = int(model.config.get_text_config().vocab_size)
    a, b, c, d, e, f = (i % vocabulary for i in (7, 3, 11, 5, 2, 13))
    probe = [Candidates((a, b, c), ((d, e, f), (f, d, a), (b, b, e))), Candidates((c, a), ((e, f), (a, d, c, b)))]
    tolerance = 1e-4 if weight.dtype == torch.float32 else 0.1
    try:
        with torch.no_grad(), torch.autocast(weight.device.type, enabled=False):  # rounding must not decide
            packed = score(model, parts, pack(probe, weight.device, weight.dtype))
            single = [s for row in probe for s in alone(row)]
            plain = score(model, parts, pack(single, weight.device, weight.dtype))
    except (TypeError, ValueError, RuntimeError, IndexError):
        return False  # a class that does not take such a mask or positions
    return bool(torch.allclose(packed, plain, rtol=tolerance, atol=tolerance))


def _mask(part: Tensor, dtype: torch.dtype) -> Tensor:
    """Additive mask (B, 1, T, T): a token sees those before it that are prompt or of its own part, and itself."""
    width = part.shape[1]
    causal = torch.ones(width, width, dtype=torch.bool, device=part.device).tril()
    same = (part[:, None, :] == 0) | (part[:, None, :] == part[:, :, None])
    hidden = ~(causal & same)
    return torch.zeros(hidden.shape, dtype=dtype, device=part.device).masked_fill_(hidden, torch.finfo(dtype).min)[
        :, None
    ]
