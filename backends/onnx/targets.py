"""The targets that are compiled to ONNX: this machine's processor, GPUs and TPUs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from nmc.backends.target import Options, Target
from nmc.errors import UsageError
from nmc.model import FloatArray, Model
from nmc.passes.fold_batchnorm import FoldBatchNorm
from nmc.passes.quantize_int8 import QuantizeInt8
from nmc.passes.set_steps import SetSteps

if TYPE_CHECKING:
    from nmc.backends.target import RunResult
    from nmc.estimates.estimate import Estimate
    from nmc.passes import Pass
    from nmc.program import Program

_ENGINES = {
    "onnxruntime": "nmc.backends.onnx.engine:run",
    "onnxruntime-stepwise": "nmc.backends.onnx.engine:run_stepwise",
}


@dataclass(frozen=True)
class OnnxOptions(Options):
    """What a user may choose for processors and GPUs.

    `precision`: the numbers that are computed with; int8 needs calibration data. `batch`: how many
    samples run side by side. `threads`: processor threads of an operation.
    """

    precision: Literal["fp32", "fp16", "int8"] = "fp32"
    batch: int = 1
    threads: int = 1

    def __post_init__(self) -> None:
        for option in ("batch", "threads", "steps"):
            value: int | None = getattr(self, option)
            if value is not None and value < 1:
                raise UsageError(f"{option} is {value}", "give 1 or more")


@dataclass(frozen=True)
class JetsonOptions(OnnxOptions):
    """What a user may choose for a Jetson. `mode`: its power mode, as its chip file names them."""

    mode: str | None = None


@dataclass(frozen=True)
class TpuOptions(OnnxOptions):
    """What a user may choose for TPUs, which compute with 8-bit integers only."""

    precision: Literal["int8"] = "int8"


def _passes(options: Options, calibration: FloatArray | None) -> tuple[Pass, ...]:
    exact: tuple[Pass, ...] = (SetSteps(options.steps), FoldBatchNorm())
    int8 = isinstance(options, OnnxOptions) and options.precision == "int8"
    return (*exact, QuantizeInt8(calibration)) if int8 else exact


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
    estimate=_estimate_cpu,
    options=OnnxOptions,
)
GPU = replace(
    CPU,
    name="gpu-sim",
    chip="a100",
    description="a data centre GPU (NVIDIA A100), by ONNX and a roofline model",
    estimate=_estimate_gpu,
)
JETSON_ORIN = replace(
    GPU,
    name="jetson-orin-sim",
    chip="jetson-agx-orin",
    description="an embedded GPU (NVIDIA Jetson AGX Orin), by ONNX and a roofline model",
    options=JetsonOptions,
)
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
