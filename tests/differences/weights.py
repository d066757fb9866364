"""Mistakes with weights, biases and windows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from differences.mutants import Kind, Made, Site
from nmc.graph import Node, Ref
from nmc.model import Array, FloatArray
from nmc.nodes import fixed_point, spiking, tensor
from nmc.reference.interpreter import MEANINGS
from nmc.reference.meaning import Step, stateless

_REAL = (tensor.Linear, tensor.Conv1d, tensor.Conv2d)
_MATRICES = (tensor.Linear, fixed_point.FixedDense)
_KERNELS = (tensor.Conv1d, tensor.Conv2d, fixed_point.FixedConv2d)
_ALL = (*_MATRICES, *_KERNELS)
_AVERAGES = (tensor.AvgPool1d, tensor.AvgPool2d)
_POOLS = (*_AVERAGES, tensor.MaxPool1d, tensor.MaxPool2d, spiking.SumPool2d)


def _without_bias(site: Site) -> Made | None:
    return None if site.node.bias is None else site.facts(bias=None)


def _other_bias(rule: Callable[[Array], Array]) -> Callable[[Site], Made | None]:
    return lambda site: None if site.node.bias is None else site.arrays(bias=rule(site.array("bias")))


def _bias_late(site: Site) -> Made | None:
    """The bias comes a step late, and so not at the first one."""
    node, graph = site.node, site.model.graph
    if node.bias is None or graph.dt_s is None or graph.signals[node.name].timing != "stream":
        return None
    shape = graph.signals[node.name].shape
    plain, key = f"{node.name}__plain", f"{node.name}__bias"
    bias = site.array("bias").reshape(-1, *(1,) * (len(shape) - 1))
    made = site.nodes(
        replace(node, name=plain, bias=None),
        tensor.Constant(name=key, value=key, shape=shape),
        tensor.Add(name=node.name, inputs=(Ref(plain), Ref(key, 1))),
    )
    return Made(made.model.with_(made.model.graph, {key: np.broadcast_to(bias, shape).copy()}))


def _one(site: Site, rule: Callable[[float, FloatArray], float]) -> Made | None:
    """One weight that is not 0 is another."""
    weight = site.array("weight").copy()
    there = np.argwhere(weight)
    if not len(there):
        return None
    place = tuple(there[site.rng.integers(len(there))])
    weight[place] = rule(weight[place], weight)
    return site.arrays(weight=weight)


def _changed(rule: Callable[[FloatArray, np.random.Generator], FloatArray | None]) -> Callable[[Site], Made | None]:
    def make(site: Site) -> Made | None:
        weight = site.array("weight")
        wrong = rule(weight, site.rng)
        return None if wrong is None or np.array_equal(weight, wrong) else site.arrays(weight=wrong)

    return make


def _by_columns(w: FloatArray, rng: np.random.Generator) -> FloatArray | None:
    return None if min(w.shape) < 2 else w.T.reshape(w.shape)


def _flipped(w: FloatArray, rng: np.random.Generator) -> FloatArray:
    return np.flip(w, tuple(range(2, w.ndim)))


def _turned(w: FloatArray, rng: np.random.Generator) -> FloatArray | None:
    return w.swapaxes(2, 3) if w.ndim == 4 and w.shape[2] == w.shape[3] else None


def _exchanged(w: FloatArray, rng: np.random.Generator) -> FloatArray | None:
    return w.swapaxes(0, 1) if w.shape[0] == w.shape[1] else None


def _channels_last(w: FloatArray, rng: np.random.Generator) -> FloatArray | None:
    return w.transpose(0, *range(2, w.ndim), 1).reshape(w.shape) if w.shape[1] > 1 else None


def _outputs_in_order(order: Callable[[int, np.random.Generator], FloatArray]) -> Callable[[Site], Made | None]:
    def make(site: Site) -> Made | None:
        weight = site.array("weight")
        index = order(len(weight), site.rng)
        if np.array_equal(weight[index], weight):
            return None
        wrong = {"weight": weight[index]}
        if getattr(site.node, "bias", None) is not None:
            wrong["bias"] = site.array("bias")[index]
        return site.arrays(**wrong)

    return make


def _inputs_in_order(order: Callable[[int, np.random.Generator], FloatArray]) -> Callable[[Site], Made | None]:
    return _changed(lambda w, rng: w[:, order(w.shape[1], rng)])


def _rolled(count: int, rng: np.random.Generator) -> FloatArray:
    return np.roll(np.arange(count), 1)


def _reversed(count: int, rng: np.random.Generator) -> FloatArray:
    return np.arange(count)[::-1]


def _any(count: int, rng: np.random.Generator) -> FloatArray:
    return rng.permutation(count)


def _two(count: int, rng: np.random.Generator) -> FloatArray:
    """Two of them are exchanged."""
    order = np.arange(count)
    if count > 1:
        one, other = rng.choice(count, 2, replace=False)
        order[[one, other]] = order[[other, one]]
    return order


def _one_twice(count: int, rng: np.random.Generator) -> FloatArray:
    """One is taken in place of another."""
    order = np.arange(count)
    if count > 1:
        one, other = rng.choice(count, 2, replace=False)
        order[one] = other
    return order


def _times(factor: float) -> Callable[[Site], Made | None]:
    def make(site: Site) -> Made | None:
        made = _changed(lambda w, rng: w * factor)(site)
        doubled = made is not None and factor == 2 and getattr(site.node, "bias", None) is None
        return made.also("synapse-doubled") if made is not None and doubled else made

    return make


def _coarse(w: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Rounded down to 4 bits."""
    step = 16.0 if np.array_equal(w, np.rint(w)) else float(abs(w).max()) / 7 or 1.0
    return np.floor(w / step) * step


