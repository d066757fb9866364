"""What the emulator asks of each kind of node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from nmc.backends.loihi.native.signals import Signals
from nmc.machine_code import Call
from nmc.model import Array


class Prepared(Protocol):
    """A node made ready to run, without state: what all emulators of a model share.

    What it puts out is kept in 32 bits or, where there is an `exponent`, in 16, as so many times 2^exponent.
    """

    @property
    def exponent(self) -> int | None: ...

    def start(self, batch: int) -> Runner:
        """The node with its state before the first step, for so many samples."""
        ...


class Runner(Protocol):
    """A node with its state: it computes steps first to last (excluded), counted in the current window."""

    def advance(self, signals: Signals, first: int, last: int) -> None:
        """Compute the node's output at these steps."""
        ...


@runtime_checkable
class Repeatable(Runner, Protocol):
    """A runner that advances by calls of kernels alone, provided that it reads signals as they are kept.

    All it carries are arrays of two axes or more, [B, ...], which the kernel changes.
    """

    @property
    def calls(self) -> tuple[Call[...], ...]:
        """The calls by which it advanced, in their order."""
        ...


class OneCall:
    """A runner that advances by one call."""

    call: Call[...]

    @property
    def calls(self) -> tuple[Call[...], ...]:
        return (self.call,)


@runtime_checkable
class Stateful(Runner, Protocol):
    """A runner that carries something from step to step."""

    def state(self) -> Mapping[str, Array]:
        """What it carries now, by the names that the node gives, each [B, elements as they lie]."""
        ...
