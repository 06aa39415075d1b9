"""A checkpoint: what is evaluated. A base as it is, or a run trained from one and kept in the store."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from isobath.base.identity import fingerprint
from isobath.interventions.stack import apply_signal
from isobath.models.token_row import TokenRow
from isobath.store import Store
from isobath.study.cell import Cell

if TYPE_CHECKING:
    from isobath.models.hf import HFModel

KIND = "run"
TRAIN_VERSION = 1
"""Raised when the same rows, recipe and seed begin to give other weights."""

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "special_tokens_map.json")


@dataclass(frozen=True)
class Checkpoint:
    """Its key, and where its weights lie: a model folder, or an adapter folder on top of one."""

    key: str
    folder: Path
    adapter: Path | None = None

    def load(self) -> HFModel:
        """The model, ready to be asked: from memory if this process has just trained it, else from its folder."""
        from isobath.models.hf import HFModel

        kept = _just_trained.pop(self.key, None)
        if kept is not None:
            return kept
        return HFModel.load(self.folder, adapter=self.adapter)


_just_trained: dict[str, HFModel] = {}
"""At most one model: it is asked next, and saving keeps its weights bit for bit, so reading it back says no more."""


class TokenRows(NamedTuple):
    """Rendered training rows, and the fingerprint of their ids, loss weights and metadata."""

    rows: list[TokenRow]
    identity: str


def token_rows(cell: Cell) -> TokenRows:
    """The training rows of `cell` after its interventions, as token ids. Rendered once per process and content."""
    key = fingerprint([cell.base.world or cell.base.identity, cell.gpe, cell.arm, cell.seed])
    if key not in _rendered:
        from isobath.models.template import render_row

        gpe, tokenizer = cell.built(), tokenizer_of(cell.base.folder)
        changed = apply_signal(cell.arm.stack_for(gpe), cell.arm.rows_of(gpe), cell.seed)
        rows = [render_row(tokenizer, row) for row in changed]
        _rendered[key] = TokenRows(rows, fingerprint([_plain(row) for row in rows]))
    return _rendered[key]


def _plain(row: TokenRow) -> list[object]:
    return [np.asarray(row.ids).tolist(), np.asarray(row.loss_weights, dtype=float).tolist(), dict(row.metadata)]


_rendered: dict[str, TokenRows] = {}
_tokenizers: dict[str, Any] = {}


def tokenizer_of(folder: str) -> Any:
    """The tokenizer in `folder`, loaded once per process, never from the network."""
    if folder not in _tokenizers:
        from transformers import AutoTokenizer

        _tokenizers[folder] = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    return _tokenizers[folder]


def run_spec(cell: Cell) -> dict[str, Any]:
    """What decides the weights of a run (docs/decisions/03-fingerprint.md): no names, paths, labels or devices.

    Signal-stage interventions are in the token ids; entries of later stages stand for themselves.
    """
    later = [e for e in cell.arm.stack_for(cell.built()).entries if e.stage != "signal"]
    return {
        "base": cell.base.identity,
        "tokens": token_rows(cell).identity,
        "recipe": cell.recipe,
        "stack": later,
        "seed": cell.seed,
        "version": TRAIN_VERSION,
    }


def checkpoint_key(cell: Cell, store: Store) -> str:
    """The key of the cell's checkpoint, whether or not it has been trained."""
    return fingerprint({"given": cell.base.identity}) if cell.arm.data == "none" else store.key(KIND, run_spec(cell))


def checkpoint_of(cell: Cell, store: Store) -> Checkpoint:
    """The cell's checkpoint: found, or trained now."""
    base = Path(cell.base.folder)
    if cell.arm.data == "none":
        return Checkpoint(checkpoint_key(cell, store), base)
    spec = run_spec(cell)
    key = store.key(KIND, spec)
    artifact = store.produce(KIND, spec, lambda folder: _train(cell, folder, key))
    if cell.recipe.adapter is not None:
        return Checkpoint(artifact.key, base, artifact.path)
    return Checkpoint(artifact.key, artifact.path)


def _train(cell: Cell, folder: Path, key: str) -> None:
    from isobath.models.hf import HFModel
    from isobath.models.loading import quietly
    from isobath.train.loop import train
    from isobath.train.lora import add_lora, save_lora

    loaded = HFModel.load(cell.base.folder)
    model = loaded.model
    if cell.recipe.adapter is not None:
        model = add_lora(model, cell.recipe.adapter, cell.seed)
    log = train(model, token_rows(cell).rows, cell.recipe, cell.seed, name=cell.name)
    if cell.recipe.adapter is not None:
        save_lora(model, folder)
    else:
        with quietly():
            model.save_pretrained(folder)
        for name in TOKENIZER_FILES:
            source = Path(cell.base.folder) / name
            if source.is_file():
                shutil.copy(source, folder / name)
    (folder / "train_log.json").write_text(json.dumps(log.model_dump(mode="json")))
    _just_trained.clear()
    _just_trained[key] = HFModel(model, loaded.tokenizer, key)
