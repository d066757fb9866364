"""How long a sweep of 120 points takes with one worker and with two. Run by `make bench`.

digits-cnn on five targets at 24 settings each, the whole test set, nothing known before. Runs alternate, so that what
else the machine does slows both alike; processor time counts the workers, too.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

NMC = str(Path(sys.executable).parent / "nmc")
TARGETS = "cpu,jetson-orin-sim,edge-tpu-dev-board-sim,loihi-sim,loihi2-sim"
AXES = (
    "precision=int8", "batch=1,2,4,8,16,32", "bias_correction=false,true", "ranges=min-max,percentile",
    "encoding=rate,current", "steps=8,16,32,64", "weight_bits=4,6,8",
)  # fmt: skip
LIMIT_S = 180.0


def measured(workers: int) -> tuple[float, float]:
    """Wall-clock and processor seconds of one sweep."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        sweep = [word for axis in AXES for word in ("--sweep", axis)]
        command = [NMC, "compare", "digits-cnn", "--targets", TARGETS, *sweep, "--workers", str(workers)]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start, used


def main(runs: int = 3) -> None:
    """Print the medians of each, and how much faster two workers are."""
    times: dict[int, list[tuple[float, float]]] = {1: [], 2: []}
    for _ in range(runs):
        for workers, found in times.items():
            found.append(measured(workers))
    wall = {workers: statistics.median(seconds for seconds, _ in found) for workers, found in times.items()}
    used = {workers: statistics.median(seconds for _, seconds in found) for workers, found in times.items()}
    for workers in times:
        print(f"{workers} workers: {wall[workers]:.1f} s, {used[workers]:.1f} s of processor time")
    print(f"two are {wall[1] / wall[2]:.2f} times as fast as one (limit of two: {LIMIT_S:.0f} s)")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