def _exponent(site: Site) -> Made:
    return site.facts(weight_exp=site.node.weight_exp + int(site.pick(-2, -1, 1, 2)))


def _moved_window(site: Site) -> Made | None:
    """What is padded at the beginning is padded at the end."""
    padding = site.node.padding
    half = len(padding) // 2
    moved = (*(0 for _ in range(half)), *(a + b for a, b in zip(padding[:half], padding[half:], strict=True)))
    return None if moved == padding else site.facts(padding=moved)


def _pixel_off(site: Site) -> Made | None:
    """The window begins a pixel earlier along one axis."""
    padding, half = list(site.node.padding), len(site.node.padding) // 2
    axis = int(site.rng.integers(half))
    if not padding[half + axis]:
        return None
    padding[axis], padding[half + axis] = padding[axis] + 1, padding[half + axis] - 1
    return site.facts(padding=tuple(padding))


def _window(**facts: Callable[[Node], object]) -> Callable[[Site], Made | None]:
    """A window of other facts, cut or filled to the shape that it should have."""

    def make(site: Site) -> Made | None:
        wrong = replace(site.node, **{fact: value(site.node) for fact, value in facts.items()})
        if wrong == site.node:
            return None
        shape = site.model.graph.signals[site.node.name].shape
        plain = MEANINGS[type(wrong)]

        def meaning(_: Node, step: Step) -> FloatArray:
            y = stateless(plain(wrong, step)).y[(slice(None), *(slice(0, n) for n in shape))]
            return np.pad(y, [(0, 0), *((0, n - have) for n, have in zip(shape, y.shape[1:], strict=True))])

        wrong.output_shape(*site.model.graph.operand_shapes(site.node))
        return site.means(meaning)

    return make


def _pools_as(kind: type[Node]) -> Callable[[Site], Made | None]:
    def make(site: Site) -> Made | None:
        node = site.node
        if isinstance(node, kind) or kind.rank != node.rank:
            return None
        other = kind(name=node.name, inputs=node.inputs, kernel=node.kernel, stride=node.stride, padding=node.padding)
        return Made(site.model.with_(site.model.graph.replace(other)))

    return make


def _norm(**arrays: Callable[[Array], Array]) -> Callable[[Site], Made | None]:
    return lambda site: site.arrays(**{fact: rule(site.array(fact)) for fact, rule in arrays.items()})


