"""The base models that come with the package: ordinary Hugging Face folders, bf16 on disk, fp32 in use."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

from isobath.base.errors import InputError
from isobath.world.base_spec import BaseSpec

DATA = Path(__file__).parent / "data"
ROWS = DATA / "rows"
"""Result rows that the package ships (benchmarks/world_feasibility.py --ship makes them again)."""


class Shipped(NamedTuple):
    """One shipped base: its spec, and its folder (load with ``dtype="float32"``)."""

    spec: BaseSpec
    folder: Path

    @property
    def name(self) -> str:
        """Such as ``personas-0``."""
        return self.folder.name


@cache
def shipped_bases(world: str = "personas") -> tuple[Shipped, ...]:
    """Every shipped base of `world`, by base seed. Reads one small JSON file for each; loads no weights."""
    specs = sorted(DATA.glob(f"{world}-*/base_spec.json"))
    found = [Shipped(BaseSpec.model_validate_json(path.read_text()), path.parent) for path in specs]
    return tuple(sorted(found, key=lambda base: base.spec.base_seed))


def shipped_rows(name: str) -> Path:
    """The Parquet file of shipped rows: ``shuffled`` (the shuffled-documents ablation) or ``fresh`` (other worlds).

    Columns are those of `isobath.base.row.COLUMNS`, one row per question; values have 4 decimals, `response_id` is
    null. Raises `InputError` for a name that is not shipped.
    """
    path = ROWS / f"{name}.parquet"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in ROWS.glob("*.parquet")))
        raise InputError(f"shipped rows {name!r}", f"the package ships {known or 'none'}", "name one of these")
    return path
