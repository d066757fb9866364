"""One sample after another by machine code alone: what a chip of one sample calls in a run, repeated for each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmc.backends.loihi.native.emulator import Emulator
from nmc.backends.loihi.native.plan import Plan
from nmc.backends.loihi.native.readout import ReadoutRunner
from nmc.backends.loihi.native.restart import carried
from nmc.backends.loihi.native.runner import Repeatable
from nmc.estimates.events import NodeEvents
from nmc.graph import Ref
from nmc.machine_code.kernel import Written
from nmc.machine_code.tape import called, moved, play
from nmc.model import Array


@dataclass(frozen=True, eq=False)
class Repeater:
    """A chip of one sample that runs many in turn, all over the same steps from the first on.

    Its memory is one sample's, which the nearest caches mostly hold. `readouts` are those among what is recorded;
    `calls` are those that each sample takes, and `work` is the tape of them.
    """

    chip: Emulator
    steps: int
    record: tuple[str, ...]
    readouts: Mapping[str, ReadoutRunner]
    calls: tuple[Written, ...]
    work: NDArray[np.int64]

    @classmethod
    def of(cls, plan: Plan, steps: int, record: Iterable[str]) -> Repeater | None:
        """A repeater for a model that runs so many steps; None where some node's work is not a kernel's alone."""
        chip, names = Emulator.of(plan, 1), tuple(record)
        chip.signals.open(steps)
        chip.signals.feed({name: np.zeros_like(chip.signals.arrays[name][:, -steps:]) for name in plan.fed})
        calls = []
        for name, runner in chip.work(steps):
            if name in plan.layout.shared:
                chip.signals.translated = False
            elif not isinstance(runner, Repeatable) or chip.signals.translated:
                return None
            else:
                calls += [call.written() for call in runner.calls]
        readouts = {name: plan.readouts[name].start(1, steps) for name in names if name in plan.readouts}
        for readout in readouts.values():
            readout.weigh(chip.signals)
            calls.append(readout.call.written())
        chip.signals.forget_counts()
        work = np.concatenate([_beginning(chip), called(calls)])
        return cls(chip, steps, names, readouts, tuple(calls), work)

    @property
    def bytes_per_sample(self) -> int:
        """What is fed and recorded of a sample."""
        fed = (self._window(name) for name in self.chip.plan.fed)
        return sum(array.nbytes for array in (*fed, *map(self._rows, self.record)))

    def run(self, feeds: Mapping[str, Array], samples: int) -> Mapping[str, Array]:
        """What is recorded of so many samples, [B, T, *shape]; feeds likewise. Counts go on from run to run.

        Raises UsageError where feeds are not what the chip takes.
        """
        self.chip.plan.check_feeds(feeds, samples, self.steps)
        signals, shared = self.chip.signals, self.chip.layout.shared
        given = {name: self._as_kept(name, value, 1 if name in shared else samples) for name, value in feeds.items()}
        for name, value in given.items():
            signals.count(name, value, 0, samples if name in shared else 1)
        self._compute_once({name: value for name, value in given.items() if name in shared}, samples)
        kept = {name: self._rows(name) for name in self.record}
        results = {name: np.empty((samples, *rows.shape[1:]), rows.dtype) for name, rows in kept.items()}
        fed = moved((self._window(name), value) for name, value in given.items() if name not in shared)
        play(np.concatenate([fed, self.work, moved((results[name], rows) for name, rows in kept.items())]), samples)
        signals.close(self.steps * samples)
        return {name: self._logical(name, rows) for name, rows in results.items()}

    def events(self) -> Mapping[str, NodeEvents]:
        """What every computed node did in all runs, and what arrived from outside, summed over the samples."""
        return self.chip.events()

    def _as_kept(self, name: str, value: Array, rows: int) -> Array:
        """The first rows of what is fed, [rows, T, N] in the numbers in which its signal is kept."""
        window = self._window(name)
        return np.ascontiguousarray(value[:rows], window.dtype).reshape(rows, *window.shape[1:])

    def _compute_once(self, given: Mapping[str, Array], samples: int) -> None:
        """Compute what is the same for all samples, and count it for each."""
        signals = self.chip.signals
        for name, value in given.items():
            self._window(name)[:] = value
        for group in self.chip.plan.schedule:
            for name in group.names:
                if name in self.chip.layout.shared:
                    before = signals.operations[name].copy()
                    self.chip.runners[name].advance(signals, 0, self.steps)
                    signals.operations[name] += (samples - 1) * (signals.operations[name] - before)

    def _window(self, name: str) -> Array:
        """The steps of a signal, [1, T, N]."""
        return self.chip.signals.arrays[name][:, -self.steps :]

    def _rows(self, name: str) -> Array:
        """What is recorded of a node for one sample, [1, T, N] as it lies."""
        if name in self.readouts:
            return self.readouts[name].out
        array, row = self.chip.signals.stored(self.chip.layout.root(Ref(name)), 0)
        return array[:, row : row + self.steps]

    def _logical(self, name: str, rows: Array) -> Array:
        """What was recorded of a node, [B, T, *shape]."""
        if name in self.readouts:
            return rows
        values = self.chip.signals.reordered(rows, self.chip.layout.root(Ref(name)).node, None)
        return values.reshape(*values.shape[:2], *self.chip.model.graph.signals[name].shape)


def _beginning(chip: Emulator) -> NDArray[np.int64]:
    """What puts a chip back to before the first step."""
    return moved(pair for name, runner in chip.runners.items() for pair in carried(runner, chip.plan.fresh[name]))
