"""Which axis counts samples: how it is found, where it may hide, and that what is advised gets further."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper
from onnx.parser import parse_model

from nmc.errors import ModelError
from nmc.frontends.onnx.load import Imported, Options, imported, of_proto
from nmc.model import Array
from nmc.reference import run

HEAD = '<ir_version: 8, opset_import: ["" : 18, "com.microsoft" : 1, "ai.onnx.ml" : 3, "qonnx.custom_op.general" : 1]>'


def proto(body: str, shape: str, arrays: Mapping[str, Array] | None = None, output: str = "M") -> onnx.ModelProto:
    made = parse_model(f"{HEAD} m (float[{shape}] x) => (float[{output}] y) {{ {body} }}")
    made.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in (arrays or {}).items())
    return made


def complaint(made: onnx.ModelProto, options: Options | None = None) -> str:
    with pytest.raises(ModelError) as caught:
        of_proto(made, Path("m.onnx"), options or Options())
    return str(caught.value)


def assert_equals_runtime(made: onnx.ModelProto, x: Array, folder: Path) -> Imported:
    """The import puts out what ONNX Runtime does for a batch, wherever its axis is."""
    onnx.save(made, folder / "m.onnx")
    session = onnxruntime.InferenceSession(made.SerializeToString())
    (expected,) = session.run(None, {"x": x})
    found = imported(folder / "m.onnx", Options())
    (y,) = run(found.model, np.moveaxis(x, found.dims["x"].index(None), 0)).values()
    place = found.dims["y"].index(None)
    np.testing.assert_allclose(y, np.moveaxis(expected, place, 0), rtol=1e-5, atol=1e-6)
    return found


W = np.random.default_rng(0).standard_normal((8, 8)).astype(np.float32)
FOLDED = {
    "samples and heads, samples first":
        "r = Reshape (x, r0) t = Transpose <perm = [0, 2, 1, 3]> (r) f = Reshape (t, f0) p = MatMul (f, w4) "
        "s = Softmax (p) b = Reshape (s, b0) u = Transpose <perm = [0, 2, 1, 3]> (b) y = Reshape (u, y0)",
    "time before samples":
        "t = Transpose <perm = [1, 0, 2]> (x) f = Reshape (t, flat) p = MatMul (f, w) r = Relu (p) "
        "s = Shape (t) b = Reshape (r, s) y = Transpose <perm = [1, 0, 2]> (b)",
    "heads before samples":
        "r = Reshape (x, r0) t = Transpose <perm = [2, 0, 1, 3]> (r) f = Reshape (t, f0) p = MatMul (f, w4) "
        "s = Softmax (p) b = Reshape (s, back) u = Transpose <perm = [1, 2, 0, 3]> (b) y = Reshape (u, y0)",
    "normalized per row":
        "t = Transpose <perm = [1, 0, 2]> (x) f = Reshape (t, flat) n = LayerNormalization (f, ones, zeros) "
        "s = Shape (t) b = Reshape (n, s) a = Add (b, t) y = Transpose <perm = [1, 0, 2]> (a)",
}  # fmt: skip
SHAPES = {
    "r0": (0, 0, 2, 4), "f0": (-1, 6, 4), "b0": (-1, 2, 6, 4), "y0": (-1, 6, 8), "flat": (-1, 8), "back": (2, -1, 6, 4)
}


@pytest.mark.parametrize("body", FOLDED.values(), ids=FOLDED)
def test_samples_fold_with_another_axis_in_either_order(body: str, tmp_path: Path) -> None:
    arrays = {name: np.array(shape) for name, shape in SHAPES.items()}
    arrays |= {"w": W, "w4": W[:4, :4], "ones": np.ones(8, np.float32), "zeros": np.zeros(8, np.float32)}
    x = np.random.default_rng(1).standard_normal((3, 6, 8)).astype(np.float32)
    assert_equals_runtime(proto(body, "N, 6, 8", arrays, "N, 6, 8"), x, tmp_path)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_convolution_of_every_frame(order: tuple[int, int], tmp_path: Path) -> None:
    """Frames fold with the samples, before or after them, and unfold."""
    perm = [*order, 2, 3, 4]
    body = (
        f"t = Transpose <perm = {perm}> (x) f = Reshape (t, f0) c = Conv <pads = [1, 1, 1, 1]> (f, k) r = Relu (c) "
        f"g = GlobalAveragePool (r) s = Shape <end = 2> (t) e = Concat <axis = 0> (s, three) b = Reshape (g, e) "
        f"y = Transpose <perm = {[*order, 2]}> (b)"
    )
    kernel = np.random.default_rng(2).standard_normal((3, 2, 3, 3)).astype(np.float32)
    arrays = {"f0": np.array([-1, 2, 5, 5]), "k": kernel, "three": np.array([3])}
    x = np.random.default_rng(3).standard_normal((4, 6, 2, 5, 5)).astype(np.float32)
    assert_equals_runtime(proto(body, "N, 6, 2, 5, 5", arrays, "N, 6, 3"), x, tmp_path)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_recurrence_over_every_patch(order: tuple[int, int], tmp_path: Path) -> None:
    body = (
        f"t = Transpose <perm = {[*order, 2, 3]}> (x) f = Reshape (t, f0) q = Transpose <perm = [1, 0, 2]> (f) "
        "all, last = LSTM <hidden_size = 2> (q, wi, wr) z = Squeeze (last, zero) s = Shape <end = 2> (t) "
        f"e = Concat <axis = 0> (s, two) b = Reshape (z, e) y = Transpose <perm = {[*order, 2]}> (b)"
    )
    random = np.random.default_rng(4)
    arrays = {
        "f0": np.array([-1, 4, 3]), "wi": random.standard_normal((1, 8, 3)).astype(np.float32),
        "wr": random.standard_normal((1, 8, 2)).astype(np.float32), "zero": np.array([0]), "two": np.array([2]),
    }  # fmt: skip
    x = random.standard_normal((3, 5, 4, 3)).astype(np.float32)
    assert_equals_runtime(proto(body, "N, 5, 4, 3", arrays, "N, 5, 2"), x, tmp_path)


def test_rows_of_other_orders_do_not_meet() -> None:
    """[6, N] and [N, 6] fold to the same sizes; element by element they would pair samples."""
    body = (
        "t = Transpose <perm = [1, 0, 2]> (x) a = Reshape (t, flat) b = Reshape (x, flat) s = Add (a, b) "
        "y = Reshape (s, y0)"
    )
    text = complaint(proto(body, "N, 6, 8", {"flat": np.array([-1, 8]), "y0": np.array([-1, 6, 8])}), Options("first"))
    assert "it pairs samples with one another" in text


def test_an_axis_named_batch_counts_samples_where_the_first_has_a_size(tmp_path: Path) -> None:
    body = "m = ReduceMean <keepdims = 0> (x, zero) y = Relu (m)"
    x = np.random.default_rng(5).standard_normal((6, 3, 4)).astype(np.float32)
    found = assert_equals_runtime(proto(body, "6, batch, 4", {"zero": np.array([0])}, "batch, 4"), x, tmp_path)
    assert found.dims["x"] == (6, None, 4) and found.model.graph.signals["x"].shape == (6, 4)


def test_what_is_proposed_keeps_known_sizes() -> None:
    assert "--shape 'x=6,32,4'" in complaint(proto("y = Relu (x)", "6, T, 4"))


RECURRENT = {"wi": np.ones((1, 8, 4), np.float32), "wr": np.ones((1, 8, 2), np.float32)}
STUCK = {
    "a reason of its own": ("y = LSTM <hidden_size = 2, clip = 1.0> (x, wi, wr)", "6, 1, 4", "it clips its gates"),
    "the same, an open axis": ("y = LSTM <hidden_size = 2, clip = 1.0> (x, wi, wr)", "T, 1, 4", "it clips its gates"),
    "in a definition": ("q, s, z = DynamicQuantizeLinear (x) y = Relu (x)", "N, 4", "depends on the model's input"),
    "no such operation": ("m = Softmax <axis = 0> (x) y = NonZero (m)", "N, 4", "nmc has no such operation"),
}


@pytest.mark.parametrize(("body", "shape", "reason"), STUCK.values(), ids=STUCK)
def test_the_reasons_are_those_of_the_reading_that_gets_further(body: str, shape: str, reason: str) -> None:
    text = complaint(proto(body, shape, RECURRENT))
    assert reason in text and "--batch" not in text and "counts samples" not in text


ADVISED = {
    "open first axis": ("y = Softmax <axis = 0> (x)", "N, 4", "auto"),
    "two open axes": ("y = LSTM <hidden_size = 2> (x, wi, wr)", "T, N, 4", "auto"),
    "asked for first": ("y = Softmax <axis = 0> (x)", "2, 4", "first"),
    "open elsewhere": ("y = LSTM <hidden_size = 2> (x, wi, wr)", "6, K, 4", "auto"),
    "open behind a batch": ("y = Relu (x)", "N, 3, H, W", "auto"),
    "all open": ("y = ReduceMax (x)", "A, B, C", "auto"),
    "none asked for": ("y = Relu (x)", "N, 3", "none"),
}


@pytest.mark.parametrize(("body", "shape", "batch"), ADVISED.values(), ids=ADVISED)
def test_advice_that_is_followed_gets_further(body: str, shape: str, batch: str) -> None:
    """Every --batch and --shape that a message names is followed, until the file is imported."""
    made = proto(body, shape, RECURRENT)
    options = Options(batch)  # type: ignore[arg-type]
    for _ in range(2):
        text = complaint(made, options)
        chosen = re.search(r"--batch (\w+)", text)
        shapes = {name: tuple(map(int, sizes.split(","))) for name, sizes in re.findall(r"'(\w+)=([\d,]+)'", text)}
        assert chosen or shapes
        options = Options(chosen[1] if chosen else options.batch, {**options.shapes, **shapes})  # type: ignore[arg-type]
        try:
            of_proto(made, Path("m.onnx"), options)
        except ModelError:
            continue
        return
    pytest.fail("following the advice twice does not import the file")


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("y = ai.onnx.ml.Scaler (x)", "classical models"),
        ("y = qonnx.custom_op.general.Quant (x)", "export_onnx_qcdq"),
        ("y = com.microsoft.QLinearAdd (x)", "QuantFormat.QDQ"),
        ("y = com.microsoft.FusedConv (x)", "before ONNX Runtime optimized it"),
        ("y = my.tools.Op (x)", "with its definition in the file as a function"),
    ],
)
def test_operations_of_other_domains_say_whose_they_are(call: str, says: str) -> None:
    assert says in complaint(proto(call, "N, 4"))


def test_onnx_runtimes_name_for_a_grid_is_taken() -> None:
    body = "q = com.microsoft.QuantizeLinear (x, s, z) y = com.microsoft.DequantizeLinear (q, s, z)"
    arrays = {"s": np.asarray(0.5, np.float32), "z": np.asarray(3, np.int8)}
    made = of_proto(proto(body, "N, 4", arrays), Path("m.onnx"), Options()).model
    assert run(made, np.array([[0.2, 0.3, -9.0, 99.0]]))["y"].tolist() == [[0.0, 0.5, -9.0, 62.0]]
