"""Sound files to damage, small ones of every format."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
from onnx import numpy_helper
from onnx.parser import parse_model
from safetensors.numpy import save

GOLDEN = Path(__file__).parents[1] / "frontends" / "nir" / "golden"
HEAD = '<ir_version: 8, opset_import: ["" : 18]>'
GRAPHS: Mapping[str, tuple[int, ...]] = {
    """net (float[N, 3, 8, 8] x) => (float[N, M] y) <float[4, 3, 3, 3] w, float[4] b, float[4, 5] v> {
        c = Conv <pads = [1, 1, 1, 1]> (x, w, b) r = Relu (c) m = MaxPool <kernel_shape = [2, 2]> (r)
        p = GlobalAveragePool (m) f = Flatten (p) y = MatMul (f, v) }""": (),
    """net (float[N, 6] x) => (float[N, M] y) <float[6, 4] w, int64[2] s, int64[1] a, int64[1] z, int64[1] e> {
        h = MatMul (x, w) t = Tanh (h) r = Reshape (t, s) u = Unsqueeze (r, a) q = Squeeze (u, a)
        c = Concat <axis = 1> (q, x) k = Slice (c, z, e, a) y = Softmax <axis = 1> (k) }""": (),
    """net (float[N, 5, 3] x) => (float[A, B, C, D] y) <float[1, 8, 3] w, float[1, 8, 2] r, float[1, 16] b> {
        s = Transpose <perm = [1, 0, 2]> (x) y, h, c = LSTM <hidden_size = 2> (s, w, r, b) }""": (),
    """net (float[N, 2, 4, 4] x) => (float[N, M] y) <float one, uint8 zero, int8[2, 2, 1, 1] w, float[2] s, int8[2] z> {
        q = QuantizeLinear (x, one, zero) d = DequantizeLinear (q, one, zero) i = DequantizeLinear <axis = 0> (w, s, z)
        c = Conv (d, i) g = HardSwish (c) n = ReduceMean <axes = [2, 3], keepdims = 0> (g) y = Identity (n) }""": (),
}


@cache
def files(kind: str) -> tuple[bytes, ...]:
    """Sound files of a format."""
    match kind:
        case "onnx":
            return tuple(_onnx(text) for text in GRAPHS)
        case "nir":
            return tuple(path.read_bytes() for path in sorted(GOLDEN.glob("*.nir")))
        case "yaml":
            return (YAML.encode(), SPIKING.encode())
        case "safetensors":
            return (save(_weights()),)
    stream = BytesIO()
    np.savez(stream, x=np.zeros((4, 1, 8, 8), np.float32), y=np.arange(4))
    return (stream.getvalue(),)


def beside(kind: str) -> Mapping[str, bytes]:
    """What lies beside a file: the rest of a model."""
    if kind in ("onnx", "nir"):
        return {}
    found = {"model.yaml": "yaml", "weights.safetensors": "safetensors", "test.npz": "npz"}
    return {name: files(format)[0] for name, format in found.items()}


def _onnx(text: str) -> bytes:
    proto = parse_model(f"{HEAD} {text}")
    generator = np.random.default_rng(0)
    whole = {"s": [-1, 4], "a": [1], "z": [0], "e": [3]}
    for value in list(proto.graph.value_info):
        sizes = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        kind = {1: np.float32, 2: np.uint8, 3: np.int8, 7: np.int64}[value.type.tensor_type.elem_type]
        if value.name in whole and kind is np.int64:
            array = np.array(whole[value.name], kind)
        elif kind is np.float32:
            array = np.abs(generator.standard_normal(sizes)).astype(kind) + kind(0.1)
        else:
            array = np.asarray(generator.integers(0, 3, sizes), kind)
        proto.graph.initializer.append(numpy_helper.from_array(array, value.name))
    return bytes(proto.SerializeToString())


def _weights() -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    shapes = {"conv.weight": (4, 1, 3, 3), "conv.bias": (4,), "out.weight": (10, 64), "rec.weight": (10, 10)}
    return {name: generator.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


YAML = """\
nmc: 1
name: net
description: a small network
weights: weights.safetensors
input: {shape: [1, 8, 8]}
nodes:
  conv: {kind: Conv2d, from: input, channels: 4, kernel: [3, 3], padding: [1, 1], bias: conv.bias}
  relu: {kind: Relu, from: conv}
  pool: {kind: MaxPool2d, from: relu, kernel: [2, 2], stride: [2, 2]}
  flat: {kind: Flatten, from: pool}
  out: {kind: Linear, from: flat, features: 10}
output: out
task:
  kind: classification
  metric: accuracy
  data: {test: test.npz, calibration: {file: test.npz, samples: 2, seed: 1}}
  budgets: {loihi-sim: {min_accuracy: 0.9, max_energy: 1 mJ, max_latency: 10 ms}}
"""
SPIKING = """\
nmc: 1
name: snn
weights: weights.safetensors
dt: 1 ms
steps: 8
input: {shape: [1, 8, 8]}
nodes:
  encode: {kind: ConstantCurrent, from: input}
  flat: {kind: Flatten, from: encode}
  out: {kind: Linear, from: flat, features: 10}
  rec: {kind: Linear, from: lif@1, features: 10}
  lif: {kind: LIF, from: [out, rec], tau: 20 ms, threshold: 1.0, integrator: exact, reset: subtract}
  sum: {kind: Sum, from: lif}
output: sum
"""
