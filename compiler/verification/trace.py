"""A run of the reference with everything kept that an engine can be held to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from nmc.graph import Node
from nmc.model import FloatArray, Model
from nmc.reference.interpreter import Feed, each_step
from nmc.reference.meaning import Result, Step


@dataclass(frozen=True, eq=False)
class Trace:
    """What nodes of a graph did at all steps, those of its lag included.

    `signals` are [samples, steps, *shape]; `state` is what each node carries after the last step, by its own names;
    `arrived` counts for each node the steps at which its operand was not 0, [samples, *shape of the operand]; `outputs`
    are as of a run.
    """

    signals: Mapping[str, FloatArray]
    state: Mapping[str, Mapping[str, FloatArray]]
    arrived: Mapping[str, FloatArray]
    outputs: Mapping[str, FloatArray]


def trace(model: Model, x: Feed, steps: int | None, nodes: Iterable[str]) -> Trace:
    """Run a model in the reference and keep these nodes."""
    graph, names = model.graph, tuple(nodes)
    wanted = tuple(dict.fromkeys([*names, *graph.outputs]))
    kept: dict[str, list[FloatArray]] = {name: [] for name in wanted}
    arrived: dict[str, FloatArray] = {}

    def watch(node: Node, step: Step, result: Result) -> None:
        if not step.operands:
            return
        count = np.asarray(step.operands[0] != 0, dtype=np.float64)
        arrived[node.name] = arrived[node.name] + count if node.name in arrived else count

    state: Mapping[str, Mapping[str, FloatArray]] = {}
    for values, held in each_step(model, x, steps, watch):
        state = dict(held)
        for name in wanted:
            kept[name].append(values[name])
    outputs = {
        name: np.stack(kept[name][graph.lag :], axis=1) if graph.signals[name].timing == "stream" else kept[name][-1]
        for name in graph.outputs
    }
    return Trace({name: np.stack(kept[name], axis=1) for name in names}, state, arrived, outputs)
