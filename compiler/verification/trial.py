"""The samples that a program is verified on, and how many of them and of their steps there is time for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from nmc.graph import Node
from nmc.model import FloatArray, Model
from nmc.nodes import fixed_point, plasticity, product, tensor
from nmc.reference.interpreter import as_feeds, run_length
from nmc.verification.record import Level

CALIBRATION = "calibration data"
SAMPLES, STEPS = 16, 64
"""How much a brief verification runs at most."""
UNTOLD_STEPS = 16
"""How long a run lasts where the model does not say."""
LEAST_S, MOST_S = 0.15, 2.0
PER_WEIGHT_S = 1e-7
"""What of the time that compiling takes goes into a run of verification: about a quarter, by the weights there are."""
ELEMENTS = 1 << 24
"""How many values a trace may keep of all samples and steps."""
_PER_NODE_S = 2e-5
_PER_OPERATION_S = 6e-10
_PER_ELEMENT, _PER_INTEGER = 12, 40
"""What the reference takes for a node at a step and for a multiplication; and how many of those for an element."""
_PER_LEARNED = 60
_CONVOLUTIONS = (
    tensor.Conv1d, tensor.Conv2d, product.ConvTranspose1d, product.ConvTranspose2d, fixed_point.FixedConv2d
)


@dataclass(frozen=True, eq=False)
class Trial:
    """Samples by input name, and how many steps are run (None: as many as it takes, for a model without time).

    `data` says where the samples are from; `cut` how much less is run than there would be, empty where nothing is.
    """

    feeds: Mapping[str, FloatArray]
    steps: int | None
    data: str
    cut: str = ""

    @property
    def real(self) -> bool:
        """Whether the samples are the user's own."""
        return self.data == CALIBRATION

    @property
    def samples(self) -> int:
        """How many samples there are."""
        return len(next(iter(self.feeds.values())))


def trial(
    model: Model, calibration: FloatArray | None, models: Sequence[Model], level: Level = "brief"
) -> Trial | None:
    """What a program of `model` is verified on, where these models are to be run; None where there is no input.

    Real samples are spread over the calibration data; without any they are drawn from a fixed seed, from 0 to 1 and, of
    every other sample, from -1 to 1. A brief
    verification takes no longer than an estimate of what the reference needs allows, before anything is run.
    """
    inputs = [node for node in model.graph if isinstance(node, tensor.Input)]
    if not inputs:
        return None
    feeds, data = _samples(model, inputs, calibration, level)
    timed = model.graph.dt_s is not None
    length = run_length(replace(model, steps=model.steps or UNTOLD_STEPS), feeds, None) if timed else 1
    samples = len(next(iter(feeds.values())))
    if level == "full":
        return Trial(feeds, length if timed else None, data)
    lag = max(each.graph.lag for each in models)
    kept, steps = _affordable(models, samples, min(length, STEPS), lag)
    cut = ""
    if (kept, steps) != (min(samples, SAMPLES), min(length, STEPS)):
        cut = f"cut to {kept} samples" + (f" and {steps} of {length} steps" if timed else "") + " to save time"
    shorter = {node.name: _shortened(node, feeds[node.name][:kept], steps) for node in inputs}
    return Trial(shorter, steps if timed else None, data, cut)


def _samples(
    model: Model, inputs: Sequence[tensor.Input], calibration: FloatArray | None, level: Level
) -> tuple[Mapping[str, FloatArray], str]:
    if calibration is not None:
        count = len(calibration) if level == "full" else min(SAMPLES, len(calibration))
        chosen = np.linspace(0, len(calibration) - 1, count).astype(int)
        return as_feeds(model.graph, calibration[chosen]), CALIBRATION
    rng = np.random.default_rng(0)
    steps = (model.steps or UNTOLD_STEPS,)
    drawn = {node.name: rng.random((SAMPLES, *(steps if node.stream else ()), *node.shape)) for node in inputs}
    for x in drawn.values():
        x[1::2] = 2 * x[1::2] - 1
    return drawn, "random numbers"


def _affordable(models: Sequence[Model], samples: int, steps: int, lag: int) -> tuple[int, int]:
    """How many samples and steps there is time and memory for: first samples go, then steps."""
    weights = max(sum(array.size for array in each.weights.values()) for each in models)
    budget_s = min(MOST_S, LEAST_S + PER_WEIGHT_S * weights)
    once = {id(each): each for each in models}.values()
    fixed_s, each_s = (sum(part) for part in zip(*map(step_cost, once), strict=True))
    kept = max(1, min(SAMPLES, samples, ELEMENTS // max(1, _elements(models) * (steps + lag))))
    while kept > 1 and (steps + lag) * (fixed_s + kept * each_s) > budget_s:
        kept //= 2
    while steps > 1 and (steps + lag) * (fixed_s + kept * each_s) > budget_s:
        steps -= max(1, steps // 8)
    return kept, steps


def step_cost(model: Model) -> tuple[float, float]:
    """Seconds that the reference takes about for a step: whatever the samples, and for each of them."""
    graph = model.graph
    operations = sum(_operations(model, node) for node in graph)
    size = sum(array.size for array in model.weights.values())
    return _PER_NODE_S * len(graph) + 1e-9 * size, _PER_OPERATION_S * operations


def _operations(model: Model, node: Node) -> float:
    """Multiplications and the like of a node for one sample and step."""
    out = prod(model.graph.signals[node.name].shape)
    shapes = model.graph.operand_shapes(node)
    arrays = node.arrays(*shapes)
    if isinstance(node, plasticity.Learning | fixed_point.FixedDelayDense):
        return float(_PER_LEARNED * sum(prod(spec.shape) for spec in arrays.values()) + _PER_ELEMENT * out)
    kernel = max((prod(spec.shape) for spec in arrays.values() if len(spec.shape) > 1), default=0)
    if isinstance(node, _CONVOLUTIONS):
        kernel = kernel // max(1, model.graph.signals[node.name].shape[0]) * out
    elif isinstance(node, product.MatMul):
        kernel = out * shapes[0][-1]
    elif kernel and shapes and len(shapes[0]) > 1:
        kernel *= max(1, prod(shapes[0][:-1]))
    if isinstance(node, fixed_point.FixedSparse | tensor.SparseLinear):
        kernel = _PER_INTEGER * node.synapses
    each = _PER_INTEGER if isinstance(node, fixed_point.KINDS) else _PER_ELEMENT
    return float(kernel + each * (out + sum(map(prod, shapes))))


def _elements(models: Sequence[Model]) -> int:
    return max(sum(prod(signal.shape) for signal in each.graph.signals.values()) for each in models)


def _shortened(node: tensor.Input, x: FloatArray, steps: int) -> FloatArray:
    return x[:, :steps] if node.stream else x
