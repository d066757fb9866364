"""Tensor nodes against plain loops over the definition, and against ONNX's own reference evaluator."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from nmc.graph import Graph, Node, Ref
from nmc.model import Array, FloatArray, Model
from nmc.nodes import tensor
from nmc.nodes.quantized import DequantizeLinear, QuantizeLinear
from nmc.nodes.spiking import SumPool2d
from nmc.reference import run
from nmc.text import parse
from strategies import arrays

X = (np.random.default_rng(0).integers(-32, 33, (2, 3, 4, 5)) / 16).astype(np.float64)
"""Two samples of shape (3, 4, 5)."""


def meaning(node: Node, *operands: FloatArray, **weights: Array) -> FloatArray:
    """What a node puts out, given its operands with the batch first."""
    inputs = tuple(tensor.Input(name=f"x{i}", shape=x.shape[1:]) for i, x in enumerate(operands))
    graph = Graph((*inputs, node), (node.name,))
    feeds = {f"x{i}": x for i, x in enumerate(operands)}
    return run(Model("m", graph, weights).checked(), feeds)[node.name]


def node(kind: type[Node], operands: int = 1, **facts: object) -> Node:
    return kind(name="y", inputs=tuple(Ref(f"x{i}") for i in range(operands)), **facts)


# ------------------------------------------------------------------ windows, by loops

Window = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], tuple[int, ...]]


def places(
    shape: tuple[int, ...], kernel: tuple[int, ...], stride: tuple[int, ...], padding: tuple[int, ...],
    dilation: tuple[int, ...],
) -> Iterator[tuple[tuple[int, ...], list[tuple[tuple[int, ...], tuple[int, ...]]]]]:  # fmt: skip
    """For every place of the output: the places in the kernel and in the input that meet there."""
    rank = len(kernel)
    sizes = [
        (shape[a] + padding[a] + padding[rank + a] - dilation[a] * (kernel[a] - 1) - 1) // stride[a] + 1
        for a in range(rank)
    ]
    for out in product(*map(range, sizes)):
        met = []
        for k in product(*map(range, kernel)):
            at = tuple(out[a] * stride[a] + k[a] * dilation[a] - padding[a] for a in range(rank))
            if all(0 <= at[a] < shape[a] for a in range(rank)):
                met.append((k, at))
        yield out, met


def convolved(x: FloatArray, w: FloatArray, groups: int, *window: tuple[int, ...]) -> FloatArray:
    sites = list(places(x.shape[2:], w.shape[2:], *window))
    y = np.zeros((len(x), len(w), *np.add(sites[-1][0], 1)))
    for b, o in product(range(len(x)), range(len(w))):
        for c in range(w.shape[1]):
            channel = o // (len(w) // groups) * w.shape[1] + c
            for out, met in sites:
                for k, at in met:
                    y[(b, o, *out)] += w[(o, c, *k)] * x[(b, channel, *at)]
    return y


def pooled(x: FloatArray, kernel: tuple[int, ...], how: str, *window: tuple[int, ...]) -> FloatArray:
    sites = list(places(x.shape[2:], kernel, *window, (1,) * len(kernel)))
    y = np.zeros((*x.shape[:2], *np.add(sites[-1][0], 1)))
    for b, c in product(range(x.shape[0]), range(x.shape[1])):
        for out, met in sites:
            values = [x[(b, c, *at)] for _, at in met]
            y[(b, c, *out)] = {
                "max": max(values), "sum": sum(values), "mean": sum(values) / len(values),
                "padded mean": sum(values) / prod(kernel),
            }[how]  # fmt: skip
    return y


@given(st.data(), st.sampled_from([1, 2]))
@settings(max_examples=50, deadline=None)
def test_convolution(data: st.DataObject, rank: int) -> None:
    """Groups, strides, dilations and padding that differs at every side, in one and two dimensions."""
    groups = data.draw(st.sampled_from([1, 2, 3]))
    channels = groups * data.draw(st.integers(1, 2))
    spatial = tuple(data.draw(st.integers(3, 5)) for _ in range(rank))
    kernel = tuple(data.draw(st.integers(1, 3)) for _ in range(rank))
    widest = tuple(2 if 2 * k - 1 <= n else 1 for k, n in zip(kernel, spatial, strict=True))
    dilation = tuple(data.draw(st.integers(1, n)) for n in widest)
    stride = tuple(data.draw(st.integers(1, 3)) for _ in range(rank))
    padding = tuple(data.draw(st.integers(0, 3)) for _ in range(2 * rank))
    x = data.draw(arrays((2, 2 * groups, *spatial)))
    w = data.draw(arrays((channels, 2, *kernel)))
    b = data.draw(arrays((channels,)))
    conv = node(
        tensor.Conv1d if rank == 1 else tensor.Conv2d, channels=channels, groups=groups, kernel=kernel, stride=stride,
        padding=padding, dilation=dilation, weight="w", bias="b",
    )  # fmt: skip
    expected = convolved(x, w, groups, stride, padding, dilation) + b.reshape(-1, *(1,) * rank)
    np.testing.assert_array_equal(meaning(conv, x, w=w, b=b), expected)


@given(st.data(), st.sampled_from([1, 2]), st.sampled_from(["max", "mean", "padded mean", "sum"]))
@settings(max_examples=60, deadline=None)
def test_pooling(data: st.DataObject, rank: int, how: str) -> None:
    """Padding never wins a maximum, and counts in a mean only where that is asked for."""
    if how == "sum":
        rank = 2
    spatial = tuple(data.draw(st.integers(3, 6)) for _ in range(rank))
    kernel = tuple(data.draw(st.integers(1, 3)) for _ in range(rank))
    stride = tuple(data.draw(st.integers(1, 3)) for _ in range(rank))
    padding = tuple(data.draw(st.integers(0, k - 1)) for k in kernel * 2)
    x = data.draw(arrays((2, 2, *spatial), low=-32, high=-1))
    kinds: dict[str, tuple[type[Node], ...]] = {
        "max": (tensor.MaxPool1d, tensor.MaxPool2d), "sum": (SumPool2d, SumPool2d),
        "mean": (tensor.AvgPool1d, tensor.AvgPool2d), "padded mean": (tensor.AvgPool1d, tensor.AvgPool2d),
    }  # fmt: skip
    facts = {"count_include_pad": True} if how == "padded mean" else {}
    pool = node(kinds[how][rank - 1], kernel=kernel, stride=stride, padding=padding, **facts)
    np.testing.assert_allclose(meaning(pool, x), pooled(x, kernel, how, stride, padding), rtol=1e-15)


def test_a_kernel_is_not_flipped() -> None:
    """Cross-correlation: y0 = 1 * 1 + 10 * 2 = 21, y1 = 1 * 2 + 10 * 3 = 32."""
    conv = node(tensor.Conv1d, channels=1, kernel=(2,), weight="w")
    y = meaning(conv, np.array([[[1.0, 2.0, 3.0]]]), w=np.array([[[1.0, 10.0]]]))
    assert y.tolist() == [[[21.0, 32.0]]]


def test_weights_with_a_scale_mean_their_product() -> None:
    w, scale = np.arange(6.0).reshape(2, 3), np.array([0.5, 2.0])
    x = np.array([[1.0, 2.0, 4.0]])
    linear = node(tensor.Linear, features=2, weight="w", weight_scale="s")
    assert meaning(linear, x, w=w, s=scale).tolist() == [[(2 + 8) * 0.5, (3 + 8 + 20) * 2.0]]
    conv = node(tensor.Conv1d, channels=2, kernel=(3,), weight="w", weight_scale="s")
    assert meaning(conv, x[:, None], w=w[:, None], s=scale).tolist() == [[[5.0], [62.0]]]


def test_a_linear_layer_works_on_the_last_axis() -> None:
    w, b = np.arange(10.0).reshape(2, 5), np.array([100.0, 200.0])
    y = meaning(node(tensor.Linear, features=2, weight="w", bias="b"), X, w=w, b=b)
    assert y.shape == (2, 3, 4, 2)
    assert y[1, 2, 3, 1] == sum(X[1, 2, 3, i] * w[1, i] for i in range(5)) + 200.0


# ------------------------------------------------------------------ against ONNX

C = X[:, :, :1] * 2
Case = tuple[Node, str, dict[str, object], tuple[FloatArray, ...], dict[str, Array]]
CASES: dict[str, Case] = {
    "BatchNorm": (
        node(tensor.BatchNorm, scale="s", bias="b", mean="m", variance="v", epsilon=1e-3), "BatchNormalization",
        {"epsilon": 1e-3}, (X,),
        {"s": np.array([1.0, -2, 0.5]), "b": np.ones(3), "m": -np.ones(3), "v": np.arange(3.0)},
    ),
    "Relu": (node(tensor.Relu), "Relu", {}, (X,), {}),
    "LeakyRelu": (node(tensor.LeakyRelu, alpha=0.3), "LeakyRelu", {"alpha": 0.3}, (X,), {}),
    "Sigmoid": (node(tensor.Sigmoid), "Sigmoid", {}, (X * 20,), {}),
    "Tanh": (node(tensor.Tanh), "Tanh", {}, (X,), {}),
    "Softmax": (node(tensor.Softmax, axis=0), "Softmax", {"axis": 1}, (X * 100,), {}),
    "Softmax of the last": (node(tensor.Softmax), "Softmax", {"axis": -1}, (X,), {}),
    "Add": (node(tensor.Add, 2), "Add", {}, (X, C), {}),
    "Mul": (node(tensor.Mul, 2), "Mul", {}, (X, C), {}),
    "Concat": (node(tensor.Concat, 2, axis=1), "Concat", {"axis": 2}, (X, C), {}),
    "Concat from the end": (node(tensor.Concat, 2, axis=-2), "Concat", {"axis": -2}, (X, C), {}),
    "GlobalAvgPool": (node(tensor.GlobalAvgPool), "GlobalAveragePool", {}, (X,), {}),
    "Flatten": (node(tensor.Flatten), "Flatten", {"axis": 1}, (X,), {}),
    "Transpose": (node(tensor.Transpose, permutation=(2, 0, 1)), "Transpose", {"perm": [0, 3, 1, 2]}, (X,), {}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_nodes_that_onnx_has_too(case: str) -> None:
    own, operator, attributes, operands, weights = CASES[case]
    names = [f"x{i}" for i in range(len(operands))]
    onnx_node = helper.make_node(operator, [*names, *weights], ["y"], **attributes)
    values = [helper.make_tensor_value_info(name, TensorProto.DOUBLE, None) for name in (*names, *weights)]
    result = helper.make_tensor_value_info("y", TensorProto.DOUBLE, None)
    graph = helper.make_graph([onnx_node], "g", values, [result])
    evaluator = ReferenceEvaluator(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]))
    (expected,) = evaluator.run(None, {**dict(zip(names, operands, strict=True)), **weights})
    np.testing.assert_allclose(meaning(own, *operands, **weights), expected, rtol=1e-6, atol=1e-12)


# ------------------------------------------------------------------ by hand


def test_clip_and_its_open_ends() -> None:
    x = np.array([[-3.0, 0.0, 3.0]])
    assert meaning(node(tensor.Clip, minimum=-1.0, maximum=2.0), x).tolist() == [[-1.0, 0.0, 2.0]]
    assert meaning(node(tensor.Clip, maximum=2.0), x).tolist() == [[-3.0, 0.0, 2.0]]


def test_sums_and_products_of_three() -> None:
    x = np.array([[1.0, 2.0]])
    assert meaning(node(tensor.Add, 3), x, x * 10, x * 100).tolist() == [[111.0, 222.0]]
    assert meaning(node(tensor.Mul, 3), x, x * 10, x * 100).tolist() == [[1000.0, 8000.0]]


def test_pad_and_reshape() -> None:
    x = np.array([[[1.0, 2.0], [3.0, 4.0]]])
    assert meaning(node(tensor.Pad, padding=(0, 1, 1, 0), value=9.0), x).tolist() == [[[9, 1, 2], [9, 3, 4], [9, 9, 9]]]
    assert meaning(node(tensor.Reshape, shape=(1, -1, 1)), x).tolist() == [[[[1], [2], [3], [4]]]]


def test_a_constant_is_the_same_for_every_sample() -> None:
    graph = parse("x = Input(shape=(1, 2))\nc = Constant(value='c', shape=(2, 2))\ny = Concat(x, c)\nreturn y, c")
    y = run(Model("m", graph, {"c": np.eye(2)}), np.zeros((3, 1, 2)))
    assert y["y"].shape == (3, 3, 2)
    assert np.array_equal(y["c"], np.stack([np.eye(2)] * 3))


def test_quantization_rounds_half_to_even_and_saturates() -> None:
    """0.25 / 0.5 = 0.5 -> 0 and 0.75 / 0.5 = 1.5 -> 2; then + 1, and no more than 8 bits hold."""
    x = np.array([[0.25, 0.75, -0.25, 100.0, -100.0]])
    assert meaning(node(QuantizeLinear, scale=0.5, zero_point=1), x).tolist() == [[1.0, 3.0, 1.0, 127.0, -128.0]]
    assert meaning(node(QuantizeLinear, scale=0.5, bits=4), x).tolist() == [[0.0, 2.0, 0.0, 7.0, -8.0]]
    assert meaning(node(DequantizeLinear, scale=0.5, zero_point=1), x * 4).tolist() == [[0.0, 1.0, -1.0, 199.5, -200.5]]


def test_extremes_do_not_overflow() -> None:
    with np.errstate(all="raise", under="ignore"):
        x = np.array([[-800.0, 0.0, 800.0]])
        assert meaning(node(tensor.Sigmoid), x).tolist() == [[0.0, 0.5, 1.0]]
        assert meaning(node(tensor.Softmax), x).tolist() == [[0.0, 0.0, 1.0]]
