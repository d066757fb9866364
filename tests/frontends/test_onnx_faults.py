"""Files that are no models, or would harm, are refused: soon, in words, and with little memory."""

from __future__ import annotations

import os
import pickle
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from onnx.parser import parse_model

import nmc
from nmc.errors import ModelError, NmcError, UsageError
from nmc.frontends.onnx.load import Options, of_proto

HEAD = '<ir_version: 8, opset_import: ["" : 18]>'


def model(body: str, *arrays: onnx.TensorProto, shape: str = "N, 3, 8, 8", opset: int = 18) -> onnx.ModelProto:
    """A model of one input x and one output y."""
    head = HEAD.replace("18", str(opset))
    proto = parse_model(f"{head} test (float[{shape}] x) => (float[M] y) {{ {body} }}")
    proto.graph.initializer.extend(arrays)
    return proto


def small() -> onnx.ModelProto:
    weight = numpy_helper.from_array(np.ones((4, 3, 3, 3), np.float32), "w")
    flat = numpy_helper.from_array(np.ones((4, 5), np.float32), "v")
    body = "c = Conv (x, w) r = Relu (c) p = GlobalAveragePool (r) f = Flatten (p) y = MatMul (f, v)"
    return model(body, weight, flat)


def complaints(proto: onnx.ModelProto, options: Options | None = None) -> list[str]:
    with pytest.raises(ModelError) as caught:
        of_proto(proto, Path("m.onnx"), options or Options("first"))
    assert all(fault.remedy for fault in caught.value.faults)
    return [f"{fault.node}: {fault.what}" for fault in caught.value.faults]


def test_everything_that_cannot_be_imported_is_listed() -> None:
    proto = model("a = NonZero (x) b = Bernoulli (x) s = SequenceConstruct (x) y = Relu (x) z = TopK (x, y)")
    found = complaints(proto)
    assert [line.partition(" cannot")[0] for line in found] == [
        "a: NonZero", "b: Bernoulli", "s: SequenceConstruct", "z: TopK"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("y = Softmax <axis = 0> (x)", "y: Softmax cannot be imported: it works along axis 0, which counts samples"),
        ("y = ReduceMean (x)", "y: ReduceMean cannot be imported: it works along axis 0, which counts samples"),
        ("t = Transpose <perm = [1, 2, 0, 3]> (x) k = Constant <value = int64[2] {16, -1}> () f = Reshape (t, k) "
         "y = Relu (f)", "f: Reshape cannot be imported: it makes [16, 12N] of [3, 8, N, 8], which mixes samples"),
        ("s = Shape (x) k = Cast <to = 1> (s) n = ReduceProd (k) y = Div (x, n)",
         "y: Div cannot be imported: it computes with the number of samples"),
        ("y = Relu (absent)", "y: Relu cannot be imported: it reads 'absent', which nothing before it gives"),
        ("a = Relu (b) b = Relu (a) y = Relu (x)", "a: Relu cannot be imported: it reads 'b', which nothing before"),
        ("y = Conv (x, x)", "y: Conv cannot be imported: its weight depends on the model's input"),
        ("y = my.own.Thing (x)", "y: Thing cannot be imported: it is of the domain 'my.own', which only the tool"),
        ("c = ReduceMax <keepdims = 0> (x) b = Cast <to = 9> (x) y = Scan <num_scan_inputs = 1> (x)",
         "y: Scan cannot be imported: its body is missing"),
    ],
)  # fmt: skip
def test_reasons(body: str, complaint: str) -> None:
    assert any(line.startswith(complaint) for line in complaints(model(body)))


def test_what_mixes_samples_can_be_a_sample() -> None:
    """The first axis is part of a sample where the file mixes it, and that has a size."""
    proto = model("y = Softmax <axis = 0> (x)", shape="2, 3")
    assert of_proto(proto, Path("m.onnx"), Options()).model.graph.signals["x"].shape == (2, 3)


def test_open_sizes_are_asked_for_and_given() -> None:
    proto = model("y = Relu (x)", shape="N, 3, H, 8")
    assert complaints(proto) == ["x: axis 2 of the input 'x' (H) has no size"]
    made = of_proto(proto, Path("m.onnx"), Options(shapes={"x": (1, 3, 5, 8)}))
    assert made.model.graph.signals["y"].shape == (3, 5, 8)
    with pytest.raises(UsageError, match="no input 'z'"):
        of_proto(proto, Path("m.onnx"), Options(shapes={"z": (1,)}))


