"""ONNX Runtime fed step by step, with `step.onnx`; a graph without time makes an inference a step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from nmc.backends.onnx.engine import Stepper, in_time, whole_runner
from nmc.backends.onnx.targets import OnnxOptions
from nmc.backends.target import RunResult
from nmc.estimates.events import NodeEvents
from nmc.model import FloatArray

if TYPE_CHECKING:
    from nmc.program import Program


class OnnxStepping:
    """A program of ONNX with its states held; ONNX Runtime counts no events."""

    def __init__(self, program: Program[OnnxOptions], batch: int) -> None:
        self._batch = batch
        self._stepper = Stepper(program) if in_time(program) else None
        self._whole = whole_runner(program)
        self.restart(None)

    def step(self, inputs: Mapping[str, FloatArray]) -> Mapping[str, FloatArray]:
        if self._stepper is None:
            return self._whole(inputs, None).outputs
        given = {name: np.ascontiguousarray(value, dtype=np.float32) for name, value in inputs.items()}
        return {name: value.astype(np.float64) for name, value in self._stepper.step(given).items()}

    def infer(self, feeds: Mapping[str, FloatArray], steps: int | None) -> RunResult:
        return self._whole(feeds, steps)

    def restart(self, samples: Sequence[int] | None) -> None:
        if self._stepper is None:
            return
        if samples is None:
            self._stepper.start(self._batch)
        else:
            self._stepper.restart(samples)

    def counted(self) -> Mapping[str, NodeEvents]:
        return {}
