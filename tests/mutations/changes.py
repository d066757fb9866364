"""Changes to a model that a faulty engine or lowering might make: each is `Model -> Model`, for a node by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from mutations.seeds import Change
from nmc.graph import Node, Ref
from nmc.model import Array, Model


def facts(name: str, **changed: object) -> Change:
    """A node with other facts; a value may be a function of the node."""

    def change(model: Model) -> Model:
        if name not in model.graph:
            return model
        node = model.graph[name]
        new = {fact: value(node) if callable(value) else value for fact, value in changed.items()}
        return _with(model, replace(node, **new))

    return change


def arrays(name: str, fact: str, rule: Callable[[Array], Array], **changed: object) -> Change:
    """A node that reads another array in place of the one that one of its facts names, and has other facts."""

    def change(model: Model) -> Model:
        if name not in model.graph:
            return model
        node = model.graph[name]
        array = model.weights[getattr(node, fact)]
        key = f"{name}.{fact}.wrong"
        new = {each: value(node) if callable(value) else value for each, value in changed.items()}
        return _with(model, replace(node, **{fact: key, **new}), {key: np.ascontiguousarray(rule(array))})

    return change


def reads(name: str, rule: Callable[[tuple[Ref, ...]], tuple[Ref, ...]]) -> Change:
    """A node that reads others, or at other times."""
    return facts(name, inputs=lambda node: rule(node.inputs))


def later(steps: int) -> Callable[[tuple[Ref, ...]], tuple[Ref, ...]]:
    """All reads so many steps later, or, below 0, earlier."""
    return lambda inputs: tuple(Ref(ref.node, ref.delay + steps) for ref in inputs)


def without(index: int) -> Callable[[tuple[Ref, ...]], tuple[Ref, ...]]:
    """All reads but one."""
    return lambda inputs: inputs[:index] + inputs[index + 1 :]


def twice(index: int) -> Callable[[tuple[Ref, ...]], tuple[Ref, ...]]:
    """All reads, one of them two times."""
    return lambda inputs: (*inputs, inputs[index])


def spread(weight: Array) -> Array:
    """A kernel of 2 x 2 in the corner of one of 3 x 3: what one with holes is where these are forgotten."""
    return np.pad(weight, [(0, 0), (0, 0), (0, 1), (0, 1)])


def _with(model: Model, node: Node, found: dict[str, Array] | None = None) -> Model:
    return model.with_(model.graph.replace(node), found)
