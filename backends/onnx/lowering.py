"""From a model to the files of an ONNX program."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nmc.backends.onnx.names import MODEL, STEP, STEP_RECORD
from nmc.backends.onnx.plan import plan
from nmc.backends.onnx.step import one_step
from nmc.backends.onnx.whole import whole_run
from nmc.errors import UnsupportedError
from nmc.model import Model


def lower(model: Model, half: bool = False) -> Mapping[str, bytes]:
    """The files of a sound model: `model.onnx` for a whole run and, if it works in time, `step.onnx` for one step.

    Numbers inside are 32-bit floats or, with `half`, 16-bit ones; those of inputs and outputs are
    always 32-bit. `step.json` names the states of a step. Raises UnsupportedError where a node has
    no form in ONNX.
    """
    if model.graph.lag:
        raise UnsupportedError(
            f"the graph's outputs are {model.graph.lag} steps late, which an ONNX file cannot say",
            "compile the model itself, not what was prepared for a chip with delays",
        )
    real: np.dtype[np.floating] = np.dtype(np.float16 if half else np.float32)
    planned = plan(model.graph)
    files = {MODEL: whole_run(model, planned, real).SerializeToString()}
    if planned.timed:
        step, record = one_step(model, planned, real)
        files |= {STEP: step.SerializeToString(), STEP_RECORD: record.encode()}
    return files


def whole_file(model: Model) -> bytes:
    """A sound model as one ONNX file for a whole run, in 32-bit floats. Raises UnsupportedError as `lower` does."""
    return lower(model)[MODEL]
