"""What the facts of nodes share: short forms a person may write, and checks with clear messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from nmc.graph import ArraySpec, Node, Shape, ShapeError

Param = float | str
"""One value for all elements, or the name of an array that broadcasts over them."""


class Spatial:
    """Annotation: one entry a spatial axis; a person may write one number for all of them."""


class RuleText:
    """Annotation: a text that is a learning rule."""


class Pads:
    """Annotation: padding at the begin of each axis, then at the end; short forms as in PyTorch."""


def expand(value: object, marker: type, rank: int) -> object:
    """A short form of a per-axis fact in full: 3 -> (3, 3); padding 1 or (1, 2) -> (1, 2, 1, 2)."""
    if isinstance(value, int):
        return (value,) * (rank * (2 if marker is Pads else 1))
    if isinstance(value, Iterable) and not isinstance(value, str):
        entries = tuple(value)
        return entries * 2 if marker is Pads and len(entries) == rank else entries
    return value


def require(condition: bool, message: str) -> None:
    """Raise ValueError with `message` unless the condition holds."""
    if not condition:
        raise ValueError(message)


def require_rank(kind: str, x: Shape, rank: int, layout: str) -> None:
    """Raise ShapeError unless `x` has `rank` axes."""
    if len(x) != rank:
        raise ShapeError(f"{kind} takes {layout}, got shape {x}")


def same_shape(kind: str, *xs: Shape) -> Shape:
    """The one shape that all operands have. Raises ShapeError."""
    if len(set(xs)) > 1:
        raise ShapeError(f"{kind} takes operands of one shape, got {', '.join(map(str, xs))}")
    return xs[0]


def require_entries(fact: str, value: Shape, entries: int, least: int) -> None:
    """Raise ValueError unless a per-axis fact has that many entries, none below `least`."""
    require(
        len(value) == entries and all(n >= least for n in value),
        f"{fact} is {value}: it takes {entries} whole numbers of at least {least}",
    )


def complete(node: Node, fact: str, default: Shape) -> None:
    """Give an empty per-axis fact its default, which depends on the rank."""
    if not getattr(node, fact):
        object.__setattr__(node, fact, default)


def complete_window(node: Node, rank: int) -> None:
    """Give stride and padding their defaults, and check them and the kernel: ValueError where they do not fit."""
    complete(node, "stride", (1,) * rank)
    complete(node, "padding", (0,) * 2 * rank)
    for fact, entries, least in (("kernel", rank, 1), ("stride", rank, 1), ("padding", 2 * rank, 0)):
        require_entries(fact, getattr(node, fact), entries, least)


def require_axis(kind: str, axis: int, x: Shape) -> int:
    """The axis counted from the front. Raises ShapeError unless `x` has it."""
    if not -len(x) <= axis < len(x):
        raise ShapeError(f"{kind} works along axis {axis}, which shape {x} does not have")
    return axis % len(x)


def require_groups(channels: int, groups: int) -> None:
    """Raise ValueError unless the channels are positive and divide into the groups."""
    require(channels > 0, f"channels is {channels}: it must be positive")
    require(
        groups > 0 and channels % groups == 0, f"groups is {groups}: it must divide the {channels} channels"
    )


def conv_shape(
    kind: str,
    x: Shape,
    channels: int,
    groups: int,
    kernel: Shape,
    stride: Shape,
    padding: Shape,
    dilation: Shape,
) -> Shape:
    """Output shape of a convolution over x [C, *spatial]. Raises ShapeError."""
    require_rank(kind, x, len(kernel) + 1, LAYOUT[len(kernel)])
    if x[0] % groups:
        raise ShapeError(f"{kind} has {groups} groups, which do not divide its {x[0]} input channels")
    return (channels, *window_shape(kind, x[1:], kernel, stride, padding, dilation))


def window_shape(
    kind: str,
    x: Shape,
    kernel: Shape,
    stride: Shape,
    padding: Shape,
    dilation: Shape,
) -> Shape:
    """Spatial output shape of a sliding window: floor((n + pads - reach) / stride) + 1 an axis."""
    rank = len(kernel)
    out = []
    for axis, n in enumerate(x):
        reach = dilation[axis] * (kernel[axis] - 1) + 1
        room = n + padding[axis] + padding[rank + axis] - reach
        if room < 0:
            raise ShapeError(
                f"{kind} has a window of {reach} along spatial axis {axis}, wider than its input of {n} with padding"
            )
        out.append(room // stride[axis] + 1)
    return tuple(out)


def broadcast_shape(kind: str, *xs: Shape) -> Shape:
    """The shape that operands of one rank broadcast to. Raises ShapeError."""
    if len({len(x) for x in xs}) > 1:
        raise ShapeError(f"{kind} takes operands of one rank, got shapes {', '.join(map(str, xs))}")
    out = []
    for sizes in zip(*xs, strict=True):
        wide = {n for n in sizes if n != 1}
        if len(wide) > 1:
            raise ShapeError(f"{kind} cannot broadcast shapes {', '.join(map(str, xs))}")
        out.append(wide.pop() if wide else 1)
    return tuple(out)


def require_in_32_bits(**facts: object) -> None:
    """Raise ValueError unless the whole numbers among some facts fit in 32 bits."""
    for fact, value in facts.items():
        require(
            not isinstance(value, int) or -(2**31) <= value < 2**31, f"{fact} is {value}: it does not fit in 32 bits"
        )


def in_32_bits(shape: Shape, broadcast: bool = False) -> ArraySpec:
    """An array of whole numbers of 32 bits."""
    return ArraySpec(shape, broadcast, whole=True, low=-(2**31), high=2**31 - 1)


def param_names(*params: Param | None) -> tuple[str, ...]:
    """The names among some parameters; the rest are plain values."""
    return tuple(param for param in params if isinstance(param, str))


Compare = Literal[">", ">="]

LAYOUT = {1: "[channels, length]", 2: "[channels, height, width]"}
"""What the axes of a node's input are, by the number of spatial ones."""
