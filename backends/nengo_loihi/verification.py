"""Holds NengoLoihi's own emulator to the reference, on demand."""

from __future__ import annotations

from collections.abc import Iterator

from nmc.backends.loihi.verification import vendor
from nmc.model import Model
from nmc.program import Program
from nmc.verification.outcome import Outcome
from nmc.verification.record import Level
from nmc.verification.trial import Trial


def verify(program: Program, executed: Model, trial: Trial, level: Level) -> Iterator[Outcome]:
    """NengoLoihi itself, with level full."""
    yield vendor("nengo-loihi", program, executed, trial, level)
