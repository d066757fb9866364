"""The native emulator fed step by step, the host's part by the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from nmc.backends.loihi.host import Host
from nmc.backends.loihi.native import Emulator
from nmc.backends.loihi.native.plan import Plan
from nmc.backends.target import RunResult
from nmc.estimates.events import Events, NodeEvents, added, scaled
from nmc.model import FloatArray
from nmc.reference.interpreter import Interpreter, run_length

if TYPE_CHECKING:
    from nmc.program import Program


class EmulatorStepping:
    """A program on the emulated chip: the chip's state is held, and that of the host before and after it."""

    def __init__(self, program: Program, batch: int) -> None:
        self._model, self._batch = program.model, batch
        plan = Plan.of(self._model)
        self._host = Host.of(self._model, sorted(plan.fed), (*plan.computed, *plan.readouts))
        self._chip = Emulator.of(plan, batch)
        self._before, self._after = self._interpreters()
        self._earlier: Mapping[str, NodeEvents] = {}
        self._feeder = cache(self._host.feeder)

    def step(self, inputs: Mapping[str, FloatArray]) -> Mapping[str, FloatArray]:
        for interpreter in (self._before, self._after):
            interpreter.renew()
        sent = self._before.step(inputs)
        fed = self._host.in_whole_numbers({name: sent[name][:, None] for name in self._host.sent}, 1)
        shown = self._chip.advance(fed, 1, self._host.shown)
        values = self._after.step({**inputs, **{name: value[:, 0].astype(np.float64) for name, value in shown.items()}})
        return {name: values[name] for name in self._model.graph.outputs}

    def infer(self, feeds: Mapping[str, FloatArray], steps: int | None) -> RunResult:
        length = run_length(self._model, feeds, steps)
        on_chip = length + self._model.graph.lag
        started = perf_counter()
        self.restart(None)
        shown = self._chip.advance(self._feeder(on_chip)(feeds), on_chip, self._host.shown)
        outputs = self._host.read_out(feeds, shown, length)
        seconds = perf_counter() - started
        means = {name: scaled(node, 1 / self._batch) for name, node in self._chip.events().items()}
        self._chip.reset()
        return RunResult(outputs, Events(self._batch, on_chip, means), seconds)

    def restart(self, samples: Sequence[int] | None) -> None:
        if samples is not None:
            self._chip.restart(samples)
            self._before.restart(samples)
            self._after.restart(samples)
            return
        self._earlier = self.counted()
        self._chip.reset()
        self._before, self._after = self._interpreters()

    def counted(self) -> Mapping[str, NodeEvents]:
        return added(self._earlier, self._chip.events())

    def _interpreters(self) -> tuple[Interpreter, Interpreter]:
        return Interpreter(self._host.before, self._batch), Interpreter(self._host.after, self._batch)
