"""A sweep that is stopped goes on where it was; who measures makes no difference."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import duckdb
import psutil
import pytest
from dask.distributed import Client

from nmc import zoo
from nmc.comparison import Comparison, compare_targets
from nmc.errors import ToolError, UsageError
from nmc.sweeps import processes
from nmc.sweeps.sweep import Workers

AXES = {"steps": [2, 3, 4, 5], "weight_bits": [4, 6]}
TARGETS = ["loihi-sim", "gpu-sim"]


def swept(results: Path | None = None, workers: Workers | None = None, **rest: object) -> Comparison:
    model = zoo.load("digits-cnn")
    return compare_targets(model, TARGETS, AXES, samples=8, results=results, workers=workers or Workers(), **rest)


@pytest.fixture(scope="module")
def expected() -> Comparison:
    """The same sweep in one go, here."""
    return swept()


def executions(results: Path) -> tuple[int, int]:
    """How often anything was measured, and how many points there are."""
    with duckdb.connect(str(results), read_only=True) as connection:
        found = connection.execute("SELECT count(*), count(DISTINCT key) FROM executions").fetchone()
    assert found is not None
    return found


STOPPED = """
import sys
from pathlib import Path
from sweeps.test_sweep import swept
if __name__ == "__main__":
    swept(Path(sys.argv[1]), progress=lambda what, done, of: print(done, flush=True))
"""
IMPORTED = "import sys\nfrom nmc.sweeps.sweep import Workers"


def test_a_sweep_that_was_killed_redoes_nothing(tmp_path: Path, expected: Comparison) -> None:
    results = tmp_path / "r.duckdb"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    running = subprocess.Popen(
        [sys.executable, "-c", STOPPED, str(results)], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert running.stdout is not None
    for line in running.stdout:
        if int(line) >= 3:
            running.kill()
            break
    assert running.wait() == -9
    running.stdout.close()
    before, _ = executions(results)
    assert 3 <= before < len(expected)
    done: list[int] = []
    again = swept(results, progress=lambda what, done_, of: done.append(done_))
    assert again.rows == expected.rows
    assert executions(results) == (len(expected), len(expected)), "a finished point was measured again"
    assert before in done


def test_workers_find_the_same_rows_bit_for_bit(tmp_path: Path, expected: Comparison) -> None:
    for count in (1, 2):
        results = tmp_path / f"{count}.duckdb"
        assert swept(results, Workers("local", count)).rows == expected.rows
        assert executions(results) == (len(expected), len(expected))


def test_no_port_is_open_while_workers_measure() -> None:
    """Whoever may use the machine could send tasks to a port, the loopback address's too."""
    seen: list[int] = []
    own = psutil.Process()
    before = {connection.laddr for connection in own.net_connections("inet")}

    def watch(what: str, done: int, of: int) -> None:
        workers = own.children(recursive=True)
        seen.append(len(workers))
        for process in (own, *workers):
            assert {connection.laddr for connection in process.net_connections("inet")} <= before

    swept(workers=Workers("local", 2), progress=watch)
    assert max(seen) >= 2


def test_the_points_of_a_lost_worker_are_measured_by_others(tmp_path: Path, expected: Comparison) -> None:
    results = tmp_path / "r.duckdb"
    killed: list[int] = []

    def watch(what: str, done: int, of: int) -> None:
        if done >= 2 and not killed:
            worker = workers_of(os.getpid())[0]
            worker.kill()
            killed.append(worker.pid)

    assert swept(results, Workers("local", 2), progress=watch).rows == expected.rows
    assert killed and executions(results) == (len(expected), len(expected))


def test_a_point_that_brings_down_workers_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_measure", kill_itself)
    with pytest.raises(ToolError, match="a point brought down worker after worker: loihi-sim"):
        swept(workers=Workers("local", 1))


def kill_itself(*job: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 1)])
def test_workers_end_with_the_sweep(sent: signal.Signals, code: int, tmp_path: Path) -> None:
    script = STOPPED.replace("progress=", "Workers('local', 2), progress=").replace("import sys", IMPORTED)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    path = tmp_path / "script.py"
    path.write_text(script)
    running = subprocess.Popen(
        [sys.executable, path, str(tmp_path / "r.duckdb")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=environment,
    )  # fmt: skip
    assert running.stdout is not None
    for line in running.stdout:
        if int(line) >= 1:
            workers = workers_of(running.pid)
            running.send_signal(sent)
            break
    _, said = running.communicate(timeout=30)
    assert running.returncode in (code, -sent)
    assert "SpawnProcess" not in said
    assert workers
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert not alive


def workers_of(pid: int) -> list[psutil.Process]:
    """The processes that measure for this one; one more keeps count of what they share."""
    return [child for child in psutil.Process(pid).children() if "spawn_main" in " ".join(child.cmdline())]


@contextmanager
def dask(*arguments: object) -> Iterator[subprocess.Popen[bytes]]:
    """A command of Dask that runs until the end of the block."""
    command = [str(Path(sys.executable).parent / "dask"), *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_scheduler_with_two_workers_one_of_which_is_lost(tmp_path: Path, expected: Comparison) -> None:
    facts = tmp_path / "scheduler.json"
    results = tmp_path / "r.duckdb"
    with ExitStack() as stack:
        stack.enter_context(dask("scheduler", "--host", "127.0.0.1", "--port", 0, "--no-dashboard",
                                 "--scheduler-file", facts))  # fmt: skip
        arguments = ("worker", "--scheduler-file", facts, "--nthreads", 1, "--no-nanny", "--no-dashboard")
        one, _ = (stack.enter_context(dask(*arguments)) for _ in range(2))
        while not facts.exists():
            time.sleep(0.1)
        with Client(scheduler_file=str(facts), set_as_default=False) as client:
            client.wait_for_workers(2, timeout=120)
            address = client.scheduler.address
        lost = threading.Event()

        def watch(what: str, done: int, of: int) -> None:
            if done >= 2 and not lost.is_set():
                one.kill()
                lost.set()

        assert swept(results, Workers(address), progress=watch).rows == expected.rows
        assert lost.is_set() and one.wait() == -9
    assert executions(results) == (len(expected), len(expected))


def test_no_scheduler_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nmc.sweeps.cluster.CONNECT_S", 1)
    with pytest.raises(ToolError, match=r"no Dask scheduler at tcp://127\.0\.0\.1:1"):
        swept(workers=Workers("tcp://127.0.0.1:1"))
    with pytest.raises(UsageError, match="'lokal' is not a cluster"):
        Workers("lokal")


def test_programs_are_kept_where_asked_for(tmp_path: Path) -> None:
    model = zoo.load("digits-cnn")
    axes, results = {"batch": [1, 2]}, tmp_path / "r.duckdb"
    first = compare_targets(model, ["gpu-sim"], axes, samples=2, results=results)
    assert first.programs == {}
    kept = compare_targets(model, ["gpu-sim"], axes, samples=2, results=results, programs=tmp_path / "p")
    assert kept.rows == first.rows
    places = [tmp_path / "p" / "gpu-sim" / f"batch={n}" for n in (1, 2)]
    assert list(kept.programs.values()) == places and all((place / "manifest.json").is_file() for place in places)
