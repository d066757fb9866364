"""One operation of ATen, with its arguments, as the code that says it in ONNX sees it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nmc.frontends.torch.graph import OnnxGraph

if TYPE_CHECKING:
    from torch import fx

Value = str | tuple[str, ...]
Argument = object
"""What torch passes: a node, a number, a text, None, or a list of them."""


@dataclass(frozen=True)
class Call:
    """An operation at work: its node, the graph it is said in, and the names of what came before."""

    node: fx.Node
    graph: OnnxGraph
    names: Mapping[fx.Node, Value]

    def given(self, index: int, name: str = "", default: Argument = None) -> Argument:
        """An argument by position or name."""
        if index < len(self.node.args):
            return self.node.args[index]
        return self.node.kwargs.get(name, default)

    def value(self, argument: Argument) -> str:
        """The name of a tensor, or of a constant with a number. Raises ValueError for anything else."""
        if isinstance(argument, bool | int | float):
            whole = isinstance(argument, int) and not any(map(self.is_real, (self.node, *self.node.all_input_nodes)))
            return self.graph.constant(argument, np.int64 if whole else np.float32)
        name = self.names.get(argument)
        if not isinstance(name, str):
            raise ValueError(f"its argument {argument!r} is no tensor")
        return name

    def x(self, index: int = 0) -> str:
        """A tensor argument by position."""
        return self.value(self.given(index))

    def optional(self, index: int, name: str = "") -> str:
        """A tensor argument that may be left out; then an empty name."""
        argument = self.given(index, name)
        return "" if argument is None else self.value(argument)

    def whole(self, index: int, name: str = "", default: int = 0) -> int:
        """A whole number known now. Raises ValueError."""
        argument = self.given(index, name, default)
        if not isinstance(argument, int):
            raise ValueError(f"{name or f'argument {index}'} is {argument!r}, not a fixed number")
        return argument

    def number(self, index: int, name: str = "", default: float = 0.0) -> float:
        """A number known now. Raises ValueError."""
        argument = self.given(index, name, default)
        if not isinstance(argument, int | float):
            raise ValueError(f"{name or f'argument {index}'} is {argument!r}, not a fixed number")
        return float(argument)

    def wholes(self, index: int, name: str = "", default: Sequence[int] = (), rank: int = 0) -> tuple[int, ...]:
        """Whole numbers known now; one stands for `rank` of them, and none for the default. Raises ValueError."""
        argument = self.given(index, name)
        if argument is None or argument == []:
            return tuple(default)
        entries = argument if isinstance(argument, list | tuple) else [argument]
        if not all(isinstance(entry, int) for entry in entries):
            raise ValueError(f"{name or f'argument {index}'} is {argument!r}, not fixed numbers")
        return tuple(entries) * (rank if len(entries) == 1 and rank else 1)

    def sizes(self, index: int, name: str = "", kept: int = -1) -> str:
        """A list of sizes, some of which may depend on the number of samples; `kept` is what ONNX has for -1."""
        argument = self.given(index, name)
        given = argument if isinstance(argument, list | tuple) else [argument]
        entries = [kept if entry == -1 else entry for entry in given]
        known = [entry for entry in entries if isinstance(entry, int)]
        if len(known) == len(entries):
            return self.graph.integers(*known)
        parts = [
            self.graph.integers(entry) if isinstance(entry, int)
            else self.graph.node("Reshape", self.value(entry), self.graph.integers(1))
            for entry in entries
        ]  # fmt: skip
        return self.graph.node("Concat", *parts, axis=0)

    def shape(self, argument: Argument = None) -> tuple[int | None, ...]:
        """The sizes of an argument (the first one without), None where they depend on the number of samples."""
        value = (self.given(0) if argument is None else argument).meta["val"]  # type: ignore[attr-defined]
        return tuple(size if isinstance(size, int) else None for size in value.shape)

    def is_real(self, argument: Argument) -> bool:
        """Whether a tensor holds real numbers."""
        value = argument.meta.get("val")  # type: ignore[attr-defined]
        value = value[0] if isinstance(value, tuple | list) else value
        return bool(getattr(getattr(value, "dtype", None), "is_floating_point", False))


Operation = Callable[[Call], Value]
"""Says an operation in ONNX: the names of its output or outputs. Raises ValueError with what it cannot say."""


def plain(kind: str, inputs: int = 1) -> Operation:
    """An operation that ONNX has the same, of so many tensors."""
    return lambda call: call.graph.node(kind, *(call.x(i) for i in range(inputs)))
