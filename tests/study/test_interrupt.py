"""A run that is killed or interrupted at any moment, and the same command again."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = """
import sys
from isobath.study import components
components.BUILT_IN["small"] = "small_gpe:small_gpe"   # runs in the workers too: they import this file
if __name__ == "__main__":
    from isobath.cli.main import _guarded
    from isobath.study.arm import CONTROL, PLAIN, SPECIFIC, UNTRAINED
    from isobath.study.bases import shipped
    from isobath.study.components import GPERef
    from isobath.study.study import Study
    from isobath.train.recipe import Recipe
    study = Study(name="small", bases=shipped(2), gpes=(GPERef(name="small"),), recipe=Recipe(steps=2),
                  arms=(UNTRAINED, PLAIN, CONTROL, SPECIFIC))
    root, engine = sys.argv[1:]
    sys.exit(_guarded(lambda: len(study.run(root + "/store", root + "/out", engine).failures)))
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    return path


def start(script, root, engine="local:2"):
    paths = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, str(script), str(root), engine],
        env={**os.environ, "PYTHONPATH": paths},
        start_new_session=True,
        # where these tests run in the background of a shell, SIGINT is ignored and children inherit that
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process):
    _, errors = process.communicate(timeout=300)
    return process.returncode, errors


def manifests(root):
    return {p: p.stat().st_mtime_ns for p in Path(root, "store").glob("*/*/*/manifest.json")}


def wait_for(root, count):
    deadline = time.time() + 240
    while len(manifests(root)) < count:
        assert time.time() < deadline
        time.sleep(0.02)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    root = tmp_path_factory.mktemp("undisturbed")
    path = root / "script.py"
    path.write_text(SCRIPT)
    assert finish(start(path, root, "inline"))[0] == 0
    return (root / "out" / "small" / "rows.parquet").read_bytes()


@pytest.mark.parametrize("artifacts", [1, 5])
def test_kill_minus_nine_and_the_same_command_again(script, tmp_path, undisturbed, artifacts):
    process = start(script, tmp_path)
    wait_for(tmp_path, artifacts)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    kept = manifests(tmp_path)
    assert not (tmp_path / "out" / "small" / "rows.parquet").exists()
    assert finish(start(script, tmp_path))[0] == 0
    after = manifests(tmp_path)
    assert {p: after[p] for p in kept} == kept, "finished work was done again"
    assert (tmp_path / "out" / "small" / "rows.parquet").read_bytes() == undisturbed
    assert list((tmp_path / "store" / "tmp").iterdir()) == []


def test_control_c_stops_cleanly_says_so_and_resumes(script, tmp_path, undisturbed):
    process = start(script, tmp_path)
    wait_for(tmp_path, 2)
    os.kill(process.pid, signal.SIGINT)
    code, errors = finish(process)
    assert code == 130 and "the same command goes on" in errors and "Traceback" not in errors
    assert finish(start(script, tmp_path))[0] == 0
    assert (tmp_path / "out" / "small" / "rows.parquet").read_bytes() == undisturbed


def test_two_processes_on_one_store_at_once(script, tmp_path, undisturbed):
    both = [start(script, tmp_path, "local:1") for _ in range(2)]
    assert [finish(p)[0] for p in both] == [0, 0]
    assert (tmp_path / "out" / "small" / "rows.parquet").read_bytes() == undisturbed
