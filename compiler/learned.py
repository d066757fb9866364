"""Learning from samples, one after another, and the program that comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nmc import program
from nmc.backends import able, target_of
from nmc.backends.target import LEARN
from nmc.errors import UsageError
from nmc.graph import Node
from nmc.model import Array, Model
from nmc.nodes.fixed_point import FixedDense
from nmc.nodes.fixed_point.weights import truncated
from nmc.nodes.plasticity import Learning, driving, learning_nodes
from nmc.nodes.tensor import Linear
from nmc.pipeline import program_files

if TYPE_CHECKING:
    from nmc.backends.target import Learned
    from nmc.program import Program
    from nmc.reference.interpreter import Feed


@dataclass(frozen=True, eq=False)
class Lesson:
    """What a program learned: the run, and the program with the weights that the last sample left."""

    learned: Learned
    program: Program


def learn(
    compiled: Program,
    x: Feed,
    directory: Path,
    *,
    freeze: bool = False,
    engine: str | None = None,
    steps: int | None = None,
) -> Lesson:
    """Run samples in sequence, each with the weights that the one before it left, and write the program that results.

    All else is put back between samples. With `freeze` the new program learns no more. Raises UsageError where
    nothing in the program learns, for an engine that cannot, or a wrong input; ToolError where the engine fails. Then
    nothing is written.
    """
    if not learning_nodes(compiled.model.graph):
        raise UsageError(
            f"nothing in {compiled.path} learns", "add a rule to a Linear node, as in 'learn: {rule: stdp, post: lif1}'"
        )
    target = target_of(compiled)
    found = able(target, LEARN, engine)(compiled, x, steps=steps)
    model = with_weights(compiled.model, found.weights)
    model = frozen(model) if freeze else model
    files = program_files(target, model, compiled.options)
    written = program.write(
        directory, model, target=compiled.target, chip=compiled.chip, options=asdict(compiled.options), files=files
    )
    return Lesson(found, written)


def frozen(model: Model) -> Model:
    """The model with the weights it has, which learn no more."""
    return model.with_(model.graph.replace(*map(_frozen, learning_nodes(model.graph))).pruned())


def _frozen(node: Learning) -> Node:
    reads = driving(node)
    if isinstance(node, FixedDense):
        facts = {f.name: getattr(node, f.name) for f in fields(FixedDense) if f.name != "inputs"}
        return FixedDense(inputs=reads, **facts)
    return Linear(name=node.name, inputs=reads, features=node.features, weight=node.weight)


def with_weights(model: Model, weights: Mapping[str, Array]) -> Model:
    """The model with other weights, by the connections that learn, as a chip would load them.

    Lava clears the lowest bits of what it loads: one where signs mix, and one for each bit that weights lack to 8.
    """
    arrays = {}
    for node in learning_nodes(model.graph):
        weight = weights[node.name]
        if isinstance(node, FixedDense):
            weight = truncated(weight.astype(np.int64), node.sign_mode, node.num_weight_bits)
        arrays[node.weight] = weight.astype(model.weights[node.weight].dtype)
    return replace(model, weights={**model.weights, **arrays})
