"""Max pooling between layers becomes something that neurons can do, where the user asks for it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

import numpy as np

from nmc.errors import Fault
from nmc.graph import Graph, Node, Ref, fresh
from nmc.model import Array, FloatArray, Model
from nmc.nodes import tensor
from nmc.passes import Keeps, Samples, Stage
from nmc.passes.conversion import MAX_POOLS, before_layers
from nmc.passes.rate_calibration import MOST_SAMPLES
from nmc.passes.refusal import refuse
from nmc.passes.to_spiking import calibrated
from nmc.reference.interpreter import Interpreter, as_feeds

MaxPool = tensor.MaxPool1d | tensor.MaxPool2d


@dataclass(frozen=True)
class ReplaceMaxPools:
    """Every MaxPool behind the first layer with weights, replaced by linear nodes, and Relu where need be.

    "average": the mean of the window, with a gain and an offset for each channel that bring it closest to the
    largest value on samples [B, *shape], by least squares with the means that really arrive. "pairwise":
    max(a, b) = b + relu(a - b), again and again, which is exact, and takes one Relu less than a window has elements.
    """

    method: Literal["average", "pairwise"] = "average"

    name: ClassVar[str] = "replace-max-pools"
    stage: ClassVar[Stage] = "quantized"
    keeps: ClassVar[Keeps] = "converts"

    def __call__(self, model: Model, samples: Samples) -> Model:
        """The model without max pooling. Raises UnsupportedError where zeros cannot stand in for padding."""
        if model.graph.dt_s is not None:
            return model
        head = before_layers(model.graph)
        pools = [model.graph[name] for name in model.graph.order if name not in head]
        found = [node for node in pools if isinstance(node, MAX_POOLS)]
        if not found:
            return model
        if self.method == "pairwise":
            return _by_pairs(model, found)
        return _by_averages(model, found, calibrated(samples(), "one without max pooling"))


def _by_averages(model: Model, pools: list[MaxPool], samples: FloatArray) -> Model:
    """One pool after another, each fitted to what the model put out, given what is before it by now."""
    samples = samples[:MOST_SAMPLES]
    wanted = _values(model, samples)
    taken = set(model.graph.by_name)
    for pool in pools:
        kind = tensor.AvgPool2d if isinstance(pool, tensor.MaxPool2d) else tensor.AvgPool1d
        mean = fresh(f"{pool.name}_mean", taken)
        average = kind(
            name=mean, inputs=pool.inputs, kernel=pool.kernel, stride=pool.stride, padding=pool.padding
        )
        facts = {fact: f"{pool.name}.{fact}" for fact in ("scale", "bias", "mean", "variance")}
        fitted = tensor.BatchNorm(name=pool.name, inputs=(Ref(mean),), epsilon=0.0, **facts)
        graph = _replaced(model.graph, pool, (average, fitted))
        channels = model.graph.signals[pool.name].shape[0]
        plain = {"scale": np.ones(channels), "bias": np.zeros(channels), "mean": np.zeros(channels),
                 "variance": np.ones(channels)}  # fmt: skip
        model = model.with_(graph, {facts[fact]: value for fact, value in plain.items()})
        gain, offset = _regression(_values(model, samples)[mean], wanted[pool.name])
        model = model.with_(graph, {facts["scale"]: gain, facts["bias"]: offset})
    return model


def _values(model: Model, samples: FloatArray) -> dict[str, FloatArray]:
    return dict(Interpreter(model, len(samples)).step(as_feeds(model.graph, samples)))


def _regression(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Gain and offset of each channel [C] that bring x [B, C, ...] closest to y, by least squares."""
    axes = (0, *range(2, x.ndim))
    mean_x, mean_y = (values.mean(axis=axes, keepdims=True) for values in (x, y))
    spread = np.sum((x - mean_x) ** 2, axis=axes)
    along = np.sum((x - mean_x) * (y - mean_y), axis=axes)
    gain = np.where(along > 0, along / np.maximum(spread, 1e-300), 1.0)
    return gain, mean_y.reshape(-1) - gain * mean_x.reshape(-1)


def _by_pairs(model: Model, pools: list[MaxPool]) -> Model:
    refuse(model.graph, (_padded(p) for p in pools if any(p.padding) and not _is_positive(model.graph, p.inputs)))
    for pool in pools:
        tournament = _Tournament(model, pool)
        model = model.with_(_replaced(model.graph, pool, tournament.played()), tournament.arrays)
    return model


