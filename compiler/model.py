"""A model: a graph, its weights, and its task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nmc.errors import Fault
from nmc.graph import Graph

Array = NDArray[np.generic]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Budget:
    """What a model may cost, and must achieve, on a target; None is no limit."""

    min_accuracy: float | None = None
    max_energy_j: float | None = None
    max_latency_s: float | None = None


@dataclass(frozen=True)
class Task:
    """What a model is for: its data, how it is scored, and its budgets by target ("*" for all)."""

    kind: Literal["classification", "regression"]
    metric: Literal["accuracy", "mean-squared-error"]
    test: Path | None = None
    calibration: Path | None = None
    budgets: Mapping[str, Budget] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Model:
    """A graph and the arrays it names. `steps` is how long a run lasts unless told otherwise."""

    name: str
    graph: Graph
    weights: Mapping[str, Array]
    steps: int | None = None
    task: Task | None = None
    description: str = ""

    def check(self) -> list[Fault]:
        """Every fault of the graph and of its arrays; empty if sound."""
        return self.graph.check() or self._array_faults()

    def checked(self) -> Model:
        """This model. Raises ModelError with every fault, each with its place in the file."""
        self.graph.raise_faults(self.check())
        return self

    def with_(self, graph: Graph, weights: Mapping[str, Array] | None = None) -> Model:
        """This model with another graph, and only the arrays that graph reads.

        `weights` are arrays to add to, or put in place of, those there are.
        """
        arrays = {**self.weights, **(weights or {})}
        read = {name for node in graph for name in node.arrays(*graph.operand_shapes(node))}
        return replace(self, graph=graph, weights={name: arrays[name] for name in arrays if name in read})

    def param(self, value: float | str) -> FloatArray | float:
        """A parameter's value: itself, or the array it names in double precision."""
        return self.weights[value].astype(np.float64) if isinstance(value, str) else value

    def _array_faults(self) -> list[Fault]:
        faults = []
        for node in self.graph:
            for name, spec in node.arrays(*self.graph.operand_shapes(node)).items():
                array = self.weights.get(name)
                if array is None:
                    faults.append(Fault(
                        f"it reads the array {name!r}, which the weights do not have",
                        f"add it with shape {spec.shape}; there are: {', '.join(sorted(self.weights)) or 'none'}",
                        node.name,
                    ))
                elif not spec.admits(array.shape):
                    form = "a shape that broadcasts to" if spec.broadcast else "shape"
                    faults.append(Fault(
                        f"the array {name!r} has shape {array.shape}, but {node.kind} takes {form} {spec.shape}",
                        "mend the node's facts or the weights", node.name,
                    ))
                elif array.dtype.kind not in "biuf":
                    faults.append(Fault(
                        f"the array {name!r} holds {array.dtype}, not real numbers", "store it as float32", node.name
                    ))
                elif not np.all(np.isfinite(array)):
                    count = int(np.size(array) - np.count_nonzero(np.isfinite(array)))
                    faults.append(Fault(
                        f"the array {name!r} holds {count} values that are NaN or infinite",
                        "train or export the weights again", node.name,
                    ))
                elif spec.whole and not _whole(array, *spec.whole):
                    low, high = spec.whole
                    faults.append(Fault(
                        f"the array {name!r} must hold whole numbers from {low} to {high}",
                        "round or clip its values", node.name,
                    ))
        return faults


def _whole(array: Array, low: int, high: int) -> bool:
    values = array.astype(np.float64)
    return bool(np.all((values == np.rint(values)) & (values >= low) & (values <= high)))
