"""Rules of neurons in a chip's integers: shifts, rounding, wrapping, and the same conventions as elsewhere."""


from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from nmc.differences.rules.rule import Family, Rule, Trial, Ways, with_facts
from nmc.differences.segment import Change, Segment
from nmc.graph import Node
from nmc.model import FloatArray
from nmc.nodes.fixed_point import FixedCompartments, FixedLIF
from nmc.reference.fixed_point import IntArray, integers, shifted, toward_zero, wrap
from nmc.reference.meaning import Meaning, Result, Step

Decayed = Callable[[IntArray, int], IntArray]
_DECAYS: dict[str, Decayed] = {
    "down": lambda x, keep: (x * keep) >> 12,
    "to the nearest number": lambda x, keep: (x * keep + 2048) >> 12,
    "up": lambda x, keep: -((-x * keep) >> 12),
}


def _plain(x: IntArray, keep: int) -> IntArray:
    return toward_zero(x * keep, 12)


@dataclass(frozen=True)
class Integers:
    """How whole numbers may be handled otherwise than Lava's LIF and NengoLoihi's compartments do it.

    `reset` after a spike; `at_threshold`: a spike where v >= threshold, too; `current` and `voltage` are how these
    decay; `shift` is that of the input, 6 for a LIF.
    """

    reset: str = "zero"
    at_threshold: bool = False
    current: Decayed = _plain
    voltage: Decayed = _plain
    wraps: bool = True
    limit: Literal["clip", "wrap", "none"] = "clip"
    shift: int = 6
    bias_times: float = 1.0

    def lif(self, node: FixedLIF, step: Step) -> Result:
        """FixedLIF so."""
        t = step.state["t"] + 1
        u, v = integers(step.state["u"]), integers(step.state["v"])
        if node.reset_interval:
            due = t % node.reset_interval == node.reset_offset % node.reset_interval
            keep = ~due.reshape(-1, *(1,) * (u.ndim - 1))
            u, v = u * keep, v * keep
        u = self.current(u, 4095 - node.du) + shifted(integers(step.x), self.shift)
        if self.wraps:
            u = wrap(u, 32)
            u = np.where(u > 2**23, u - 2**24, np.where(u <= -(2**23), u + 2**24, u))
        bias = shifted(self._bias(step.param(node.bias_mant)), node.bias_exp)
        v = self.voltage(v, 4096 - node.dv) + u + bias
        v = self._limited(v, np.asarray(1 - 2**23), 2**23 - 1)
        spike, v = self._fired(v, np.asarray(node.vth << 6))
        state = {"u": u.astype(np.float64), "v": v.astype(np.float64), "t": t}
        return Result((spike if node.emits == "spikes" else v).astype(np.float64), state)

    def compartments(self, node: FixedCompartments, step: Step) -> Result:
        """FixedCompartments so."""
        u, v, rest = (integers(step.state[name]) for name in ("u", "v", "rest"))
        vth, vmin, bias = integers(step.param(node.vth)), integers(step.param(node.vmin)), step.param(node.bias)
        arrived = shifted(integers(step.x), self.shift - 6)
        if self.wraps:
            arrived = wrap(arrived, 22)
        u = self.current(u, 4095 - node.decay_u) + arrived
        u = wrap(u, 24) if self.wraps else u
        v = self.voltage(v, 4096 - node.decay_v) + wrap(u + self._bias(bias), 24)
        v = np.where(rest > 0, 0, self._limited(v, vmin, node.vmax))
        spike, v = self._fired(v, vth)
        rest = np.where(spike, node.refractory, np.maximum(rest - 1, 0))
        state = {"u": u.astype(np.float64), "v": v.astype(np.float64), "rest": rest.astype(np.float64)}
        return Result(spike.astype(np.float64), state)

    def _bias(self, bias: FloatArray | float) -> IntArray:
        return integers(np.asarray(bias * self.bias_times, np.float64))

    def _limited(self, v: IntArray, low: IntArray, high: int) -> IntArray:
        return {"clip": np.clip(v, low, high), "wrap": wrap(v, 24), "none": v}[self.limit]

    def _fired(self, v: IntArray, threshold: IntArray) -> tuple[IntArray, IntArray]:
        spike = np.asarray(v >= threshold if self.at_threshold else v > threshold, np.int64)
        after = {"zero": np.zeros_like(v), "subtract": v - threshold, "none": v}[self.reset]
        return spike, np.asarray(np.where(spike, after, v), np.int64)

    def change(self, node: Node) -> Change:
        """A node that handles numbers so."""
        meaning: Meaning = self.lif if isinstance(node, FixedLIF) else self.compartments
        return Change(node, meaning=meaning)


def _resets(node: Node, segment: Segment) -> Ways:
    yield Trial("resets by taking the threshold away", Integers(reset="subtract").change(node))
    yield Trial("does not reset", Integers(reset="none").change(node))


def _compares(node: Node, segment: Segment) -> Ways:
    yield Trial("spikes where v >= threshold, not >", Integers(at_threshold=True).change(node))


def _roundings(node: Node, segment: Segment) -> Ways:
    for says, decay in _DECAYS.items():
        yield Trial(f"rounds what is left of currents {says}, not towards zero", Integers(current=decay).change(node))
        yield Trial(f"rounds what is left of voltages {says}, not towards zero", Integers(voltage=decay).change(node))
        both = Integers(current=decay, voltage=decay)
        yield Trial(f"rounds what is left {says}, not towards zero", both.change(node))


