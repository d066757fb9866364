"""Runs a fixed-point graph: populations without loops over all time steps at once, loops step by step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from nmc.backends.loihi.native.layout import CHIP
from nmc.backends.loihi.native.plan import Plan
from nmc.backends.loihi.native.plasticity import PlasticRunner
from nmc.backends.loihi.native.restart import check_clocks, reset, restart
from nmc.backends.loihi.native.runner import Runner, Stateful
from nmc.backends.loihi.native.signals import Signals
from nmc.errors import UsageError, closest
from nmc.estimates.events import NodeEvents
from nmc.graph import Ref
from nmc.model import Array, FloatArray, Model
from nmc.nodes.fixed_point import FixedLIF


class Emulator:
    """The chip with a batch of samples on it, its state held between windows of time steps.

    It computes the nodes of `computed`; `fed` are those that must be fed, in whole numbers.
    """

    def __init__(self, model: Model, batch: int) -> None:
        """`model` must be sound. Raises UnsupportedError for a kind of node the emulator does not know."""
        self._start(Plan.of(model), batch)

    @classmethod
    def of(cls, plan: Plan, batch: int) -> Emulator:
        """An emulator that shares a plan with others."""
        new = cls.__new__(cls)
        new._start(plan, batch)
        return new

    def _start(self, plan: Plan, batch: int) -> None:
        self.plan = plan
        self.model, self.layout, self.computed, self.fed = plan.model, plan.layout, plan.computed, plan.fed
        self.runners = {name: prepared.start(batch) for name, prepared in plan.prepared.items()}
        self.signals = Signals(self.layout, batch, plan.narrow, plan.stored)

    def reset(self) -> None:
        """Back to the state before the first step, and all counts to 0."""
        self.next_batch()
        self.signals.forget_counts()

    def next_batch(self) -> None:
        """Back to the state before the first step, while the counts go on."""
        self.signals.reset()
        for name, runner in self.runners.items():
            reset(runner, self.plan.fresh[name])

    def restart(self, samples: Sequence[int]) -> None:
        """Some samples back to the state before the first step, while the others and the counts stay.

        Raises UsageError where something goes by a clock that all samples have in common.
        """
        check_clocks(self.model.graph, self.layout.shared)
        for name, runner in self.runners.items():
            restart(runner, self.plan.fresh[name], samples)
        self.signals.forget(samples)

    def next_sample(self) -> None:
        """As `reset`, but for weights that learn, and for the clock of what learns."""
        self.signals.reset()
        self.signals.forget_counts()
        for name, runner in self.runners.items():
            if isinstance(runner, PlasticRunner):
                self.runners[name] = runner.after_sample()
            else:
                reset(runner, self.plan.fresh[name])

    def advance(self, feeds: Mapping[str, Array], steps: int, record: Iterable[str]) -> Mapping[str, Array]:
        """Run so many steps; `feeds` are [B, T, *shape]. Gives the outputs of the nodes in `record`, likewise.

        They may be nodes that the chip computes, and readouts of its plan. Raises UsageError where feeds are not
        whole numbers of that shape for each of `fed`.
        """
        self.plan.check_feeds(feeds, self.batch, steps)
        signals = self.signals
        signals.open(steps)
        signals.feed(feeds)
        for _ in self.work(steps):
            pass
        recorded = {name: self._recorded(name, steps) for name in record}
        signals.close(steps)
        return recorded

    def work(self, steps: int) -> Iterator[tuple[str, Runner]]:
        """The steps of the window that is open, done by one runner after another; each comes when it has advanced."""
        for group in self.plan.schedule:
            stride = 1 if group.loops else steps
            for t in range(0, steps, stride):
                for name in group.names:
                    runner = self.runners[name]
                    runner.advance(self.signals, t, t + stride)
                    yield name, runner

    def _recorded(self, name: str, steps: int) -> Array:
        """What a node put out over the window, [B, steps, *shape]."""
        if name in self.plan.readouts:
            return self.plan.readouts[name].start(self.batch, steps).weigh(self.signals)
        values = self.signals.window(self.layout.root(Ref(name)), 0, steps)
        shape = (self.batch, steps, *self.model.graph.signals[name].shape)
        return np.broadcast_to(values, (self.batch, *values.shape[1:])).reshape(shape).copy()

    def state(self, name: str) -> Mapping[str, Array]:
        """What a node that the chip computes carries after the last step, by the node's own names, each [B, *shape].

        Empty for a node that carries nothing. Raises UsageError for one that the chip does not compute.
        """
        runner = self.runners.get(name)
        if runner is None:
            raise UsageError(f"the chip does not compute {name!r}", closest(name, self.runners))
        if not isinstance(runner, Stateful):
            return {}
        node = self.model.graph[name]
        facts = node.state(*self.model.graph.operand_shapes(node))
        return {
            part: (self._logical(name, flat) if facts[part].shape else flat).reshape(-1, *facts[part].shape)
            for part, flat in runner.state().items()
        }

    @property
    def batch(self) -> int:
        """How many samples are on the chip."""
        return self.signals.batch

    def operand(self, name: str) -> Array:
        """What a node read at the first step of the last window, its inputs added up, [B, *shape]."""
        node = self.model.graph[name]
        x, row = self.signals.operand(node, 0, 1, None)
        (shape, *_) = self.model.graph.operand_shapes(node)
        return np.broadcast_to(x[:, row], (self.batch, x.shape[2])).reshape(-1, *shape)

    def events(self) -> Mapping[str, NodeEvents]:
        """What every computed node did since the start, and what arrived from outside, summed over the samples."""
        counted = {name: NodeEvents(spikes=self._arrived(name)) for name in self.fed}
        for name in self.computed:
            node = self.model.graph[name]
            if not isinstance(node, CHIP):
                continue
            shape = self.model.graph.signals[name].shape
            neurons = node.produces is not None
            updates = self.signals.counted * np.prod(shape) * self.batch if neurons else 0
            spikes = None
            if neurons and not (isinstance(node, FixedLIF) and node.emits == "voltage"):
                spikes = self._logical(name, self.signals.spikes[name]).reshape(shape).astype(np.float64)
            read = self.signals.operations[name]
            operations = float(read.sum() * (self.batch // len(read)))
            learned = float(self.signals.weight_updates[name].sum())
            counted[name] = NodeEvents(operations, float(updates), spikes, learned)
        return counted

    def _arrived(self, name: str) -> FloatArray:
        """How often every element of what is fed was not 0, in all samples."""
        signals = self.signals
        times = self.batch // len(signals.arrays[name])
        counts = times * self._logical(name, signals.spikes[name])
        return counts.reshape(self.model.graph.signals[name].shape).astype(np.float64)

    def _logical(self, name: str, flat: Array) -> Array:
        place = self.layout.place[name]
        return flat if place is None else flat[..., place]
