"""Linear nodes and paths of them by the entries that are not 0: the same as what one-hot inputs show."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest

from nmc import passes, reference
from nmc.backends.loihi.engine import run_model
from nmc.errors import UnsupportedError
from nmc.model import Model
from nmc.passes.fuse_synapses import FuseSynapses
from nmc.passes.linear_paths import LINEAR, Path, apply_linear, as_convolution
from nmc.passes.quantize_fixed_point import QuantizeFixedPoint
from nmc.passes.sparse_paths import SparseMatrix, entries, require_size, sparse_matrix
from nmc.text import parse

RNG = np.random.default_rng(0)
ARRAYS = {
    "w": RNG.normal(size=(3, 4)), "k": RNG.normal(size=(4, 1, 2, 3)), "k1": RNG.normal(size=(4, 2, 2)),
    "t": RNG.normal(size=(2, 2, 3, 2)), "t1": RNG.normal(size=(2, 3, 3)), "g": RNG.normal(size=2),
    "v": RNG.uniform(1, 2, size=2), "i": np.array([1, 0, 0, 2]), "sv": RNG.normal(size=3), "sr": np.array([0, 4, 0]),
    "sc": np.array([1, 2, 1]),
}  # fmt: skip
IMAGE, SIGNAL, ROW = "x = Input(shape=(2, 5, 4))", "x = Input(shape=(2, 7))", "x = Input(shape=(3,))"
NODES = {
    "Linear": f"{IMAGE}\ny = Linear(x, features=3, weight='w')",
    "SparseLinear": f"{ROW}\ny = SparseLinear(x, features=5, synapses=3, weight='sv', row='sr', column='sc')",
    "Conv1d": f"{SIGNAL}\ny = Conv1d(x, channels=4, kernel=2, weight='k1', padding=(1, 0), dilation=2)",
    "Conv2d": f"{IMAGE}\ny = Conv2d(x, channels=4, kernel=(2, 3), weight='k', padding=1, stride=2, groups=2)",
    "ConvTranspose1d": f"{SIGNAL}\ny = ConvTranspose1d(x, channels=3, kernel=3, weight='t1', stride=2, dilation=2, "
        "padding=1, output_padding=1)",
    "ConvTranspose2d": f"{IMAGE}\ny = ConvTranspose2d(x, channels=4, kernel=(3, 2), weight='t', stride=(3, 1), "
        "padding=(1, 0, 0, 1), output_padding=(2, 0), groups=2)",
    "AvgPool1d": f"{SIGNAL}\ny = AvgPool1d(x, kernel=3, stride=2, padding=1)",
    "AvgPool2d": f"{IMAGE}\ny = AvgPool2d(x, kernel=2, padding=1, count_include_pad=True)",
    "SumPool2d": f"{IMAGE}\ny = SumPool2d(x, kernel=2, stride=1)",
    "GlobalAvgPool": f"{IMAGE}\ny = GlobalAvgPool(x)",
    "BatchNorm": f"{IMAGE}\ny = BatchNorm(x, scale='g', bias='g', mean='g', variance='v')",
    "Affine": f"{IMAGE}\ny = Affine(x, gain=-0.5, offset=2.0)",
    "Flatten": f"{IMAGE}\ny = Flatten(x)",
    "Reshape": f"{IMAGE}\ny = Reshape(x, shape=(5, 8))",
    "Transpose": f"{IMAGE}\ny = Transpose(x, permutation=(2, 0, 1))",
    "Pad": f"{IMAGE}\ny = Pad(x, padding=(1, 0, 2, 0, 1, 0), value=3.0)",
    "Concat": f"{IMAGE}\nz = Input(shape=(1, 5, 4))\ny = Concat(z, x, axis=0)",
    "Add": f"{IMAGE}\nz = Input(shape=(2, 1, 4))\ny = Add(x, z)",
    "Sub": f"{IMAGE}\nz = Input(shape=(2, 5, 1))\ny = Sub(z, x)",
    "ReduceSum": f"{IMAGE}\ny = ReduceSum(x, axes=(0, 2))",
    "ReduceMean": f"{IMAGE}\ny = ReduceMean(x, axes=(1,))",
    "Slice": f"{IMAGE}\ny = Slice(x, axis=1, start=1, stop=5, step=2)",
    "Gather": f"{IMAGE}\ny = Gather(x, axis=2, indices='i', count=4)",
    "Expand": "x = Input(shape=(2, 1, 4))\ny = Expand(x, shape=(2, 3, 4))",
}  # fmt: skip


def model(text: str) -> Model:
    graph = parse(f"{text}\nreturn y")
    read = {name for node in graph for name in node.arrays(*graph.operand_shapes(node))}
    return Model("test", graph, {name: ARRAYS[name] for name in read}).checked()


def shown(whole: Model, operand: int) -> np.ndarray:
    """The matrix of the node y, by sending a 1 through each element of an operand."""
    node, shapes = whole.graph["y"], whole.graph.operand_shapes(whole.graph["y"])
    size = prod(shapes[operand])
    operands = [np.zeros((size, *shape)) for shape in shapes]
    operands[operand] = np.eye(size).reshape(size, *shapes[operand])
    return apply_linear(whole, node, tuple(operands), constant=False).reshape(size, -1).T


def test_every_linear_kind_is_here():
    assert NODES.keys() == {kind.__name__ for kind in LINEAR}


@pytest.mark.parametrize("kind", NODES)
def test_the_entries_of_a_node_are_what_it_does(kind):
    whole = model(NODES[kind])
    node = whole.graph["y"]
    for operand in range(len(whole.graph.operand_shapes(node))):
        found = entries(whole, node, operand).merged()
        np.testing.assert_allclose(found.dense(), shown(whole, operand), atol=1e-12)


@pytest.mark.parametrize("kind", NODES)
def test_a_node_that_is_a_convolution_is_the_same_one(kind):
    whole = model(NODES[kind])
    node = whole.graph["y"]
    for operand, ref in enumerate(node.inputs):
        found = as_convolution(whole, Path(ref.node, 0, ((node, operand),)))
        if found is None or len(whole.graph.signals["y"].shape) != 3:
            continue
        facts = {fact: getattr(found, fact) for fact in ("stride", "padding", "dilation", "groups")}
        shape, kernel = whole.graph.signals[ref.node].shape, found.weight.shape[2:]
        text = f"x = Input(shape={shape})\ny = Conv2d(x, channels={len(found.weight)}, kernel={kernel}, weight='c', "
        text += ", ".join(f"{fact}={value}" for fact, value in facts.items())
        other = Model("test", parse(f"{text})\nreturn y"), {"c": found.weight}).checked()
        np.testing.assert_allclose(shown(other, 0), shown(whole, operand), atol=1e-12)


def test_a_path_is_the_product_of_its_nodes():
    """An enlargement, a convolution, a pool and a turn in a row."""
    whole = model("""x = Input(shape=(2, 3, 4))
