"""Runs a program on NengoLoihi's own emulator, in its toolchain; the host's part by the reference."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from math import prod
from time import perf_counter

import numpy as np

from nmc.backends import toolchain
from nmc.backends.loihi.native.layout import Layout
from nmc.backends.loihi.native.plan import Plan
from nmc.backends.loihi.on_chip import Chip, weights_read
from nmc.backends.nengo_loihi.lowering import FOLDER, scripts
from nmc.backends.nengo_loihi.spikes import neurons_of, sent
from nmc.backends.target import RunResult
from nmc.estimates.events import Events, NodeEvents
from nmc.model import Array, FloatArray, Model
from nmc.nodes import FAMILIES
from nmc.nodes.fixed_point import FixedCompartments
from nmc.program import Program
from nmc.reference.interpreter import as_feeds, run_length

FILES = ("network.json", "weights.npz")
STARTUP_S = 300.0
PER_STEP_S = 10.0
"""Far more than a step takes; only what hangs runs into it."""


def run(program: Program, x: FloatArray, *, steps: int | None = None) -> RunResult:
    """What the program puts out for samples x, and what happened on the chip.

    `seconds` includes the start of NengoLoihi, and its building of the network. Raises UsageError where x or steps
    do not fit, ToolError where the toolchain is missing or NengoLoihi fails.
    """
    model, chip = program.model, Chip(program.model)
    feeds = as_feeds(model.graph, x)
    length = run_length(model, feeds, steps)
    files = {name: program.file(f"{FOLDER}/{name}") for name in FILES}
    described = json.loads(files["network.json"])
    inputs = sent(model, [entry["name"] for entry in described["inputs"]], feeds, length + model.graph.lag)
    started = perf_counter()
    received = run_files(files, inputs)
    seconds = perf_counter() - started
    spikes = {
        node: received[name].reshape(*received[name].shape[:2], *model.graph.signals[node].shape)
        for name, node in neurons_of(model, received).items()
    }
    outputs = chip.host.read_out(feeds, {name: spikes[name] for name in chip.host.shown}, length)
    fed = sent(model, Plan.of(model).fed, feeds, length + model.graph.lag)
    return RunResult(outputs, events(model, {**fed, **spikes}), seconds)


def events(model: Model, spikes: Mapping[str, Array]) -> Events:
    """Means over the samples, given the spikes of all sources and neurons, [samples, steps, *shape]."""
    layout = Layout(model.graph)
    samples, steps = next(iter(spikes.values())).shape[:2]
    found = {name: NodeEvents(spikes=value.sum(axis=1).mean(axis=0)) for name, value in spikes.items()}
    for node in model.graph:
        if isinstance(node, FixedCompartments):
            updates = float(steps * prod(model.graph.signals[node.name].shape))
            found[node.name] = replace(found[node.name], neuron_updates=updates)
        elif isinstance(node, FAMILIES["fixed-point"]):
            (read,) = layout.reads(node)
            arrived = spikes[read.node][:, : steps - read.delay].sum(axis=1).mean(axis=0)
            (shape,) = model.graph.operand_shapes(node)
            found[node.name] = NodeEvents(weights_read(model, node, arrived.reshape(1, *shape)))
    return Events(samples, steps, found)


def run_files(files: Mapping[str, bytes], inputs: Mapping[str, Array]) -> Mapping[str, Array]:
    """The spikes of all ensembles on the chip; `files` are the program's data by name."""
    samples, steps = next(iter(inputs.values())).shape[:2]
    return toolchain.exchange(
        toolchain.toolchain_named("nengo-loihi"), scripts(), files,
        {name: spikes.astype(np.uint8) for name, spikes in inputs.items()}, ["--all"],
        timeout_s=STARTUP_S + samples * steps * PER_STEP_S,
    )  # fmt: skip
