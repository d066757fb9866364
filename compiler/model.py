"""A model: a graph, its weights, and its task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nmc.data_source import Source
from nmc.errors import Fault, closest
from nmc.graph import ArraySpec, Graph, Node, Shape

Array = NDArray[np.generic]
FloatArray = NDArray[np.float64]
TaskKind = Literal["classification", "regression", "anomaly", "generation", "control"]
"""What outputs mean: scores of classes, values, how anomalous a sample is, samples made up, or what to do next."""
MetricName = Literal[
    "accuracy", "mean-squared-error", "root-mean-squared-error", "mean-absolute-error", "bit-accuracy", "auroc",
    "inception-score", "return",
]  # fmt: skip


@dataclass(frozen=True)
class Budget:
    """What a model may cost, and must achieve, on a target; None is no limit.

    The score has one limit, whose name follows from the metric (`score_limit`). Energy and latency are intervals:
    `hold` says which of their values is held to the limits. Where a price was never published, the energy is known
    only from below, and is within its limit only if `allow_missing` says that the published prices will do.
    """

    min_accuracy: float | None = None
    max_energy_j: float | None = None
    max_latency_s: float | None = None
    min_score: float | None = None
    max_error: float | None = None
    hold: Literal["best", "high"] = "best"
    allow_missing: bool = False


@dataclass(frozen=True)
class Control:
    """Where a controller acts: an environment by its id in gymnasium, in so many episodes, seeded from `seed` on."""

    environment: str
    episodes: int = 100
    seed: int = 0


@dataclass(frozen=True)
class Task:
    """What a model is for: its data, how it is scored, and its budgets by target ("*" for all).

    `judge` is the model of the zoo that scores what a generator puts out, `control` where a controller acts.
    """

    kind: TaskKind
    metric: MetricName
    test: Source | None = None
    calibration: Source | None = None
    budgets: Mapping[str, Budget] = field(default_factory=dict)
    train: Source | None = None
    judge: str | None = None
    control: Control | None = None


@dataclass(frozen=True, eq=False)
class Model:
    """A graph and the arrays it names. `steps` is how long a run lasts unless told otherwise.

    `deviations` are the standard deviations of arrays, by the name of the array: where there is one, of its shape,
    each weight is normal about its value in `weights`, independent of the others. What compiles and runs a model takes
    the weights as they are; `nmc.bayes.sampling` draws others.
    """

    name: str
    graph: Graph
    weights: Mapping[str, Array]
    steps: int | None = None
    task: Task | None = None
    description: str = ""
    deviations: Mapping[str, Array] = field(default_factory=dict)

    def check(self) -> list[Fault]:
        """Every fault of the graph and of its arrays; empty if sound."""
        faults = self.graph.check() or [*self._array_faults(), *self._deviation_faults()]
        if self.steps is not None and self.steps < 1:
            faults.append(Fault(f"steps is {self.steps}", "run for 1 step or more"))
        return self.graph.placed(faults)

    def checked(self) -> Model:
        """This model. Raises ModelError with every fault, each with its place in the file."""
        self.graph.raise_faults(self.check())
        return self

    def with_(self, graph: Graph, weights: Mapping[str, Array] | None = None) -> Model:
        """This model with another graph, only the arrays that graph reads, and no deviations.

        `weights` are arrays to add to, or put in place of, those there are.
        """
        arrays = {**self.weights, **(weights or {})}
        read = {name for node in graph for name in node.arrays(*graph.operand_shapes(node))}
        kept = {name: arrays[name] for name in arrays if name in read}
        return replace(self, graph=graph, weights=kept, deviations={})

    def param(self, value: float | str) -> FloatArray | float:
        """A parameter's value: itself, or the array it names in double precision."""
        return self.weights[value].astype(np.float64) if isinstance(value, str) else value

    def _array_faults(self) -> list[Fault]:
        graph = self.graph
        return [
            fault for node in graph for fault in array_faults(node, graph.operand_shapes(node), self.weights)
        ]

    def _deviation_faults(self) -> list[Fault]:
        faults = []
        for name, deviation in self.deviations.items():
            mean = self.weights.get(name)
            if mean is None:
                what = f"there is a deviation of {name!r}, which no node reads"
                faults.append(Fault(what, closest(name, self.weights)))
            elif deviation.shape != mean.shape:
                what = f"the deviation of {name!r} has shape {deviation.shape}, the array {mean.shape}"
                faults.append(Fault(what, "give a deviation for each weight"))
            elif wrong := _wrong_values(deviation, ArraySpec(deviation.shape, low=0.0)):
                faults.append(Fault(f"the deviation of {name!r} {wrong}", "train or export the weights again"))
        return faults


