"""Runs a program on Nengo's own simulator, in its toolchain."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from time import perf_counter

import numpy as np

from nmc.backends import toolchain
from nmc.backends.nengo.files import FOLDER, scripts
from nmc.backends.target import Learned, RunResult
from nmc.estimates.events import Events, NodeEvents
from nmc.model import Array, FloatArray
from nmc.nodes.plasticity import learning_nodes
from nmc.program import Program
from nmc.reference.interpreter import as_feeds, run_length

FILES = ("network.json", "weights.npz")
STARTUP_S = 120.0
PER_STEP_S = 2.0
"""Far more than a step takes; only what hangs runs into it."""
_COUNT = "count/"


def run(program: Program, x: FloatArray, *, steps: int | None = None) -> RunResult:
    """What the program puts out for samples x, and the spikes that its neurons sent.

    `seconds` includes the start of Nengo. Raises UsageError where x or steps do not fit, ToolError where
    the toolchain is missing or Nengo fails.
    """
    return _run(program, x, steps, learn=False).result


def learn(program: Program, x: FloatArray, *, steps: int | None = None) -> Learned:
    """The same for samples in sequence, each with the weights that the one before it left; and the last weights."""
    return _run(program, x, steps, learn=True)


def _run(program: Program, x: FloatArray, steps: int | None, learn: bool) -> Learned:
    graph = program.model.graph
    feeds = as_feeds(graph, x)
    length = run_length(program.model, feeds, steps or program.options.steps)
    files = {name: program.file(f"{FOLDER}/{name}") for name in FILES}
    started = perf_counter()
    received = run_files(files, feeds, length, learn)
    seconds = perf_counter() - started
    chip_steps = length + graph.lag
    nodes = {}
    for key, spikes in received.items():
        if key.startswith(_COUNT):
            name = key.removeprefix(_COUNT)
            shape = graph.signals[name].shape
            updates = float(chip_steps * prod(shape))
            nodes[name] = NodeEvents(neuron_updates=updates, spikes=spikes.mean(axis=0).reshape(shape))
    samples = len(next(iter(feeds.values())))
    outputs = {name: received[name].astype(np.float64) for name in graph.outputs}
    weights = {node.name: received[f"weights/{node.name}"][-1] for node in learning_nodes(graph)}
    return Learned(RunResult(outputs, Events(samples, chip_steps, nodes), seconds), weights)


def run_files(
    files: Mapping[str, bytes], feeds: Mapping[str, FloatArray], steps: int, learn: bool = False
) -> Mapping[str, Array]:
    """What a Nengo program puts out, and counts of its spikes; `files` are the program's data by name.

    With `learn` weights go from sample to sample.
    """
    samples = len(next(iter(feeds.values())))
    return toolchain.exchange(
        toolchain.toolchain_named("nengo"), scripts(), files, feeds,
        ["--steps", str(steps), "--count", *(["--learn"] if learn else [])],
        timeout_s=STARTUP_S + samples * steps * PER_STEP_S,
    )  # fmt: skip
