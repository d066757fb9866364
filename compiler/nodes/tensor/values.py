"""Where values come from: inputs and constants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from nmc.graph import ArraySpec, Node, Shape, Timing
from nmc.nodes.facts import require


@dataclass(frozen=True, kw_only=True)
class Input(Node):
    """What is fed to the graph: one sample held through the run or, with `stream`, a value a step."""

    shape: tuple[int, ...]
    stream: bool = False

    operands: ClassVar[tuple[int, int | None]] = (0, 0)
    sums: ClassVar[bool] = False
    fed: ClassVar[bool] = True
    per_element: ClassVar[float] = 0

    def __post_init__(self) -> None:
        require(all(n > 0 for n in self.shape), f"shape {self.shape} must be positive in every axis")

    @property
    def produces(self) -> Timing | None:
        return "stream" if self.stream else None

    def output_shape(self, *xs: Shape) -> Shape:
        return self.shape


@dataclass(frozen=True, kw_only=True)
class Constant(Node):
    """y = value, the same for every sample."""

    value: str
    shape: tuple[int, ...]

    operands: ClassVar[tuple[int, int | None]] = (0, 0)
    sums: ClassVar[bool] = False
    per_element: ClassVar[float] = 0

    def output_shape(self, *xs: Shape) -> Shape:
        return self.shape

    def arrays(self, *xs: Shape) -> Mapping[str, ArraySpec]:
        return {self.value: ArraySpec(self.shape)}