def array_faults(node: Node, shapes: Sequence[Shape], weights: Mapping[str, Array]) -> list[Fault]:
    """Every fault of the arrays that a node reads, given the shapes of its operands."""
    faults = []
    specs = node.arrays(*shapes)
    for name, spec in specs.items():
        array = weights.get(name)
        if array is None:
            faults.append(Fault(
                f"it reads the array {name!r}, which the weights do not have",
                f"add it with shape {spec.shape}; {closest(name, weights)}",
                node.name,
            ))
        elif not spec.admits(array.shape):
            form = "a shape that broadcasts to" if spec.broadcast else "shape"
            faults.append(Fault(
                f"the array {name!r} has shape {array.shape}, but {node.kind} takes {form} {spec.shape}",
                "mend the node's facts or the weights", node.name,
            ))
        elif wrong := _wrong_values(array, spec):
            faults.append(Fault(f"the array {name!r} {wrong}", "train or export the weights again", node.name))
        elif wrong := _wrong_order(array, spec):
            faults.append(Fault(f"the array {name!r} {wrong}", "write the rows again, in order", node.name))
    if not faults:
        faults = [
            Fault(
                f"the array {name!r} must rise within each row of {spec.rises_in!r}, does not at entry {entry}",
                "sort the synapses of each row by column, and add up those of the same column", node.name,
            )
            for name, spec in specs.items() if spec.rises_in is not None
            if (entry := _first_fall(weights[name], weights[spec.rises_in])) is not None
        ]
    return faults


def _wrong_values(array: Array, spec: ArraySpec) -> str:
    """What is wrong with the values of an array, for a message; empty if nothing is."""
    if array.dtype.kind not in "biuf":
        return f"holds {array.dtype}, not real numbers"
    if array.dtype.kind == "f":
        if count := array.size - np.count_nonzero(np.isfinite(array)):
            return f"holds {count} values that are NaN or infinite"
        if spec.whole and np.any(array != np.rint(array)):
            return "must hold whole numbers"
    if array.size and not spec.low <= array.min() <= array.max() <= spec.high:
        return f"must hold values from {spec.low} to {spec.high}, has {array.min()} to {array.max()}"
    return ""


def _wrong_order(values: Array, spec: ArraySpec) -> str:
    """What is wrong with the order of an array's values, for a message; empty if nothing is."""
    if not spec.spans:
        return ""
    array = values.astype(np.int64)
    if array[0] != spec.low or array[-1] != spec.high:
        return f"must rise from {spec.low} to {spec.high}, goes from {array[0]} to {array[-1]}"
    falls = np.flatnonzero(array[1:] < array[:-1])
    return f"must rise from {spec.low} to {spec.high}, falls after entry {falls[0]}" if len(falls) else ""


def _first_fall(values: Array, starts: Array) -> int | None:
    """The first entry that is not above the one before it, those apart with which rows start."""
    falls, begun = np.less_equal(values[1:], values[:-1]), starts.astype(np.int64)
    falls[begun[(begun > 0) & (begun < len(values))] - 1] = False
    return int(falls.argmax()) + 1 if falls.any() else None