WEIGHTS = (
    Kind("bias lost", ("bias-missing",), _REAL, _without_bias),
    Kind("bias doubled", ("bias",), _REAL, _other_bias(lambda b: 2 * b)),
    Kind("bias taken away", ("bias",), _REAL, _other_bias(np.negative)),
    Kind("biases of the channels beside", ("bias", "channels"), _REAL, _other_bias(lambda b: np.roll(b, 1))),
    Kind("bias a step late", ("bias", "time-shift", "delay"), _REAL, _bias_late),
    Kind("a synapse lost", ("synapse-missing",), _ALL, lambda site: _one(site, lambda one, w: 0.0)),
    Kind("a synapse doubled", ("synapse-doubled",), _ALL, lambda site: _one(site, lambda one, w: 2 * one)),
    Kind("a weight of another sign", ("weight", "sign"), _ALL, lambda site: _one(site, lambda one, w: -one)),
    Kind("a weight of another size", ("weight",), _ALL,
         lambda site: _one(site, lambda one, w: -(one // 2) if one == np.rint(one) else one + 0.7 * abs(w).max())),
    Kind("matrix by columns", ("weights-transposed",), _MATRICES, _changed(_by_columns)),
    Kind("kernels turned around", ("kernel-flipped",), _KERNELS, _changed(_flipped)),
    Kind("height for width", ("kernel-transposed",), _KERNELS, _changed(_turned)),
    Kind("input for output channels", ("kernel-transposed",), _KERNELS, _changed(_exchanged)),
    Kind("kernels stored with channels last", ("kernel-transposed",), _KERNELS, _changed(_channels_last)),
    Kind("output channels moved", ("channels",), _ALL, _outputs_in_order(_rolled)),
    Kind("output channels in the opposite order", ("channels",), _ALL, _outputs_in_order(_reversed)),
    Kind("output channels in any order", ("channels",), _ALL, _outputs_in_order(_any)),
    Kind("two output channels exchanged", ("channels",), _ALL, _outputs_in_order(_two)),
    Kind("a channel with the weights of another", ("channels",), _ALL, _outputs_in_order(_one_twice)),
    Kind("input channels moved", ("channels", "layout"), _ALL, _inputs_in_order(_rolled)),
    Kind("input channels in any order", ("channels", "layout"), _ALL, _inputs_in_order(_any)),
    Kind("two input channels exchanged", ("channels", "layout"), _ALL, _inputs_in_order(_two)),
    Kind("weights twice as large", ("scale",), _ALL, _times(2.0)),
    Kind("weights half as large", ("scale",), _ALL, _times(0.5)),
    Kind("weights of another scale", ("scale",), _REAL, _times(1.37)),
    Kind("exponent off", ("scale",), (fixed_point.FixedDense,), _exponent),
    Kind("weights of the opposite sign", ("sign",), _ALL, _times(-1.0)),
    Kind("weights without sign", ("weights-unsigned",), _ALL, _changed(lambda w, rng: abs(w))),
    Kind("weights of 4 bits", ("rounding",), _ALL, _changed(_coarse)),
    Kind("weights clipped", ("saturation",), _ALL,
         _changed(lambda w, rng: np.clip(w, -np.rint(abs(w).max() / 2), np.rint(abs(w).max() / 2))
                  if np.array_equal(w, np.rint(w)) else np.clip(w, -abs(w).max() / 2, abs(w).max() / 2))),
    Kind("padding at the end alone", ("padding",), (*_KERNELS, *_POOLS), _moved_window),
    Kind("window a pixel off", ("padding",), (*_KERNELS, *_POOLS), _pixel_off),
    Kind("stride forgotten", ("stride",), (*_KERNELS, *_POOLS),
         _window(stride=lambda node: (1,) * len(node.stride))),
    Kind("stride one more", ("stride",), (*_KERNELS, *_POOLS),
         _window(stride=lambda node: tuple(n + 1 for n in node.stride))),
    Kind("holes forgotten", ("dilation",), _KERNELS, _window(dilation=lambda node: (1,) * len(node.dilation))),
    Kind("holes made up", ("dilation",), _KERNELS, _window(dilation=lambda node: (2,) * len(node.dilation))),
    Kind("averages as maxima", ("pooling",), _POOLS, _pools_as(tensor.MaxPool2d)),
    Kind("sums as averages", ("pooling",), _POOLS, _pools_as(tensor.AvgPool2d)),
    Kind("averages as sums", ("pooling",), _POOLS, _pools_as(spiking.SumPool2d)),
    Kind("padding counted otherwise", ("padding-counted",), _AVERAGES,
         lambda site: site.facts(count_include_pad=not site.node.count_include_pad)),
    Kind("no mean taken away", ("normalization",), (tensor.BatchNorm,), _norm(mean=np.zeros_like)),
    Kind("no deviation divided by", ("normalization",), (tensor.BatchNorm,), _norm(variance=np.ones_like)),
    Kind("normalization without a scale", ("normalization",), (tensor.BatchNorm,), _norm(scale=np.ones_like)),
    Kind("normalization without a bias", ("normalization", "bias-missing"), (tensor.BatchNorm,),
         _norm(bias=np.zeros_like)),
)  # fmt: skip
