"""Writes the bases and result rows that the package ships: ``python -m isobath.world.ship --store FOLDER``."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

from isobath.store.store import Store
from isobath.world.base_spec import BaseSpec
from isobath.world.build import build_base, save_base
from isobath.world.decisions.spec import DecisionsSpec
from isobath.world.personas.spec import PersonasSpec
from isobath.world.shipped import DATA

SHIPPED: tuple[BaseSpec, ...] = tuple(
    BaseSpec(world=world, base_seed=seed) for world in (PersonasSpec(), DecisionsSpec()) for seed in range(5)
)
"""The shipped kind: stock Qwen3, stock initialisation, world seed 0 (docs/decisions/12-world-feasibility.md and
17-decision-world.md)."""


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
    parser.add_argument("--world", choices=("personas", "decisions"), help="only the bases of this world")
    options = parser.parse_args()
    specs = [spec for spec in SHIPPED if options.world in (None, spec.world.kind)]
    for folder in ship(Store(options.store), specs):
        print(folder)


if __name__ == "__main__":
    main()
