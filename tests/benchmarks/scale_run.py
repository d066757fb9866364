"""How running grows with the network: 10^4 to 10^6 recurrent neurons of 100 synapses. Run by `make bench`.

About 2 % of the neurons spike at a step. Each size runs in a process of its own, on one thread.
"""

from __future__ import annotations

import subprocess
import sys
import time

from support.peers.memory import peak_mb
from support.workloads import recurrent

SIZES = (10_000, 100_000, 1_000_000)
FAN_IN, STEPS, PART = 100, 100, 10
SECONDS = 60.0
VTH = 2100


def measure(neurons: int) -> None:
    """Run one network and print its line of the table."""
    import numpy as np

    from nmc.backends.loihi.native import Emulator

    silence = np.zeros((1, PART, max(neurons, 70_000)), np.uint8)
    for small in (1_000, 70_000):  # kernels for places of 16 bits, and of 32
        Emulator(recurrent(small, FAN_IN, VTH), 1).advance({"x": silence[:, :, :small]}, PART, ())
    model = recurrent(neurons, FAN_IN, VTH)
    times = [time.perf_counter()]
    chip = Emulator(model, 1)
    times.append(time.perf_counter())
    for _ in range(STEPS // PART):
        chip.advance({"x": silence[:, :, :neurons]}, PART, ())
    events = chip.events()
    times.append(time.perf_counter())
    prepare_s, run_s = np.diff(times)
    rate = events["n"].total_spikes / events["n"].neuron_updates
    operations = events["s"].synaptic_operations
    print(
        f"{neurons:>9,} {neurons * FAN_IN:>12,} {rate:>8.1%} {prepare_s:>7.2f} s {run_s:>7.3f} s"
        f" {1e9 * run_s / STEPS / neurons:>10.2f} ns {1e9 * run_s / operations:>10.2f} ns {peak_mb() / 1024:>6.2f} GB",
        flush=True,
    )
    assert prepare_s + run_s < SECONDS, f"the limit is {SECONDS:g} s"


def main() -> None:
    """Print the table, one process a size."""
    print(
        f"{'neurons':>9} {'synapses':>12} {'spiking':>8} {'prepare':>9} {f'{STEPS} steps':>9} {'neuron, step':>13}"
        f" {'an event':>13} {'peak':>9}", flush=True,
    )  # fmt: skip
    for neurons in SIZES:
        subprocess.run([sys.executable, __file__, str(neurons)], check=True)


if __name__ == "__main__":
    measure(int(sys.argv[1])) if len(sys.argv) > 1 else main()
