"""The targets that are compiled to ONNX: their options, their passes, and what they write."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest

from nmc import program
from nmc.backends import able, target_named, targets
from nmc.backends.target import RUN
from nmc.chips.chip import GpuChip
from nmc.errors import ModelError, ToolError, UsageError
from nmc.model import FloatArray, Model
from nmc.passes import apply
from nmc.pipeline import estimate_run
from nmc.program import Program
from nmc.reference import run as reference

from .onnx_harness import check_files, dyadic, model_of

TARGETS = {"cpu": "fp32", "gpu-sim": "fp32", "jetson-orin-sim": "fp32", "tpu-sim": "int8", "tpu-v1-sim": "int8"}


def network(steps: int = 12) -> Model:
    return model_of(
        """
dt = 0.001
x = Input(shape=(1, 6, 6))
e = RateEncode(x)
c = Conv2d(e, channels=2, kernel=3, weight='k')
n = BatchNorm(c, scale='g', bias='b', mean='m', variance='v')
s = LIF(n, decay=0.75)
f = Flatten(s)
rec = Linear(t@1, features=5, weight='r')
d = Linear(f, features=5, weight='w')
t = IF(d, rec, reset='subtract')
h = Linear(t, features=3, weight='o')
y = Mean(h)
return y""",
        steps, k=dyadic(2, 1, 3, 3), g=np.ones(2), b=dyadic(2), m=dyadic(2, seed=1), v=np.ones(2),
        r=dyadic(5, 5, seed=2), w=dyadic(5, 32, seed=3), o=dyadic(3, 5, seed=4),
    )  # fmt: skip


X = dyadic(4, 1, 6, 6, seed=6, low=0)


def compiled(directory: Path, name: str, calibration: FloatArray | None = X, **given: object) -> Program:
    target = target_named(name)
    options = target.configured(given)
    model = apply(target.passes(options), network(), lambda: calibration)
    files = target.lower(model, options)
    return program.write(
        directory / name, model, target=name, chip=target.chip_name, options=vars(options), files=files
    )


@pytest.mark.parametrize("name", TARGETS)
def test_every_target_compiles_runs_and_prices(name, tmp_path):
    made = compiled(tmp_path, name)
    assert made.options.precision == TARGETS[name]
    check_files({file: made.file(file) for file in ("model.onnx", "step.onnx")})
    target = target_named(name)
    whole, stepwise = (able(target, RUN, engine)(made, X) for engine in ("onnxruntime", "onnxruntime-stepwise"))
    np.testing.assert_array_equal(whole.outputs["y"], stepwise.outputs["y"])
    rounded = TARGETS[name] == "int8"  # a spike more or less of 12 moves an output by a twelfth of its weight
    np.testing.assert_allclose(whole.outputs["y"], reference(network(), X)["y"], atol=2 / 12 if rounded else 1e-5)
    np.testing.assert_allclose(whole.outputs["y"], reference(made.model, X)["y"], atol=1e-5)
    estimate = estimate_run(made, whole)
    assert estimate.latency_s.best > 0
    assert estimate.energy_j is not None


GPUS = [name for name in targets() if isinstance(target_named(name).chip, GpuChip)]


@pytest.mark.parametrize("name", GPUS)
def test_every_gpu_takes_its_power_modes_and_runs_on_cuda(name):
    target = target_named(name)
    (mode, *_) = target.chip.modes
    assert target.configured({"mode": mode}).mode == mode
    assert "cuda" in target.engines


def test_without_cuda_the_engine_says_so(tmp_path):
    made = compiled(tmp_path, "gpu-sim")
    with pytest.raises(ToolError, match="no CUDA"):
        able(target_named("gpu-sim"), RUN, "cuda")(made, X)


def test_cuda_is_timed_batch_by_batch_and_metered(tmp_path, monkeypatch):
    """With the processor in the place of CUDA, and a meter that says 2 J."""
    made = compiled(tmp_path, "gpu-sim", batch=2)
    monkeypatch.setattr("nmc.backends.onnx.session.CUDA", "CPUExecutionProvider")
    meter = SimpleNamespace(device="NVIDIA H100", energy_j=lambda: 2.0)
    monkeypatch.setattr("nmc.backends.onnx.engine.start_gpu_meter", lambda: meter)
    result = able(target_named("gpu-sim"), RUN, "cuda")(made, X)
    assert (result.device, result.energy_j, result.events.samples) == ("NVIDIA H100", 2.0, len(X))
    np.testing.assert_allclose(result.outputs["y"], reference(network(), X)["y"], atol=1e-5)
    assert estimate_run(made, result).measured.energy_j == pytest.approx(2.0 / len(X))


def test_int8_files_hold_int8(tmp_path):
    made = compiled(tmp_path, "tpu-sim")
    loaded = onnx.load_from_string(made.file("model.onnx"))
    types = {tensor.name: tensor.data_type for tensor in loaded.graph.initializer}
    assert {types[f"{layer}.int8_weight"] for layer in ("c", "d", "rec", "h")} == {onnx.TensorProto.INT8}
    assert types["c.folded_bias"] == onnx.TensorProto.FLOAT


def test_steps_are_the_options_where_given(tmp_path):
    made = compiled(tmp_path, "gpu-sim", steps=5)
    assert made.steps == 5
    assert able(target_named("gpu-sim"), RUN)(made, X).events.steps == 5


@pytest.mark.parametrize("name", ["tpu-sim", "tpu-v1-sim"])
def test_tpus_compute_with_int8_only(name):
    with pytest.raises(UsageError, match=r"precision: .*'int8'.*got 'fp32'"):
        target_named(name).configured({"precision": "fp32"})


@pytest.mark.parametrize("given", [{"ranges": "percentile"}, {"ranges": "mse", "bias_correction": True}])
def test_ways_to_calibrate(tmp_path, given):
    made = compiled(tmp_path, "tpu-sim", **given)
    outputs = able(target_named("tpu-sim"), RUN)(made, X).outputs["y"]
    np.testing.assert_allclose(outputs, reference(made.model, X)["y"], atol=1e-5)
    assert ("c.corrected_bias" in made.model.weights) == bool(given.get("bias_correction"))


def test_sensitive_layers_keep_real_numbers_where_the_chip_has_them(tmp_path):
    made = compiled(tmp_path, "gpu-sim", precision="int8", sensitive=2)
    rounded = [node.name for node in made.model.graph if getattr(node, "weight_scale", None)]
    assert len(rounded) == 2
    result = able(target_named("gpu-sim"), RUN)(made, X)
    np.testing.assert_allclose(result.outputs["y"], reference(made.model, X)["y"], atol=1e-5)
    whole = estimate_run(compiled(tmp_path, "gpu-sim", precision="int8"), result)
    assert estimate_run(made, result).energy_j.best > whole.energy_j.best
    with pytest.raises(UsageError, match="tpu-sim has no option 'sensitive'"):
        target_named("tpu-sim").configured({"sensitive": 2})


@pytest.mark.parametrize(
    "wrong",
    [{"sensitive": -1}, {"ranges": "mean"}, {"batch": 0}, {"threads": -1}, {"steps": 0}, {"precision": "fp8"},
     {"bits": 8}],
)  # fmt: skip
def test_wrong_options_are_usage_errors(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        target_named("gpu-sim").configured(wrong)


def test_int8_without_calibration_data_is_refused():
    """The input of the first layer is real, and nothing says how large it gets."""
    target = target_named("tpu-sim")
    model = model_of("x = Input(shape=(2,))\ny = Linear(x, features=1, weight='w')\nreturn y", w=np.ones((1, 2)))
    with pytest.raises(ModelError, match="no calibration data"):
        apply(target.passes(target.configured({})), model)
