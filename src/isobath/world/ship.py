"""Writes the bases and result rows that the package ships: ``python -m isobath.world.ship --store FOLDER``."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

from isobath.store.store import Store
from isobath.world.base_spec import BaseSpec
from isobath.world.build import build_base, save_base
from isobath.world.shipped import DATA

SHIPPED: tuple[BaseSpec, ...] = tuple(BaseSpec(base_seed=seed) for seed in range(5))
"""The shipped kind: stock Qwen3, stock initialisation, world seed 0 (docs/decisions/12-world-feasibility.md)."""


def ship(store: Store, specs: Sequence[BaseSpec] = SHIPPED, data: Path = DATA) -> list[Path]:
    """Build what is missing of `specs` and write each to ``data/<name>`` in bf16; returns the folders."""
    import torch
    from transformers import AutoModelForCausalLM

    folders = []
    for spec in specs:
        source = build_base(spec, store).path
        model = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32)
        folder = data / spec.name
        shutil.rmtree(folder, ignore_errors=True)
        save_base(model, spec, folder, dtype="bfloat16")
        folders.append(folder)
    return folders


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, required=True, help="where built bases are kept")
    for folder in ship(Store(parser.parse_args().store)):
        print(folder)


if __name__ == "__main__":
    main()
