"""What `isobath doctor` looks at: this machine, this environment, this store. No network, and no value of any key."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal, NamedTuple

GB = 1e9
WORKER_GB = 0.7
"""Peak memory of a worker on the embedded world (docs/benchmarks.md: 590 to 690 MB)."""

KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENROUTER_API_KEY", "TOGETHER_API_KEY", "TINKER_API_KEY", "HF_TOKEN")
SIMD = ("amx_bf16", "avx512_bf16", "avx512f", "avx2")

State = Literal["ok", "note", "problem"]


class Check(NamedTuple):
    """One finding: a `problem` stops work or makes it wrong, a `note` is worth knowing; `fix` says what to do."""

    name: str
    state: State
    found: str
    fix: str = ""


def all_checks(store: Path) -> Iterator[Check]:
    """Every check, in order; one that itself fails becomes a problem that says so."""
    looks: tuple[tuple[str, Callable[[], Check]], ...] = (
        ("python", python_check),
        ("packages", packages_check),
        ("extras", extras_check),
        ("cores", cores_check),
        ("threads", threads_check),
        ("memory", memory_check),
        ("disk", lambda: disk_check(store)),
        ("store", lambda: store_check(store)),
        ("torch", torch_check),
        ("bases", bases_check),
        ("hub", hub_check),
        ("keys", keys_check),
    )
    for name, look in looks:
        try:
            yield look()
        except Exception as error:
            yield Check(name, "problem", f"could not be looked at: {type(error).__name__}: {error}", "see the message")


def python_check() -> Check:
    """The interpreter, and whether it runs in a virtual environment."""
    found = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    if sys.prefix == sys.base_prefix:
        return Check("python", "note", f"{found}, no virtual environment", "python3 -m venv .venv keeps versions apart")
    return Check("python", "ok", found)


def packages_check() -> Check:
    """Installed versions against the ranges this version of Isobath declares."""
    wrong = [f"{name} {found} (wanted {wanted})" for name, found, wanted in _unmet("")]
    if wrong:
        return Check(
            "packages", "problem", "; ".join(wrong), 'pip install -c constraints.txt -e . or pip install "isobath"'
        )
    names = ("isobath", "torch", "transformers", "peft", "pandas")
    return Check("packages", "ok", ", ".join(f"{n} {_version(n)}" for n in names) + ": all in range")


def extras_check() -> Check:
    """Optional parts: which are complete, and how to get the others."""
    extras = ("trl", "data")
    missing = {extra: [name for name, _, _ in _unmet(extra)] for extra in extras}
    there = [extra for extra in extras if not missing[extra]]
    absent = [f"{extra} ({', '.join(missing[extra])})" for extra in extras if missing[extra]]
    if not absent:
        return Check("extras", "ok", ", ".join(there))
    found = f"not installed: {'; '.join(absent)}"
    return Check("extras", "note", found, f'only where wanted: pip install "isobath[{",".join(extras)}]"')


def _unmet(extra: str) -> Iterator[tuple[str, str, str]]:
    """(name, version found or "missing", range) of the requirements of `extra` ("" for the core) that are not met."""
    from packaging.requirements import Requirement

    for line in requires("isobath") or []:
        wanted = Requirement(line)
        core = wanted.marker is None or wanted.marker.evaluate({"extra": ""})
        applies = (
            core if not extra else not core and wanted.marker is not None and wanted.marker.evaluate({"extra": extra})
        )
        if not applies or wanted.name == "isobath":
            continue
        found = _version(wanted.name)
        if found is None:
            yield wanted.name, "missing", str(wanted.specifier) or "any"
        elif not wanted.specifier.contains(found, prereleases=True):
            yield wanted.name, found, str(wanted.specifier)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def cores_check(root: Path = Path("/")) -> Check:
    """Cores that `--engine local` would use, against the quota of a container."""
    from isobath.study.cores import cores

    usable, quota = cores(), cpu_quota(root)
    speed = next((name for name in SIMD if name in _cpu_flags(root)), "no avx2")
    found = f"{usable} usable of {os.cpu_count()} ({speed})"
    if quota is not None and quota < usable - 0.5:
        return Check(
            "cores", "note", f"{found}, but this container gets {quota:g}", f"--engine local:{max(1, round(quota))}"
        )
    return Check("cores", "ok", f"{found}: --engine local starts {usable} workers")


def cpu_quota(root: Path) -> float | None:
    """Cores a control group allows (version 2, then 1); None without a limit."""
    group = root / "sys/fs/cgroup"
    two = _read(group / "cpu.max").split()
    if len(two) == 2 and two[0] != "max":
        return int(two[0]) / int(two[1])
    quota, period = (_read(group / "cpu" / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period"))
    return int(quota) / int(period) if quota and period and int(quota) > 0 else None


def _cpu_flags(root: Path) -> set[str]:
    line = next((x for x in _read(root / "proc/cpuinfo").splitlines() if x.startswith(("flags", "Features"))), "")
    return set(line.partition(":")[2].split())


def threads_check(environment: Mapping[str, str] = os.environ) -> Check:
    """Threads a process takes: more than one each makes small models slower."""
    value = environment.get("OMP_NUM_THREADS")
    if value == "1":
        return Check("threads", "ok", "OMP_NUM_THREADS=1")
    found = f"OMP_NUM_THREADS={value}" if value else "OMP_NUM_THREADS is not set"
    fix = "export OMP_NUM_THREADS=1 before your own scripts and notebooks (workers of --engine local set it themselves)"
    return Check("threads", "note", found, fix)


def memory_check(root: Path = Path("/")) -> Check:
    """Memory that is free now, within the limit of a container."""
    free = free_memory(root)
    if free is None:
        return Check("memory", "note", "cannot be read on this system", f"a worker takes about {WORKER_GB} GB")
    found, most = f"{free / GB:.1f} GB free", int(free / GB / WORKER_GB)
    if most < 1:
        return Check("memory", "problem", found, f"a worker takes about {WORKER_GB} GB: close something")
    from isobath.study.cores import cores

    if most < cores():
        return Check("memory", "note", f"{found}, enough for {most} workers", f"--engine local:{most}")
    fix = "fine-tuning in fp32 takes about 5 bytes per parameter with LoRA, 16 in full, plus activations"
    return Check("memory", "ok", f"{found}; {fix}")


def free_memory(root: Path) -> int | None:
    """Bytes available to this process: the machine's, or what is left of the control group's limit."""
    lines = dict(line.split(":", 1) for line in _read(root / "proc/meminfo").splitlines() if ":" in line)
    free = int(lines["MemAvailable"].split()[0]) * 1024 if "MemAvailable" in lines else None
    group = root / "sys/fs/cgroup"
    pairs = (("memory.max", "memory.current"), ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"))
    for limit_file, used_file in pairs:
        limit, used = _read(group / limit_file).strip(), _read(group / used_file).strip()
        if limit.isdigit() and used.isdigit():
            left = max(0, int(limit) - int(used))
            free = left if free is None else min(free, left)
    return free


def disk_check(store: Path) -> Check:
    """Space where the store lies or would lie."""
    there = existing_parent(store)
    free = shutil.disk_usage(there).free / GB
    found = f"{free:.1f} GB free at {there}"
    if free < 0.5:
        return Check("disk", "problem", found, "isobath gc, or --store on another disk: the demo takes 0.2 GB")
    if free < 5:
        return Check("disk", "note", found, "full fine-tunes of large models need more: isobath gc, --store elsewhere")
    return Check("disk", "ok", found)


def store_check(store: Path) -> Check:
    """Whether the place of the store can be written and locked (some network disks cannot)."""
    from filelock import FileLock, Timeout

    there = existing_parent(store)
    try:
        with tempfile.TemporaryDirectory(dir=there, prefix=".isobath-doctor-") as folder:
            path = Path(folder) / "lock"
            with FileLock(path):
                try:
                    with FileLock(path, timeout=0, is_singleton=False):
                        pass
                except Timeout:
                    return Check("store", "ok", f"{store} can be written and locked")
    except (OSError, NotImplementedError) as error:
        return Check("store", "problem", f"{there}: {error}", "give a --store that you may write")
    return Check("store", "problem", f"{there} does not keep locks", "give a --store on a local disk")


def existing_parent(path: Path) -> Path:
    """`path` or the nearest folder above it that exists."""
    whole = path.expanduser().absolute()
    return next(p for p in (whole, *whole.parents) if p.is_dir())


def torch_check(root: Path = Path("/"), environment: Mapping[str, str] = os.environ) -> Check:
    """The torch build, the accelerators it sees, and what `ISOBATH_DEVICE` makes of them."""
    import torch

    from isobath.study.device import VARIABLE

    chosen, seen = environment.get(VARIABLE, ""), torch.cuda.is_available()
    if chosen and (not chosen.startswith(("cpu", "cuda")) or (chosen.startswith("cuda") and not seen)):
        return Check(
            "torch", "problem", f"{VARIABLE}={chosen}, which is not here", f"unset {VARIABLE}, or set it to cpu"
        )
    if seen:
        names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        use = f"{VARIABLE}={chosen} decides" if chosen else f"models of yours run there ({VARIABLE}=cpu: not)"
        return Check("torch", "ok", f"torch {torch.__version__}, GPU: {', '.join(names)}; {use}")
    if (root / "proc/driver/nvidia").exists() or list((root / "dev").glob("nvidia[0-9]*")):
        build = f"built for CUDA {torch.version.cuda}" if torch.version.cuda else "a CPU build"
        return Check(
            "torch",
            "problem",
            f"there is an NVIDIA GPU, but torch {torch.__version__} ({build}) does not see it",
            "install a CUDA build of torch that your driver supports, or unset CUDA_VISIBLE_DEVICES",
        )
    return Check("torch", "ok", f"torch {torch.__version__}, no GPU: everything runs on the CPU, large models slowly")


def bases_check() -> Check:
    """The base models that come with the package."""
    from isobath.world.shipped import shipped_bases

    found = (*shipped_bases(), *shipped_bases("decisions"))
    pointers = [b.folder.name for b in found if (b.folder / "model.safetensors").stat().st_size < 1000]
    if not found or pointers:
        return Check(
            "bases",
            "problem",
            f"{len(found)} shipped bases, {len(pointers)} without weights",
            "install again, or git lfs pull",
        )
    return Check("bases", "ok", f"{len(found)} shipped bases of the two embedded worlds")


def hub_check(environment: Mapping[str, str] = os.environ) -> Check:
    """Models of the Hugging Face hub at hand, and whether fetching is forbidden."""
    from huggingface_hub import constants

    cache = Path(constants.HF_HUB_CACHE)
    models = sorted(p.name.removeprefix("models--").replace("--", "/") for p in cache.glob("models--*"))
    have = f"{len(models)} models in the cache" + (
        f" ({', '.join(models[:3])}{' ...' if len(models) > 3 else ''})" if models else ""
    )
    if environment.get("HF_HUB_OFFLINE", "").upper() in {"1", "TRUE", "YES", "ON"}:
        return Check("hub", "ok", f"offline (HF_HUB_OFFLINE): {have}")
    fix = "export HF_HUB_OFFLINE=1 where nothing may be fetched; folders need no hub"
    return Check("hub", "note", f"{have}; a library may look others up online", fix)


def keys_check(environment: Mapping[str, str] = os.environ) -> Check:
    """Which API keys are there, by name alone."""
    names = [n for n in environment if n in KEYS or (n.endswith("_API_KEY") and n not in KEYS)]
    odd = sorted(n for n in names if not environment[n].strip() or environment[n] != environment[n].strip(" \t\r\n\"'"))
    there = sorted(set(names) - set(odd))
    said = f"set: {', '.join(there)}" if there else "none set"
    if odd:
        how = "empty, or begins or ends with white space or a quote"
        return Check("keys", "problem", f"{said}; {', '.join(odd)} is {how}", "export it again without them")
    if not there:
        return Check(
            "keys", "note", said, "only for endpoints that want one: export OPENAI_API_KEY, or name another by key_env"
        )
    return Check("keys", "ok", said)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
