"""What a host sends at every step, found for all steps at once where its graph allows it.

Results are those of the reference, which goes step by step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from math import prod

import numpy as np
from numpy.typing import NDArray

from nmc.backends.loihi import encoding_kernels as kernels
from nmc.graph import Graph, Node
from nmc.model import Array, FloatArray, Model
from nmc.nodes import coding, quantized, tensor
from nmc.reference import run
from nmc.reference.coding import bernoulli_uniform

Feeds = Mapping[str, FloatArray]
Spikes = NDArray[np.uint8]


def encoder(model: Model, name: str, steps: int) -> Callable[[Feeds], Array]:
    """How a node's values at each of `steps` steps are found, [B, 1 or T, *shape], from those of the inputs."""
    found = _encoder(model, name, steps)
    inputs = [node for node in model.graph if isinstance(node, tensor.Input)]
    if model.graph.upstream([name]).isdisjoint(node.name for node in inputs):
        silence = {node.name: np.zeros((1, *(steps,) * node.stream, *node.shape)) for node in inputs}
        value = found(silence)
        return lambda x: np.broadcast_to(value, (len(next(iter(x.values()))), *value.shape[1:]))
    return found


def _encoder(model: Model, name: str, steps: int) -> Callable[[Feeds], Array]:
    whole, node = _up_to(model, name), model.graph[name]
    read = _only_read(node)
    from_its_step = read is not None and _forgets(_up_to(model, read).graph)
    if read and from_its_step and isinstance(node, quantized.BitPlanes):
        return _bit_planes(model, node, read, steps)
    if _forgets(whole.graph):
        return partial(_at_once, whole, steps=steps)
    if not read or not from_its_step or type(node) not in SPIKES:
        return partial(_stepwise, whole, steps=steps)
    source, prepared = _up_to(model, read), SPIKES[type(node)](node, model.graph.signals[read].shape, steps)
    return lambda x: prepared(_at_once(source, x, steps))


def _only_read(node: Node) -> str | None:
    """The only node that a node reads, without delay, if that is so."""
    return node.inputs[0].node if len(node.inputs) == 1 and not node.inputs[0].delay else None


def _up_to(model: Model, name: str) -> Model:
    """What a node depends on, and all inputs."""
    return model.with_(replace(model.graph, outputs=(name,)).pruned())


def _forgets(graph: Graph) -> bool:
    """Whether each step depends on what comes in at that step alone."""
    inputs = [node for node in graph if isinstance(node, tensor.Input)]
    return len({node.stream for node in inputs}) == 1 and all(
        isinstance(node, tensor.Input | coding.ConstantCurrent)
        or (node.produces is None and not any(ref.delay for ref in node.inputs))
        for node in graph
    )


def _streams(graph: Graph) -> bool:
    """Whether something comes in anew at every step."""
    return any(isinstance(node, tensor.Input) and node.stream for node in graph)


def _at_once(model: Model, x: Feeds, steps: int) -> FloatArray:
    """What a model that forgets puts out: all steps as if they were samples, one if nothing streams in."""
    (name,) = model.graph.outputs
    samples, length = len(next(iter(x.values()))), 1
    if _streams(model.graph):
        length, x = steps, _padded(model, x, steps)
    if name in x:
        return x[name].reshape(samples, length, *model.graph.signals[name].shape)
    if length > 1:
        x = {key: value.reshape(samples * steps, 1, *value.shape[2:]) for key, value in x.items()}
    return run(model, x, 1)[name].reshape(samples, length, *model.graph.signals[name].shape)


def _padded(model: Model, x: Feeds, steps: int) -> Feeds:
    """The inputs, those that stream with zeros at steps after their last."""
    streams = {node.name for node in model.graph if isinstance(node, tensor.Input) and node.stream}
    return {name: with_zeros(value, steps) if name in streams else value for name, value in x.items()}


def with_zeros(value: FloatArray, steps: int) -> FloatArray:
    """A stream [B, T, ...] at so many steps, zeros at those after its last."""
    missing = steps - value.shape[1]
    if missing <= 0:
        return value[:, :steps]
    return np.pad(value, [(0, 0), (0, missing), *[(0, 0)] * (value.ndim - 2)])


def _stepwise(model: Model, x: Feeds, steps: int) -> FloatArray:
    """What a model puts out, by the reference."""
    (value,) = run(model, _padded(model, x, steps), steps).values()
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


def _bit_planes(model: Model, node: quantized.BitPlanes, read: str, steps: int) -> Callable[[Feeds], Spikes]:
    """How bit planes of the node `read` are found, which may itself be what quantizes."""
    quantizer, digits, (planes, *plane) = model.graph[read], node.bits - 1, model.graph.signals[node.name].shape
    facts = (1.0, 0, -np.inf, np.inf)
    if isinstance(quantizer, quantized.QuantizeLinear) and (before := _only_read(quantizer)):
        facts, read = (quantizer.scale, quantizer.zero_point, *quantizer.limits), before
    source, elements = _up_to(model, read), prod(model.graph.signals[read].shape)
    length = steps if _streams(source.graph) else 1

    def spikes(x: Feeds) -> Spikes:
        samples, given = len(next(iter(x.values()))), x.get(read)
        if given is None:
            given = _at_once(source, x, steps)
        numbers = np.ascontiguousarray(given).reshape(samples, -1, elements)
        out = np.zeros((samples, length, planes, *plane), np.uint8)
        kernels.bit_planes(numbers, np.array(facts), digits, out.reshape(samples, length, -1))
        return out

    return spikes


SPIKES: Mapping[type[Node], Callable[..., Callable[[FloatArray], Spikes]]] = {
    coding.RateEncode: _rate, coding.BernoulliEncode: _bernoulli,
}  # fmt: skip
"""How spikes [B, 1 or T, *shape] come of what such a node reads, [B, 1 or T, *shape]."""
