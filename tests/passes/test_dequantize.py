"""Quantized networks become real ones: the graph before and after, by hand and on every chip of neurons."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnx.parser import parse_model

import nmc
from nmc import reference
from nmc.errors import UnsupportedError
from nmc.frontends.onnx.load import Options, of_proto
from nmc.model import Array, FloatArray, Model, Task
from nmc.passes import no_samples
from nmc.passes.dequantize import Dequantize
from nmc.text import parse

W = {"w": np.eye(2), "v": np.ones((1, 2))}
BODY = (
    "x = Input(shape=(2,))\nl = Linear(x, features=2, weight='w')\n{}\ny = Linear({}, features=1, weight='v')\nreturn y"
)


def real(nodes: str, last: str, samples: FloatArray | None = None) -> str:
    """What stands between two layers once the grids are gone."""
    model = Model("m", parse(BODY.format(nodes, last)), W).checked()
    made = Dequantize()(model, lambda: samples).checked()
    lines = str(made.graph).splitlines()[2:-1]
    return "\n".join(line for line in lines if "weight='v'" not in line) or "nothing"


PAIR = "q = QuantizeLinear({}, scale=0.5, zero_point={})\nd = DequantizeLinear(q, scale=0.5, zero_point={})"
UNSIGNED = (
    "q = QuantizeLinear(l, scale=0.5, zero_point=-128)\nu = Affine(q, offset=128.0)\n"
    "s = Affine(u, offset=-128.0)\nd = DequantizeLinear(s, scale=0.5, zero_point=-128)"
)
INSIDE, ABOVE, BELOW = np.array([[3.0, -3.0]]), np.array([[200.0, -3.0]]), np.array([[-90.0, 5.0]])


@pytest.mark.parametrize(
    ("nodes", "samples", "left"),
    [
        (PAIR.format("l", 0, 0), None, "nothing"),
        (PAIR.format("l", 0, 0), INSIDE, "nothing"),
        # a range that starts at 0 is a Relu that the file leaves out
        (PAIR.format("l", -128, -128), INSIDE, "q = Relu(l)"),
        (UNSIGNED, INSIDE, "q = Relu(l)"),
        (PAIR.format("l", -128, -128), ABOVE, "q = Clip(l, minimum=0.0, maximum=127.5)"),
        # one Relu is enough, and one with a maximum
        ("r = Relu(l)\n" + PAIR.format("r", -128, -128), INSIDE, "r = Relu(l)"),
        ("r = Relu(l)\n" + PAIR.format("r", -128, -128), ABOVE, "q = Clip(l, minimum=0.0, maximum=127.5)"),
        # a signed range that samples leave: -64 to 63.5
        (PAIR.format("l", 0, 0), BELOW, "l_shifted = Affine(l, offset=64.0)\nq_range = Relu(l_shifted)\n"
                                        "q_range_shifted = Affine(q_range, offset=-64.0)"),
        # four bits: Clip between the pair, in integers
        ("q = QuantizeLinear(l, scale=0.5)\nc = Clip(q, minimum=0.0, maximum=15.0)\nd = DequantizeLinear(c, scale=0.5)",
         ABOVE, "c = Clip(l, minimum=0.0, maximum=7.5)"),
        # what moves integers moves what they mean
        ("q = QuantizeLinear(l, scale=0.5)\nm = Reshape(q, shape=(2,))\nd = DequantizeLinear(m, scale=0.5)", INSIDE,
         "m = Reshape(l, shape=(2,))"),
    ],
)  # fmt: skip
def test_what_is_left_between_two_layers(nodes: str, samples: FloatArray | None, left: str) -> None:
    assert real(nodes, "d", samples) == left


def test_what_computes_with_integers_gets_them() -> None:
    """A product of integers reads x / scale + zero_point, without rounding."""
    text = BODY.format("q = QuantizeLinear(l, scale=0.5, zero_point=3)", "q")
    model = Model("m", parse(text), W).checked()
    np.testing.assert_allclose(reference.run(Dequantize()(model, no_samples), np.array([[1.2, -0.7]]))["y"], [[7.0]])


def test_grids_before_the_first_layer_and_networks_without_stay() -> None:
    for text in (
        "x = Input(shape=(2,))\nq = QuantizeLinear(x, scale=0.5)\nd = DequantizeLinear(q, scale=0.5)\n"
        "y = Linear(d, features=1, weight='v')\nreturn y",
        "x = Input(shape=(2,))\ny = Linear(x, features=1, weight='v')\nreturn y",
    ):
        model = Model("m", parse(text), {"v": W["v"]}).checked()
        assert Dequantize()(model, no_samples) is model


def test_an_output_keeps_its_name() -> None:
    text = "x = Input(shape=(2,))\nl = Linear(x, features=2, weight='w')\n" + PAIR.format("l", 0, 0) + "\nreturn d"
    model = Dequantize()(Model("m", parse(text), {"w": W["w"]}).checked(), no_samples).checked()
    assert reference.run(model, np.array([[0.6, -2.0]]))["d"].tolist() == [[0.6, -2.0]]


def test_a_grid_at_every_step_is_refused_by_name() -> None:
    text = (
        "dt = 0.001\nx = Input(shape=(2,), stream=True)\nl = Linear(x, features=2, weight='w')\n"
        "q = QuantizeLinear(l, scale=0.5)\nd = DequantizeLinear(q, scale=0.5)\nn = IF(d)\nreturn n"
    )
    with pytest.raises(UnsupportedError, match="node 'q': QuantizeLinear works at every step"):
        Dequantize()(Model("m", parse(text), {"w": W["w"]}).checked(), no_samples)


def quantized(form: str) -> tuple[onnx.ModelProto, Array]:
    """Two layers and a residual sum on grids, in one of ONNX's forms, and samples for it."""
    random = np.random.default_rng(0)
    arrays: dict[str, Array] = {
        "s": np.asarray(0.05, np.float32), "z": np.asarray(128, np.uint8), "t": np.asarray(0.02, np.float32),
        "o": np.asarray(0, np.uint8), "zw": np.zeros(6, np.int8), "sw": np.linspace(0.01, 0.02, 6, dtype=np.float32),
        "w": random.integers(-40, 60, (6, 6)).astype(np.int8), "w2": random.integers(-40, 60, (6, 6)).astype(np.int8),
        "i": np.asarray(0, np.int8), "s0": np.asarray(0.015, np.float32),
    }  # fmt: skip
    first = "q = QuantizeLinear (x, s, z) "
    bodies = {
        "pairs": first + "d = DequantizeLinear (q, s, z) m = DequantizeLinear <axis = 1> (w, sw, zw) h = MatMul (d, m) "
        "r = Relu (h) a = QuantizeLinear (r, t, o) b = DequantizeLinear (a, t, o) k = DequantizeLinear (w2, s0, i) "
        "g = MatMul (b, k) e = Add (g, b) f = QuantizeLinear (e, s, z) y = DequantizeLinear (f, s, z)",
        "a range that rectifies": first + "d = DequantizeLinear (q, s, z) k = DequantizeLinear (w2, s0, i) "
        "h = MatMul (d, k) a = QuantizeLinear (h, t, o) b = DequantizeLinear (a, t, o) y = MatMul (b, k)",
        "QLinearMatMul": first + "a = QLinearMatMul (q, s, z, w, s0, i, t, o) "
        "f = QLinearMatMul (a, t, o, w2, s0, i, s, z) y = DequantizeLinear (f, s, z)",
        "MatMulInteger": first + "n = MatMulInteger (q, w, z, i) c = Cast <to = 1> (n) k = Mul (c, s0) r = Relu (k) "
        "l = DequantizeLinear (w2, s0, i) y = MatMul (r, l)",
    }  # fmt: skip
    head = '<ir_version: 8, opset_import: ["" : 18]>'
    proto = parse_model(f"{head} m (float[N, 6] x) => (float[N, 6] y) {{ {bodies[form]} }}")
    proto.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in arrays.items())
    return proto, random.uniform(-2, 2, (24, 6)).astype(np.float32)


TARGETS = {
    "loihi-sim": {}, "loihi2-sim": {"neurons": "sigma-delta"}, "cpu": {"form": "spiking"},
    "gpu-sim": {"precision": "fp16"},
}  # fmt: skip


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("form", ["pairs", "a range that rectifies", "QLinearMatMul", "MatMulInteger"])
def test_quantized_files_run_on_neurons(form: str, target: str, tmp_path: Path) -> None:
    """What a target puts out follows the file as the reference has it."""
    proto, samples = quantized(form)
    np.savez(tmp_path / "c.npz", x=samples)
    model = replace(
        of_proto(proto, Path("m.onnx"), Options()).model,
        task=Task("regression", "mean-squared-error", calibration=tmp_path / "c.npz"),
    )
    (wanted,) = reference.run(model, samples[:8]).values()
    (y,) = nmc.run(nmc.compile(model, target, tmp_path / "program", **TARGETS[target]), samples[:8]).outputs.values()
    assert np.corrcoef(y.ravel(), wanted.ravel())[0, 1] > 0.95
