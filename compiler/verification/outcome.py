"""What a comparison comes to: a check that held, a fault, or why it was left out."""

from __future__ import annotations

from dataclasses import dataclass

from nmc.verification.difference import Difference
from nmc.verification.record import Check
from nmc.verification.trial import Trial


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


def of_engine(engine: str, found: Difference | None, trial: Trial, held: str) -> Check | Fault:
    """What running an engine comes to, which `held` says in words where no difference was found."""
    if found is not None:
        return Fault(f"the engine {engine!r} and the reference of the graph that it executes", found)
    return Check(f"engine {engine}", trial.samples, trial.steps, held)
