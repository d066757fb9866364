"""What a runtime needs to know to drive `step.onnx`: written beside it as `step.json`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import numpy as np

from nmc.model import Array


@dataclass(frozen=True)
class StateRecord:
    """A state: its input, the output that replaces it after a step, and its value before the first step.

    `initial` broadcasts to `shape`, in which "N" is the number of samples. It is a number, the text
    "-inf", or a list of such along the first axis of an array.
    """

    name: str
    next: str
    shape: tuple[int | str, ...]
    type: str
    initial: object

    def start(self, batch: int) -> Array:
        """The state of `batch` samples before the first step."""
        shape = tuple(batch if axis == "N" else int(axis) for axis in self.shape)
        return np.broadcast_to(np.asarray(self.initial, dtype=self.type), shape).copy()


@dataclass(frozen=True)
class StepRecord:
    """The inputs that a step takes beside the states, and the outputs that it gives beside them."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    states: tuple[StateRecord, ...]
    dt_s: float | None

    def encode(self) -> bytes:
        """As JSON."""
        return (json.dumps(asdict(self), indent=2, allow_nan=False) + "\n").encode()

    @staticmethod
    def decode(data: bytes) -> StepRecord:
        """From JSON. Raises ValueError where it is something else."""
        from pydantic import TypeAdapter

        return TypeAdapter(StepRecord).validate_json(data)


def plain(array: Array) -> object:
    """An array as numbers and lists that JSON can hold."""
    if array.ndim:
        return [plain(part) for part in array]
    value = float(array)
    return value if np.isfinite(value) else str(value)
