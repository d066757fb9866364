"""A program for NengoLoihi on its own emulator, one sample after another; the network is built once.

In place of the time to import it says that to build, once everything is imported.
"""

import sys
import time
import warnings
from pathlib import Path

folder = Path(sys.argv[2])
sys.path.insert(0, str(folder))
warnings.simplefilter("ignore")
import numpy as np  # noqa: E402
import run as program  # noqa: E402 - the program's script, found in its folder
from worker import serve  # noqa: E402

description, inputs = program.read_description(folder), program.read_arrays(folder / "sent.npz")
names = [entry["name"] for entry in description["outputs"]]
arrays = program.read_arrays(folder / "weights.npz")
program.Player(description, arrays, names)
start = time.perf_counter()
player = program.Player(description, arrays, names)
built_s = time.perf_counter() - start
results = {}


def run() -> int:
    results.update(player.run(inputs))
    return len(next(iter(inputs.values())))


def spikes() -> int:
    return int(sum(np.sum(value) for value in results.values()))


serve(run, spikes, built_s)
