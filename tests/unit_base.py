"""A small base of the personas world, built once per test session (about 8 CPU-seconds) and shared by whoever asks.

    from unit_base import unit_base_folder

Tests that need a model which knows its world should use `isobath.world.shipped.shipped_bases()` instead.
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from isobath.store import Store
from isobath.world.base_spec import UNIT_TEST_BASE
from isobath.world.build import build_base


@cache
def unit_base_folder() -> Path:
    """Folder of `UNIT_TEST_BASE` in a store of this session."""
    return build_base(UNIT_TEST_BASE, Store(Path(tempfile.mkdtemp(prefix="isobath-unit-base-")))).path
