"""Energy and latency on a systolic array with memory on the chip, and a link to the host.

kernel  = max(array, streaming, activations, vector unit): all work at once, from double buffers
latency = sum over kernels + samples and results over the link + calls
energy  = idle power x time + multiply-accumulates, buffer, streamed and link bytes, vector operations x price
"""

from __future__ import annotations

from dataclasses import dataclass

from nmc.chips.chip import Precision, SystolicArray, SystolicChip, choice
from nmc.estimates.array import buffer_accesses, cycles
from nmc.estimates.estimate import Component, Estimate
from nmc.estimates.workload import BYTES, Kernel, Workload
from nmc.units.interval import ZERO, Interval, largest, total, worst


@dataclass(frozen=True)
class KernelWork:
    """All runs of a kernel in a call: seconds that each part of the chip is at work, and joules it takes above idle."""

    kernel: Kernel
    cycles: int
    array_s: Interval
    streaming_s: Interval
    activations_s: Interval
    vector_s: Interval
    array_j: Interval
    streaming_j: Interval
    vector_j: Interval

    @property
    def seconds(self) -> Interval:
        """The slowest part sets the pace."""
        return largest(self.array_s, self.streaming_s, self.activations_s, self.vector_s)

    @property
    def joules(self) -> Interval:
        """All parts."""
        return self.array_j + self.streaming_j + self.vector_j

    @property
    def bound(self) -> str:
        """The part that sets the pace."""
        parts = {
            "array": self.array_s, "streaming": self.streaming_s,
            "activations": self.activations_s, "vector": self.vector_s,
        }  # fmt: skip
        return max(parts, key=lambda name: parts[name].best)


def kernel_works(chip: SystolicChip, work: Workload, precision: Precision) -> tuple[KernelWork, ...]:
    """What every kernel of a call takes. Where the weights exceed the chip, an equal share of each streams."""
    size = float(work.weights * BYTES[precision])
    streamed = _beyond(size, chip.weight_memory.interval)
    share = streamed / size if size else ZERO
    return tuple(_work(chip, kernel, precision, share) for kernel in work.kernels)


def utilization(array: SystolicArray, works: tuple[KernelWork, ...]) -> float:
    """The share of multiply-accumulate units at work while the array computes."""
    units = array.rows.count * array.columns.count * array.count.count
    spent = sum(w.cycles for w in works) * units
    return sum(w.kernel.macs * w.kernel.repeats for w in works) / spent if spent else 0.0


def price_systolic(chip: SystolicChip, work: Workload, precision: Precision | None = None) -> Estimate:
    """What one sample of a call costs, at the chip's first precision unless told otherwise.

    Raises UsageError for a precision that the chip lacks.
    """
    precision = precision or chip.default_precision
    choice(dict.fromkeys(chip.precisions), precision, "precision", chip.title)
    works = kernel_works(chip, work, precision)
    calls = work.steps if chip.host_loop and work.loops else 1
    on_chip, link = _on_chip(chip, works, precision), _link(chip, work, precision, calls)
    duration = total(part.latency_s for part in (*on_chip, *link) if part.latency_s is not None)
    power = chip.idle_power
    idle = Component("idle power", "idle", power.interval * duration, None, power.grade, power.source)
    return Estimate(
        tuple(part.share(work.batch) for part in (idle, *on_chip, *link)),
        by_node={w.kernel.name: w.joules / work.batch for w in works},
    )


def _work(chip: SystolicChip, kernel: Kernel, precision: Precision, share: Interval) -> KernelWork:
    array, width = chip.array, BYTES[precision]
    moved = float((kernel.reads + kernel.writes + 2 * kernel.states) * width)
    beyond = share * float(kernel.weights * width) + _beyond(moved, chip.activation_memory.interval)
    spent, buffered = 0, moved
    if kernel.gemm is not None:
        shape = (array.rows.count, array.columns.count, array.dataflow)
        spent = cycles(kernel.gemm, *shape, arrays=array.count.count, double_buffered=array.double_buffered)
        buffered = float(buffer_accesses(kernel.gemm, *shape).elements * width)
    clock = array.clock.interval
    if precision in array.speed:
        clock = clock * array.speed[precision].interval
    prices, repeats = chip.prices, kernel.repeats
    return KernelWork(
        kernel,
        spent * repeats,
        array_s=Interval.exact(float(spent)) / clock * repeats,
        streaming_s=beyond / chip.stream_bandwidth.interval * repeats,
        activations_s=Interval.exact(moved) / chip.activation_bandwidth.interval * repeats,
        vector_s=Interval.exact(kernel.operations) / chip.vector_throughput.interval * repeats,
        array_j=(prices.mac[precision].interval * kernel.macs + prices.buffer_byte.interval * buffered) * repeats,
        streaming_j=prices.stream_byte.interval * beyond * repeats,
        vector_j=prices.operation.interval * kernel.operations * repeats,
    )


def _on_chip(chip: SystolicChip, works: tuple[KernelWork, ...], precision: Precision) -> tuple[Component, ...]:
    """The kernels' time by what sets the pace, and their energy by what takes it."""
    prices, array = chip.prices, chip.array
    seconds = {
        bound: total(w.seconds for w in works if w.bound == bound)
        for bound in ("array", "streaming", "activations", "vector")
    }
    used = f"{utilization(array, works):.1%} of the array at work; {array.clock.source}"
    return (
        Component(
            "array and its buffers", "compute", total(w.array_j for w in works), seconds["array"],
            worst(array.clock.grade, prices.mac[precision].grade, prices.buffer_byte.grade), used,
        ),
        Component(
            "activations on the chip", "memory", None, seconds["activations"],
            chip.activation_bandwidth.grade, chip.activation_bandwidth.source,
        ),
        Component(
            "streaming from beyond the chip", "memory", total(w.streaming_j for w in works), seconds["streaming"],
            chip.stream_bandwidth.grade, chip.stream_bandwidth.source,
        ),
        Component(
            "vector unit", "compute", total(w.vector_j for w in works), seconds["vector"],
            worst(chip.vector_throughput.grade, prices.operation.grade), chip.vector_throughput.source,
        ),
    )  # fmt: skip


def _link(chip: SystolicChip, work: Workload, precision: Precision, calls: int) -> tuple[Component, ...]:
    """What the host has to do with it."""
    crossing = float((work.inputs + work.outputs) * BYTES[precision])
    link, call, results = chip.host_bandwidth, chip.call_overhead, chip.result_time
    return (
        Component(
            "samples and results", "io", chip.prices.host_byte.interval * crossing,
            Interval.exact(crossing) / link.interval, link.grade, link.source,
        ),
        Component(
            "results read by the host", "io", None, results.interval * work.outputs, results.grade, results.source
        ),
        Component("calls", "overhead", None, call.interval * calls, call.grade, call.source),
    )  # fmt: skip


def _beyond(size: float, memory: Interval) -> Interval:
    """Bytes that a memory has no room for."""
    return Interval(*(max(0.0, size - room) for room in (memory.high, memory.best, memory.low)))
