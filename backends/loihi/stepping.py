"""The native emulator fed step by step, the host's part by the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from nmc.backends.loihi.board import Board, result
from nmc.backends.loihi.native import Emulator
from nmc.backends.target import RunResult
from nmc.estimates.events import NodeEvents, added
from nmc.model import FloatArray
from nmc.reference.interpreter import Interpreter

if TYPE_CHECKING:
    from nmc.program import Program


class EmulatorStepping:
    """A program on the emulated chip: the chip's state is held, and that of the host before and after it."""

    def __init__(self, program: Program, batch: int) -> None:
        self._board, self._batch = Board.of(program.model), batch
        self._host = self._board.host
        self._chip = Emulator.of(self._board.plan, batch)
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
        return {name: values[name] for name in self._board.model.graph.outputs}

    def infer(self, feeds: Mapping[str, FloatArray], steps: int | None) -> RunResult:
        samples = self._board.samples(feeds, steps)
        started = perf_counter()
        self.restart(None)
        fed = self._feeder(samples.on_chip)(samples.feeds)
        outputs = self._board.read_out(samples, self._chip.advance(fed, samples.on_chip, self._host.shown))
        seconds = perf_counter() - started
        found = result(outputs, self._chip.events(), self._batch, samples.on_chip, seconds)
        self._chip.reset()
        return found

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
