"""Every fact of every kind of node that is trained through means in PyTorch what the reference says."""

from __future__ import annotations

from dataclasses import MISSING, fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from needs import extra
from nmc import reference
from nmc.errors import UnsupportedError
from nmc.graph import Graph
from nmc.model import Model
from nmc.text import parse
from strategies import models, samples

torch = extra("torch")
from nmc.training.network import FORWARDS, Network  # noqa: E402

OF_ONE_STEP: dict[str, tuple[int, ...]] = {
    "Linear(x, features=3, weight='w', bias='b')": (5,),
    "Conv1d(x, channels=4, kernel=(3,), stride=(2,), padding=(1, 3), dilation=(2,), groups=2, weight='w', bias='b')":
        (4, 9),
    "Conv2d(x, channels=4, kernel=(3, 2), stride=(2, 1), padding=(1, 0, 2, 1), dilation=(1, 2), groups=2, weight='w', "
    "bias='b')": (4, 9, 7),
    "ConvTranspose1d(x, channels=4, kernel=(3,), stride=(3,), padding=(1, 0), dilation=(2,), output_padding=(2,), "
    "groups=2, weight='w', bias='b')": (4, 5),
    "ConvTranspose2d(x, channels=4, kernel=(3, 2), stride=(3, 2), padding=(1, 0, 0, 2), dilation=(2, 1), "
    "output_padding=(1, 1), groups=2, weight='w', bias='b')": (4, 5, 4),
    "BatchNorm(x, scale='s', bias='b', mean='m', variance='v', epsilon=0.5)": (3, 4),
    "LeakyRelu(x, alpha=0.3)": (5,), "Clip(x, minimum=-0.3, maximum=0.4)": (5,), "Softmax(x, axis=0)": (3, 4),
    "Concat(x, x, axis=-1)": (3, 4), "MaxPool1d(x, kernel=(3,), stride=(2,), padding=(1, 2))": (2, 7),
    "MaxPool2d(x, kernel=(3, 2), stride=(2, 1), padding=(1, 0, 2, 1))": (2, 7, 5),
    "AvgPool1d(x, kernel=(3,), stride=(2,), padding=(1, 2), count_include_pad=True)": (2, 7),
    "AvgPool2d(x, kernel=(3, 2), stride=(2, 1), padding=(1, 0, 2, 1), count_include_pad=True)": (2, 7, 5),
    "AvgPool2d(x, kernel=(3, 2), stride=(2, 1), padding=(1, 0, 2, 1))": (2, 7, 5),
    "Reshape(x, shape=(2, -1))": (3, 4), "Transpose(x, permutation=(1, 0))": (3, 4), "Flatten(x)": (3, 4),
    "Pad(x, padding=(1, 0, 0, 2), value=0.5)": (3, 4), "Affine(x, gain=0.5, offset=2.0)": (3,),
    "ReduceSum(x, axes=(0,))": (3, 4), "ReduceMean(x, axes=(1,))": (3, 4), "ReduceMax(x, axes=(0, 1))": (3, 4),
    "ReduceProd(x, axes=(0, 1))": (3, 4), "Slice(x, axis=1, start=1, stop=6, step=2)": (2, 7),
    "Expand(x, shape=(3, 4))": (3, 1),
}  # fmt: skip
"""Nodes that read x, and its shape."""

_RESET = "reset='value', reset_value='rv', refractory=2, initial='i', compare='>='"
_MULTIPLE = "reset='subtract', multispike=True, compare='>='"
IN_TIME = [
    f"LIF(x, decay='d', threshold='t', gain='g', leak='l', {_RESET})",
    f"CubaLIF(x, decay='d', threshold='t', gain='g', leak='l', current_decay='cd', current_gain='cg', {_RESET})",
    "CubaLIF(x, decay=0.9, current_decay=0.5, current='old', reset_at='next', threshold=0.5)",
    f"CubaLIF(x, decay=0.9, current_decay=0.5, {_MULTIPLE})",
    f"IF(x, gain='g', threshold='t', {_RESET})",
    "IF(x, reset='subtract', reset_at='next', threshold=0.7)", f"IF(x, {_MULTIPLE}, threshold='t')",
    "LIF(x, decay=0.9, reset_at='next', reset='none')", f"LIF(x, decay=0.9, {_MULTIPLE})",
    "LI(x, decay='d', gain='g', leak='l', initial='i')", "I(x, gain='g', initial='i')",
    "Threshold(x, threshold='t', compare='>=')", "RateEncode(x, gain=0.6, initial=0.3)", "ConstantCurrent(x, gain=0.5)",
]  # fmt: skip
"""Nodes that read x, a stream of (3, 2)."""
SUM_POOL = "SumPool2d(x, kernel=(3, 2), stride=(2, 1), padding=(1, 0, 2, 1))"
UNLIKE = {
    **{("SparseLinear", fact): "its arrays are places: below" for fact in
       ("features", "synapses", "weight", "row", "column")},
    **{("Constant", fact): "it reads nothing: below" for fact in ("value", "shape")},
    **{(kind, "weight_scale"): "refused: below" for kind in ("Linear", "Conv1d", "Conv2d")},
}  # fmt: skip
"""Facts that other tests of this file have, by kind."""


