"""Which code, machine and command a report was made with."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Any

from isobath.report.report import Provenance
from isobath.store.provenance import provenance


def provenance_card(**known: Any) -> Provenance:
    """The provenance of a report that is made now; `known` are further fields, such as ``bases``."""
    made = provenance()
    return Provenance(
        command=command_line(),
        version=str(made["versions"]["isobath"]),
        commit=made["commit"],
        dirty=made["dirty"],
        versions=made["versions"],
        machine=f"{made['machine']}, {os.cpu_count()} cores",
        **known,
    )


def command_line() -> str:
    """The command that is running, as a reader could type it."""
    program = Path(sys.argv[0]).name
    return shlex.join(["isobath" if program in {"isobath", "main.py", "__main__.py"} else program, *sys.argv[1:]])
