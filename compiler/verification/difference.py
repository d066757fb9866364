"""Where two runs part, and the error that says so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmc.errors import ToolError
from nmc.graph import Graph
from nmc.model import Array


@dataclass(frozen=True)
class Difference:
    """The first value that differs: at which node, sample, step (None: without time) and element.

    `signal` names what a node carries, and is empty for what it puts out.
    """

    node: str
    sample: int | None
    step: int | None
    element: tuple[int, ...]
    expected: float
    given: float
    signal: str = ""

    @property
    def place(self) -> str:
        """Where it is, in words."""
        index = self.element[0] if len(self.element) == 1 else self.element
        parts = [
            None if self.step is None else f"step {self.step}",
            None if self.sample is None else f"sample {self.sample}",
            f"element {index}" if self.element else None,
        ]
        return ", ".join(filter(None, [f"{self.signal} of {self.node!r}" if self.signal else repr(self.node), *parts]))


class TranslationError(ToolError):
    """A compiled program does not do what its model says: an error of nmc. `found` is where they part first."""

    found: Difference | None = None

    @classmethod
    def at(cls, found: Difference, what: str, report: str) -> TranslationError:
        """The error for two runs that part; `what` names them, `report` what a report should say beside."""
        error = cls(
            f"{what}: they part first at {found.place}, {found.expected:.9g} against {found.given:.9g}",
            "this is an error of nmc and not of your model, and nothing was written. Please report it with the model,"
            f" the command and this: {report}. --verify none compiles without the check, at your own risk",
            node=found.node,
        )
        error.found = found
        return error


def first_difference(
    name: str, expected: Array, given: Array, timed: bool, limit: float = 0.0, signal: str = ""
) -> Difference | None:
    """The earliest element of arrays [samples, *shape], or [samples, steps, *shape], that is further off than `limit`.

    What is infinite or not a number must be so in both.
    """
    if expected.shape != given.shape:
        return Difference(name, None, None, (), float(expected.size), float(given.size), "the number of elements")
    wrong = apart(expected, given, limit)
    if not wrong.any():
        return None
    places = np.argwhere(np.moveaxis(wrong, 1, 0) if timed else wrong)
    first = tuple(int(i) for i in places[0])
    step, sample, element = (first[0], first[1], first[2:]) if timed else (None, first[0], first[1:])
    index = (sample, step, *element) if timed else first
    return Difference(name, sample, step, element, float(expected[index]), float(given[index]), signal)


def apart(expected: Array, given: Array, limit: float) -> NDArray[np.bool_]:
    """Which elements are further from each other than `limit`; in both infinite alike, or not a number, is near."""
    want, have = expected.astype(np.float64), given.astype(np.float64)
    with np.errstate(invalid="ignore"):
        near = (np.abs(want - have) <= limit) | (want == have)
    wrong: NDArray[np.bool_] = ~(near | (np.isnan(want) & np.isnan(have)))
    return wrong


def earliest(graph: Graph, found: Iterable[Difference | None]) -> Difference | None:
    """The one whose step is first and, of those, whose node comes first in the graph."""
    rank: Mapping[str, int] = {name: place for place, name in enumerate(graph.order)}
    every = [difference for difference in found if difference is not None]
    late = len(rank)
    return min(
        every, key=lambda d: (float("inf") if d.step is None else d.step, rank.get(d.node, late)), default=None
    )
