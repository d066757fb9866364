"""How fast the native emulator is, beside other simulators in alternation. Run by `make bench`.

In every round each simulator runs once; what to quote is the median of the rounds' ratios. Event counting is
on. The peers run in environments of their own, made on first use; one that cannot be had is said so.

    python tests/benchmarks/emulator.py [W1 W2 W3] [--rounds N]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from support.limits import int8_peak, read_rate
from support.native import Native, startup
from support.peer import Answer, Peer, environment
from support.workloads import DV, Workload, w1, w2, w3

from nmc.errors import ToolError
from nmc.nodes.fixed_point import FixedConv2d, FixedLIF

WORKLOADS = {"W1": w1, "W2": w2, "W3": w3}
PEERS = {"W1": ("snntorch", "lava"), "W2": ("snntorch", "lava"), "W3": ("brainevent", "lava")}
TARGETS = {
    ("W1", "snntorch"): 8, ("W1", "lava"): 500, ("W2", "snntorch"): 5, ("W2", "lava"): 400,
    ("W3", "brainevent"): 2.5, ("W3", "lava"): 50,
}  # fmt: skip


@dataclass(frozen=True)
class Series:
    """The answers of one simulator over the rounds."""

    name: str
    answers: tuple[Answer, ...]

    @property
    def rates(self) -> tuple[float, ...]:
        """Samples or steps a second, by round."""
        return tuple(answer.units / answer.seconds for answer in self.answers)


def save(workload: Workload, folder: str) -> Path:
    """The workload as arrays, for peers to read."""
    graph = workload.model.graph
    path = Path(folder) / f"{workload.name}.npz"
    np.savez(
        path, spikes=workload.spikes, steps=workload.steps, dv=DV,
        vth=[node.vth for node in graph if isinstance(node, FixedLIF)],
        stride=[node.stride[0] for node in graph if isinstance(node, FixedConv2d)], **workload.model.weights,
    )  # type: ignore[arg-type]  # fmt: skip
    return path


@contextmanager
def peers(workload: Workload, folder: str) -> Iterator[Mapping[str, Peer]]:
    """The peers that can be had, started and warm."""
    path = save(workload, folder)
    with ExitStack() as stack:
        started = {}
        for name in PEERS[workload.name]:
            try:
                started[name] = stack.enter_context(Peer.started(name, workload.name, path, environment(name)))
            except ToolError as error:
                print(f"  {name} is left out: {error}")
        yield started


def measure(workload: Workload, rounds: int) -> None:
    """Run all simulators in alternation, and print what came out."""
    print(f"\n{workload.name}: {workload.description}")
    native = Native(workload)
    with tempfile.TemporaryDirectory() as folder, peers(workload, folder) as started:
        mine, theirs = [], {name: [] for name in started}
        for _ in range(rounds):
            mine.append(native.run())
            for name, peer in started.items():
                theirs[name].append(peer.run())
    nmc = Series("nmc", tuple(mine))
    columns = f"{'nmc / it':>10} {'target':>8} {'memory':>9} {'import':>8} {'first':>8}"
    print(f"  {'':12} {workload.unit + '/s':>12} {columns}")
    print(f"  {'nmc':12} {statistics.median(nmc.rates):>12,.0f}")
    for name, peer in started.items():
        series = Series(name, tuple(theirs[name]))
        ratio = statistics.median(a / b for a, b in zip(nmc.rates, series.rates, strict=True))
        target = TARGETS[workload.name, name]
        print(
            f"  {name:12} {statistics.median(series.rates):>12,.2f} {ratio:>9.2f}x {target:>7g}x"
            f" {series.answers[-1].memory_mb:>6,.0f} MB {peer.import_s:>6.2f} s {peer.first_s:>6.2f} s"
        )
    compare_spikes(native, {name: answers[-1].spikes for name, answers in theirs.items()})
    share(native, statistics.median(nmc.rates))


def compare_spikes(native: Native, theirs: Mapping[str, int]) -> None:
    """Lava must put out exactly as many spikes as nmc; the others, in floating point, about as many."""
    for name, spikes in theirs.items():
        mine = native.first_spikes if name == "lava" else native.spikes
        print(f"  spikes put out: nmc {mine:,}, {name} {spikes:,}")
        assert name != "lava" or mine == spikes, "Lava counts other spikes"


def share(native: Native, rate: float) -> None:
    """What part of the machine's own limit the emulator reaches: memory read and 8-bit operations."""
    per_second = native.operations_per_unit * rate
    reads, peak = read_rate(), int8_peak()
    print(
        f"  {per_second / 1e9:.2f} G synaptic operations/s; this machine reads {reads / 1e9:.1f} GB/s from memory"
        f" and adds {peak / 1e9:.0f} G 8-bit integers/s in cache: {per_second / peak:.0%} of that"
    )


def main() -> None:
    """Measure the workloads named on the command line, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(WORKLOADS), metavar="workload")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    for name in options.names:
        startup(name)
        measure(WORKLOADS[name](), options.rounds)


if __name__ == "__main__":
    start = time.perf_counter()
    main()
    print(f"\n{time.perf_counter() - start:.0f} s in all, {sys.version.split()[0]}")
