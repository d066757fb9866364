"""The native emulator's side of the benchmark, and how long it takes to start."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from nmc.backends.loihi.chips import chunk_size
from nmc.backends.loihi.native.emulator import Emulator
from nmc.backends.loihi.native.plan import Plan
from support.peer import Answer
from support.workloads import Workload

SHORTEST_S = 0.2
FIRST = """
import time
import sys
sys.path.insert(0, {here!r})
sys.modules["scipy"] = None  # numba imports it where it is installed; here it is for tests only
from support import workloads
from support.peers.memory import peak_mb
from nmc.backends.loihi.native import Emulator
work = workloads.{name}({samples})
made = time.perf_counter()
chip = Emulator(work.model, 1)
chip.advance({{"x": work.spikes[:1]}}, work.steps, work.model.graph.outputs)
chip.events()
print(time.perf_counter() - made, peak_mb())
"""


class Native:
    """A workload on the emulator: samples in parts on all cores, or one sample on one."""

    def __init__(self, workload: Workload) -> None:
        self.workload = workload
        self.plan = Plan.of(workload.model)
        self.part = chunk_size(self.plan, workload.steps, len(workload.spikes))
        self._chips = threading.local()
        self.spikes = self.operations = 0
        self.first_spikes, _ = self._part(0, 1)
        self.run()

    @property
    def operations_per_unit(self) -> float:
        """Synaptic operations a sample, or a step."""
        return self.operations / self.workload.count

    def run(self) -> Answer:
        """All samples with their events counted, again until it took a time that can be measured."""
        parts = range(0, len(self.workload.spikes), self.part)
        start, runs = time.perf_counter(), 0
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            while (seconds := time.perf_counter() - start) < SHORTEST_S:
                done = list(pool.map(lambda first: self._part(first, self.part), parts))
                runs += 1
        self.spikes, self.operations = (sum(numbers) for numbers in zip(*done, strict=True))
        return Answer(seconds, runs * self.workload.count, self.spikes, 0)

    def _part(self, first: int, count: int) -> tuple[int, int]:
        """Spikes put out and synaptic operations of some samples."""
        spikes = self.workload.spikes[first : first + count]
        chip: Emulator | None = getattr(self._chips, f"of_{len(spikes)}", None)
        if chip is None:
            chip = Emulator.of(self.plan, len(spikes))
            setattr(self._chips, f"of_{len(spikes)}", chip)
        chip.reset()
        outputs = self.workload.model.graph.outputs
        shown = chip.advance({"x": spikes}, self.workload.steps, outputs)
        operations = sum(node.synaptic_operations for node in chip.events().values())
        return sum(int(shown[name].sum()) for name in outputs), int(operations)


def startup(name: str) -> None:
    """Print how long a new process takes to its first result, with kernels compiled and cached, and its memory."""
    here = str(Path(__file__).parent.parent)
    samples = "1" if name != "W3" else ""
    code = FIRST.format(here=here, name=name.lower(), samples=samples)
    with tempfile.TemporaryDirectory() as cache:
        settings = {**os.environ, "NMC_CACHE": cache}
        print(f"\n{name}: start-up of a new process")
        for what in ("kernels compiled", "kernels cached", "kernels cached"):
            command = [sys.executable, "-c", code]
            start = time.perf_counter()
            output = subprocess.run(command, env=settings, capture_output=True, text=True, check=True).stdout
            seconds = time.perf_counter() - start
            first, peak = map(float, output.split())
            print(f"  {what:17} {first:5.2f} s from model to result, {seconds:5.2f} s in all, peak {peak:4.0f} MB")