a = Gather(x, axis=1, indices='i', count=4)
b = ConvTranspose2d(a, channels=4, kernel=(3, 2), weight='t', stride=2, groups=2)
c = AvgPool2d(b, kernel=2, padding=1)
y = Transpose(c, permutation=(1, 2, 0))""")
    path = Path("x", 0, tuple((whole.graph[name], 0) for name in "abcy"))
    found = sparse_matrix(whole, path)
    ones = np.eye(24).reshape(24, 2, 3, 4)
    expected = (reference.run(whole, ones)["y"]).reshape(24, -1).T
    np.testing.assert_allclose(found.dense(), expected, atol=1e-12)
    assert len(found) == np.count_nonzero(expected)
    places = found.row * found.shape[1] + found.column
    assert np.all(np.diff(places) > 0)


def test_more_synapses_than_a_chip_holds_are_refused_before_they_are_made():
    each = np.zeros(1 << 15, np.int64)
    column = SparseMatrix((1 << 15, 1), np.arange(1 << 15), each, np.ones(1 << 15))
    with pytest.raises(UnsupportedError, match="1,073,741,824 synapses in one connection"):
        column.after(column.transposed)
    with pytest.raises(UnsupportedError, match="more than a chip could hold") as caught:
        require_size(1 << 40, "fc")
    assert caught.value.faults[0].node == "fc"


DECODER = """dt = 0.001
x = Input(shape=(2, 8, 8), stream=True)
a = Conv2d(x, channels=2, kernel=3, padding=1, weight='a')
s = LIF(a, decay=0.5)
e = Gather(s, axis=1, indices='i', count=16)
u = Gather(e, axis=2, indices='i', count=16)
c = Conv2d(u, channels=2, kernel=3, padding=1, weight='b')
f = Conv2d(s, channels=2, kernel=1, weight='c')
k = ConvTranspose2d(f, channels=2, kernel=2, stride=2, weight='d')
t = LIF(c, k, decay=0.5)
o = Conv2d(t, channels=1, kernel=3, weight='o')
v = LIF(o, decay=0.5)
return t, v"""


def decoder() -> tuple[Model, np.ndarray]:
    shapes = {"a": (2, 2, 3, 3), "b": (2, 2, 3, 3), "c": (2, 2, 1, 1), "d": (2, 2, 2, 2), "o": (1, 2, 3, 3)}
    weights = {name: RNG.normal(size=shape) for name, shape in shapes.items()}
    whole = Model("test", parse(DECODER), {**weights, "i": np.repeat(np.arange(8), 2)}).checked()
    return whole, (RNG.random((2, 12, 2, 8, 8)) < 0.3).astype(float)


def test_an_enlargement_between_neurons_is_a_sparse_synapse():
    """Each of 16 x 16 x 2 neurons reads up to 4 places of 2 channels for the one way, and one for the other."""
    whole, x = decoder()
    fused = passes.apply([FuseSynapses()], whole)
    (synapse,) = (node for node in fused.graph if node.kind == "SparseLinear")
    assert synapse.synapses <= 512 * 8
    np.testing.assert_allclose(reference.run(fused, x)["t"], reference.run(whole, x)["t"])
    fixed = passes.apply([QuantizeFixedPoint()], fused, lambda: x)
    assert [node.kind for node in fixed.graph if "Sparse" in node.kind] == ["FixedSparse"]
    given, expected = run_model(fixed, x, steps=12).outputs, reference.run(fixed, x, 12)
    assert expected["v"].any()
    for name, spikes in expected.items():
        np.testing.assert_array_equal(given[name], spikes)


CONVOLUTIONS = {
    "a sum": "z = Add(c, s)",
    "a difference": "z = Sub(s, c)",
    "a sum, scaled": "e = Add(c, s)\nz = Affine(e, gain=0.5)",
    "two halves": "e = Concat(c, s, axis=0)\nz = Conv2d(e, channels=2, kernel=1, weight='h')",
    "some channels": "e = Slice(s, axis=0, start=1, stop=2)\nz = Conv2d(e, channels=2, kernel=1, weight='j')",
}


@pytest.mark.parametrize("what", CONVOLUTIONS)
def test_what_is_local_stays_a_convolution(what):
    whole = Model("test", parse(f"""dt = 0.001
x = Input(shape=(2, 8, 8), stream=True)
s = Threshold(x, threshold=0.5)
c = Conv2d(s, channels=2, kernel=3, padding=1, weight='a')
{CONVOLUTIONS[what]}
t = LIF(z, decay=0.5)
return t"""), {"a": RNG.normal(size=(2, 2, 3, 3)), "h": RNG.normal(size=(2, 4, 1, 1)),
              "j": RNG.normal(size=(2, 1, 1, 1))})  # fmt: skip
    used = {name for node in whole.graph for name in node.arrays(*whole.graph.operand_shapes(node))}
    whole = Model("test", whole.graph, {name: whole.weights[name] for name in used}).checked()
    x = (RNG.random((2, 6, 2, 8, 8)) < 0.4).astype(float)
    fused = passes.apply([FuseSynapses()], whole)
    assert {node.kind for node in fused.graph if "weight" in vars(node)} == {"Conv2d"}
    np.testing.assert_allclose(reference.run(fused, x)["t"], reference.run(whole, x)["t"])
