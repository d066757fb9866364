"""Results as plain dataclasses: what `--json` prints."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nmc.model import FloatArray, Model
from nmc.report.scores import score_name

if TYPE_CHECKING:
    from nmc.backends.target import Options, RunResult, RunWarning, Target
    from nmc.comparison import Comparison
    from nmc.data_source import DataRecord
    from nmc.estimates.estimate import Estimate
    from nmc.program import Program


def json_text(value: object) -> str:
    """JSON of a value made of dataclasses, mappings, sequences, paths and plain values."""
    return json.dumps(value, indent=2, default=_plain)


def _plain(value: object) -> object:
    """What JSON does not know, in plain values."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no JSON form")


@dataclass(frozen=True)
class TargetFacts:
    """A target, its options with their defaults, and its engines, the default one first."""

    name: str
    chip: str
    description: str
    engines: tuple[str, ...]
    options: Mapping[str, object]


def target_facts(target: Target[Options]) -> TargetFacts:
    """What there is to know of a target before compiling."""
    return TargetFacts(
        target.name, target.chip_name, target.description, tuple(target.engines), asdict(target.options)
    )


@dataclass(frozen=True)
class ZooFacts:
    """A model of the zoo in one line."""

    name: str
    description: str
    nodes: int
    parameters: int
    steps: int | None


def zoo_facts(name: str, model: Model) -> ZooFacts:
    """The model's size."""
    parameters = sum(int(array.size) for array in model.weights.values())
    return ZooFacts(name, model.description, len(model.graph), parameters, model.steps)


@dataclass(frozen=True)
class NodeFacts:
    """A node as text, and what flows out of it."""

    name: str
    kind: str
    text: str
    shape: tuple[int, ...]
    dtype: str
    timing: str


def model_facts(model: Model) -> Mapping[str, NodeFacts]:
    """The nodes of a model's graph, in the order in which they run."""
    graph = model.graph
    return {
        name: NodeFacts(
            name,
            graph[name].kind,
            str(graph[name]),
            graph.signals[name].shape,
            graph.signals[name].dtype,
            graph.signals[name].timing,
        )
        for name in graph.order
    }


@dataclass(frozen=True)
class RunFacts:
    """A run: `outputs` holds the shape of each, `classes` the largest output of each sample.

    `estimate` is None where no chip stands behind the target.
    """

    program: Path
    target: str
    samples: int
    steps: int
    seconds: float
    outputs: Mapping[str, tuple[int, ...]]
    classes: list[int | None] | None
    estimate: Estimate | None
    warnings: tuple[RunWarning, ...]
    data: DataRecord | None = None


def classes_of(outputs: FloatArray) -> list[int | None]:
    """The class of each sample [samples, classes]: where its largest value is; None where one is NaN."""
    return [None if np.isnan(each).any() else int(each.argmax()) for each in outputs]


def run_facts(
    program: Program, result: RunResult, estimate: Estimate | None, data: DataRecord | None = None
) -> RunFacts:
    """What a run gave, without the arrays themselves. `data` is what it ran on."""
    first = result.outputs[program.model.graph.outputs[0]]
    classes = classes_of(first) if first.ndim == 2 else None
    shapes = {name: array.shape for name, array in result.outputs.items()}
    events = result.events
    return RunFacts(
        program.path, program.target, events.samples, events.steps, result.seconds, shapes, classes, estimate,
        result.warnings, data,
    )


def comparison_facts(comparison: Comparison) -> Mapping[str, object]:
    """A comparison with what its scores mean, its warnings and, in each row, its program and whether on the front."""
    rows = [
        {**asdict(row), "program": comparison.programs.get(row.key), "front": row.key in comparison.front}
        for row in comparison.rows
    ]
    facts = {f.name: getattr(comparison, f.name) for f in fields(comparison) if f.name not in ("rows", "programs")}
    means = score_name(comparison.metric, comparison.test.role)
    return {**facts, "score_means": means, "findings": comparison.findings, "rows": rows}
