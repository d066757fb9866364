"""The chip and its host together, as every way to run a program on the native emulator has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from nmc.backends.loihi.host import Host
from nmc.backends.loihi.native.plan import Plan
from nmc.backends.target import RunResult
from nmc.estimates.events import Events, NodeEvents, scaled
from nmc.model import Array, FloatArray, Model
from nmc.reference.interpreter import Feed, as_feeds, run_length


@dataclass(frozen=True, eq=False)
class Samples:
    """Samples by input's name, [B, *shape] or [B, T, *shape], for a run of so many steps of the model.

    On the chip a run takes `on_chip` steps: what comes out of it comes the graph's lag later.
    """

    feeds: Mapping[str, FloatArray]
    steps: int
    on_chip: int

    def __len__(self) -> int:
        return len(next(iter(self.feeds.values())))

    def part(self, first: int, count: int) -> Samples:
        """So many of them, or fewer where there are no more."""
        part = {name: value[first : first + count] for name, value in self.feeds.items()}
        return Samples(part, self.steps, self.on_chip)

    def parts(self, count: int) -> Iterator[Samples]:
        """All of them, so many at a time."""
        return (self.part(first, count) for first in range(0, len(self), count))


@dataclass(frozen=True, eq=False)
class Board:
    """A model's chip and host: the host encodes samples to what the chip is fed, and reads out what it shows."""

    model: Model
    plan: Plan

    @classmethod
    def of(cls, model: Model) -> Board:
        """The board of a sound model in a chip's integers. Raises UnsupportedError for an unknown kind of node."""
        return cls(model, Plan.of(model))

    @cached_property
    def host(self) -> Host:
        """The nodes that the chip does not compute, nor what is weighed along with it."""
        return Host.of(self.model, sorted(self.plan.fed), (*self.plan.computed, *self.plan.readouts))

    def samples(self, x: Feed, steps: int | None = None) -> Samples:
        """Samples for a run of so many steps. Raises UsageError where they do not fit."""
        feeds = as_feeds(self.model.graph, x)
        length = run_length(self.model, feeds, steps)
        return Samples(feeds, length, length + self.model.graph.lag)

    def sent(self, samples: Samples) -> Mapping[str, Array]:
        """What the chip is fed, in whole numbers [B, T, *shape]."""
        return self.host.feed(samples.feeds, samples.on_chip)

    def read_out(self, samples: Samples, shown: Mapping[str, Array]) -> Mapping[str, FloatArray]:
        """The model's outputs, from what the chip put out of `host.shown`."""
        return self.host.read_out(samples.feeds, shown, samples.steps)


def result(
    outputs: Mapping[str, FloatArray], counted: Mapping[str, NodeEvents], samples: int, steps: int, seconds: float
) -> RunResult:
    """A run of so many samples and steps of the chip, given what was counted in all of them."""
    means = {name: scaled(node, 1 / samples) for name, node in counted.items()}
    return RunResult(outputs, Events(samples, steps, means), seconds)
