"""What one inference of a program costs on chips that run kernels: CPU, GPU, TPU."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nmc.chips import chip_of
from nmc.estimates.estimate import Estimate, Measurement
from nmc.estimates.workload import Workload, workload
from nmc.nodes.tensor import Conv1d, Conv2d, Linear

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

    Layers of an int8 program that keep real weights are priced as fp32, with all that they read and write.
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
    graph = program.model.graph
    return workload(graph, steps=max(1, result.events.steps), batch=int(batch), precisions=_kept(program))


def _kept(program: Program) -> Mapping[str, Precision]:
    """The layers of an int8 program that compute with real numbers: in fp32."""
    if program.options.get("precision") != "int8":
        return {}
    layers = (node for node in program.model.graph if isinstance(node, Linear | Conv1d | Conv2d))
    return {layer.name: "fp32" for layer in layers if layer.weight_scale is None}


def _precision(program: Program, default: Precision) -> Precision:
    from nmc.chips.chip import precision_named

    return precision_named(str(program.options.get("precision") or default))
