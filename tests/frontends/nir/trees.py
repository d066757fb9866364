"""NIR graphs to test with: written out, and random ones of every primitive."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise

import numpy as np
from hypothesis import strategies as st

from nmc.frontends.nir.hdf5 import TextArray, Tree
from nmc.frontends.nir.load import Options, model_of
from nmc.frontends.nir.primitives import PRIMITIVES, graph_of
from nmc.model import Model
from strategies.draft import Draw

Value = str | float | list[object] | np.ndarray


def node(kind: str, **parameters: Value) -> Tree:
    """A node of a NIR graph."""
    values = {name: value if isinstance(value, str) else np.asarray(value) for name, value in parameters.items()}
    return {"type": kind, **values}


def graph(nodes: Mapping[str, Tree], edges: Iterable[str], metadata: Tree | None = None) -> Tree:
    """A NIR graph; an edge is written as 'a -> b'."""
    names = [name for edge in edges for name in edge.split(" -> ")]
    extra: Tree = {} if metadata is None else {"metadata": metadata}
    return {"type": "NIRGraph", "nodes": nodes, "edges": TextArray((len(names) // 2, 2), tuple(names)), **extra}


def chain(*layers: Tree, shape: tuple[int, ...] = (2,)) -> Tree:
    """Layers one after another, named by position, between `input` and `output`."""
    names = ["input", *(f"n{i}" for i in range(len(layers))), "output"]
    nodes = dict(zip(names, (node("Input", shape=list(shape)), *layers, node("Output", shape=[1])), strict=True))
    return graph(nodes, [f"{a} -> {b}" for a, b in pairwise(names)])


def imported(tree: Tree, **options: object) -> Model:
    """The model of a NIR graph, with a step of 1 ms unless told otherwise."""
    return model_of(graph_of({"node": tree}, "test.nir"), Options(**{"dt": 1e-3, **options}), "test", "test.nir")


def lif(n: int = 2, **changes: Value) -> Tree:
    """A population of LIF neurons: tau 10 ms, r 1, leak 0, threshold 1, reset 0."""
    values = {"tau": 0.01, "r": 1.0, "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0, **changes}
    return node("LIF", **{name: np.full(n, value) for name, value in values.items()})


KINDS: Mapping[int, tuple[str, ...]] = {
    rank: ("I", "IF", "LI", "LIF", "CubaLI", "CubaLIF", "Delay", "Threshold", "Scale", *more)
    for rank, more in (
        (1, ("Affine", "Linear", "Recurrent")), (2, ("Conv1d", "Flatten")),
        (3, ("Conv2d", "SumPool2d", "AvgPool2d", "Flatten")),
    )
}  # fmt: skip
"""The primitives that take so many axes; Recurrent is a nested graph of a neuron and weights back to it."""


@st.composite
def graphs(draw: Draw) -> Tree:
    """A random chain of one to five primitives."""
    start = shape = draw(st.sampled_from([(4,), (3,), (2, 6), (2, 5, 4)]))
    layers = []
    for _ in range(draw(st.integers(1, 5))):
        layer, shape = _layer(draw, draw(st.sampled_from(KINDS[len(shape)])), shape)
        layers.append(layer)
    return chain(*layers, shape=start)


def _layer(draw: Draw, kind: str, shape: tuple[int, ...]) -> tuple[Tree, tuple[int, ...]]:
    """A primitive that takes this shape, and the shape that it gives."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))

    def values(low: float, high: float) -> np.ndarray:
        """One random value for each element, or the same for all."""
        return random.uniform(low, high, shape) if draw(st.booleans()) else np.full(shape, random.uniform(low, high))

    times = {"tau": (2e-3, 0.1), "tau_mem": (2e-3, 0.1), "tau_syn": (2e-3, 0.1)}
    ranges = {**times, "r": (0.5, 2), "v_leak": (-0.5, 0.5), "v_threshold": (0.2, 2), "v_reset": (-1, 0.1),
              "w_in": (0.5, 2), "threshold": (-1, 1), "scale": (-2, 2)}  # fmt: skip
    match kind:
        case "Affine" | "Linear":
            features = draw(st.integers(1, 4))
            bias = {"bias": random.normal(size=features)} if kind == "Affine" else {}
            return node(kind, weight=random.normal(size=(features, *shape)), **bias), (features,)
        case "Recurrent":
            inner = {
                "input": node("Input", shape=list(shape)), "lif": _layer(draw, "LIF", shape)[0],
                "w_rec": node("Linear", weight=random.normal(size=shape * 2)), "output": node("Output"),
            }  # fmt: skip
            return graph(inner, ["input -> lif", "lif -> w_rec", "w_rec -> lif", "lif -> output"]), shape
        case "Conv1d" | "Conv2d":
            return _conv(draw, kind, shape, random)
        case "SumPool2d" | "AvgPool2d":
            k, stride, pad = random.integers(1, 3, 2), random.integers(1, 3, 2), np.zeros(2, int)
            out = tuple((n - k[i]) // stride[i] + 1 for i, n in enumerate(shape[1:]))
            if min(out) < 1:
                return node("Scale", scale=values(-2, 2)), shape
            return node(kind, kernel_size=k, stride=stride, padding=pad), (shape[0], *map(int, out))
        case "Flatten":
            first = draw(st.integers(0, len(shape) - 1))
            return node(kind, start_dim=first, end_dim=-1), (*shape[:first], int(np.prod(shape[first:])))
        case "Delay":
            return node(kind, delay=random.integers(0, 4, shape) * 1e-3), shape
    return node(kind, **{name: values(*ranges[name]) for name in PRIMITIVES[kind].required}), shape


def _conv(
    draw: Draw, kind: str, shape: tuple[int, ...], random: np.random.Generator
) -> tuple[Tree, tuple[int, ...]]:
    rank = len(shape) - 1
    groups = draw(st.sampled_from([n for n in (1, 2) if shape[0] % n == 0]))
    kernel = tuple(int(random.integers(1, min(3, n) + 1)) for n in shape[1:])
    same = draw(st.booleans())
    pads = random.integers(0, 2, rank)
    weight = random.normal(size=(2, shape[0] // groups, *kernel))
    sizes = shape[1:] if same else tuple(n + 2 * p - k + 1 for n, p, k in zip(shape[1:], pads, kernel, strict=True))
    layer = node(
        kind, weight=weight, bias=random.normal(size=2), stride=np.ones(rank, int), dilation=np.ones(rank, int),
        padding="same" if same else pads, groups=groups,
    )  # fmt: skip
    return layer, (2, *map(int, sizes))
