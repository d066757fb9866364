"""What a target is: a chip, the passes that prepare a model for it, a lowering, and its engines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from nmc.model import FloatArray, Model

if TYPE_CHECKING:
    from nmc.estimates.estimate import Estimate
    from nmc.estimates.events import Events
    from nmc.passes import Pass
    from nmc.program import Program


@dataclass(frozen=True)
class Options:
    """What a user may choose when compiling; each target extends it with its own knobs.

    `steps`: how long a run lasts, in time steps of the model; None: what the model says.
    """

    steps: int | None = None


@dataclass(frozen=True, eq=False)
class RunResult:
    """What an engine gives back: outputs by node name, what happened, and wall-clock time.

    `outputs` have the shapes of `nmc.reference.run`. `seconds` is the time the engine itself took
    for all samples, without loading; `energy_j` the joules its machine drew in that time, where a meter says.
    """

    outputs: Mapping[str, FloatArray]
    events: Events
    seconds: float
    energy_j: float | None = None


class Engine(Protocol):
    """Executes a program on samples: x is [B, *shape], or [B, T, *shape] where the input streams."""

    def __call__(self, program: Program, x: FloatArray, *, steps: int | None = None) -> RunResult: ...


@dataclass(frozen=True)
class Target:
    """A name that users compile to. Engines are named as "module:function", the first is the default.

    `passes(options, calibration)` are the steps from the user's model to what `lower` takes;
    `calibration` are real samples for passes that measure ranges, or None if the model has none.
    `lower(model, options)` gives the program's files beyond graph and weights, by name.
    `estimate(program, result)` prices one inference.
    """

    name: str
    chip: str
    description: str
    passes: Callable[[Options, FloatArray | None], tuple[Pass, ...]]
    lower: Callable[[Model, Options], Mapping[str, bytes]]
    engines: Mapping[str, str]
    estimate: Callable[[Program, RunResult], Estimate]
    options: type[Options] = field(default=Options)
