"""What a target is: a chip, the passes that prepare a model for it, a lowering, and its engines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from nmc.model import Array, FloatArray, Model

if TYPE_CHECKING:
    from nmc.estimates.estimate import Estimate
    from nmc.estimates.events import Events, NodeEvents
    from nmc.passes import Pass
    from nmc.program import Program
    from nmc.reference.interpreter import Feed
    from nmc.verification.outcome import Outcome
    from nmc.verification.record import Level
    from nmc.verification.trial import Trial


Value = TypeVar("Value")


def applies(default: Value, *, converted: bool = False, **others: object) -> Value:
    """An option that means something only where other options of the target have these values.

    `converted`: and only for networks without time of their own, which the target turns into spiking ones.
    """
    value: Value = field(default=default, metadata={"converted": converted, "others": others})
    return value


@dataclass(frozen=True)
class Options:
    """What a user may choose when compiling; each target extends it with its own knobs.

    `steps`: how long a run lasts, in time steps of the model; None: what the model says.
    """

    steps: int | None = None

    def idle(self, model: Model) -> frozenset[str]:
        """The options that mean nothing for this model with the others as they are; see `applies`."""
        return frozenset(option.name for option in fields(self) if not self._matters(option, model))

    def _matters(self, option: Field[object], model: Model) -> bool:
        if option.metadata.get("converted") and model.graph.dt_s is not None:
            return False
        others: Mapping[str, object] = option.metadata.get("others", {})
        return all(getattr(self, name, value) == value for name, value in others.items())


@dataclass(frozen=True)
class RunWarning:
    """A zone that a run entered, in which engine and chip may differ: at which node, and first at which step.

    Steps are the chip's, samples and neurons (an index into the node's shape) those of the run; all count from 0.
    Without a step it holds of the whole run.
    """

    zone: str
    what: str
    node: str
    step: int | None = None
    sample: int | None = None
    neuron: tuple[int, ...] = ()

    def __str__(self) -> str:
        neuron = self.neuron[0] if len(self.neuron) == 1 else self.neuron
        first = "" if self.step is None else f", first at step {self.step}, sample {self.sample}, neuron {neuron}"
        return f"node {self.node!r}{first}: {self.what} [{self.zone}]"


@dataclass(frozen=True, eq=False)
class RunResult:
    """What an engine gives back: outputs by node name, what happened, and wall-clock time.

    `outputs` have the shapes of `nmc.reference.run`. `seconds` is the time the engine itself took
    for all samples, without loading; `energy_j` the joules its machine drew in that time, where a meter says.
    `device` names the hardware of the target's kind that ran it, if any did: its time and energy are
    measurements. `warnings` are what strict mode found, the earliest first.
    """

    outputs: Mapping[str, FloatArray]
    events: Events
    seconds: float
    energy_j: float | None = None
    device: str | None = None
    warnings: tuple[RunWarning, ...] = ()


@dataclass(frozen=True, eq=False)
class Learned:
    """What came of samples in sequence: the run, and the weights after it, [features, inputs], by what learns."""

    result: RunResult
    weights: Mapping[str, Array]


@dataclass(frozen=True, eq=False)
class Traced:
    """A run, and what nodes of the program's graph put out in it, as far as the engine can show them.

    Nodes that stream are [samples, steps, *shape], all steps of the chip, the graph's lag included; others are
    [samples, *shape].
    """

    result: RunResult
    nodes: Mapping[str, Array]


class Tracer(Protocol):
    """An engine that shows what the nodes inside of a program put out; see `Traced`."""

    def __call__(self, program: Program, x: Feed, *, steps: int | None = None) -> Traced: ...


class Learner(Protocol):
    """Runs a program on samples in sequence, each with the weights that the one before it left."""

    def __call__(self, program: Program, x: Feed, *, steps: int | None = None) -> Learned: ...


Variant = Callable[[Model], Mapping[str, FloatArray]]
"""What a variant of a program puts out for samples that are settled: outputs by name, as of a run."""


class Variants(Protocol):
    """Makes ready to run variants of a program, of other facts and arrays, on the same samples. Threads may share it.

    `model` is of the form that the target's chip computes, x as for an engine.
    """

    def __call__(self, model: Model, x: Feed) -> Variant: ...


class Engine(Protocol):
    """Executes a program on samples: x is [B, *shape], or [B, T, *shape] where the input streams; or both by name."""

    def __call__(self, program: Program, x: Feed, *, steps: int | None = None) -> RunResult: ...


class Observed(Protocol):
    """An engine that can also write a recording to a directory, and say where it may differ from the chip."""

    def __call__(
        self, program: Program, x: Feed, *, steps: int | None, record: Path | None, strict: bool
    ) -> RunResult: ...


class Stepping(Protocol):
    """An engine that holds the state of a batch between time steps; see `nmc.control.session.Session`."""

    def step(self, inputs: Mapping[str, FloatArray]) -> Mapping[str, FloatArray]:
        """The outputs of a time step [B, *shape]; readouts as if the run ended here."""
        ...

    def infer(self, feeds: Mapping[str, FloatArray], steps: int | None) -> RunResult:
        """A whole run from the first state, whatever is held; what is held after it is not defined."""
        ...

    def restart(self, samples: Sequence[int] | None) -> None:
        """Put some samples, or all, to the state before the first step. Raises UsageError where it cannot do some."""
        ...

    def counted(self) -> Mapping[str, NodeEvents]:
        """What happened in all steps so far, runs left out, summed over the batch."""
        ...


class Verifier(Protocol):
    """Runs a program that is not written yet on samples, and compares it with the reference of what it executes."""

    def __call__(self, program: Program, executed: Model, trial: Trial, level: Level) -> Iterator[Outcome]: ...


class Opening(Protocol):
    """Makes a program ready to be fed step by step, for so many samples side by side."""

    def __call__(self, program: Program, batch: int) -> Stepping: ...


@dataclass(frozen=True)
class Target:
    """A name that users compile to. Engines are named as "module:function", the first is the default.

    `observed` are those engines that can record and check a run, `learners` those that can learn, `stepping` those that
    can be fed step by step, `variants` those that can run many variants of a program, in the same form.
    `verifier` is what compiling runs a program by before it is written; None: nothing can.
    `passes(options)` are the steps from the user's model to what `lower` takes.
    `lower(model, options)` gives the program's files beyond graph and weights, by name.
    `estimate(program, result)` prices one inference; None where no chip stands behind the target.
    """

    name: str
    chip: str
    description: str
    passes: Callable[[Options], tuple[Pass, ...]]
    lower: Callable[[Model, Options], Mapping[str, bytes]]
    engines: Mapping[str, str]
    estimate: Callable[[Program, RunResult], Estimate] | None
    options: type[Options] = field(default=Options)
    observed: Mapping[str, str] = field(default_factory=dict)
    learners: Mapping[str, str] = field(default_factory=dict)
    stepping: Mapping[str, str] = field(default_factory=dict)
    variants: Mapping[str, str] = field(default_factory=dict)
    tracers: Mapping[str, str] = field(default_factory=dict)
    executed: Callable[[], tuple[Pass, ...]] = tuple
    verifier: str | None = None
