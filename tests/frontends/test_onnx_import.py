"""What ONNX graphs come to: the graph of nmc beside the text of the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import numpy_helper
from onnx.parser import parse_model

from nmc.frontends.onnx.load import Options, imported, of_proto
from nmc.model import Array, Model
from nmc.reference import run as reference


def model(body: str, opset: int = 18, shape: str = "N, 4", options: Options | None = None, **arrays: Array) -> Model:
    """The import of a model with one input x and one output y."""
    head = f'<ir_version: 8, opset_import: ["" : {opset}]>'
    proto = parse_model(f"{head} m (float[{shape}] x) => (float[M] y) {{ {body} }}")
    proto.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in arrays.items())
    return of_proto(proto, Path("m.onnx"), options or Options()).model


def lines(made: Model) -> list[str]:
    return str(made.graph).splitlines()


ONES = np.ones((4, 3), np.float32)


def test_a_product_and_its_bias_are_one_layer() -> None:
    made = model("p = MatMul (x, w) y = Add (p, b)", w=ONES, b=np.ones(3, np.float32))
    assert lines(made) == ["x = Input(shape=(4,))", "y = Linear(x, features=3, weight='w.T', bias='b')", "return y"]


def test_a_bias_stays_apart_where_the_product_is_read_elsewhere() -> None:
    made = model("p = MatMul (x, w) q = Add (p, b) y = Mul (p, q)", w=ONES, b=np.ones(3, np.float32))
    assert [node.kind for node in made.graph] == ["Input", "Linear", "Constant", "Add", "Mul"]


def test_the_batch_is_followed_through_shapes_and_transpositions() -> None:
    """PyTorch's views: the batch from Shape, the sequence in front, and back."""
    body = (
        "s = Shape (x) n = Gather (s, zero) m = Unsqueeze (n, zero) t = Concat <axis = 0> (m, rest) r = Reshape (x, t) "
        "u = Transpose <perm = [1, 0, 2]> (r) v = Relu (u) w = Transpose <perm = [1, 0, 2]> (v) y = Flatten (w)"
    )
    made = model(body, zero=np.array([0]).reshape(()), rest=np.array([2, 2]))
    assert [node.kind for node in made.graph] == ["Input", "Reshape", "Relu", "Flatten"]


def test_a_batch_of_one_that_the_file_fixes_is_any_batch() -> None:
    made = model("y = Reshape (x, k)", shape="1, 4, 2", k=np.array([1, -1]))
    assert made.graph.signals["y"].shape == (8,)
    assert reference(made, np.ones((5, 4, 2)))["y"].shape == (5, 8)


def test_constants_are_computed_by_the_opset_of_the_file() -> None:
    """In opset 9, axes are an attribute."""
    made = model("u = Unsqueeze <axes = [1, 2]> (g) y = Mul (x, u)", 9, "N, 3, 2, 2", g=np.arange(3, dtype=np.float32))
    np.testing.assert_array_equal(made.weights["u"].ravel(), [0, 1, 2])
    assert made.graph["y"].kind == "Mul"


@pytest.mark.parametrize(("opset", "total"), [(12, 1.0), (13, 3.0)])
def test_softmax_changed_its_meaning(opset: int, total: float) -> None:
    """Until opset 12, all axes from the one named on count as one; later each of the three columns adds up to 1."""
    made = model("y = Softmax <axis = 1> (x)", opset, "N, 2, 3")
    y = reference(made, np.random.default_rng(0).random((1, 2, 3)))["y"]
    assert y.sum() == pytest.approx(total)


def test_a_branch_with_a_known_condition_is_taken() -> None:
    body = (
        "c = Equal (rate, known) y = If (c) <then_branch = g () => (float[N, 4] a) { a = Relu (x) }, "
        "else_branch = h () => (float[N, 4] b) { b = Neg (x) }>"
    )
    text = f'<ir_version: 8, opset_import: ["" : 18]> m (float[N, 4] x, int64 rate) => (float[N, 4] y) {{ {body} }}'
    proto = parse_model(text)
    proto.graph.initializer.append(numpy_helper.from_array(np.asarray(16000), "known"))
    for rate, kind in ((16000, "Relu"), (8000, "Affine")):
        made = of_proto(proto, Path("m.onnx"), Options(constants={"rate": rate})).model
        assert [node.kind for node in made.graph] == ["Input", kind]


def test_a_quantized_layer_keeps_its_integers() -> None:
    body = (
        "q = QuantizeLinear (x, s, z) d = DequantizeLinear (q, s, z) v = DequantizeLinear <axis = 1> (w, k, zk) "
        "y = MatMul (d, v)"
    )
    weight = np.arange(-6, 6, dtype=np.int8).reshape(4, 3)
    scale = np.array([0.5, 0.25, 0.125], np.float32)
    made = model(body, s=np.float32(0.1).reshape(()), z=np.uint8(120).reshape(()), w=weight, k=scale,
                 zk=np.zeros(3, np.int8))  # fmt: skip
    (layer,) = (node for node in made.graph if node.kind == "Linear")
    np.testing.assert_array_equal(made.weights[layer.weight], weight.T)
    np.testing.assert_array_equal(made.weights[layer.weight_scale], scale)
    (grid,) = (node for node in made.graph if node.kind == "QuantizeLinear")
    assert grid.zero_point == 120 - 128


def test_values_of_the_file_are_found_again(tmp_path: Path) -> None:
    import onnx

    proto = parse_model(
        '<ir_version: 8, opset_import: ["" : 18]> m (float[N, 4] x) => (float[N, 4] y) { r = Relu (x) y = Tanh (r) }'
    )
    onnx.save(proto, tmp_path / "m.onnx")
    made = imported(tmp_path / "m.onnx", Options())
    assert made.nodes == {"x": "x", "r": "r", "y": "y"}
    assert made.dims["r"] == (None, 4)
