"""The targets that are compiled to ONNX: this machine's processor, GPUs and TPUs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from nmc.backends.conversion import ConversionOptions, spiking_passes
from nmc.backends.target import Engine, Target, applies
from nmc.errors import UsageError
from nmc.model import Model
from nmc.passes.fold_batchnorm import FoldBatchnorm
from nmc.passes.half_masks import HalfMasks
from nmc.passes.quantize_int8 import QuantizeInt8
from nmc.passes.set_steps import SetSteps
from nmc.passes.value_ranges import RangeMethod

if TYPE_CHECKING:
    from nmc.chips.chip import CpuChip, GpuChip, SystolicChip
    from nmc.estimates.pricing import Pricing
    from nmc.passes import Pass

_LEARN = "nmc.backends.onnx.learning:learn"
_ENGINES = {
    "onnxruntime": Engine(
        "nmc.backends.onnx.engine:run",
        learn=_LEARN,
        trace="nmc.backends.onnx.tracing:trace",
        verify="nmc.backends.onnx.verification:verify",
    ),
    "onnxruntime-stepwise": Engine(
        "nmc.backends.onnx.engine:run_stepwise", learn=_LEARN, open="nmc.backends.onnx.stepping:OnnxStepping"
    ),
}
_CUDA = {"cuda": Engine("nmc.backends.onnx.engine:run_cuda")}


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

    @property
    def sensitive_layers(self) -> int:
        """Of an int8 network, how many layers keep fp32."""
        return 0

    @property
    def pricing(self) -> Pricing:
        from nmc.estimates.pricing import Pricing

        return Pricing(precision=self.precision, batch=self.batch)


@dataclass(frozen=True)
class FloatOptions(OnnxOptions):
    """What a user may choose where real numbers can be computed with, too.

    `sensitive`: of an int8 network, how many layers keep fp32.
    """

    sensitive: int = applies(0, precision="int8")

    @property
    def sensitive_layers(self) -> int:
        return self.sensitive


@dataclass(frozen=True)
class CpuOptions(FloatOptions):
    """What a user may choose for a processor."""

    clocked = True


@dataclass(frozen=True)
class GpuOptions(FloatOptions):
    """What a user may choose for a GPU. `mode`: its power mode, as its chip file names them."""

    mode: str | None = None

    @property
    def pricing(self) -> Pricing:
        return replace(super().pricing, mode=self.mode)


@dataclass(frozen=True)
class TpuOptions(OnnxOptions):
    """What a user may choose for TPUs, which compute with 8-bit integers only."""

    precision: Literal["int8"] = "int8"


def _passes(options: OnnxOptions) -> tuple[Pass, ...]:
    exact: tuple[Pass, ...] = (SetSteps(options.steps), FoldBatchnorm())
    if options.form == "spiking":
        exact = (FoldBatchnorm(), *spiking_passes(options))
    if options.precision == "fp32":
        return exact
    if options.precision == "fp16":
        return (*exact, HalfMasks())
    return (*exact, QuantizeInt8(options.ranges, options.bias_correction, options.sensitive_layers))


def _lower(model: Model, options: OnnxOptions) -> Mapping[str, bytes]:
    from nmc.backends.onnx.lowering import lower

    return lower(model, half=options.precision == "fp16")


def cpu(chip: CpuChip) -> Target[CpuOptions]:
    """A processor, whose runs are timed on this machine."""
    return Target(chip.name, chip, "this machine's processor, measured", CpuOptions(), _passes, _lower, _ENGINES)


def gpu(chip: GpuChip) -> Target[GpuOptions]:
    """A GPU, in the precision that the chip names. Raises UsageError for one that programs cannot have."""
    precision = chip.default_precision
    if precision == "bf16":
        raise UsageError(
            f"the chip {chip.name} computes in bf16 unless told otherwise, and programs for GPUs do not",
            "let its file name another precision that it has, as in 'precision: fp32'",
        )
    described = f"{chip.title}, by ONNX and a roofline model"
    options = GpuOptions(precision=precision)
    return Target(chip.name, chip, described, options, _passes, _lower, {**_ENGINES, **_CUDA})


def tpu(chip: SystolicChip) -> Target[TpuOptions]:
    """A systolic array. Raises UsageError for one without 8-bit integers."""
    if "int8" not in chip.precisions:
        raise UsageError(
            f"the chip {chip.name} has no int8, and programs for systolic arrays compute in nothing else",
            "price networks on it from their layers, as in 'nmc estimate MODEL --chip CHIP'",
        )
    described = f"{chip.title}, by 8-bit ONNX and a systolic array model"
    return Target(chip.name, chip, described, TpuOptions(), _passes, _lower, _ENGINES)
