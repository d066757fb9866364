"""Grows ONNX graphs and model-local functions, one operation at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, DTypeLike
from onnx import FunctionProto, GraphProto, NodeProto, TensorProto, helper, numpy_helper

from nmc.errors import UnsupportedError

OPSET = 18
IR_VERSION = 8
DOMAIN = "nmc"
"""The domain of the functions that nodes with a state become; the file defines them itself."""
_INFINITE = float(np.finfo(np.float32).max)
_LOST = 1 / 16
"""The part of a constant that it may lose to the coarse numbers near 0 before it means something else."""

Attribute = int | float | str | Sequence[int] | GraphProto | TensorProto


@dataclass
class File:
    """What the graphs of one ONNX file share: names, constants and functions.

    `real` is the type of real numbers inside. `int8` names the integer form of each value that has one.
    """

    real: np.dtype[np.floating]
    taken: set[str] = field(default_factory=set)
    constants: dict[str, TensorProto] = field(default_factory=dict)
    functions: dict[str, FunctionProto] = field(default_factory=dict)
    int8: dict[str, str] = field(default_factory=dict)

    def fresh(self, hint: str) -> str:
        """A name that nothing has yet: the hint, or the hint with a number."""
        name = next(name for name in _numbered(hint) if name not in self.taken)
        self.taken.add(name)
        return name

    def constant(self, array: np.ndarray, hint: str) -> str:
        """The name of the initializer that holds `array`; the same one where hint and content are the same."""
        for name in _numbered(hint):
            tensor = numpy_helper.from_array(array, name)
            if name not in self.taken:
                self.taken.add(name)
                self.constants[name] = tensor
            if self.constants.get(name) == tensor:
                return name
        raise AssertionError("unreachable: names never run out")

    def function(self, hint: str, inputs: Sequence[str], outputs: Sequence[str], nodes: Sequence[NodeProto]) -> str:
        """The name of the function with this body; functions with the same body are one."""
        for name in _numbered(hint):
            made = helper.make_function(
                DOMAIN, name, inputs, outputs, nodes, [helper.make_opsetid("", OPSET)]
            )
            if self.functions.setdefault(name, made) == made:
                return name
        raise AssertionError("unreachable: names never run out")


@dataclass
class Emitter:
    """The operations of one graph. `label` is the node of the model that they are for."""

    file: File
    nodes: list[NodeProto] = field(default_factory=list)
    label: str = ""

    def op(self, kind: str, *inputs: str, output: str | None = None, **attributes: Attribute) -> str:
        """Add an operation with one output, and give the output's name."""
        return self.ops(kind, inputs, (output or self.fresh(kind),), **attributes)[0]

    def ops(
        self, kind: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Attribute
    ) -> Sequence[str]:
        """Add an operation with the named outputs, and give their names."""
        return self._add(kind, inputs, outputs, "", attributes)

    def call(self, function: str, inputs: Sequence[str], outputs: Sequence[str]) -> Sequence[str]:
        """Add a call of one of the file's functions with the named outputs, and give their names."""
        return self._add(function, inputs, outputs, DOMAIN, {})

    def _add(
        self, kind: str, inputs: Sequence[str], outputs: Sequence[str], domain: str, facts: Mapping[str, Attribute]
    ) -> Sequence[str]:
        node = helper.make_node(kind, inputs, outputs, name=outputs[0], domain=domain)
        node.attribute.extend(helper.make_attribute(name, value) for name, value in facts.items())
        self.nodes.append(node)
        return outputs

    def fresh(self, what: str) -> str:
        """A new name for something that belongs to the node at work."""
        return self.file.fresh(f"{self.label}/{what}" if self.label else what)

    def constant(
        self, value: ArrayLike, dtype: DTypeLike | None = None, hint: str | None = None, beside: ArrayLike | None = None
    ) -> str:
        """The name of a constant; `dtype` defaults to that of real numbers. Raises UnsupportedError as `converted`."""
        array = self.converted(value, dtype or self.file.real, beside)
        return self.file.constant(array, hint or "_".join([str(array.dtype), *map(str, array.reshape(-1)[:8])]))

    def converted(self, value: ArrayLike, dtype: DTypeLike, beside: ArrayLike | None = None) -> np.ndarray:
        """A value as an array of a type. Raises UnsupportedError where it is too large for it, or too small.

        Infinity stays: what a model means by it is the largest 32-bit float. Too small is what 16-bit floats lose
        more than a sixteenth of; beside the largest number of the array, or beside what it is added to.
        """
        with np.errstate(over="ignore"):
            array = np.asarray(value, dtype=dtype)
        if array.dtype.kind != "f":
            return array
        given = np.asarray(value, np.float64)
        infinite = np.isinf(array)
        if np.any(infinite & (np.abs(given) < _INFINITE)):
            raise UnsupportedError(
                f"it holds {np.max(np.abs(value)):g}, which is too large for {array.dtype}",
                "compile with precision fp32" if array.dtype == np.float16 else "scale the weights down",
                node=self.label or None,
            )
        if array.dtype == np.float16 and array.size:
            sizes = np.abs(given) if beside is None else np.asarray(beside, np.float64)
            lost = np.abs(np.where(infinite, 0.0, given - array)) > _LOST * (sizes.max() if beside is None else sizes)
            if np.any(lost):
                raise UnsupportedError(
                    f"it holds {np.max(np.abs(given[lost])):g}, of which {array.dtype} keeps"
                    f" {np.max(np.abs(array[lost])):g}: the smallest that it tells from 0 is 6e-08",
                    "compile with precision fp32, or make it larger in the model, such as 1e-05",
                    node=self.label or None,
                )
        return array

    def integers(self, *values: int) -> str:
        """The name of a constant list of integers: a shape, axes, pads."""
        return self.constant(values, np.int64)

    def cast(self, x: str, dtype: DTypeLike | None = None) -> str:
        """`x` as another type; that of real numbers unless told otherwise."""
        return self.op("Cast", x, to=tensor_type(dtype or self.file.real))

    def pruned(self, wanted: Iterable[str]) -> list[NodeProto]:
        """The operations that the wanted values depend on, in order."""
        needed = set(wanted)
        kept = []
        for node in reversed(self.nodes):
            if needed.intersection(node.output):
                kept.append(node)
                needed.update(reads(node))
        return kept[::-1]


class FunctionBody(Emitter):
    """The operations of a model-local function: its names are its own, and its constants are inside it."""

    def constant(
        self, value: ArrayLike, dtype: DTypeLike | None = None, hint: str | None = None, beside: ArrayLike | None = None
    ) -> str:
        array = self.converted(value, dtype or self.file.real, beside)
        return self.op("Constant", value=numpy_helper.from_array(array))


def tensor_type(dtype: DTypeLike) -> int:
    """ONNX's number for an element type."""
    return helper.np_dtype_to_tensor_dtype(np.dtype(dtype))


def _numbered(hint: str) -> Iterator[str]:
    yield hint
    count = 1
    while True:
        count += 1
        yield f"{hint}_{count}"


def reads(node: NodeProto) -> Iterator[str]:
    """The values that an operation reads, those that its subgraphs take from outside included."""
    yield from node.input
    for attribute in node.attribute:
        for inner in attribute.g.node:
            yield from reads(inner)
        yield from (output.name for output in attribute.g.output)
