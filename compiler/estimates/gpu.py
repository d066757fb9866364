"""Energy and latency on a GPU: a roofline for each kernel, and what it takes to launch it.

kernel = max(operations / (peak x efficiency), bytes / (bandwidth x efficiency)) + launch   (Williams et al. 2009)
energy = idle power x time + (launch power - idle) x launching + (busy power - idle) x computing
"""

from __future__ import annotations

from dataclasses import dataclass

from nmc.chips.chip import GpuChip, GpuMode, Precision, choice
from nmc.estimates.estimate import Component, Estimate
from nmc.estimates.workload import Kernel, Workload
from nmc.units.interval import ZERO, Interval, largest, total, worst


@dataclass(frozen=True)
class KernelTime:
    """Seconds that all runs of a kernel take in a call: at work, and being launched. `bound` is what limits it."""

    kernel: Kernel
    busy_s: Interval
    launch_s: Interval
    bound: str


def price_gpu(chip: GpuChip, work: Workload, precision: Precision = "fp32", mode: str | None = None) -> Estimate:
    """What one sample of a call costs. Raises UsageError for a precision or power mode that the chip lacks."""
    setting = choice(chip.modes, mode, "power mode", chip.title)
    for used in dict.fromkeys([precision, *(kernel.precision or precision for kernel in work.kernels)]):
        choice(chip.peak, used, "precision", chip.title)
    times = [_time(chip, setting, kernel, precision) for kernel in work.kernels]
    launching = total(t.launch_s for t in times)
    call = chip.call_overhead.interval
    busy = {bound: total(t.busy_s for t in times if t.bound == bound) for bound in ("compute", "memory")}
    duration = launching + call + total(busy.values())

    idle = setting.idle_power.interval
    launch_power = setting.launch_power.interval.above(idle)
    energies = {t.kernel.name: _energy(chip, setting, t, precision) + launch_power * t.launch_s for t in times}
    work_energy = {
        bound: total(_energy(chip, setting, t, precision) for t in times if t.bound == bound) for bound in busy
    }
    peak = chip.peak[precision]
    parts = (
        Component("idle power", "idle", idle * duration, None, setting.idle_power.grade, setting.idle_power.source),
        Component("kernels bound by compute", "compute", work_energy["compute"], busy["compute"],
                  worst(peak.grade, chip.compute_efficiency.grade), peak.source),
        Component("kernels bound by memory", "memory", work_energy["memory"], busy["memory"],
                  worst(chip.memory_bandwidth.grade, chip.bandwidth_efficiency.grade), chip.memory_bandwidth.source),
        Component("kernel launches", "overhead", launch_power * launching, launching,
                  chip.kernel_launch.grade, chip.kernel_launch.source),
        Component("call", "overhead", launch_power * call, call, chip.call_overhead.grade, chip.call_overhead.source),
    )  # fmt: skip
    return Estimate(
        tuple(part.share(work.batch) for part in parts),
        by_node={name: energy / work.batch for name, energy in energies.items()},
    )


def _time(chip: GpuChip, mode: GpuMode, kernel: Kernel, precision: Precision) -> KernelTime:
    precision = kernel.precision or precision
    units = chip.compute_efficiency.interval * mode.compute_speed.interval
    products = Interval.exact(2.0 * kernel.macs) / (chip.peak[precision].interval * units)
    plain = chip.peak.get("fp32", chip.peak[precision])
    compute = products + Interval.exact(kernel.operations) / (plain.interval * units)
    speed = chip.memory_bandwidth.interval * chip.bandwidth_efficiency.interval * mode.memory_speed.interval
    memory = Interval.exact(float(kernel.bytes(precision))) / speed
    bound = "compute" if compute.best >= memory.best else "memory"
    launch = chip.kernel_launch.interval * kernel.repeats
    return KernelTime(kernel, largest(compute, memory) * kernel.repeats, launch, bound)


def _energy(chip: GpuChip, mode: GpuMode, time: KernelTime, precision: Precision) -> Interval:
    """Joules above idle while the kernel is at work."""
    if chip.energy_per_operation is None or chip.energy_per_byte is None:
        return mode.busy_power.interval.above(mode.idle_power.interval) * time.busy_s
    kernel = time.kernel
    operation = chip.energy_per_operation.get(kernel.precision or precision)
    compute = operation.interval * (2.0 * kernel.macs + kernel.operations) if operation else ZERO
    return (compute + chip.energy_per_byte.interval * float(kernel.bytes(precision))) * kernel.repeats

