"""What one inference of a program costs on a chip, by the kind of the chip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nmc.estimates.estimate import Baseline, Estimate, Measurement

if TYPE_CHECKING:
    from nmc.backends.target import RunResult
    from nmc.chips.chip import Chip, Precision
    from nmc.graph import Graph
    from nmc.program import Program


@dataclass(frozen=True)
class Pricing:
    """What the price of a run depends on beside the program and its events.

    `precision` is that of the numbers that are computed with, `batch` how many samples run side by side. `mode`,
    `prices` and `io` choose by name among a chip's power modes, price profiles and ways of feeding it. None: the
    chip's first. `baseline` is what energy is counted above.
    """

    precision: Precision | None = None
    batch: int = 1
    mode: str | None = None
    prices: str | None = None
    io: str | None = None
    baseline: Baseline = "total"

    def check(self, chip: Chip) -> None:
        """Raise UsageError for a choice that the chip lacks."""
        from nmc.chips.chip import CpuChip, GpuChip, ManycoreChip, SystolicChip, choice

        match chip:
            case CpuChip():
                pass
            case GpuChip():
                choice(chip.modes, self.mode, "power mode", chip.title)
                choice(chip.peak, self.precision, "precision", chip.title)
            case SystolicChip():
                choice(dict.fromkeys(chip.precisions), self.precision, "precision", chip.title)
            case ManycoreChip():
                choice(chip.prices, self.prices, "price profile", chip.title)
                choice(chip.io, self.io, "way of I/O", chip.title)


def price_program(program: Program, chip: Chip, result: RunResult) -> Estimate:
    """What one inference of a run costs, as the program's options say.

    On the machine at hand, what it took: metered if the run was, else modelled. On a GPU that ran the program, that is
    beside the estimate.
    """
    from nmc.chips.chip import CpuChip, GpuChip, ManycoreChip, SystolicChip

    pricing, samples = program.options.pricing, result.events.samples
    seconds, energy_j = result.seconds / samples, None if result.energy_j is None else result.energy_j / samples
    match chip:
        case CpuChip():
            from nmc.estimates.cpu import price_cpu

            return price_cpu(chip, seconds, energy_j)
        case ManycoreChip():
            from nmc.estimates.manycore import price_manycore
            from nmc.mapping.file import mapping_of

            return price_manycore(
                chip, program.model.graph, result.events,
                placement=mapping_of(program), prices=pricing.prices, io=pricing.io,
            ).above(pricing.baseline)
    from nmc.estimates.workload import workload

    graph = program.model.graph
    precision = pricing.precision or chip.default_precision
    kept = _kept(graph) if precision == "int8" else {}
    work = workload(graph, steps=max(1, result.events.steps), batch=pricing.batch, precisions=kept)
    match chip:
        case GpuChip():
            from nmc.estimates.gpu import price_gpu

            estimate = price_gpu(chip, work, precision, pricing.mode)
            measured = None if result.device is None else Measurement(result.device, seconds, energy_j)
            return replace(estimate, measured=measured)
        case SystolicChip():
            from nmc.estimates.systolic import price_systolic

            return price_systolic(chip, work, precision)


def _kept(graph: Graph) -> Mapping[str, Precision]:
    """The layers of an int8 program that compute with real numbers: in fp32."""
    from nmc.nodes.tensor import Conv1d, Conv2d, Linear

    layers = (node for node in graph if isinstance(node, Linear | Conv1d | Conv2d))
    return {layer.name: "fp32" for layer in layers if layer.weight_scale is None}
