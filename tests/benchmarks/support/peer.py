"""Other simulators as processes that live through the benchmark, each in an environment of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from nmc.backends.toolchain import install, toolchain_named, toolchains_directory
from nmc.errors import ToolError
from nmc.system.process import run_process

HERE = Path(__file__).parent / "peers"
PINS = {
    "snntorch": ("torch==2.13.0", "snntorch==1.0.0", "numpy==2.4.6"),
    "brainevent": ("jax==0.10.2", "numba==0.68.1", "brainevent==0.2.1"),
}


@dataclass(frozen=True)
class Answer:
    """One run: how long it took, how much it did, and the peak memory of the process so far."""

    seconds: float
    units: int
    spikes: int
    memory_mb: float


@dataclass(frozen=True, eq=False)
class Peer:
    """A simulator that waits to run."""

    process: subprocess.Popen[str]
    import_s: float
    first_s: float

    @classmethod
    @contextmanager
    def started(cls, name: str, workload: str, data: Path, python: Path) -> Iterator[Peer]:
        """The simulator, once its first run is done. Raises ToolError where it fails before."""
        program = [str(Path(str(files("nmc.backends.lava") / "run.py")))] if name == "lava" else []
        command = [str(python), str(HERE / f"{name}_peer.py"), workload, str(data), *program]
        with tempfile.TemporaryFile("w+") as said:
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True, cwd=HERE,
                start_new_session=True,
            )  # fmt: skip
            assert process.stdin and process.stdout
            try:
                ready = process.stdout.readline()
                if not ready:
                    said.seek(0)
                    raise ToolError(f"it did not start: {said.read()[-800:]}")
                os.killpg(process.pid, signal.SIGSTOP)
                yield cls(process, **json.loads(ready))
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def run(self) -> Answer:
        """One run. Outside of runs its processes are halted: some wait by spinning, and would slow the others."""
        assert self.process.stdin and self.process.stdout
        os.killpg(self.process.pid, signal.SIGCONT)
        print(file=self.process.stdin, flush=True)
        answer = Answer(**json.loads(self.process.stdout.readline()))
        os.killpg(self.process.pid, signal.SIGSTOP)
        return answer


def environment(name: str) -> Path:
    """The Python of a peer's environment, made now if it is not there. Raises ToolError."""
    if name == "lava":
        return install(toolchain_named("lava"))
    place = toolchains_directory().parent / "benchmarks" / "-".join(PINS[name]).replace("==", "_")
    python = place / "bin" / "python"
    done = place / "done"
    if not done.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        print(f"  making the environment of {name} (once)", flush=True)
        run_process([sys.executable, "-m", "venv", "--clear", str(place)], folder=place.parent, name=name)
        pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *PINS[name]]
        run_process(pip, folder=place, name=name, timeout_s=1200)
        done.touch()
    return python
