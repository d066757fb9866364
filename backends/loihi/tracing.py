"""What every node of a chip's program puts out on the native emulator, at every step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from nmc.backends.loihi.board import Board, Samples
from nmc.backends.loihi.engine import run, run_model
from nmc.backends.target import RunResult, Traced
from nmc.graph import Graph
from nmc.model import Array, FloatArray
from nmc.nodes.tensor import Input
from nmc.program import Program
from nmc.reference.interpreter import Feed


def trace(program: Program, x: Feed, *, steps: int | None = None) -> Traced:
    """A run as it is, and one of the same that shows all nodes of the chip; see `Traced`.

    Where showing them changes what the program puts out, they are left out.
    """
    result = run(program, x, steps=steps)  # type: ignore[arg-type]
    board = Board.of(program.model)
    nodes = _shown(board, board.samples(x, steps))
    return Traced(result, nodes if _agree(program.model.graph, nodes, result) else {})


def _shown(board: Board, samples: Samples) -> Mapping[str, Array]:
    graph, feeds, steps = board.model.graph, samples.feeds, samples.on_chip
    opened = board.model.with_(replace(graph, outputs=board.plan.computed, lag=0).pruned())
    inputs = {node.name: node for node in opened.graph if isinstance(node, Input)}
    given = {name: _padded(feeds[name], steps) if node.stream else feeds[name] for name, node in inputs.items()}
    shown = run_model(opened, given, steps=steps).outputs  # type: ignore[arg-type]
    return {**{name: np.asarray(value) for name, value in board.sent(samples).items()}, **shown}


def _padded(value: FloatArray, steps: int) -> FloatArray:
    missing = max(steps - value.shape[1], 0)
    return np.pad(value, [(0, 0), (0, missing), *[(0, 0)] * (value.ndim - 2)])


def _agree(graph: Graph, nodes: Mapping[str, Array], result: RunResult) -> bool:
    """Whether all that both have is the same in both."""
    return all(
        np.array_equal(nodes[name][:, graph.lag :], value) for name, value in result.outputs.items() if name in nodes
    )
