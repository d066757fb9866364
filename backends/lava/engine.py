"""Runs a program for Loihi on Lava, in its toolchain; the host's part by the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from nmc.backends import toolchain
from nmc.backends.lava.lowering import FOLDER, UNSUPPORTED, scripts
from nmc.backends.lava.processes import NEURONS
from nmc.backends.loihi.on_chip import Chip, weights_read
from nmc.backends.target import Learned, RunResult
from nmc.errors import UnsupportedError
from nmc.estimates.events import Events, NodeEvents
from nmc.graph import Node
from nmc.model import Array, FloatArray
from nmc.nodes.plasticity import Learning, driving, learning_nodes
from nmc.program import Program
from nmc.reference.interpreter import as_feeds, run_length

FILES = ("graph.json", "weights.npz")
STARTUP_S = 120.0
PER_STEP_S = 2.0
"""Far more than a step takes; only what hangs runs into it."""


def run(program: Program, x: FloatArray, *, steps: int | None = None) -> RunResult:
    """What the program puts out for samples x on Lava's own fixed-point models, and what happened.

    `seconds` includes the start of Lava. Raises UsageError where x or steps do not fit, UnsupportedError
    for a program that Lava cannot mean, ToolError where the toolchain is missing or Lava fails.
    """
    return _run(program, x, steps, learn=False).result


def learn(program: Program, x: FloatArray, *, steps: int | None = None) -> Learned:
    """The same for samples in sequence, each with the weights that the one before it left; and the last weights."""
    return _run(program, x, steps, learn=True)


def _run(program: Program, x: FloatArray, steps: int | None, learn: bool) -> Learned:
    if UNSUPPORTED in program.manifest.files:
        raise UnsupportedError(program.file(UNSUPPORTED).decode().strip(), "use the engine 'native'")
    chip = Chip(program.model)
    feeds = as_feeds(program.model.graph, x)
    length = run_length(program.model, feeds, steps)
    on_chip = length + program.model.graph.lag
    sent = chip.host.feed(feeds, on_chip)
    files = {name: program.file(f"{FOLDER}/{name}") for name in FILES}
    late = {node.name: _lateness(chip, node) for node in chip.nodes if type(node) not in NEURONS}
    stops = sorted({on_chip - steps_late for steps_late in (0, *late.values()) if steps_late < on_chip})
    started = perf_counter()
    received = run_files(files, sent, stops, learn)
    seconds = perf_counter() - started
    counted = {
        name.removeprefix("count/"): dict(zip(stops, np.moveaxis(counts, 1, 0), strict=True))
        for name, counts in received.items()
        if name.startswith("count/")
    }
    outputs = chip.host.read_out(feeds, {name: received[name] for name in chip.host.shown}, length)
    result = RunResult(outputs, _Tally(chip, sent, counted, on_chip).events(), seconds)
    weights = {node.name: received[f"weights/{node.name}"][-1] for node in learning_nodes(program.model.graph)}
    return Learned(result, weights)


def run_files(
    files: Mapping[str, bytes], sent: Mapping[str, Array], stops: Sequence[int] = (), learn: bool = False
) -> Mapping[str, Array]:
    """What a Lava program puts out; `files` are the program's data by name.

    With `learn` weights go from sample to sample; they are there as "weights/NAME". With `stops` also "count/NAME", how
    many messages there were up to these steps, [samples, stops, *shape].
    """
    samples, steps = next(iter(sent.values())).shape[:2]
    return toolchain.exchange(
        toolchain.toolchain_named("lava"), scripts(), files,
        {name: value.astype(np.int32) for name, value in sent.items()},
        [*(["--count", *map(str, stops)] if stops else []), *(["--learn"] if learn else [])],
        timeout_s=STARTUP_S + samples * steps * PER_STEP_S,
    )  # fmt: skip


def _lateness(chip: Chip, node: Node) -> int:
    """How many steps late a synapse reads; Lava reads at once and delivers later, which counts more."""
    return max(ref.delay for read in driving(node) for ref in chip.origins(read))


@dataclass(frozen=True, eq=False)
class _Tally:
    """What is known of a run: the messages `sent` by the host, and how many Lava `counted` up to some steps."""

    chip: Chip
    sent: Mapping[str, Array]
    counted: Mapping[str, Mapping[int, Array]]
    steps: int

    def events(self) -> Events:
        """Means over the samples: messages of neurons, and the synaptic operations that each fan-out makes of them."""
        signals = self.chip.model.graph.signals
        samples = len(next(iter(self.sent.values())))
        events = {name: NodeEvents(spikes=self._messages(name, self.steps)) for name in self.sent}
        for node in self.chip.nodes:
            if type(node) in NEURONS:
                updates = float(self.steps * np.prod(signals[node.name].shape))
                spikes = self._messages(node.name, self.steps) if node.name in self.counted else None
                events[node.name] = NodeEvents(neuron_updates=updates, spikes=spikes)
            else:
                learns = isinstance(node, Learning)
                events[node.name] = NodeEvents(self._operations(node), weight_updates=None if learns else 0.0)
        return Events(samples, self.steps, events)

    def _messages(self, name: str, stop: int) -> FloatArray:
        """How many messages there were up to a step, [*shape]."""
        sent = self.sent.get(name)
        counts = self.counted[name][stop] if sent is None else np.count_nonzero(sent[:, :stop], axis=1)
        mean: FloatArray = counts.mean(axis=0)
        return mean

    def _operations(self, node: Node) -> float:
        """How many weights other than 0 are read in a sample."""
        stop = self.steps - _lateness(self.chip, node)
        if stop <= 0:
            return 0.0
        shape = self.chip.model.graph.operand_shapes(node)[0]
        sources = [ref.node for read in driving(node) for ref in self.chip.origins(read)]
        x = self._messages(node.name if len(sources) > 1 else sources[0], stop).reshape(1, *shape)
        return weights_read(self.chip.model, node, x)
