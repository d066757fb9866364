"""Holds the files of a Nengo program, read back as a model, to the reference before they are written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from nmc.backends import toolchain
from nmc.backends.nengo.engine import run
from nmc.backends.nengo.read_back import ForeignError, read_back
from nmc.model import FloatArray, Model
from nmc.program import Program
from nmc.reference import run as reference
from nmc.verification.difference import Difference
from nmc.verification.outcome import Fault, LeftOut, Outcome
from nmc.verification.record import Check, Level
from nmc.verification.tolerance import Tolerance, parting
from nmc.verification.trial import Trial

DOUBLE = Tolerance(1e-9, 1e-12)
"""Nengo computes in double precision, and adds in another order."""


def verify(program: Program, executed: Model, trial: Trial, level: Level) -> Iterator[Outcome]:
    """The network that the files describe, by the reference's neurons; with level full also by Nengo itself."""
    expected = reference(executed, trial.feeds, trial.steps)
    found = _read_back(program, executed, trial, expected)
    yield found
    if isinstance(found, Fault):
        return
    if level != "full":
        yield LeftOut("Nengo itself, which takes seconds to start: --verify full runs it")
    elif toolchain.toolchain_named("nengo").find() is None:
        yield LeftOut("Nengo itself, which is not installed: nmc toolchain install nengo")
    else:
        given = run(program, trial.feeds, steps=trial.steps).outputs  # type: ignore[arg-type]
        yield _compared("the engine 'nengo'", "engine nengo", executed, trial, expected, given)


def _read_back(program: Program, executed: Model, trial: Trial, expected: Mapping[str, FloatArray]) -> Outcome:
    try:
        described = read_back(program)
    except ForeignError as error:
        return LeftOut(f"network.json, since {error} is not read back")
    given = reference(described, trial.feeds, trial.steps)
    named = {
        name: _shown(value, want) for (name, want), value in zip(expected.items(), given.values(), strict=True)
    }
    return _compared("network.json", "network.json and weights.npz read back", executed, trial, expected, named)


def _shown(value: FloatArray, expected: FloatArray) -> FloatArray:
    """What run.py would show of an object's values: at every step, or at the last, whatever they follow from."""
    if value.ndim == expected.ndim + 1:
        last: FloatArray = value[:, -1]
        return last
    return np.broadcast_to(value[:, None], expected.shape) if value.ndim + 1 == expected.ndim else value


def _compared(
    what: str, check: str, executed: Model, trial: Trial, expected: Mapping[str, FloatArray],
    given: Mapping[str, FloatArray],
) -> Outcome:  # fmt: skip
    found: Difference | None = parting(executed, trial, DOUBLE, expected, {k: np.asarray(v) for k, v in given.items()})
    if found is not None:
        return Fault(f"{what} and the reference of the model that it was made from", found)
    return Check(check, trial.samples, trial.steps, DOUBLE.words)
