"""What a node sees where a graph is computed by PyTorch, and the table of what each kind does there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Place:
    """A node's operands [B, ...], its arrays and its state [B, ...] at one step; whether this is for training."""

    operands: tuple[Tensor, ...]
    arrays: Mapping[str, Tensor]
    state: Mapping[str, Tensor]
    training: bool

    @property
    def x(self) -> Tensor:
        """The only operand of a node that sums its inputs."""
        return self.operands[0]

    def param(self, value: float | str) -> Tensor | float:
        """A parameter: its one value, or the array that it names."""
        return self.arrays[value] if isinstance(value, str) else value


@dataclass(frozen=True)
class Result:
    """What a node puts out at one step, and the state it carries on."""

    y: Tensor
    state: Mapping[str, Tensor]


Forward = Callable[..., "Tensor | Result"]
"""`forward(node, place)`, for the one kind of node it is listed under; differentiable."""