def _wraps(node: Node, segment: Segment) -> Ways:
    yield Trial("does not wrap its current to 24 bits", Integers(wraps=False).change(node))


def _clips(node: Node, segment: Segment) -> Ways:
    yield Trial(
        "lets voltages beyond 24 bits wrap, where they should stay at the limit", Integers(limit="wrap").change(node)
    )
    yield Trial("keeps voltages beyond 24 bits", Integers(limit="none").change(node))
    if isinstance(node, FixedCompartments):
        yield Trial("clips voltages below at 0", Change(replace(node, vmin=0)))


def _decays(node: FixedLIF | FixedCompartments, segment: Segment) -> Ways:
    yield from _decay(node, "dv" if isinstance(node, FixedLIF) else "decay_v", "voltage", 4096)


def _current_decays(node: FixedLIF | FixedCompartments, segment: Segment) -> Ways:
    yield from _decay(node, "du" if isinstance(node, FixedLIF) else "decay_u", "current", 4095)


def _decay(node: FixedLIF | FixedCompartments, fact: str, what: str, most: int) -> Ways:
    value = getattr(node, fact)
    other = {"dv": "du", "du": "dv", "decay_v": "decay_u", "decay_u": "decay_v"}[fact]
    most = min(most, 4095) if isinstance(node, FixedCompartments) else most

    def decay(to: float) -> Trial:
        says = f"its {what} decays by {int(to)}/4096 at a step, not {value}/4096"
        return Trial(says, Change(with_facts(node, **{fact: int(to)})))

    for to in (0, most, value // 2, 2 * value, value + 1, value - 1, most - value, getattr(node, other)):
        if 0 <= to <= most and to != value:
            yield decay(to)
    yield Family(0, most, decay, whole=True)


def _thresholds(node: FixedLIF | FixedCompartments, segment: Segment) -> Ways:
    if isinstance(node.vth, str):
        name, value = node.vth, segment.arrays[node.vth]
        for factor in (0.5, 2.0):
            yield Trial(f"its thresholds are {factor:g} times theirs", Change(node, {name: np.floor(value * factor)}))
        return
    vth, most = node.vth, 2**17 - 1 if isinstance(node, FixedLIF) else 2**23

    def threshold(to: float) -> Trial:
        return Trial(f"its threshold is {int(to)}, not {vth}", Change(replace(node, vth=int(to))))

    for to in (vth + 1, vth - 1, vth // 2, 2 * vth, vth << 6, vth >> 6):
        if 0 <= to <= most:
            yield threshold(to)
    yield Family(vth // 8, min(8 * vth, most), threshold, whole=True)


def _biases(node: FixedLIF | FixedCompartments, segment: Segment) -> Ways:
    bias = node.bias_mant if isinstance(node, FixedLIF) else node.bias
    if bias == 0:
        return
    yield Trial("has no bias", Integers(bias_times=0).change(node))


def _bias_values(node: FixedLIF | FixedCompartments, segment: Segment) -> Ways:
    bias = node.bias_mant if isinstance(node, FixedLIF) else node.bias
    if bias == 0:
        return
    for times, says in (
        (2, "twice"),
        (-1, "the opposite of"),
        (0.5, "half of"),
        (4, "four times"),
        (0.25, "a quarter of"),
    ):
        yield Trial(f"adds {says} its bias", Integers(bias_times=times).change(node))
    if isinstance(node, FixedLIF):
        for power in range(-15, 16):
            if power != node.bias_exp:
                says = f"shifts its bias by {power}, not {node.bias_exp}"
                yield Trial(says, Change(replace(node, bias_exp=power)))


def _shifts(node: FixedLIF | FixedCompartments, segment: Segment) -> Ways:
    for shift in (5, 7, 4, 8, 0, 12):
        says = f"takes its input times {2.0 ** (shift - 6):g}"
        yield Trial(says, Integers(shift=shift).change(node))


def _refractory(node: FixedCompartments, segment: Segment) -> Ways:
    for steps in {node.refractory + 1, node.refractory - 1, 0, node.refractory + 2} - {node.refractory}:
        if steps >= 0:
            yield Trial(f"rests for {steps} steps, not {node.refractory}", Change(replace(node, refractory=steps)))


def _initials(node: FixedLIF, segment: Segment) -> Ways:
    if node.initial != 0:
        yield Trial("starts at 0", Change(replace(node, initial=0)))
    if node.reset_interval:
        says = "is not reset before the data arrives"
        yield Trial(says, Change(replace(node, reset_interval=0)))


_BOTH = (FixedLIF, FixedCompartments)
RULES = (
    Rule("reset", _BOTH, _resets),
    Rule("comparison", _BOTH, _compares),
    Rule("bias-missing", _BOTH, _biases),
    Rule("wrap", _BOTH, _wraps),
    Rule("saturation", _BOTH, _clips),
    Rule("rounding", _BOTH, _roundings),
    Rule("refractory", (FixedCompartments,), _refractory),
    Rule("initial", (FixedLIF,), _initials),
    Rule("decay", _BOTH, _decays),
    Rule("current-decay", _BOTH, _current_decays),
    Rule("scale", _BOTH, _shifts),
    Rule("threshold", _BOTH, _thresholds),
    Rule("bias", _BOTH, _bias_values),
)
