"""Runs a program for Loihi on Lava, in its toolchain; the host's part by the reference."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter

import numpy as np

from nmc.backends import toolchain
from nmc.backends.lava.host import Split
from nmc.backends.lava.lowering import FOLDER, UNSUPPORTED
from nmc.backends.target import RunResult
from nmc.errors import ToolError, UnsupportedError
from nmc.estimates.events import Events, NodeEvents
from nmc.graph import Node, Shape
from nmc.model import Array, FloatArray
from nmc.nodes.fixed_point import FixedConv2d, FixedDense, FixedSparse
from nmc.program import Program
from nmc.reference.tensor import convolve

FILES = ("run.py", "graph.json", "weights.npz")
STARTUP_S = 120.0
PER_STEP_S = 2.0
"""Far more than a step takes; only what hangs runs into it."""


def run(program: Program, x: FloatArray, *, steps: int | None = None) -> RunResult:
    """What the program puts out for samples x on Lava's own fixed-point models, and what happened.

    `seconds` includes the start of Lava. Raises UsageError where x or steps do not fit, UnsupportedError
    for a program that Lava cannot mean, ToolError where the toolchain is missing or Lava fails.
    """
    if UNSUPPORTED in program.manifest.files:
        raise UnsupportedError(program.file(UNSUPPORTED).decode().strip(), "use the engine 'native'")
    split = Split(program.model)
    length = split.steps(x, steps)
    sent = split.encode(x, length)
    files = {name: program.file(f"{FOLDER}/{name}") for name in FILES}
    started = perf_counter()
    received = run_files(files, sent)
    seconds = perf_counter() - started
    counts = {name.removeprefix("count/"): value for name, value in received.items() if name.startswith("count/")}
    outputs = split.decode(x, {name: received[name].astype(np.float64) for name in split.outputs}, length)
    return RunResult(outputs, events_of(split, sent, counts), seconds)


def run_files(files: Mapping[str, bytes], sent: Mapping[str, FloatArray]) -> Mapping[str, Array]:
    """What a Lava program puts out, and counts of its spikes; `files` by name, as in the program's folder."""
    samples, steps = next(iter(sent.values())).shape[:2]
    with tempfile.TemporaryDirectory(prefix="nmc-lava-") as name:
        folder = Path(name)
        for file, data in files.items():
            (folder / file).write_bytes(data)
        np.savez(folder / "sent.npz", **{key: value.astype(np.int32) for key, value in sent.items()})  # type: ignore[arg-type]
        toolchain.run(
            toolchain.toolchain_named("lava"), folder / "run.py",
            ["--input", str(folder / "sent.npz"), "--output", str(folder / "received.npz"), "--count"],
            timeout_s=STARTUP_S + samples * steps * PER_STEP_S,
        )  # fmt: skip
        try:
            with np.load(folder / "received.npz") as received:
                return dict(received)
        except (OSError, ValueError) as error:
            raise ToolError(f"lava ended well, but what it wrote cannot be read: {error}") from None


def events_of(split: Split, sent: Mapping[str, FloatArray], counts: Mapping[str, Array]) -> Events:
    """Means over the samples: spikes as Lava counted them, synaptic operations by each spike's fan-out."""
    samples, steps = next(iter(sent.values())).shape[:2]
    signals = split.model.graph.signals
    spikes = {name: np.count_nonzero(value, axis=(0, 1)) / samples for name, value in sent.items()}
    spikes |= {name: value.mean(axis=0) for name, value in counts.items() if signals[name].dtype == "spike"}
    events = {name: NodeEvents(spikes=value) for name, value in spikes.items()}
    for node in split.chip:
        if node.produces is not None:
            updates = float(steps * np.prod(signals[node.name].shape))
            events[node.name] = NodeEvents(neuron_updates=updates, spikes=spikes.get(node.name))
        else:
            events[node.name] = NodeEvents(synaptic_operations=_operations(split, node, spikes))
    return Events(samples, steps, events)


def _operations(split: Split, node: Node, spikes: Mapping[str, FloatArray]) -> float:
    """How many weights other than 0 are read in a sample, given the spikes that each element sends in it."""
    (shape,) = split.model.graph.operand_shapes(node)
    x = sum((_arriving(split, ref.node, spikes, shape) for ref in node.inputs), start=np.zeros((1, *shape)))
    match node:
        case FixedDense():
            return float((x @ (split.model.weights[node.weight] != 0).T).sum())
        case FixedSparse():
            read = split.model.weights[node.column][split.model.weights[node.weight] != 0]
            return float(x[0, read.astype(np.intp)].sum())
        case FixedConv2d():
            return float(convolve(node, x, (split.model.weights[node.weight] != 0).astype(np.float64)).sum())
    return 0.0


def _arriving(split: Split, name: str, spikes: Mapping[str, FloatArray], shape: Shape) -> FloatArray:
    """The spikes of the nodes behind a read, in its shape; Flatten, Reshape and Delay keep the order of elements."""
    zeros = np.zeros((1, *shape))
    return sum((spikes[origin].reshape(1, *shape) for origin in split.origins(name) if origin in spikes), start=zeros)
