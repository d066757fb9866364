"""What a host sends at every step, found for all steps at once where its graph allows it.

Results are those of the reference, which goes step by step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from nmc.backends.loihi import encoding_kernels as kernels
from nmc.graph import Graph, Node
from nmc.model import Array, FloatArray, Model
from nmc.nodes import coding, quantized, tensor
from nmc.passes.fuse_synapses import pruned
from nmc.reference import run
from nmc.reference.coding import bernoulli_uniform

Feeds = Mapping[str, FloatArray]
Spikes = NDArray[np.uint8]


def encoder(model: Model, name: str, steps: int) -> Callable[[Feeds], Array]:
    """How a node's values at each of `steps` steps are found, [B, 1 or T, *shape], from those of the inputs."""
    whole, node = _up_to(model, name), model.graph[name]
    if _forgets(whole.graph):
        if type(node) is not quantized.BitPlanes:
            return partial(_at_once, whole, steps=steps)
    elif type(node) not in SPIKES:
        return partial(_stepwise, whole, steps=steps)
    ref, *others = node.inputs
    source = _up_to(model, ref.node)
    if others or ref.delay or not _forgets(source.graph):
        return partial(_stepwise, whole, steps=steps)
    prepared = SPIKES[type(node)](node, model.graph.signals[ref.node].shape, steps)
    return lambda x: prepared(_at_once(source, x, steps))


def _up_to(model: Model, name: str) -> Model:
    """What a node depends on, and all inputs."""
    return model.with_(pruned(replace(model.graph, outputs=(name,))))


def _forgets(graph: Graph) -> bool:
    """Whether each step depends on what comes in at that step alone."""
    inputs = [node for node in graph if isinstance(node, tensor.Input)]
    return len({node.stream for node in inputs}) == 1 and all(
        isinstance(node, tensor.Input | coding.ConstantCurrent)
        or (node.produces is None and not any(ref.delay for ref in node.inputs))
        for node in graph
    )


def _at_once(model: Model, x: Feeds, steps: int) -> FloatArray:
    """What a model that forgets puts out: all steps as if they were samples, one if nothing streams in."""
    (name,) = model.graph.outputs
    samples = len(next(iter(x.values())))
    length = steps if any(isinstance(node, tensor.Input) and node.stream for node in model.graph) else 1
    if name in x:
        return x[name][:, :steps] if length > 1 else x[name].reshape(samples, length, *model.graph.signals[name].shape)
    if length > 1:
        x = {key: value[:, :steps].reshape(samples * steps, 1, *value.shape[2:]) for key, value in x.items()}
    return run(model, x, 1)[name].reshape(samples, length, *model.graph.signals[name].shape)


def _stepwise(model: Model, x: Feeds, steps: int) -> FloatArray:
    """What a model puts out, by the reference."""
    (value,) = run(model, x, steps).values()
    return value if model.graph.signals[model.graph.outputs[0]].timing == "stream" else value[:, None]


def _rate(node: coding.RateEncode, shape: tuple[int, ...], steps: int) -> Callable[[FloatArray], Spikes]:
    def spikes(x: FloatArray) -> Spikes:
        out = np.empty((len(x), steps, *shape), np.uint8)
        added = np.ascontiguousarray(node.gain * x).reshape(len(x), x.shape[1], -1)
        a = np.full((len(x), added.shape[2]), node.initial)
        kernels.rate(added, a, out.reshape(len(x), steps, -1))
        return out

    return spikes


def _bernoulli(node: coding.BernoulliEncode, shape: tuple[int, ...], steps: int) -> Callable[[FloatArray], Spikes]:
    u = bernoulli_uniform(node, np.arange(1, steps + 1), int(np.prod(shape))).reshape(steps, *shape)
    return lambda x: (node.gain * x > u).view(np.uint8)


def _bit_planes(node: quantized.BitPlanes, shape: tuple[int, ...], steps: int) -> Callable[[FloatArray], Spikes]:
    digits = node.bits - 1

    def spikes(x: FloatArray) -> Spikes:
        out = np.zeros((*x.shape[:2], 2 * digits * shape[0], *shape[1:]), np.uint8)
        numbers = np.ascontiguousarray(x).reshape(x.shape[0] * x.shape[1], -1)
        kernels.bit_planes(numbers, digits, out.reshape(len(numbers), -1))
        return out

    return spikes


SPIKES: Mapping[type[Node], Callable[..., Callable[[FloatArray], Spikes]]] = {
    coding.RateEncode: _rate, coding.BernoulliEncode: _bernoulli, quantized.BitPlanes: _bit_planes,
}  # fmt: skip
"""How spikes [B, 1 or T, *shape] come of what such a node reads, [B, 1 or T, *shape]."""
