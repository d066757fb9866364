"""The reference as an engine that is fed step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import perf_counter

from nmc.backends.target import RunResult
from nmc.estimates.events import Events, NodeEvents
from nmc.model import FloatArray, Model
from nmc.reference import run
from nmc.reference.interpreter import Interpreter, run_length


class ReferenceStepping:
    """A model as its nodes are meant, in double precision; it counts no events."""

    def __init__(self, model: Model, batch: int) -> None:
        self._model, self._batch = model, batch
        self._interpreter = Interpreter(model, batch)

    def step(self, inputs: Mapping[str, FloatArray]) -> Mapping[str, FloatArray]:
        self._interpreter.renew()
        values = self._interpreter.step(inputs)
        return {name: values[name] for name in self._model.graph.outputs}

    def infer(self, feeds: Mapping[str, FloatArray], steps: int | None) -> RunResult:
        started = perf_counter()
        outputs = run(self._model, feeds, steps)
        length = run_length(self._model, feeds, steps) + self._model.graph.lag
        return RunResult(outputs, Events(self._batch, length), perf_counter() - started)

    def restart(self, samples: Sequence[int] | None) -> None:
        if samples is None:
            self._interpreter = Interpreter(self._model, self._batch)
        else:
            self._interpreter.restart(samples)

    def counted(self) -> Mapping[str, NodeEvents]:
        return {}
