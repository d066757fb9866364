"""What a comparison comes to: a check that held, a fault, or why it was left out."""

from __future__ import annotations

from dataclasses import dataclass

from nmc.verification.difference import Difference
from nmc.verification.record import Check


@dataclass(frozen=True)
class Fault:
    """What does not do what it should, in words, and where it parts first from what it is held to."""

    what: str
    at: Difference


@dataclass(frozen=True)
class LeftOut:
    """What was not verified, and why."""

    why: str


Outcome = Check | Fault | LeftOut
