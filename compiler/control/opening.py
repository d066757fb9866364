"""Opens sessions: of a program on an engine of its target, or of a model by the reference."""

from __future__ import annotations

from nmc.backends import able, target_of
from nmc.backends.target import OPEN
from nmc.control.reference import ReferenceStepping
from nmc.control.session import Session
from nmc.errors import UsageError
from nmc.model import Model
from nmc.program import Program


def open_session(opened: Program | Model, batch: int, engine: str | None = None) -> Session:
    """A session for so many samples. Raises UsageError for an engine that cannot be fed step by step."""
    if batch < 1:
        raise UsageError(f"a session for {batch} samples", "open it for 1 sample or more")
    if isinstance(opened, Program):
        chosen = able(target_of(opened), OPEN, engine)
        return Session(opened.model, chosen(opened, batch), batch)
    if engine is not None:
        raise UsageError(f"a model runs by the reference, not on {engine!r}", "compile it, and open the program")
    return Session(opened, ReferenceStepping(opened.checked(), batch), batch)
