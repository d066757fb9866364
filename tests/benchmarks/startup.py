"""How long the commands take that a person waits for. Run by `make bench`.

Each command runs as a process of its own, several times after a warm-up; the median is what to quote.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

NMC = str(Path(sys.executable).parent / "nmc")
COMMANDS = {
    "nmc --help": ([NMC, "--help"], 0.3),
    "nmc compile digits-cnn --target loihi-sim": ([NMC, "compile", "digits-cnn", "--target", "loihi-sim"], 3.0),
    "nmc compile digits-cnn --target cpu": ([NMC, "compile", "digits-cnn", "--target", "cpu"], 3.0),
    "nmc compare digits-cnn": ([NMC, "compare", "digits-cnn"], 30.0),
}


def seconds(command: list[str], folder: str) -> float:
    """Wall-clock time of one run of a command."""
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - start


def main(runs: int = 5) -> None:
    """Print the median of each command beside its limit."""
    print(f"{'command':45} {'median':>8} {'min':>8} {'max':>8} {'limit':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for name, (command, limit) in COMMANDS.items():
            seconds(command, folder)
            times = [seconds(command, folder) for _ in range(runs)]
            cells = (statistics.median(times), min(times), max(times), limit)
            print(f"{name:45} " + " ".join(f"{cell:6.2f} s" for cell in cells))


if __name__ == "__main__":
    main()
