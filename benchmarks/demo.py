"""The demo from an empty store, then again when finished, the report alone, and the command line's start.

    python -m benchmarks.demo [--keep FOLDER]

Wall time of whole processes, and CPU-seconds with all their workers. Run it on an idle machine.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ISOBATH = (sys.executable, "-m", "isobath.cli.main")


class Timing(NamedTuple):
    """Seconds by the wall and of CPU (workers included), and the largest process in MB."""

    wall: float
    cpu: float
    megabytes: float


def timed(*arguments: str, cwd: Path) -> Timing:
    """One run of the command line; raises if it fails."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([*ISOBATH, *arguments], cwd=cwd, check=True, stdout=subprocess.DEVNULL)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Timing(wall, cpu, after.ru_maxrss / 1024)


def table(folder: Path, cells: int = 80) -> str:
    """All of it as Markdown."""
    study = folder / "demo.py"
    study.write_text("from isobath.study.demo import demo_study\nstudy = demo_study()\n")
    help_seconds = min(timed("--help", cwd=folder).wall for _ in range(5))
    whole = timed("demo", cwd=folder)
    again = min((timed("demo", cwd=folder) for _ in range(3)), key=lambda t: t.wall)
    report = timed("report", "demo.py", cwd=folder)
    lines = [
        "| what | wall s | CPU s | target |",
        "|---|---|---|---|",
        f"| demo from nothing, {cells} cells, {cpu_count()} cores | {whole.wall:.1f} | {whole.cpu:.1f} | 90 s |",
        f"| per cell (train, ask, score, report share) | | {whole.cpu / cells:.2f} | |",
        f"| the same command when finished (best of 3) | {again.wall:.2f} | {again.cpu:.2f} | 1 s |",
        f"| report and figures rebuilt | {report.wall:.1f} | {report.cpu:.1f} | 5 s |",
        f"| `isobath --help` (best of 5) | {help_seconds:.2f} | | 0.3 s |",
        f"| largest process | {whole.megabytes:.0f} MB | | 1.2 GB |",
    ]
    return "\n".join(lines)


def cpu_count() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path, default=None, help="work here and leave the results")
    options = parser.parse_args()
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
        print(table(options.keep))
        return
    with tempfile.TemporaryDirectory() as folder:
        print(table(Path(folder)))


if __name__ == "__main__":
    main()
