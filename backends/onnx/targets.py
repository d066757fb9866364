"""The targets that are compiled to ONNX: this machine's processor, GPUs and TPUs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from nmc.backends.conversion import ConversionOptions, spiking_passes
from nmc.backends.target import Options, Target, applies
from nmc.errors import UsageError
from nmc.model import Model
from nmc.passes.fold_batchnorm import FoldBatchnorm
from nmc.passes.half_masks import HalfMasks
from nmc.passes.quantize_int8 import QuantizeInt8
from nmc.passes.set_steps import SetSteps
from nmc.passes.value_ranges import RangeMethod

if TYPE_CHECKING:
    from nmc.backends.target import RunResult
    from nmc.estimates.estimate import Estimate
    from nmc.passes import Pass
    from nmc.program import Program

_ENGINES = {
    "onnxruntime": "nmc.backends.onnx.engine:run",
    "onnxruntime-stepwise": "nmc.backends.onnx.engine:run_stepwise",
}
_LEARNERS = dict.fromkeys(_ENGINES, "nmc.backends.onnx.learning:learn")
_TRACERS = {"onnxruntime": "nmc.backends.onnx.tracing:trace"}
_STEPPING = {"onnxruntime-stepwise": "nmc.backends.onnx.stepping:OnnxStepping"}


@dataclass(frozen=True)
class OnnxOptions(ConversionOptions):
    """What a user may choose for every target of ONNX.

    `precision`: the numbers that are computed with; int8 needs calibration data. `batch`: how many
    samples run side by side. `threads`: processor threads of an operation. For int8, `ranges`: how the
    range of each activation follows from the calibration data; `bias_correction`: whether biases take back
    the mean error of rounded weights. `form`: an ordinary network as it is ("given"), or as a spiking one,
    which takes calibration data ("spiking"); the options of conversion are for the latter.
    """

    precision: Literal["fp32", "fp16", "int8"] = "fp32"
    batch: int = 1
    threads: int = 1
    ranges: RangeMethod = applies("min-max", precision="int8")
    bias_correction: bool = applies(False, precision="int8")
    form: Literal["given", "spiking"] = applies("given", converted=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        for option in ("batch", "threads"):
            value: int = getattr(self, option)
            if value < 1:
                raise UsageError(f"{option} is {value}", "give 1 or more")


@dataclass(frozen=True)
class CpuOptions(OnnxOptions):
    """What a user may choose for a processor. `sensitive`: of an int8 network, how many layers keep fp32."""

    sensitive: int = applies(0, precision="int8")


@dataclass(frozen=True)
class GpuOptions(CpuOptions):
    """What a user may choose for a GPU. `mode`: its power mode, as its chip file names them."""

    mode: str | None = None


@dataclass(frozen=True)
class TpuOptions(OnnxOptions):
    """What a user may choose for TPUs, which compute with 8-bit integers only."""

    precision: Literal["int8"] = "int8"


def _passes(options: Options) -> tuple[Pass, ...]:
    exact: tuple[Pass, ...] = (SetSteps(options.steps), FoldBatchnorm())
    if isinstance(options, OnnxOptions) and options.form == "spiking":
        exact = (FoldBatchnorm(), *spiking_passes(options))
    if not isinstance(options, OnnxOptions) or options.precision == "fp32":
        return exact
    if options.precision == "fp16":
        return (*exact, HalfMasks())
    sensitive = options.sensitive if isinstance(options, CpuOptions) else 0
    return (*exact, QuantizeInt8(options.ranges, options.bias_correction, sensitive))


def _lower(model: Model, options: Options) -> Mapping[str, bytes]:
    from nmc.backends.onnx.lowering import lower

    return lower(model, half=isinstance(options, OnnxOptions) and options.precision == "fp16")


def _estimate_cpu(program: Program, result: RunResult) -> Estimate:
    from nmc.estimates.kernels import estimate_cpu

    return estimate_cpu(program, result)


def _estimate_gpu(program: Program, result: RunResult) -> Estimate:
    from nmc.estimates.kernels import estimate_gpu

    return estimate_gpu(program, result)


def _estimate_tpu(program: Program, result: RunResult) -> Estimate:
    from nmc.estimates.kernels import estimate_tpu

    return estimate_tpu(program, result)


CPU = Target(
    name="cpu",
    chip="cpu",
    description="this machine's processor, measured",
    passes=_passes,
    lower=_lower,
    engines=_ENGINES,
    learners=_LEARNERS,
    tracers=_TRACERS,
    stepping=_STEPPING,
    estimate=_estimate_cpu,
    options=CpuOptions,
    verifier="nmc.backends.onnx.verification:verify",
)
GPU = replace(
    CPU,
    name="gpu-sim",
    chip="a100",
    description="a data centre GPU (NVIDIA A100), by ONNX and a roofline model",
    estimate=_estimate_gpu,
    options=GpuOptions,
    engines={**_ENGINES, "cuda": "nmc.backends.onnx.engine:run_cuda"},
)


def _gpu(name: str, chip: str, title: str) -> Target:
    """A GPU that differs from another in numbers only: those of its chip file."""
    return replace(GPU, name=name, chip=chip, description=f"{title}, by ONNX and a roofline model")


H100 = _gpu("h100-sim", "h100", "a data centre GPU (NVIDIA H100)")
RTX_4090 = _gpu("rtx-4090-sim", "rtx-4090", "a desktop GPU (NVIDIA GeForce RTX 4090)")
JETSON_ORIN = _gpu("jetson-orin-sim", "jetson-agx-orin", "an embedded GPU (NVIDIA Jetson AGX Orin)")
JETSON_ORIN_NANO = _gpu("jetson-orin-nano-sim", "jetson-orin-nano", "an embedded GPU (NVIDIA Jetson Orin Nano)")
JETSON_TX1 = _gpu("jetson-tx1-sim", "jetson-tx1", "an embedded GPU (NVIDIA Jetson TX1) under TensorFlow 1")
QUADRO_K4000 = _gpu("quadro-k4000-sim", "quadro-k4000", "a workstation GPU (NVIDIA Quadro K4000) under TensorFlow 1")
TPU = replace(
    CPU,
    name="tpu-sim",
    chip="edge-tpu",
    description="the Edge TPU, by 8-bit ONNX and a systolic array model",
    estimate=_estimate_tpu,
    options=TpuOptions,
)
TPU_V1 = replace(
    TPU,
    name="tpu-v1-sim",
    chip="tpu-v1",
    description="the first TPU of Google's data centres, by 8-bit ONNX and a systolic array model",
)
TPU_V4 = replace(
    TPU,
    name="tpu-v4-sim",
    chip="tpu-v4",
    description="Google's TPU v4, by 8-bit ONNX and a systolic array model",
)
TPU_V5E = replace(
    TPU,
    name="tpu-v5e-sim",
    chip="tpu-v5e",
    description="Google's TPU v5e, by 8-bit ONNX and a systolic array model",
)
EDGE_TPU_DEV_BOARD = replace(
    TPU,
    name="edge-tpu-dev-board-sim",
    chip="edge-tpu-dev-board",
    description="the Edge TPU on Coral's Dev Board, by 8-bit ONNX and a systolic array model",
)
