"""Passes: Model -> Model, each checked against the stage it promises."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from nmc.errors import Fault, NmcError, ToolError
from nmc.graph import Graph, Node
from nmc.model import FloatArray, Model
from nmc.nodes import FAMILIES, fixed_point, tensor
from nmc.passes.linear_paths import LINEAR

Stage = Literal["model", "quantized", "spiking", "fixed-point", "hosted"]
_GIVEN = (tensor.Input, tensor.Constant)
_IN_TIME = (*FAMILIES["spiking"], *FAMILIES["coding"])
_GENERAL = (*FAMILIES["tensor"], *_IN_TIME, *FAMILIES["plastic"])
_INTEGER = (*FAMILIES["quantized"], *FAMILIES["fixed-point"])

STAGES: Mapping[Stage, frozenset[type[Node]]] = {
    "model": frozenset(_GENERAL),
    "quantized": frozenset((*_GENERAL, *FAMILIES["quantized"])),
    "spiking": frozenset((*_GIVEN, *LINEAR, *_IN_TIME, *FAMILIES["plastic"])),
    "fixed-point": frozenset((*_GIVEN, *fixed_point.WIRES, *FAMILIES["coding"], *_INTEGER)),
    "hosted": frozenset((*_GIVEN, *LINEAR, *_IN_TIME, *_INTEGER)),
}
"""The kinds of node that are legal at each point of the pipeline.

At the stages of neuromorphic chips this holds for what the chip computes. What is known before the run, what is
left to do after it, and what the host does at every step before the network and after it, may be of any kind.
At the stage "hosted" the host also computes at every step what chips in integers do not: readouts in real numbers.
"""
_HOST = STAGES["quantized"]
_ON_CHIP: tuple[Stage, ...] = ("spiking", "fixed-point", "hosted")


Keeps = Literal["exact", "rounds", "converts"]
"""What a pass keeps of a model's meaning: all of it but the last bits, all but rounding, or what it is good for."""


Samples = Callable[[], FloatArray | None]
"""Gives a model's calibration samples [B, *shape], for passes that measure; None where it has none."""


def no_samples() -> None:
    """None at all."""


class Pass(Protocol):
    """One step of compilation: a frozen dataclass whose fields, plain values with defaults, are its options.

    Valid model in, valid model out.
    """

    @property
    def name(self) -> str:
        """What the pass is called in dumps and messages."""
        ...

    @property
    def stage(self) -> Stage:
        """The stage that the result belongs to."""
        ...

    @property
    def keeps(self) -> Keeps:
        """What the result keeps of the model's meaning; a compile verifies that."""
        ...

    def __call__(self, model: Model, samples: Samples) -> Model:
        """The changed model."""
        ...


@dataclass(frozen=True, eq=False)
class Translated:
    """A pass, the model that it took, and the one that it gave."""

    step: Pass
    before: Model
    after: Model

    @property
    def changed(self) -> bool:
        """Whether the pass did anything that a run could show."""
        same = self.before.weights.keys() == self.after.weights.keys() and all(
            array is self.after.weights[name] for name, array in self.before.weights.items()
        )
        return self.before.graph != self.after.graph or not same


def rounding(steps: Iterable[Translated]) -> Translated | None:
    """The last of some passes that rounds to integers, if any does."""
    found = [step for step in steps if step.step.keeps == "rounds"]
    return found[-1] if found else None


def on_chip(model: Model) -> bool:
    """Whether some of a model is in the integers of a chip of neurons."""
    return any(isinstance(node, FAMILIES["fixed-point"]) for node in model.graph)


class PassError(ToolError):
    """A pass failed in a way that none should; what it raised is the cause."""


def apply(
    passes: Iterable[Pass],
    model: Model,
    samples: Samples = no_samples,
    watch: Callable[[str, Model], None] | None = None,
    keep: Callable[[Translated], None] | None = None,
) -> Model:
    """The model after all passes, each result checked. `watch` sees the name and result of each, `keep` all of it.

    Raises ModelError naming the pass and the node where a result is unsound or not of its stage, PassError where
    a pass fails otherwise than by an error that nmc can explain, and what reading the samples raises.
    """
    done: list[Pass] = []
    unread: list[Exception] = []

    def read() -> FloatArray | None:
        try:
            return samples()
        except Exception as error:
            unread.append(error)
            raise

    for step in passes:
        before = model
        done.append(step)
        try:
            model = step(model, read)
            faults = model.check() or _stage_faults(step, model.graph)
        except (NmcError, OSError, MemoryError):
            raise
        except Exception as error:
            if error in unread:
                raise
            raise _crash(done, error) from error
        model.graph.raise_faults(
            Fault(f"after the pass {step.name}: {f.what}", f.remedy, f.node, f.where) for f in faults
        )
        if watch is not None:
            watch(step.name, model)
        if keep is not None:
            keep(Translated(step, before, model))
    return model


def _crash(done: list[Pass], error: Exception) -> PassError:
    """The error for what the last of these passes raised."""
    from nmc.passes.pipelines import Pipeline

    *before, failed = done
    after = f", after {', '.join(step.name for step in before)}" if before else ""
    return PassError(
        f"the pass {failed.name} failed{after}: {type(error).__name__}: {error}",
        "this is an error of nmc and not of your model. Please report it with the model and these passes, which get"
        f" there: nmc opt MODEL -p '{Pipeline(tuple(done))}'",
    )


def _stage_faults(step: Pass, graph: Graph) -> list[Fault]:
    from nmc.passes.host_streams import HostStreams

    legal = STAGES[step.stage]
    host = HostStreams(graph)

    def is_legal(node: Node) -> bool:
        if type(node) in legal or step.stage not in _ON_CHIP or not graph.dt_s:
            return type(node) in legal
        hosted = graph.signals[node.name].timing != "stream" or node.name in host.before | host.after
        return hosted and type(node) in _HOST

    return [
        Fault(
            f"{node.kind} is not legal at the stage {step.stage!r}",
            f"this is a fault of the pass {step.name}: it must replace the node or refuse it", node.name,
        )
        for node in graph
        if not is_legal(node)
    ]
