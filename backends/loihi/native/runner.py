"""What the emulator asks of each kind of node."""

from __future__ import annotations

from typing import Protocol

from nmc.backends.loihi.native.signals import Signals


class Prepared(Protocol):
    """A node made ready to run, without state: what all emulators of a model share.

    `narrow`: what it puts out surely fits in 16 bits, and is kept in them.
    """

    @property
    def narrow(self) -> bool: ...

    def start(self, batch: int) -> Runner:
        """The node with its state before the first step, for so many samples."""
        ...


class Runner(Protocol):
    """A node with its state: it computes steps first to last (excluded), counted in the current window."""

    def advance(self, signals: Signals, first: int, last: int) -> None:
        """Compute the node's output at these steps."""
        ...
