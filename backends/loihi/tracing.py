"""What every node of a chip's program puts out on the native emulator, at every step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from nmc.backends.loihi.engine import run, run_model
from nmc.backends.loihi.host import Host
from nmc.backends.loihi.native.plan import Plan
from nmc.backends.target import RunResult, Traced
from nmc.graph import Graph
from nmc.model import Array, FloatArray, Model
from nmc.nodes.tensor import Input
from nmc.program import Program
from nmc.reference.interpreter import Feed, as_feeds, run_length


def trace(program: Program, x: Feed, *, steps: int | None = None) -> Traced:
    """A run as it is, and one of the same that shows all nodes of the chip; see `Traced`.

    Where showing them changes what the program puts out, they are left out.
    """
    model = program.model
    result = run(program, x, steps=steps)  # type: ignore[arg-type]
    feeds = as_feeds(model.graph, x)
    on_chip = run_length(model, feeds, steps) + model.graph.lag
    nodes = _shown(model, feeds, on_chip)
    return Traced(result, nodes if _agree(model.graph, nodes, result) else {})


def _shown(model: Model, feeds: Mapping[str, FloatArray], on_chip: int) -> Mapping[str, Array]:
    plan = Plan.of(model)
    sent = Host.of(model, sorted(plan.fed), (*plan.computed, *plan.readouts)).feed(feeds, on_chip)
    opened = model.with_(replace(model.graph, outputs=plan.computed, lag=0).pruned())
    inputs = {node.name: node for node in opened.graph if isinstance(node, Input)}
    given = {name: _padded(feeds[name], on_chip) if node.stream else feeds[name] for name, node in inputs.items()}
    shown = run_model(opened, given, steps=on_chip).outputs  # type: ignore[arg-type]
    return {**{name: np.asarray(value) for name, value in sent.items()}, **shown}


def _padded(value: FloatArray, steps: int) -> FloatArray:
    missing = max(steps - value.shape[1], 0)
    return np.pad(value, [(0, 0), (0, missing), *[(0, 0)] * (value.ndim - 2)])


def _agree(graph: Graph, nodes: Mapping[str, Array], result: RunResult) -> bool:
    """Whether all that both have is the same in both."""
    return all(
        np.array_equal(nodes[name][:, graph.lag :], value) for name, value in result.outputs.items() if name in nodes
    )
