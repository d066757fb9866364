"""How mapping grows with the network: sparse networks of 10^4 to 10^6 neurons. Run by `make bench`.

Each neuron reads 100 others of its own population: 90 near it (two-sided geometric distances, mean 300) and
10 of any 2,000 neurons that lie together, so that no core exceeds Loihi 1's 4,096 input axons too soon. Each size
runs in a process of its own; its peak memory includes the network itself.
"""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
from support.peers.memory import peak_mb

from nmc.chips import load_chip
from nmc.chips.chip import ManycoreChip
from nmc.graph import Graph
from nmc.mapping.partition import partition
from nmc.mapping.place import along_curve, improved
from nmc.mapping.route import hops, routes
from nmc.model import Array
from nmc.text import parse

SIZES = (10_000, 100_000, 1_000_000)
FAN_IN = 100
SECONDS, MEMORY_GB = 120.0, 4.0


def network(neurons: int, fan_in: int = FAN_IN, seed: int = 0) -> tuple[Graph, dict[str, Array]]:
    """A recurrent sparse network, and its arrays."""
    rng = np.random.default_rng(seed)
    column = np.empty(neurons * fan_in, np.int32)
    far = fan_in // 10
    for start in range(0, neurons, 10_000):  # in parts, so that making the network takes little memory
        rows = np.arange(start, min(start + 10_000, neurons), dtype=np.int64)[:, None]
        near = rng.geometric(1 / 300, (len(rows), fan_in - far)) * rng.choice((-1, 1), (len(rows), fan_in - far))
        home = (rows // 500 * 7919) % neurons
        away = home + rng.integers(0, 2000, (len(rows), far))
        reads = np.sort(np.concatenate((rows + near, away), axis=1) % neurons, axis=1)
        place = np.arange(fan_in)
        reads = np.minimum(np.maximum.accumulate(reads - place, axis=1), neurons - fan_in) + place  # none comes twice
        column[start * fan_in : start * fan_in + reads.size] = reads.ravel()
    graph = parse(f"""
dt = 0.001
x = Input(shape=({neurons // 100},), stream=True)
i = FixedSparse(x, features={neurons}, synapses={neurons}, weight='iw', column='ic', row_start='ip')
n = FixedLIF(i@1, r@1, du=0, dv=0, vth=100)
r = FixedSparse(n, features={neurons}, synapses={neurons * fan_in}, weight='w', column='c', row_start='p')
return n
""")
    arrays: dict[str, Array] = {
        "w": np.ones(neurons * fan_in, np.int8), "c": column, "p": np.arange(neurons + 1, dtype=np.int64) * fan_in,
        "iw": np.ones(neurons, np.int8), "ic": (np.arange(neurons) // 100).astype(np.int32),
        "ip": np.arange(neurons + 1, dtype=np.int64),
    }
    return graph, arrays


def measure(neurons: int) -> None:
    """Map one network and print its line of the table."""
    chip = load_chip("loihi1")
    assert isinstance(chip, ManycoreChip)
    warm = network(1000)
    improved(along_curve(partition(warm[0], chip.limits, warm[1]), chip.limits), chip.limits)
    graph, arrays = network(neurons)
    times = [time.perf_counter()]
    cut = partition(graph, chip.limits, arrays)
    times.append(time.perf_counter())
    first = along_curve(cut, chip.limits)
    before = hops(routes(first)).per_message
    times.append(time.perf_counter())
    placed = improved(first, chip.limits)
    times.append(time.perf_counter())
    after = hops(routes(placed))
    times.append(time.perf_counter())
    cut_s, _, place_s, route_s = np.diff(times)
    total = cut_s + place_s + route_s
    memory = peak_mb() / 1024
    print(
        f"{neurons:>9,} {neurons * (FAN_IN + 1):>12,} {placed.cores.used:>6} {placed.chips.used:>5}"
        f" {cut_s:>7.2f} s {place_s:>7.2f} s {route_s:>7.2f} s {total:>7.2f} s"
        f" {1e9 * total / neurons / FAN_IN:>7.0f} ns {memory:>6.2f} GB {before:>6.2f} {after.per_message:>6.2f}",
        flush=True,
    )
    assert total < SECONDS and memory < MEMORY_GB, f"the limits are {SECONDS:g} s and {MEMORY_GB:g} GB"


def main() -> None:
    """Print the table, one process a size."""
    print(
        f"{'neurons':>9} {'synapses':>12} {'cores':>6} {'chips':>5} {'partition':>9} {'place':>9} {'route':>9}"
        f" {'total':>9} {'a synapse':>10} {'peak':>9} {'hops along the curve, and placed':>13}",
        flush=True,
    )
    for neurons in SIZES:
        subprocess.run([sys.executable, __file__, str(neurons)], check=True)


if __name__ == "__main__":
    measure(int(sys.argv[1])) if len(sys.argv) > 1 else main()