def test_opsets_from_before_are_refused(tmp_path: Path) -> None:
    onnx.save(model("y = Relu (x)", opset=5), tmp_path / "m.onnx")
    with pytest.raises(ModelError, match="uses opset 5"):
        nmc.load(tmp_path / "m.onnx")


def _pickle() -> bytes:
    return pickle.dumps({"weights": [1.0]})


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "holds no graph"),
        (_pickle(), "a Python pickle"),
        (b"PK\x03\x04rest", "a zip archive"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        (b"version https://git-lfs.github.com/spec/v1", "a pointer of git lfs"),
        (b"not a model at all", "not a whole ONNX file"),
        (small().SerializeToString()[:-40], "not a whole ONNX file"),
        (b"\x0a\xff\xff\xff\xff\x0f", "not a whole ONNX file"),
    ],
)
def test_other_files(data: bytes, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(data)
    with pytest.raises(ModelError, match=complaint):
        nmc.load(tmp_path / "m.onnx")


def test_missing_files() -> None:
    with pytest.raises(UsageError, match="no file"):
        nmc.load("absent.onnx")


def external(tmp_path: Path, location: str, **facts: str) -> Path:
    """A model whose weight lies in a file of its own."""
    proto = small()
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **facts}.items():
        tensor.external_data.add(key=key, value=value)
    path = tmp_path / "model" / "m.onnx"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(proto.SerializeToString())
    return path


def test_external_data_in_the_folder(tmp_path: Path) -> None:
    path = external(tmp_path, "w.bin", offset="4")
    weights = np.arange(109, dtype=np.float32)
    weights.tofile(path.with_name("w.bin"))
    np.testing.assert_array_equal(nmc.load(path).weights["w"].ravel(), weights[1:])


@pytest.mark.parametrize("location", ["../w.bin", "/etc/passwd", "linked.bin", "linked/w.bin", "", "absent.bin"])
def test_external_data_elsewhere(location: str, tmp_path: Path) -> None:
    path = external(tmp_path, location)
    np.ones(108, np.float32).tofile(tmp_path / "w.bin")
    path.with_name("linked.bin").symlink_to(tmp_path / "w.bin")
    path.with_name("linked").symlink_to(tmp_path, target_is_directory=True)
    with pytest.raises(ModelError, match=r"its data lie in"):
        nmc.load(path)


@pytest.mark.parametrize("facts", [{"offset": "-4"}, {"offset": "1000"}, {"length": "3"}, {"offset": "x"}])
def test_external_data_of_the_wrong_size(facts: dict[str, str], tmp_path: Path) -> None:
    path = external(tmp_path, "w.bin", **facts)
    np.ones(108, np.float32).tofile(path.with_name("w.bin"))
    with pytest.raises(ModelError, match="cannot be read"):
        nmc.load(path)


def chain(length: int) -> onnx.ModelProto:
    nodes = [helper.make_node("Relu", [f"v{i}"], [f"v{i + 1}"]) for i in range(length)]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 4]) for name in ("v0", f"v{length}")]
    graph = helper.make_graph(nodes, "chain", ends[:1], ends[1:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])


def declared(dims: list[int]) -> onnx.ModelProto:
    proto = small()
    tensor = proto.graph.initializer[0]
    del tensor.dims[:]
    tensor.dims.extend(dims)
    return proto


def computed(body: str, *numbers: int) -> onnx.ModelProto:
    return model(body, numpy_helper.from_array(np.asarray(numbers, np.int64), "k"))


def nested(depth: int) -> onnx.ModelProto:
    value = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "inner", [], [value])
    for _ in range(depth):
        node = helper.make_node("If", ["yes"], ["y"], then_branch=graph, else_branch=graph)
        graph = helper.make_graph([node], "inner", [], [value])
    proto = model("y = Relu (x)")
    del proto.graph.node[:]
    proto.graph.node.extend(graph.node)
    proto.graph.initializer.append(numpy_helper.from_array(np.asarray(True), "yes"))
    return proto


def recursive() -> onnx.ModelProto:
    proto = model("y = own.F (x)")
    body = [helper.make_node("F", ["a"], ["b"], domain="own")]
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("own", 1)]
    proto.functions.append(helper.make_function("own", "F", ["a"], ["b"], body, opsets))
    return proto


