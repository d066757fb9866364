"""Runs a program on NengoLoihi's own emulator, in its toolchain; the host's part by the reference."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter

import numpy as np

from nmc.backends import toolchain
from nmc.backends.lava.engine import events_of
from nmc.backends.lava.host import Split
from nmc.backends.nengo_loihi.lowering import FOLDER
from nmc.backends.nengo_loihi.spikes import neurons_of, sent
from nmc.backends.target import RunResult
from nmc.errors import ToolError
from nmc.model import Array, FloatArray
from nmc.program import Program
from nmc.reference.interpreter import as_feeds

FILES = ("run.py", "nengo_network.py", "network.json", "weights.npz")
STARTUP_S = 300.0
PER_STEP_S = 10.0
"""Far more than a step takes; only what hangs runs into it."""


def run(program: Program, x: FloatArray, *, steps: int | None = None) -> RunResult:
    """What the program puts out for samples x, and what happened on the chip.

    `seconds` includes the start of NengoLoihi, and its building of the network. Raises UsageError where x or steps
    do not fit, ToolError where the toolchain is missing or NengoLoihi fails.
    """
    model, split = program.model, Split(program.model)
    length = split.steps(x, steps)
    on_chip = length + model.graph.lag
    files = {name: program.file(f"{FOLDER}/{name}") for name in FILES}
    described = json.loads(files["network.json"])
    inputs = sent(model, [entry["name"] for entry in described["inputs"]], as_feeds(model.graph, x), on_chip)
    started = perf_counter()
    received = run_files(files, inputs)
    seconds = perf_counter() - started
    spikes = {
        node: received[name].reshape(*received[name].shape[:2], *model.graph.signals[node].shape)
        for name, node in neurons_of(model, received).items()
    }
    outputs = split.decode(x, {name: spikes[name].astype(np.float64) for name in split.outputs}, length)
    counts = {name: value.sum(axis=1, dtype=np.float64) for name, value in spikes.items()}
    return RunResult(outputs, events_of(split, split.encode(x, length), counts), seconds)


def run_files(files: Mapping[str, bytes], inputs: Mapping[str, FloatArray]) -> Mapping[str, Array]:
    """The spikes of all ensembles on the chip; `files` by name, as in the program's folder."""
    samples, steps = next(iter(inputs.values())).shape[:2]
    with tempfile.TemporaryDirectory(prefix="nmc-nengo-loihi-") as name:
        folder = Path(name)
        for file, data in files.items():
            (folder / file).write_bytes(data)
        np.savez(folder / "sent.npz", **{key: value.astype(np.uint8) for key, value in inputs.items()})  # type: ignore[arg-type]
        toolchain.run(
            toolchain.toolchain_named("nengo-loihi"), folder / "run.py",
            ["--input", str(folder / "sent.npz"), "--output", str(folder / "received.npz"), "--all"],
            timeout_s=STARTUP_S + samples * steps * PER_STEP_S,
        )  # fmt: skip
        try:
            with np.load(folder / "received.npz") as received:
                return dict(received)
        except (OSError, ValueError) as error:
            raise ToolError(f"nengo-loihi ended well, but what it wrote cannot be read: {error}") from None
