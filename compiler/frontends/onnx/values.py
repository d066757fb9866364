"""What flows between the operations of an ONNX file: what is known, and what depends on the inputs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from nmc.model import Array
from nmc.node import Shape

BATCH = 1_000_003
"""Stands for the number of samples: a prime, so that its axis shows through any computation with shapes."""
OTHER_BATCH = 1_000_033
"""Another number of samples: what differs between the two depends on it."""

ACROSS = "a sample must not depend on others, nor on how many there are"
"""The remedy wherever that is what is wrong: it follows from which axis is taken to count samples."""

Element = Literal["real", "integer", "boolean"]
"""What ONNX says an element is; booleans are 0 and 1 here."""


def element_of(number: int) -> Element:
    """What elements of one of ONNX's types are."""
    from onnx import TensorProto

    if number == TensorProto.BOOL:
        return "boolean"
    real = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16, 0)
    return "real" if number in real else "integer"


class Refusal(Exception):  # noqa: N818 - an operation that cannot be imported; the reader turns it into a fault
    """Why an operation cannot be imported, and what would help."""

    def __init__(self, what: str, remedy: str) -> None:
        self.what = what
        self.remedy = remedy
        super().__init__(what)


@dataclass(frozen=True, eq=False)
class Known:
    """A value that does not depend on the inputs. `scale` is set where the array holds integers that mean
    scale * array, with one scale for each index of `axis`: a quantized weight that nothing has computed with yet.
    `other` is what the value would be with OTHER_BATCH samples, or None where their number does not matter.
    """

    array: Array
    name: str = ""
    scale: Array | None = None
    axis: int = 0
    other: Array | None = None

    @property
    def dims(self) -> Shape:
        """The sizes of its axes."""
        return self.array.shape

    @property
    def element(self) -> Element:
        """What its elements are."""
        kind = self.array.dtype.kind
        return "boolean" if kind == "b" else "integer" if kind in "iu" and self.scale is None else "real"


@dataclass(frozen=True)
class Signal:
    """The output of a node in the making, as ONNX sees it: `dims` has the number of samples as BATCH.

    At most one axis is a multiple of BATCH. Where it is BATCH itself the node's shape lacks it;
    otherwise samples share it with elements of their own, and the shape has those. `before` says how many of
    these come before the samples in the order of the axis: 1 where the samples come first, as [N, 6] folds to
    [6 N], and 6 where they come last, as [6, N] does.
    """

    node: str
    dims: Shape
    element: Element = "real"
    before: int = 1

    @property
    def batch(self) -> int | None:
        """The axis that counts samples, alone or with an axis of theirs."""
        return batch_axis(self.dims)

    @property
    def shape(self) -> Shape:
        """The node's shape."""
        return sample_shape(self.dims)

    def axis(self, axis: int) -> int:
        """The node's axis for one of `dims`. Raises Refusal for the axis that counts samples."""
        axis %= len(self.dims)
        if self.batch is None or axis < self.batch:
            return axis
        if axis == self.batch:
            raise Refusal(f"it works along axis {axis}, which counts samples", ACROSS)
        return axis - (self.dims[self.batch] == BATCH)


Value = Known | Signal


def common_before(signals: Iterable[Signal]) -> int:
    """The `before` of signals that meet element by element. Raises Refusal where they hold samples in other orders."""
    found = {signal.before for signal in signals if signal.batch is not None}
    if len(found) > 1:
        raise Refusal("it pairs samples with one another", ACROSS)
    return found.pop() if found else 1


def batch_axis(dims: Shape, batch: int = BATCH) -> int | None:
    """The axis of which the number of samples is a factor. Raises Refusal where there are two."""
    found = [axis for axis, size in enumerate(dims) if size and size % batch == 0]
    if len(found) > 1:
        raise Refusal("it pairs samples with one another", ACROSS)
    return found[0] if found else None


def sample_shape(dims: Shape) -> Shape:
    """`dims` without the number of samples."""
    batch = batch_axis(dims)
    if batch is None:
        return dims
    own = dims[batch] // BATCH
    return (*dims[:batch], *(() if own == 1 else (own,)), *dims[batch + 1 :])