def drawn(graph: Graph) -> Model:
    """A model of a graph, its arrays from 0.2 to 0.9."""
    rng = np.random.default_rng(0)
    arrays = {
        name: rng.uniform(0.2, 0.9, spec.shape) for node in graph
        for name, spec in node.arrays(*graph.operand_shapes(node)).items()
    }  # fmt: skip
    return Model("m", graph, arrays)


def assert_same(model: Model, x: np.ndarray) -> None:
    """To 1e-4: PyTorch has 32 bits, the reference 64."""
    (output,) = model.graph.outputs
    with torch.no_grad():
        got = Network(model)(torch.tensor(x, dtype=torch.float32)).numpy()
    np.testing.assert_allclose(got, reference.run(model, x)[output], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("line", OF_ONE_STEP)
def test_facts_of_tensor_nodes(line: str) -> None:
    shape = OF_ONE_STEP[line]
    model = drawn(parse(f"x = Input(shape={shape})\ny = {line}\nreturn y"))
    assert_same(model, np.random.default_rng(1).normal(size=(3, *shape)))


@pytest.mark.parametrize("line", [*IN_TIME, SUM_POOL])
def test_facts_of_nodes_in_time(line: str) -> None:
    shape = (2, 7, 5) if line == SUM_POOL else (3, 2)
    model = drawn(parse(f"dt = 0.001\nx = Input(shape={shape}, stream=True)\ny = {line}\nreturn y"))
    assert_same(model, np.random.default_rng(1).uniform(-0.2, 1.6, (4, 15, *shape)))


def test_constants_and_synapses_one_by_one() -> None:
    graph = parse(
        "x = Input(shape=(4,))\nc = Constant(value='c', shape=(3,))\n"
        "s = SparseLinear(x, features=3, synapses=4, weight='w', row='r', column='k')\ny = Mul(s, c)\nreturn y"
    )
    arrays = {"c": np.array([1.0, 2, 3]), "w": np.array([0.5, 1, 2, 4])}
    arrays |= {"r": np.array([0, 2, 2, 0]), "k": np.array([3, 0, 1, 3])}
    assert_same(Model("m", graph, arrays), np.random.default_rng(1).normal(size=(3, 4)))


@pytest.mark.parametrize("kind", ["Linear(x, features=2,", "Conv1d(x, channels=2, kernel=(2,),"])
def test_quantized_weights_are_refused(kind: str) -> None:
    model = drawn(parse(f"x = Input(shape=(3, 4))\ny = {kind} weight='w', weight_scale='s')\nreturn y"))
    with pytest.raises(UnsupportedError, match="8-bit integers"):
        Network(model)


def test_no_fact_is_left_out() -> None:
    """Each fact of each kind that is trained through has a value that is not its default in a line above."""
    tried = set()
    for line in (*OF_ONE_STEP, *IN_TIME, SUM_POOL):
        (node,) = (node for node in parse(f"x = Input(shape=(3,))\ny = {line}\nreturn y") if node.name == "y")
        tried |= {(node.kind, field.name) for field in fields(node)
                  if field.default is MISSING or getattr(node, field.name) != field.default}  # fmt: skip
    known = {(kind.__name__, field.name) for kind in FORWARDS for field in fields(kind)}
    assert {pair for pair in known if pair[1] not in ("name", "inputs")} - tried == set(UNLIKE)


@given(st.data())
def test_a_model_means_the_same_or_is_refused(data: st.DataObject) -> None:
    """Delays, loops and several time scales among them."""
    model = data.draw(models(exact=True))
    x = data.draw(samples(model))
    try:
        Network(model)
    except UnsupportedError:
        return
    assert_same(model, x)
