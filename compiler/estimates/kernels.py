"""What one inference of a program costs on chips that run kernels: CPU, GPU, TPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nmc.chips import chip_of
from nmc.estimates.estimate import Estimate, Measurement
from nmc.estimates.workload import Workload, workload

if TYPE_CHECKING:
    from nmc.backends.target import RunResult
    from nmc.chips.chip import Precision
    from nmc.program import Program


def estimate_cpu(program: Program, result: RunResult) -> Estimate:
    """The measured time of a run on this machine, and its energy: metered if the run was, else modelled."""
    from nmc.chips.chip import CpuChip
    from nmc.estimates.cpu import price_cpu

    samples = result.events.samples
    metered = None if result.energy_j is None else result.energy_j / samples
    return price_cpu(chip_of(program.chip, CpuChip), result.seconds / samples, metered)


def estimate_gpu(program: Program, result: RunResult) -> Estimate:
    """The options "precision" (fp32), "batch" (1) and "mode" (the chip's first power mode) are heeded.

    Where a GPU ran the program, what it took is beside the estimate.
    """
    from dataclasses import replace

    from nmc.chips.chip import GpuChip
    from nmc.estimates.gpu import price_gpu

    mode = program.options.get("mode")
    estimate = price_gpu(
        chip_of(program.chip, GpuChip),
        _workload(program, result),
        _precision(program, "fp32"),
        None if mode is None else str(mode),
    )
    if result.device is None:
        return estimate
    samples = result.events.samples
    energy = None if result.energy_j is None else result.energy_j / samples
    return replace(estimate, measured=Measurement(result.device, result.seconds / samples, energy))


def estimate_tpu(program: Program, result: RunResult) -> Estimate:
    """The options "precision" (int8) and "batch" (1) are heeded."""
    from nmc.chips.chip import SystolicChip
    from nmc.estimates.systolic import price_systolic

    return price_systolic(
        chip_of(program.chip, SystolicChip), _workload(program, result), _precision(program, "int8")
    )


def _workload(program: Program, result: RunResult) -> Workload:
    batch = program.options.get("batch") or 1
    return workload(program.model.graph, steps=max(1, result.events.steps), batch=int(batch))


def _precision(program: Program, default: Precision) -> Precision:
    from nmc.chips.chip import precision_named

    return precision_named(str(program.options.get("precision") or default))
