"""Models from other tools give what ONNX Runtime gives, with every shape on the way, on each target that takes them."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import onnx
import pytest

import nmc
from conformance.onnx_models import fetched, light, run_with_all
from needs import left_out
from nmc.errors import ToolError, UnsupportedError
from nmc.frontends.onnx.load import Imported, Options, imported, of_proto
from nmc.graph import Graph
from nmc.model import Array, FloatArray, Model, Task
from nmc.reference import run as reference


@dataclass(frozen=True)
class Example:
    """A file of a wheel, how it is imported, and the inputs by shape with what scales them."""

    file: str
    inputs: Mapping[str, tuple[int, ...]]
    options: Options = field(default_factory=Options)
    scale: float = 1.0
    tokens: int = 0


EXAMPLES = {
    "rapidocr's classifier": Example(
        "rapidocr_onnxruntime/models/ch_ppocr_mobile_v2.0_cls_infer.onnx", {"x": (2, 3, 48, 192)},
        Options(shapes={"x": (1, 3, 48, 192)}),
    ),
    "rapidocr's detector": Example(
        "rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx", {"x": (1, 3, 64, 96)},
        Options(shapes={"x": (1, 3, 64, 96)}),
    ),
    "rapidocr's recognizer": Example(
        "rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx", {"x": (1, 3, 48, 96)},
        Options(shapes={"x": (1, 3, 48, 96)}),
    ),
    "silero-vad over a sequence": Example(
        "silero_vad/data/silero_vad_16k_sequence.onnx",
        {"input": (8, 576), "h": (1, 1, 128), "c": (1, 1, 128)}, Options("none", {"input": (8, 576)}), 0.1,
    ),
    "silero-vad": Example(
        "silero_vad/data/silero_vad_16k_op15.onnx", {"input": (2, 576), "state": (2, 2, 128)},
        Options(shapes={"input": (1, 576)}, constants={"sr": 16000}), 0.1,
    ),
    "silero-vad with branches": Example(
        "silero_vad/data/silero_vad_op18_ifless.onnx", {"input": (2, 576), "state": (2, 2, 128)},
        Options(shapes={"input": (1, 576)}, constants={"sr": 16000}), 0.1,
    ),
    "magika": Example("magika/models/standard_v3_3/model.onnx", {"bytes": (2, 2048)}, tokens=257),
    "basic-pitch": Example(
        "basic_pitch/saved_models/icassp_2022/nmp.onnx", {"serving_default_input_2:0": (1, 43844, 1)}, scale=0.1
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def wheels() -> Path:
    """The fetched models; without them tests fail under continuous integration, and are skipped elsewhere."""
    try:
        return fetched()
    except ToolError as error:
        left_out(error)


def feeds_of(example: Example) -> dict[str, Array]:
    generator = np.random.default_rng(0)
    if example.tokens:
        return {name: generator.integers(0, example.tokens, shape, np.int32) for name, shape in example.inputs.items()}
    return {
        name: example.scale * generator.standard_normal(shape, np.float32) for name, shape in example.inputs.items()
    }


def samples_first(array: Array, dims: tuple[int | None, ...]) -> FloatArray:
    """A value of the file as nmc has it: the samples in front."""
    return np.asarray(np.moveaxis(array, dims.index(None), 0) if None in dims else array[None], np.float64)


def assert_equals_onnxruntime(
    proto: onnx.ModelProto, made: Imported, feeds: Mapping[str, Array], constants: Mapping[str, Array], path: Path,
    thorough: bool = True,
) -> None:
    """Shapes of all values, and outputs on `cpu` and, if `thorough`, on `gpu-sim` and by the reference."""
    computed = {name for node in proto.graph.node for name in node.output}
    names = [name for name in made.nodes if name in computed]
    expected = run_with_all(proto, names, {**feeds, **constants})
    for name in names:
        found, shape = made.dims[name], expected[name].shape
        assert len(found) == len(shape), name
        assert all(size in (None, n) for size, n in zip(found, shape, strict=True)), (name, found, shape)
        own = made.model.graph.signals[made.nodes[name]].shape
        assert np.prod(own) == np.prod([size for size in found if size is not None]), name
    given = {made.nodes[name]: samples_first(array, made.dims[name]) for name, array in feeds.items()}
    results = {"reference": reference(made.model, given)} if thorough else {}
    for target in ("cpu", "gpu-sim") if thorough else ("cpu",):
        program = nmc.compile(made.model, target, path / target)
        result = nmc.run(program, given)
        assert nmc.estimate(program, result).latency_s.best > 0
        results[target] = result.outputs
    for engine, outputs in results.items():
        for value in proto.graph.output:
            wanted = samples_first(expected[value.name], made.dims[value.name])
            np.testing.assert_allclose(outputs[made.nodes[value.name]], wanted, rtol=1e-4, atol=1e-4, err_msg=engine)


@pytest.mark.parametrize("name", EXAMPLES)
def test_trained_models(name: str, wheels: Path, tmp_path: Path) -> None:
    example = EXAMPLES[name]
    made = imported(wheels / example.file, example.options)
    types = {"sr": np.int64}
    constants = {key: np.asarray(value, types[key]) for key, value in example.options.constants.items()}
    assert_equals_onnxruntime(onnx.load(wheels / example.file), made, feeds_of(example), constants, tmp_path)


ON_TPU = ("rapidocr's classifier", "silero-vad", "magika", "basic-pitch")


def with_one_input(name: str, wheels: Path) -> tuple[str, Model]:
    """The first input of an example, and the model where the others are zero: one array of samples calibrates it."""
    example = EXAMPLES[name]
    first, *others = example.inputs
    zeros = {key: np.zeros((example.inputs[key][0], 1, example.inputs[key][2]), np.float32) for key in others}
    options = replace(example.options, constants={**example.options.constants, **zeros})
    return first, imported(wheels / example.file, options).model


def assert_follows_on_a_tpu(model: Model, x: Array, expected: Mapping[str, Array], least: float, path: Path) -> None:
    """With 8-bit integers, each output goes up and down with what is expected of it."""
    np.savez(path / "calibration.npz", x=x)
    task = Task("regression", "mean-squared-error", calibration=path / "calibration.npz")
    program = nmc.compile(replace(model, task=task), "tpu-sim", path / "program")
    result = nmc.run(program, x)
    for output, values in expected.items():
        assert np.corrcoef(result.outputs[output].ravel(), values.ravel())[0, 1] > least, output
    assert nmc.estimate(program, result).latency_s.best > 0


@pytest.mark.parametrize("name", ON_TPU)
def test_trained_models_on_a_tpu(name: str, wheels: Path, tmp_path: Path) -> None:
    first, model = with_one_input(name, wheels)
    x = feeds_of(EXAMPLES[name])[first]
    assert_follows_on_a_tpu(model, x, reference(model, x), 0.7, tmp_path)


_NEVER = ("Sigmoid", "Tanh", "Sqrt", "Exp", "Log", "Div", "MaxPool2d", "ReduceMax", "Where")
"""What rates of spikes do not do between layers, whatever the facts of the node."""


def between_layers(graph: Graph, kinds: Collection[str]) -> set[str]:
    """The nodes of some kinds from which a layer with weights follows, at any distance."""
    leading: set[str] = set()
    for name in reversed(graph.order):
        node = graph[name]
        if name in leading or node.kind in ("Conv1d", "Conv2d", "Linear"):
            leading |= {ref.node for ref in node.inputs}
    return {node.name for node in graph if node.kind in kinds and node.name in leading}


def assert_names_all(model: Model, x: Array, target: str, path: Path) -> None:
    """A neuromorphic target names every operation that rates cannot do, each with what would help."""
    np.savez(path / "calibration.npz", x=x)
    task = Task("regression", "mean-squared-error", calibration=path / "calibration.npz")
    with pytest.raises(UnsupportedError) as caught:
        nmc.compile(replace(model, task=task), target, path / "program")
    expected = between_layers(model.graph, _NEVER)
    assert expected
    assert expected <= {fault.node for fault in caught.value.faults}
    assert all(fault.node in model.graph.by_name and fault.remedy for fault in caught.value.faults)
    assert not (path / "program").exists()


NEUROMORPHIC = ("loihi-sim", "loihi2-sim", "nengo-loihi-sim")


@pytest.mark.parametrize("target", NEUROMORPHIC)
@pytest.mark.parametrize("name", ON_TPU)
def test_a_neuromorphic_chip_names_what_it_cannot_place(name: str, target: str, wheels: Path, tmp_path: Path) -> None:
    first, model = with_one_input(name, wheels)
    assert_names_all(model, feeds_of(EXAMPLES[name])[first], target, tmp_path)


@pytest.mark.parametrize("target", NEUROMORPHIC)
def test_it_does_so_for_a_light_architecture(target: str, tmp_path: Path) -> None:
    model = of_proto(light("squeezenet"), tmp_path / "squeezenet.onnx", Options()).model
    assert_names_all(model, image(), target, tmp_path)


def image() -> Array:
    """A picture of noise, as the light architectures take pictures."""
    return np.random.default_rng(1).standard_normal((1, 3, 224, 224), np.float32)


_SLOW = [(name, True) for name in ("resnet50", "densenet121", "vgg19")]


@pytest.mark.parametrize(
    ("name", "thorough"),
    [("squeezenet", True), ("resnet50", False), *(pytest.param(*case, marks=pytest.mark.slow) for case in _SLOW)],
)
def test_light_architectures(name: str, thorough: bool, tmp_path: Path) -> None:
    proto = light(name)
    begun = time.process_time()
    made = of_proto(proto, tmp_path / f"{name}.onnx", Options())
    assert time.process_time() - begun < 5
    (value,) = [v for v in proto.graph.input if v.name not in {t.name for t in proto.graph.initializer}]
    assert_equals_onnxruntime(proto, made, {value.name: image()}, {}, tmp_path, thorough)


@pytest.mark.parametrize("name", ["squeezenet", *(pytest.param(name, marks=pytest.mark.slow) for name, _ in _SLOW)])
def test_light_architectures_on_a_tpu(name: str, tmp_path: Path) -> None:
    model = of_proto(light(name), tmp_path / f"{name}.onnx", Options()).model
    expected = nmc.run(nmc.compile(model, "cpu", tmp_path / "cpu"), image()).outputs
    assert_follows_on_a_tpu(model, image(), expected, 0.9, tmp_path)


def test_the_same_words_say_it_on_the_command_line(wheels: Path, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from nmc.cli import application

    example = EXAMPLES["silero-vad"]
    arguments = ["--shape", "input=1,576", "--constant", "sr=16000", "-o", str(tmp_path / "vad")]
    done = CliRunner().invoke(application(["import"]), ["import", str(wheels / example.file), *arguments])
    assert done.exit_code == 0, done.output
    again = nmc.load(tmp_path / "vad")
    made = imported(wheels / example.file, example.options)
    given = {
        made.nodes[name]: samples_first(array, made.dims[name]) for name, array in feeds_of(example).items()
    }
    for name, values in reference(made.model, given).items():
        np.testing.assert_array_equal(reference(again, given)[name], values)
