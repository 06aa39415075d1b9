import os
import signal

import pytest

from isobath.base.errors import InputError
from isobath.study.engines.engine import open_engine, run_jobs
from isobath.study.job import Job, JobState


def double(x):
    return 2 * x


def fail(x):
    raise ValueError(f"bad {x}")


def die(path):
    """Kill the worker on the first call, live on the second (or always die when `path` is None)."""
    if path is None or not os.path.exists(path):
        if path is not None:
            open(path, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return "alive"


def where(_):
    import torch

    return os.getpid(), torch.get_num_threads(), os.environ["OMP_NUM_THREADS"]


@pytest.fixture(params=["inline", "local:2"])
def engine(request):
    engine = open_engine(request.param)
    yield engine
    engine.close(now=True)


def test_results_failures_and_skips(engine):
    jobs = [
        Job("a", double, 1),
        Job("b", fail, 2),
        Job("after b", double, 3, needs=("b",)),
        Job("after after b", double, 3, needs=("after b",)),
        Job("after a", double, 4, needs=("a",)),
    ]
    heard = []
    outcomes = run_jobs(jobs, engine, heard.append)
    assert outcomes.results() == {"a": 2, "after a": 8}
    states = {o.job: o.state for o in outcomes.failures()}
    assert states == {"b": JobState.FAILED, "after b": JobState.SKIPPED, "after after b": JobState.SKIPPED}
    assert outcomes.by_job["b"].error == "ValueError: bad 2"
    assert sorted(o.job for o in heard) == sorted(j.name for j in jobs)


def test_needs_are_respected(engine, tmp_path):
    order = []
    jobs = [
        Job("last", double, 1, needs=("first", "second")),
        Job("second", double, 1, needs=("first",)),
        Job("first", double, 1),
    ]
    run_jobs(jobs, engine, lambda o: order.append(o.job))
    assert order == ["first", "second", "last"]


def test_circles_and_strangers_are_refused():
    engine = open_engine("inline")
    with pytest.raises(InputError, match="circle"):
        run_jobs([Job("a", double, 1, needs=("b",)), Job("b", double, 1, needs=("a",))], engine)
    with pytest.raises(InputError, match="'zz'"):
        run_jobs([Job("a", double, 1, needs=("zz",))], engine)


@pytest.mark.parametrize("name", ["locale", "local:0", "ray-cluster", ""])
def test_an_unknown_engine_says_what_there_is(name):
    with pytest.raises(InputError, match="inline, local or local:N"):
        open_engine(name)


def test_a_killed_worker_costs_a_retry_and_nothing_else(tmp_path):
    engine = open_engine("local:2")
    jobs = [Job("dies once", die, str(tmp_path / "flag")), Job("dies always", die, None)]
    jobs += [Job(f"good {i}", double, i) for i in range(4)]
    outcomes = run_jobs(jobs, engine)
    engine.close()
    assert outcomes.results() == {"dies once": "alive", **{f"good {i}": 2 * i for i in range(4)}}
    assert "died 2 times" in outcomes.by_job["dies always"].error and "Remedy" in outcomes.by_job["dies always"].error


def test_workers_stay_warm_and_have_one_thread():
    engine = open_engine("local:1")
    outcomes = run_jobs([Job(str(i), where, None) for i in range(3)], engine)
    engine.close()
    seen = set(outcomes.results().values())
    assert len(seen) == 1 and seen.pop()[1:] == (1, "1")


def interrupt(_):
    raise KeyboardInterrupt


def test_an_interrupt_passes_on():
    with pytest.raises(KeyboardInterrupt):
        run_jobs([Job("a", interrupt, None)], open_engine("inline"))
