"""Boxes: ranges of indices along every axis, which is how neurons are divided over cores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product
from math import prod

from nmc.graph import Shape


@dataclass(frozen=True)
class Box:
    """The elements with index low <= i < high along each axis."""

    ranges: tuple[tuple[int, int], ...]

    @classmethod
    def whole(cls, shape: Shape) -> Box:
        """All elements of a shape."""
        return cls(tuple((0, n) for n in shape))

    @property
    def shape(self) -> Shape:
        """Elements along each axis."""
        return tuple(high - low for low, high in self.ranges)

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def slices(self) -> tuple[slice, ...]:
        """The index of these elements in an array of the whole shape."""
        return tuple(slice(low, high) for low, high in self.ranges)

    def __and__(self, other: Box) -> Box:
        """The elements in both."""
        return Box(tuple(
            (max(a, c), max(max(a, c), min(b, d))) for (a, b), (c, d) in zip(self.ranges, other.ranges, strict=True)
        ))

    def __str__(self) -> str:
        return "[" + ", ".join(f"{low}:{high}" for low, high in self.ranges) + "]"


def split(shape: Shape, parts: tuple[int, ...]) -> tuple[Box, ...]:
    """The shape cut into `parts` even ranges along each axis; sizes differ by at most one."""
    cuts = [[n * i // p for i in range(p + 1)] for n, p in zip(shape, parts, strict=True)]
    ranges = [list(pairwise(edges)) for edges in cuts]
    return tuple(Box(tuple(chosen)) for chosen in product(*ranges))


def grids(shape: Shape, pieces: int) -> Iterator[tuple[int, ...]]:
    """Every way to cut a shape into `pieces` boxes, one number of parts an axis."""
    if not shape:
        if pieces == 1:
            yield ()
        return
    for parts in range(1, min(pieces, shape[0]) + 1):
        if pieces % parts == 0:
            for rest in grids(shape[1:], pieces // parts):
                yield (parts, *rest)
