"""Strict mode: where a run enters a zone in which Lava 0.10.0 and silicon are known, or reported, to differ.

Numbers such as lava#282 are reports in Lava's own tracker. Checks recompute each step from the state before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nmc.backends.loihi.native import Emulator
from nmc.backends.target import RunWarning
from nmc.model import Array, Model
from nmc.nodes import fixed_point
from nmc.reference.fixed_point import integers, message, shifted, toward_zero, wrap
from nmc.reference.tensor import convolve

IntArray = NDArray[np.int64]
Mask = NDArray[np.bool_]

_LIMIT = 2**23
ZONES: Mapping[str, str] = {
    "activation": "its input leaves the 16 bits that Lava declares for it; Lava keeps all of it",
    "current": "its current leaves 24 bits; Lava wraps it once, the chip is reported to differ (lava#322)",
    "voltage": "its voltage saturates at 2^23 - 1; reports of chip and Lava differing there are open (lava#322)",
    "reset": "the chip leaves v at 128 after a spike, Lava at 0 (lava#282); here that may decide over a spike",
    "residue": "it shows its voltage after a spike: 0 in Lava, 128 on the chip (lava#282)",
    "sum": "its sum leaves 24 bits; Lava wraps it",
    "bias": "its bias does not fit the chip's 13 bits and exponent 0 to 7; Lava takes any",
    "weight": "its weights exceed the chip's 8 bits and sign; Lava's Conv neither clips nor scales them (lava#803)",
    "delay": "it delays by more than the 62 steps that Lava's own exporter allows",
    "drift": "bits that state_exp shifts out are lost to the receiver in Lava 0.10.0, and not in later versions",
}  # fmt: skip


def static_warnings(model: Model) -> tuple[RunWarning, ...]:
    """What holds of a graph whatever it is run on."""
    found = []
    for node in model.graph:
        if isinstance(node, fixed_point.FixedLIF | fixed_point.FixedTernaryLIF):
            mantissa = _param(model, node.bias_mant)
            if np.any((mantissa < -4096) | (mantissa > 4095)) or (np.any(mantissa) and not 0 <= node.bias_exp <= 7):
                found.append(("bias", node.name))
        elif isinstance(node, fixed_point.FixedConv2d):
            weight = _param(model, node.weight)
            if np.any((weight < -256) | (weight > 255)):
                found.append(("weight", node.name))
        elif isinstance(node, fixed_point.FixedDelayDense | fixed_point.FixedDelaySparse):
            if node.longest > 62:
                found.append(("delay", node.name))
        elif isinstance(node, fixed_point.FixedDelta | fixed_point.FixedSigmaDelta) and node.state_exp:
            found.append(("drift", node.name))
    return tuple(RunWarning(zone, ZONES[zone], node) for zone, node in found)


@dataclass(frozen=True)
class Checks:
    """What was found in a run: one warning for each node and zone, that of the earliest step, then sample."""

    model: Model
    found: list[RunWarning] = field(default_factory=list)

    def begin(self, chip: Emulator, first_sample: int) -> ChunkChecks:
        """Checks of a chip with samples from `first_sample` on, in its first state."""
        return ChunkChecks(chip, first_sample, self.found)

    def warnings(self) -> tuple[RunWarning, ...]:
        """The first of each kind, in the order in which they happened."""
        ordered = sorted(self.found, key=lambda w: (w.step or 0, w.sample or 0))
        first: dict[tuple[str, str], RunWarning] = {}
        for warning in ordered:
            first.setdefault((warning.node, warning.zone), warning)
        return (*static_warnings(self.model), *first.values())


class ChunkChecks:
    """The checks of one chip: the state before each step, and what a spike leaves on the chip."""

    def __init__(self, chip: Emulator, first_sample: int, found: list[RunWarning]) -> None:
        graph = chip.model.graph
        on_chip = [graph[name] for name in chip.computed]
        self.found, self.first_sample, self.seen = found, first_sample, set[tuple[str, str]]()
        self.neurons = [node for node in on_chip if isinstance(node, fixed_point.FixedLIF)]
        self.convs = [node for node in on_chip if isinstance(node, fixed_point.FixedConv2d)]
        self.before = {node.name: _copied(chip, node.name) for node in self.neurons}
        self.left = {node.name: np.zeros_like(self.before[node.name]["v"], np.int64) for node in self.neurons}

    def step(self, chip: Emulator, t: int) -> None:
        """Look at the step that the chip has just done; t counts from 0."""
        for node in self.neurons:
            for zone, mask in self._neurons(chip, node, t):
                self._note(zone, node.name, t, mask)
            self.before[node.name] = _copied(chip, node.name)
        for conv in self.convs:
            weight = chip.model.weights[conv.weight].astype(np.float64)
            x = message(conv.num_message_bits, chip.operand(conv.name).astype(np.float64))
            if np.abs(weight).reshape(conv.channels, -1).sum(axis=1).max() * np.abs(x).max() >= _LIMIT:
                total = integers(np.rint(convolve(conv, x, weight)))
                self._note("sum", conv.name, t, (total < -_LIMIT) | (total >= _LIMIT))

    def _neurons(self, chip: Emulator, node: fixed_point.FixedLIF, t: int) -> Iterable[tuple[str, Mask]]:
        u, v = (self.before[node.name][part].astype(np.int64) for part in ("u", "v"))
        left = self.left[node.name]
        if node.reset_interval and (t + 1) % node.reset_interval == node.reset_offset % node.reset_interval:
            u, v, left = np.zeros_like(u), np.zeros_like(v), np.zeros_like(left)
        a = chip.operand(node.name).astype(np.int64)
        current = toward_zero(u * (4095 - node.du), 12) + (a << 6)
        bias = shifted(_param(chip.model, node.bias_mant), node.bias_exp)
        new_u = chip.state(node.name)["u"].astype(np.int64)
        moved = wrap(toward_zero(v * (4096 - node.dv), 12) + new_u + bias, 32)
        clipped = np.clip(moved, 1 - _LIMIT, _LIMIT - 1)
        threshold = node.vth << 6
        spike = clipped > threshold
        left = np.where(left > 0, np.minimum(128, (left * (4096 - node.dv) >> 12) + (node.dv < 4096)), 0)
        yield "activation", (a < -(2**15)) | (a >= 2**15)
        yield "current", (current > _LIMIT) | (current <= -_LIMIT)
        yield "voltage", clipped != moved
        if node.emits == "spikes":
            yield "reset", ~spike & (clipped + left > threshold)
        else:
            yield "residue", spike
        self.left[node.name] = np.where(spike, 128, left)

    def _note(self, zone: str, node: str, t: int, mask: Mask) -> None:
        if (zone, node) in self.seen or not mask.any():
            return
        self.seen.add((zone, node))
        sample, *neuron = (int(index) for index in np.argwhere(mask)[0])
        self.found.append(RunWarning(zone, ZONES[zone], node, t, self.first_sample + sample, tuple(neuron)))


def _copied(chip: Emulator, name: str) -> Mapping[str, Array]:
    """A neuron's state, as it stays while the chip goes on."""
    return {part: array.copy() for part, array in chip.state(name).items()}


def _param(model: Model, value: int | str) -> IntArray:
    array: Array = model.weights[value] if isinstance(value, str) else np.asarray(value)
    return array.astype(np.int64)
