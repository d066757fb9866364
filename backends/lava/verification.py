"""Holds Lava's files, read back as a graph, to the reference before a program is written; and Lava itself on demand."""

from __future__ import annotations

from collections.abc import Iterator

from nmc.backends.lava.read_back import GRAPH, ForeignError, read_back
from nmc.backends.loihi.on_chip import Chip
from nmc.backends.loihi.verification import vendor
from nmc.model import Model
from nmc.program import Program
from nmc.verification.difference import earliest, first_difference
from nmc.verification.outcome import Fault, LeftOut, Outcome
from nmc.verification.record import Check, Level
from nmc.verification.trace import trace
from nmc.verification.trial import Trial

_FEW = 4
"""Samples on which files are read back."""


def verify(program: Program, executed: Model, trial: Trial, level: Level) -> Iterator[Outcome]:
    """Lava's files, where there are any, and with level full Lava itself."""
    if GRAPH in program.manifest.files:
        yield _read_back(program, executed, trial)
    yield vendor("lava", program, executed, trial, level)


def _read_back(program: Program, executed: Model, trial: Trial) -> Outcome:
    model, few = program.model, min(trial.samples, _FEW)
    steps = (trial.steps or 1) + model.graph.lag
    some = {name: x[:few] for name, x in trial.feeds.items()}
    try:
        described = read_back(program)
    except ForeignError as error:
        return LeftOut(f"{GRAPH}, since {error} is not read back")
    expected = trace(executed, some, trial.steps, described.graph.outputs).signals
    given = trace(described, Chip(model).host.feed(some, steps), steps, described.graph.outputs).signals
    found = earliest(model.graph, (
        first_difference(name, expected[name], value, True) for name, value in given.items()
    ))  # fmt: skip
    if found is not None:
        return Fault(f"{GRAPH} and the reference of the graph that it was made from", found)
    return Check(f"{GRAPH} and its weights, read back", few, trial.steps, "equal")