HARMFUL: dict[str, Callable[[], onnx.ModelProto]] = {
    "a huge array": lambda: declared([1 << 40, 1 << 20]),
    "an array of a negative size": lambda: declared([-3, 3, 3, 3]),
    "an array smaller than its shape": lambda: declared([40, 3, 3, 3]),
    "a huge range": lambda: computed("z = Constant <value_int = 0> () o = Constant <value_int = 1> () "
                                     "r = Range (z, k, o) y = Add (x, r)", 1 << 45),
    "a huge repetition": lambda: computed("t = Tile (k, k) y = Add (x, t)", 1 << 45),
    "a huge constant": lambda: computed("t = ConstantOfShape (k) y = Add (x, t)", 1 << 45, 8),
    "a huge product": lambda: computed("t = ConstantOfShape (k) u = Unsqueeze (t, k) y = MatMul (t, u)", 1 << 30),
    "a huge padding": lambda: computed("y = Pad (x, k)", 0, 0, 0, 0, 0, 0, 0, 1 << 45),
    "a huge repetition of the input": lambda: computed("y = Tile (x, k)", 1, 1 << 45, 1, 1),
    "a huge resize": lambda: computed("y = Resize (x, , , k)", 1, 3, 1 << 40, 8),
    "a huge reflection": lambda: computed('y = Pad <mode = "reflect"> (x, k)', 0, 0, 0, 0, 0, 0, 0, 1 << 45),
    "a huge one-hot": lambda: computed("v = Constant <value_floats = [0.0, 1.0]> () y = OneHot (x, k, v)", 1 << 45),
    "a huge triangle": lambda: computed("t = ConstantOfShape (k) u = Trilu (t) y = Add (x, u)", 1 << 20),
    "a triangle of samples": lambda: computed("s = Flatten <axis = 0> (x) t = Squeeze (s) y = Trilu (t)", 0),
    "a huge expansion": lambda: computed("y = Expand (x, k)", 1, 1 << 60, 3, 8, 8),
    "branches in branches": lambda: nested(12),
    "a function that calls itself": recursive,
}  # fmt: skip


@pytest.mark.parametrize("what", HARMFUL)
def test_harmful_files(what: str, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(HARMFUL[what]().SerializeToString())
    of_proto(small(), Path("m.onnx"), Options())  # what is imported once does not count
    tracemalloc.start()
    begun = time.process_time()
    try:
        with pytest.raises(ModelError):
            nmc.load(tmp_path / "m.onnx")
        assert time.process_time() - begun < 5
        assert tracemalloc.get_traced_memory()[1] < 200e6
    finally:
        tracemalloc.stop()


def test_long_chains_take_no_stack() -> None:
    made = of_proto(chain(10_000), Path("m.onnx"), Options())
    assert len(made.model.graph) == 10_001
    with pytest.raises(ModelError, match="more than 50,000 operations"):
        of_proto_file(chain(50_001))


def of_proto_file(proto: onnx.ModelProto) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.onnx"
        path.write_bytes(proto.SerializeToString())
        nmc.load(path)


def damaged(data: bytes, seed: int) -> bytes:
    """The file with some bytes changed, cut, or doubled."""
    generator = np.random.default_rng(seed)
    parts = bytearray(data)
    for _ in range(int(generator.integers(1, 6))):
        place = int(generator.integers(len(parts)))
        match int(generator.integers(4)):
            case 0:
                parts[place] = int(generator.integers(256))
            case 1:
                parts[place] ^= 1 << int(generator.integers(8))
            case 2:
                del parts[place : place + int(generator.integers(1, 20))]
            case 3:
                parts[place:place] = parts[place : place + int(generator.integers(1, 20))]
        if not parts:
            return b""
    return bytes(parts)


def _survives(data: bytes, path: Path) -> None:
    """A file is a model, or is refused in words."""
    path.write_bytes(data)
    begun = time.process_time()
    try:
        assert not nmc.load(path).check()
    except NmcError as error:
        assert error.faults
    assert time.process_time() - begun < 10


SEEDS = [small().SerializeToString(), chain(5).SerializeToString(), nested(2).SerializeToString()]


@settings(max_examples=300, deadline=None)
@given(which=st.sampled_from(range(len(SEEDS))), seed=st.integers(0, 2**32))
def test_damaged_files(which: int, seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    _survives(damaged(SEEDS[which], seed), tmp_path_factory.getbasetemp() / f"damaged{os.getpid()}.onnx")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_damaged_files_for_ten_minutes(tmp_path: Path) -> None:
    from conformance import onnx_suite

    files = SEEDS + [case.proto.SerializeToString() for kind in onnx_suite.KINDS for case in onnx_suite.cases(kind)]
    files = [data for data in files if len(data) < 20_000]
    end, seed = time.monotonic() + 600, 0
    while time.monotonic() < end:
        _survives(damaged(files[seed % len(files)], seed), tmp_path / "m.onnx")
        seed += 1
    assert seed > 1000
