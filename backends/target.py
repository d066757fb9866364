"""What a target is: a chip, the passes that prepare a model for it, a lowering, and its engines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import Field, asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Generic, Protocol, TypeVar

from nmc.model import Array, FloatArray, Model

if TYPE_CHECKING:

    from nmc.chips.chip import Chip
    from nmc.estimates.events import Events, NodeEvents
    from nmc.estimates.pricing import Pricing
    from nmc.passes import Pass
    from nmc.program import Program
    from nmc.reference.interpreter import Feed
    from nmc.verification.outcome import Outcome
    from nmc.verification.record import Level
    from nmc.verification.trial import Trial


Value = TypeVar("Value")
Function = TypeVar("Function")
Chosen = TypeVar("Chosen", bound="Options")


def applies(default: Value, *, converted: bool = False, **others: object) -> Value:
    """An option that means something only where other options of the target have these values.

    `converted`: and only for networks without time of their own, which the target turns into spiking ones.
    """
    value: Value = field(default=default, metadata={"converted": converted, "others": others})
    return value


@dataclass(frozen=True)
class Options:
    """What a user may choose when compiling; each target extends it with its own knobs.

    `steps`: how long a run lasts, in time steps of the model; None: what the model says. `clocked`: whether the
    target's time is that of its runs on this machine, so that it is measured, and not the same on every run.
    """

    clocked: ClassVar[bool] = False

    steps: int | None = None

    @property
    def pricing(self) -> Pricing:
        """What the price of a run depends on."""
        from nmc.estimates.pricing import Pricing

        return Pricing()

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


class Runner(Protocol):
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
class Engine:
    """What an engine can do, each as "module:function", imported on first use; None: that it cannot.

    `run`, `observe`, `learn`, `trace`, `open` and `variants` are its abilities, see below. `files(model)` gives what it
    needs in a program beside what all engines read. `verify` is what compiling runs a program by before it is written.
    """

    run: str
    observe: str | None = None
    learn: str | None = None
    trace: str | None = None
    open: str | None = None
    variants: str | None = None
    files: str | None = None
    verify: str | None = None


@dataclass(frozen=True)
class Ability(Generic[Function]):
    """A field of Engine that users ask for; what is wrong with an engine that has none, and which target to take."""

    name: str
    lack: str
    remedy: str


RUN: Ability[Runner] = Ability("run", "cannot run", "take another target")
OBSERVE: Ability[Observed] = Ability(
    "observe", "can neither record nor check a run", "compile the model for loihi-sim, whose engine 'native' can"
)
LEARN: Ability[Learner] = Ability(
    "learn", "cannot learn from samples in sequence", "compile the model for loihi-sim, nengo-sim or gpu-sim"
)
TRACE: Ability[Tracer] = Ability("trace", "shows outputs alone", "compile the model for loihi-sim or gpu-sim")
OPEN: Ability[Opening] = Ability(
    "open", "takes a run as a whole, and cannot be fed step by step",
    "compile the model for loihi-sim, nengo-loihi-sim or gpu-sim",
)
VARIANTS: Ability[Variants] = Ability(
    "variants", "runs no variants of a program", "take a target that does: loihi-sim or loihi2-sim"
)


CHIP = "chip.yaml"
"""The file of a program that describes the chip it was compiled for, where that is a user's own."""


@dataclass(frozen=True)
class ChipFile:
    """A user's own chip: where its file is, and what stood there when the target was made."""

    path: str
    text: str


@dataclass(frozen=True)
class Target(Generic[Chosen]):
    """A name that users compile to. `options` are what its programs are compiled with where nothing else is chosen.

    `chip` prices its programs; None: no chip stands behind it. `engines` by name, the first is the default.
    `passes(options)` are the steps from the user's model to what `lower` takes.
    `lower(model, options)` gives the program's files beyond graph and weights, by name. `executed()` are the passes
    from there to the form that the chip computes. `chip_file`: where a chip of the user's own comes from.
    """

    name: str
    chip: Chip | None
    description: str
    options: Chosen
    passes: Callable[[Chosen], tuple[Pass, ...]]
    lower: Callable[[Model, Chosen], Mapping[str, bytes]]
    engines: Mapping[str, Engine]
    executed: Callable[[], tuple[Pass, ...]] = tuple
    chip_file: ChipFile | None = None

    @property
    def given(self) -> str:
        """What a user gives to mean this target: its name, or the path of the chip's file."""
        return self.name if self.chip_file is None else self.chip_file.path

    @property
    def chip_name(self) -> str:
        """The chip's name, or what is said where there is none."""
        return "reference" if self.chip is None else self.chip.name

    def configured(self, given: Mapping[str, object]) -> Chosen:
        """The options with the given values, which may be text. Raises UsageError, also for what the chip lacks."""
        from nmc.passes.pipelines import options_of

        options = options_of(type(self.options), {**asdict(self.options), **given}, self.name)
        if self.chip is not None:
            options.pricing.check(self.chip)
        return options
