"""The resume state of a run: weights, optimisers, hooks and losses in one safetensors file, replaced atomically."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from isobath.base.errors import StoreError
from isobath.base.identity import fingerprint
from isobath.models.token_row import TokenRow
from isobath.train.hooks import Hook, Run
from isobath.train.optimiser import Optimisers


class Resume(NamedTuple):
    """Where a long run keeps its state, and how often (in steps). Execution, never identity."""

    path: Path
    every: int = 100


def run_key(run: Run, rows: Sequence[TokenRow]) -> str:
    """Fingerprint of all a run's weights depend on: recipe, seed, rows and starting weights."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(np.asarray(row.ids, dtype=np.int64).tobytes())
        digest.update(np.asarray(row.loss_weights, dtype=np.float32).tobytes())
    for name, tensor in run.model.named_parameters():
        digest.update(f"{name}{tuple(tensor.shape)}{tensor.requires_grad}".encode())
        digest.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return fingerprint([run.recipe, run.seed, digest.hexdigest()])


def save_state(resume: Resume, key: str, run: Run, made: Optimisers, hooks: Sequence[Hook], tokens: int) -> None:
    """Write the state after `run.step` steps. A killed process leaves the old file or the new one, never a part."""
    tensors = {f"model.{name}": p for name, p in _kept(run.model).items()}
    for number, optimiser in enumerate(made):
        for index, slots in optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{number}.{index}.{slot}": value for slot, value in slots.items()}
    for number, hook in enumerate(hooks):
        tensors |= {f"hook.{number}.{name}": value for name, value in hook.state().items()}
    flat = {name: torch.as_tensor(value).detach().cpu().contiguous().clone() for name, value in tensors.items()}
    facts = {"key": key, "step": str(run.step), "tokens": str(tokens), "losses": json.dumps(run.losses)}
    partial = resume.path.with_name(f"{resume.path.name}.{os.getpid()}.partial")
    try:
        resume.path.parent.mkdir(parents=True, exist_ok=True)
        save_file(flat, partial, metadata=facts)
        with partial.open("rb") as stream:
            os.fsync(stream.fileno())
        partial.replace(resume.path)
    except (OSError, SafetensorError) as error:
        with suppress(OSError):
            partial.unlink()
        raise StoreError(
            f"Cannot write the resume state {resume.path}: {error}. Remedy: free space, run again."
        ) from error


def load_state(resume: Resume, key: str, run: Run, made: Optimisers, hooks: Sequence[Hook]) -> int:
    """Put a stored state back into `run`; returns the tokens seen so far.

    A missing, damaged or foreign state (another recipe, seed, rows or base) is passed over: the work is done again.
    """
    try:
        with safe_open(resume.path, framework="pt") as stored:
            facts = stored.metadata() or {}
            if facts.get("key") != key:
                return 0
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 (not a mapping)
    except (OSError, SafetensorError):
        return 0
    kept = _kept(run.model)
    with torch.no_grad():
        for name, target in kept.items():
            target.copy_(tensors[f"model.{name}"])
    for number, optimiser in enumerate(made):
        slots: dict[int, dict[str, Tensor]] = {}
        for name, value in _under(tensors, f"optimiser.{number}.").items():
            index, slot = name.split(".", 1)
            slots.setdefault(int(index), {})[slot] = value
        optimiser.load_state_dict({"state": slots, "param_groups": optimiser.state_dict()["param_groups"]})
    for number, hook in enumerate(hooks):
        hook.restore(_under(tensors, f"hook.{number}."))
    run.step, run.losses = int(facts["step"]), json.loads(facts["losses"])
    return int(facts["tokens"])


def _kept(model: nn.Module) -> dict[str, Any]:
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
