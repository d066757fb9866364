"""Values without elements: what is left of an axis that nothing was taken from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nmc.frontends.onnx.values import BATCH, OTHER_BATCH, Element, Known, Value
from nmc.frontends.onnx.writer import broadcast_dims
from nmc.graph import Shape

_TYPES: dict[Element, type[np.generic]] = {"real": np.float32, "integer": np.int64, "boolean": np.bool_}
_COMPARISONS = frozenset({"Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"})
_BROADCASTING = _COMPARISONS | {
    "Add", "And", "BitShift", "Div", "Max", "Mean", "Min", "Mod", "Mul", "Or", "Pow", "PRelu", "Sub", "Sum", "Where",
    "Xor",
}  # fmt: skip


def empty(dims: Shape, element: Element = "real") -> Known:
    """The value of these sizes, of which one is 0."""
    return _zeros(dims, element)


def of_empty(kind: str, inputs: Sequence[Value | None]) -> Known | None:
    """What an operation makes of operands of which one has no elements; None where it is not for this to say."""
    values = [value for value in inputs if value is not None]
    if not any(isinstance(value, Known) and not value.array.size for value in values):
        return None
    if kind in _BROADCASTING:
        element: Element = "boolean" if kind in _COMPARISONS else values[-1].element
        return empty(broadcast_dims(*(value.dims for value in values)), element)
    if kind == "MatMul" and all(len(value.dims) >= 2 for value in values):
        left, right = (value.dims for value in values)
        return _zeros((*broadcast_dims(left[:-2], right[:-2]), left[-2], right[-1]), "real")
    return None


def _zeros(dims: Shape, element: Element) -> Known:
    zero = np.zeros((), _TYPES[element])
    other = tuple(n // BATCH * OTHER_BATCH if n and n % BATCH == 0 else n for n in dims)
    return Known(np.broadcast_to(zero, dims), other=None if other == dims else np.broadcast_to(zero, other))
