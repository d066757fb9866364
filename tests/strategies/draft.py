"""A model in the making, for strategies that add one node after another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st

from nmc.graph import Node, Ref, Shape
from nmc.model import Array, FloatArray
from nmc.nodes import tensor

Draw = Callable[..., object]


def arrays(shape: Shape, low: int = -32, high: int = 32) -> st.SearchStrategy[FloatArray]:
    """Arrays of sixteenths, from low / 16 to high / 16. Only a seed is drawn: elements would shrink slowly."""

    def filled(seed: int) -> FloatArray:
        return np.random.default_rng(seed).integers(low, high, shape, endpoint=True) / 16

    return st.integers(0, 2**16).map(filled)


@dataclass
class Draft:
    """A model in the making: every node added reads the one before, and is sound where it stands."""

    draw: Draw
    barred: frozenset[str]
    exact: bool
    nodes: list[Node] = field(default_factory=list)
    weights: dict[str, Array] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict)

    @property
    def last(self) -> str:
        return self.nodes[-1].name

    @property
    def shape(self) -> Shape:
        return self.shapes[self.last]

    def add(self, kind: type[Node], *inputs: Ref, **facts: object) -> None:
        if not inputs and kind.operands != (0, 0):
            inputs = (Ref(self.last),)
        node = kind(name=f"n{len(self.nodes)}", inputs=inputs, **facts)
        self.nodes.append(node)
        self.shapes[node.name] = node.output_shape(*(self.shapes[ref.node] for ref in inputs))

    def choose(self, kinds: tuple[str, ...]) -> str:
        return self.draw(st.sampled_from([kind for kind in kinds if kind not in self.barred]))

    def array(self, shape: Shape, low: int = -32, high: int = 32, unit: int = 16) -> str:
        name = f"w{len(self.weights)}"
        self.weights[name] = self.draw(arrays(shape, low, high)) * (16 / unit)
        return name

    def maybe(self, shape: Shape) -> str | None:
        return self.array(shape) if self.draw(st.booleans()) else None

    def param(self, values: st.SearchStrategy[float], low: int = 0, high: int = 32) -> float | str:
        """One value, or an array that broadcasts over the neurons."""
        if not self.draw(st.booleans()):
            return self.draw(values)
        return self.array(tuple(self.draw(st.sampled_from([n, 1])) for n in self.shape), low, high)

    def other(self) -> Ref:
        """Another operand of the same shape as the last node: an earlier node, or a constant."""
        same = [name for name, shape in self.shapes.items() if shape == self.shape]
        name = self.draw(st.sampled_from([*same, "constant"]))
        if name == "constant":
            name = f"c{len(self.nodes)}"
            self.nodes.insert(0, tensor.Constant(name=name, value=self.array(self.shape), shape=self.shape))
            self.shapes[name] = self.shape
        return Ref(name)
