"""The table of what each kind of node does in one time step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nmc.model import FloatArray


@dataclass(frozen=True)
class Step:
    """What a node sees at one step: its operands [B, ...], its arrays and its state [B, ...]."""

    operands: tuple[FloatArray, ...]
    arrays: Mapping[str, FloatArray]
    state: Mapping[str, FloatArray]

    @property
    def x(self) -> FloatArray:
        """The only operand of a node that sums its inputs."""
        return self.operands[0]

    def param(self, value: float | str) -> FloatArray | float:
        """A parameter: its one value, or the array that it names."""
        return self.arrays[value] if isinstance(value, str) else value


@dataclass(frozen=True)
class Result:
    """What a node puts out at one step, and the state it carries on."""

    y: FloatArray
    state: Mapping[str, FloatArray]


Meaning = Callable[..., FloatArray | Result]
"""`meaning(node, step)`, for the one kind of node it is listed under."""


def stateless(y: FloatArray | Result) -> Result:
    """A result as it is, or the output of a node without state."""
    return y if isinstance(y, Result) else Result(y, {})
