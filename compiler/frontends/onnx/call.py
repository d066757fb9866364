"""One operation of an ONNX file, with its operands and attributes, as the code that imports it sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from nmc.frontends.onnx.known import real
from nmc.frontends.onnx.values import Known, Refusal, Signal, Value
from nmc.frontends.onnx.writer import Writer
from nmc.model import Array

if TYPE_CHECKING:
    from onnx import AttributeProto, GraphProto, NodeProto

Attribute = int | float | str | tuple[int, ...] | tuple[float, ...] | None


@dataclass(frozen=True, eq=False)
class Call:
    """An operation at work: `inputs` are its operands, None where one is left out.

    `uses` counts how often each value of the file is read. `read` are the attributes that its code has looked at,
    and `taken` the places of such operands: whatever else the file gives is refused.
    """

    proto: NodeProto
    opset: int
    inputs: tuple[Value | None, ...]
    writer: Writer
    uses: Mapping[str, int]
    read: set[str] = field(default_factory=set)
    taken: set[int] = field(default_factory=set)

    @property
    def kind(self) -> str:
        """The operation's name."""
        return self.proto.op_type

    def given(self, index: int) -> Value | None:
        """An operand, or None where it is left out."""
        self.taken.add(index)
        return self.inputs[index] if index < len(self.inputs) else None

    def value(self, index: int) -> Value:
        """An operand that must be there."""
        value = self.given(index)
        if value is None:
            raise Refusal(f"its input {index + 1} is missing", "export the model again")
        return value

    def alone(self, index: int) -> bool:
        """Whether an operand is read by this operation only, and once."""
        return self.uses.get(self.proto.input[index], 0) == 1

    def x(self, index: int = 0) -> Signal:
        """An operand as the output of a node."""
        return self.writer.signal(self.value(index))

    def known(self, index: int, what: str) -> Known | None:
        """An operand that must not depend on the model's inputs; None where it is left out."""
        value = self.given(index)
        if isinstance(value, Signal):
            raise Refusal(
                f"its {what} depends on the model's input", f"{what} must be in the file: a constant or an initializer"
            )
        return value

    def array(self, index: int, what: str) -> Array:
        """The elements of an operand that must depend neither on the model's inputs nor on the number of samples."""
        known = self.known(index, what)
        if known is not None and known.other is not None:
            raise Refusal(f"its {what} depends on the number of samples", "a sample must not depend on others")
        return self.sizes(index, what)

    def sizes(self, index: int, what: str) -> Array:
        """The elements of an operand that must not depend on the model's inputs; the number of samples is BATCH."""
        known = self.known(index, what)
        if known is None:
            raise Refusal(f"its {what} is missing", "export the model again")
        return real(known).array

    def scalar(self, index: int, what: str, default: float) -> float:
        """The one element of such an operand."""
        known = self.known(index, what)
        if known is None:
            return default
        if known.other is not None:
            raise Refusal(f"its {what} depends on the number of samples", f"give it a {what} of its own")
        if known.array.size != 1:
            raise Refusal(f"its {what} is not one number", f"export it with one {what} for all elements")
        return float(real(known).array.reshape(-1)[0])

    def whole(self, name: str, default: int) -> int:
        """An attribute that is a whole number."""
        value = self._attribute(name)
        return default if value is None else int(value)  # type: ignore[arg-type]

    def number(self, name: str, default: float) -> float:
        """An attribute that is a number."""
        value = self._attribute(name)
        return default if value is None else float(value)  # type: ignore[arg-type]

    def text(self, name: str, default: str) -> str:
        """An attribute that is a text."""
        value = self._attribute(name)
        return default if value is None else str(value)

    def choice(self, name: str, *texts: str) -> str:
        """An attribute that is one of some texts, the first where it is left out."""
        text = self.text(name, texts[0])
        if text not in texts:
            raise Refusal(f"its {name} is {text!r}", f"use {' or '.join(texts)}")
        return text

    def wholes(self, name: str, default: Sequence[int] | None = None) -> tuple[int, ...] | None:
        """An attribute that is a list of whole numbers."""
        value = self._attribute(name)
        if isinstance(value, tuple):
            return tuple(int(entry) for entry in value)
        return None if default is None else tuple(default)

    def numbers(self, name: str) -> tuple[float, ...]:
        """An attribute that is a list of numbers."""
        value = self._attribute(name)
        return tuple(float(entry) for entry in value) if isinstance(value, tuple) else ()

    def texts(self, name: str) -> tuple[str, ...]:
        """An attribute that is a list of texts."""
        return tuple(text.decode() for entry in self.given_facts(name) for text in entry.strings)

    def graph(self, name: str) -> GraphProto:
        """An attribute that is a graph. Raises Refusal where there is none."""
        for entry in self.given_facts(name):
            if entry.HasField("g"):
                return entry.g
        raise Refusal(f"its {name} is missing", "export the model again")

    def given_facts(self, *names: str) -> list[AttributeProto]:
        """Attributes of these names, as the file has them."""
        self.read.update(names)
        return [entry for entry in self.proto.attribute if entry.name in names]

    def without_effect(self, *names: str, operands: Iterable[int] = ()) -> None:
        """Say that attributes, and operands, change nothing here, whatever they are."""
        self.read.update(names)
        self.taken.update(operands)

    def axes(self, index: int, rank: int) -> tuple[int, ...] | None:
        """Axes given as an attribute, in older files, or as an operand; None where neither is."""
        axes = self.wholes("axes")
        if axes is None and self.given(index) is not None:
            axes = tuple(int(axis) for axis in self.array(index, "list of axes").reshape(-1))
        return None if axes is None else tuple(require_axis(axis, rank) for axis in axes)

    def _attribute(self, name: str) -> Attribute:
        from onnx import AttributeProto, helper

        for entry in self.given_facts(name):
            if entry.type in (
                AttributeProto.INT, AttributeProto.FLOAT, AttributeProto.STRING, AttributeProto.INTS,
                AttributeProto.FLOATS,
            ):
                value = helper.get_attribute_value(entry)
                if isinstance(value, bytes):
                    return value.decode(errors="replace")
                return tuple(value) if not isinstance(value, int | float | str) else value
        return None


Outputs = Value | Sequence[Value | None]
Operation = Callable[[Call], Outputs]
"""What an operation comes to: its one output, or all of them; None for one that nothing may read."""


def require_axis(axis: int, rank: int) -> int:
    """An axis counted from the front. Raises Refusal where there is none."""
    if not -rank <= axis < rank:
        raise Refusal(f"it works along axis {axis} of a value with {rank} axes", "mend the file")
    return axis % rank


def integers(array: Array) -> tuple[int, ...]:
    """A list of whole numbers."""
    return tuple(int(entry) for entry in np.asarray(array).reshape(-1))