def _padded(pool: MaxPool) -> Fault:
    return Fault(
        "its padding never wins, but the zeros that would stand in for it win over negative values",
        "choose the option max_pool=average, or put a Relu before the pooling", pool.name,
    )


def _is_positive(graph: Graph, reads: tuple[Ref, ...]) -> bool:
    """Whether what is read is never below 0, as far as the kinds of nodes tell."""
    for ref in reads:
        node = graph[ref.node]
        if isinstance(node, (*MAX_POOLS, tensor.AvgPool1d, tensor.AvgPool2d)):
            if not _is_positive(graph, node.inputs):
                return False
        elif not isinstance(node, tensor.Relu) and not (isinstance(node, tensor.Clip) and node.minimum >= 0):
            return False
    return True


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A value as a sum: elements of the window, picked by `kernel` [*kernel], and outputs of Relu nodes."""

    kernel: FloatArray
    relus: tuple[str, ...] = ()


@dataclass
class _Tournament:
    """Finds the largest element of every window of a pool, two candidates at a time."""

    model: Model
    pool: MaxPool
    nodes: list[Node] = field(default_factory=list)
    arrays: dict[str, Array] = field(default_factory=dict)
    taken: set[str] = field(init=False)

    def __post_init__(self) -> None:
        self.taken = set(self.model.graph.by_name)

    def played(self) -> tuple[Node, ...]:
        """The nodes, the last of them under the pool's name."""
        places = np.eye(int(np.prod(self.pool.kernel))).reshape(-1, *self.pool.kernel)
        rest = [_Candidate(place) for place in places]
        while len(rest) > 1:
            pairs = zip(rest[::2], rest[1::2], strict=False)
            odd = rest[len(rest) & ~1 :]
            rest = [self._larger(a, b) for a, b in pairs] + odd
        (best,) = rest
        picked = self._elements(best.kernel)
        self.nodes.append(self._times(self.pool.name, (picked, *map(Ref, best.relus)), 1.0))
        return tuple(self.nodes)

    def _larger(self, a: _Candidate, b: _Candidate) -> _Candidate:
        """max(a, b) = b + relu(a - b)."""
        reads = [self._elements(a.kernel - b.kernel), *map(Ref, a.relus)]
        for name in b.relus:
            negative = self._times(fresh(f"{name}_negative", self.taken), (Ref(name),), -1.0)
            self.nodes.append(negative)
            reads.append(Ref(negative.name))
        lead = fresh(f"{self.pool.name}_lead", self.taken)
        self.nodes.append(tensor.Relu(name=lead, inputs=tuple(reads)))
        return _Candidate(b.kernel, (*b.relus, lead))

    def _elements(self, kernel: FloatArray) -> Ref:
        """A weighted sum of each window's elements, every channel by itself."""
        name = fresh(f"{self.pool.name}_elements", self.taken)
        picked = self._depthwise(name, self.pool.inputs, kernel)
        self.nodes.append(replace(picked, stride=self.pool.stride, padding=self.pool.padding))
        return Ref(name)

    def _times(self, name: str, reads: tuple[Ref, ...], factor: float) -> tensor.Conv1d | tensor.Conv2d:
        return self._depthwise(name, reads, np.full((1,) * self.pool.rank, factor))

    def _depthwise(self, name: str, reads: tuple[Ref, ...], kernel: FloatArray) -> tensor.Conv1d | tensor.Conv2d:
        channels = self.model.graph.signals[self.pool.name].shape[0]
        self.arrays[f"{name}.weight"] = np.broadcast_to(kernel, (channels, 1, *kernel.shape)).copy()
        kind = tensor.Conv2d if isinstance(self.pool, tensor.MaxPool2d) else tensor.Conv1d
        return kind(
            name=name, inputs=reads, channels=channels, groups=channels, kernel=kernel.shape, weight=f"{name}.weight"
        )


def _replaced(graph: Graph, old: Node, new: tuple[Node, ...]) -> Graph:
    """The graph with nodes in place of one; the last of them bears its name."""
    nodes = [node for kept in graph for node in (new if kept.name == old.name else (kept,))]
    return replace(graph, nodes=tuple(nodes))
