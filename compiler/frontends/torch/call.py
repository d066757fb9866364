"""One operation of ATen, with its arguments, as the code that says it in ONNX sees it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from nmc.frontends.torch.graph import OnnxGraph

if TYPE_CHECKING:
    from torch import fx

Value = str | tuple[str, ...]
Argument = object
"""What torch passes: a node, a number, a text, None, or a list of them."""


_HARMLESS = frozenset({
    "memory_format", "non_blocking", "copy", "device", "layout", "pin_memory", "implicit", "cudnn_enabled",
    "cudnn_enable",
})  # fmt: skip
"""Arguments that say where and how values are kept or computed, never which values they are."""


@dataclass(frozen=True)
class Call:
    """An operation at work: its node, the graph it is said in, and the names of what came before.

    It keeps which arguments were read: one that stays unread may only have its default (`leftover`).
    """

    node: fx.Node
    graph: OnnxGraph
    names: Mapping[fx.Node, Value]
    read: set[str] = field(default_factory=set)

    @property
    def declared(self) -> tuple[str, ...]:
        """The names of the arguments, as ATen declares them; of Python's own operators, their places."""
        schema = getattr(self.node.target, "_schema", None)
        if schema is None:
            return tuple(map(str, range(len(self.node.args))))
        return tuple(argument.name for argument in schema.arguments)

    def given(self, index: int, name: str = "", default: Argument = None) -> Argument:
        """An argument by position or name."""
        declared = self.declared
        if index < len(self.node.args):
            self.read.add(declared[index])
            return self.node.args[index]
        name = name or (declared[index] if index < len(declared) else "")
        self.read.add(name)
        return self.node.kwargs.get(name, default)

    def named(self, name: str, default: Argument = None) -> Argument:
        """An argument by the name that ATen declares, wherever it is given."""
        declared = self.declared
        return self.given(declared.index(name), name, default) if name in declared else default

    def without(self, *names: str) -> None:
        """These arguments make no difference here."""
        self.read.update(names)

    def leftover(self) -> tuple[str, Argument] | None:
        """The first argument that is unread though not at its default, with its value.

        Another type of result is no matter where operand and result are both real: they have one precision.
        """
        schema = getattr(self.node.target, "_schema", None)
        for index, argument in enumerate(schema.arguments if schema is not None else ()):
            name, args = argument.name, self.node.args
            if name in self.read or name in _HARMLESS or not (index < len(args) or name in self.node.kwargs):
                continue
            value = args[index] if index < len(args) else self.node.kwargs[name]
            if argument.has_default_value() and _same(value, argument.default_value):
                continue
            if name != "dtype" or not all(map(self.is_real, (self.node, *self.node.all_input_nodes))):
                return name, value
        return None

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
        if not isinstance(argument, int) or isinstance(argument, bool):
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
        if not all(isinstance(entry, int) and not isinstance(entry, bool) for entry in entries):
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

    def require_samples(self, rank: int) -> None:
        """Raise ValueError for a tensor that PyTorch takes as one sample: its first axis counts channels."""
        axes = len(self.shape())
        if axes != rank + 2:
            raise ValueError(f"it takes {axes} axes as those of one sample: give it {rank + 2}, samples first")

    def is_truth(self, argument: Argument) -> bool:
        """Whether an argument is true or false, or a tensor of such."""
        if isinstance(argument, bool | int | float):
            return isinstance(argument, bool)
        return str(getattr(argument.meta["val"], "dtype", "")) == "torch.bool"  # type: ignore[attr-defined]

    def kind(self) -> type[np.generic]:
        """The type of the elements of a constant that the operation makes."""
        return np.float32 if self.is_real(self.node) else np.bool_ if self.is_truth(self.node) else np.int64

    def is_real(self, argument: Argument) -> bool:
        """Whether a tensor holds real numbers."""
        value = argument.meta.get("val")  # type: ignore[attr-defined]
        value = value[0] if isinstance(value, tuple | list) else value
        return bool(getattr(getattr(value, "dtype", None), "is_floating_point", False))


def _same(value: Argument, default: Argument) -> bool:
    if isinstance(value, list | tuple) and isinstance(default, list | tuple):
        return list(value) == list(default)
    return value is default or (isinstance(value, bool | int | float | str) and value == default)


Operation = Callable[[Call], Value]
"""Says an operation in ONNX: the names of its output or outputs.

Raises ValueError with what it cannot say and, where there is a better one than other operations, a remedy.
"""


def plain(kind: str, inputs: int = 1) -> Operation:
    """An operation that ONNX has the same, of so many tensors."""
    return lambda call: call.graph.node(kind, *(call.x(i) for i in range(inputs)))
