"""Rules of neurons in real numbers: where simulators differ in how they integrate, compare, and reset."""


from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from nmc.differences.rules.rule import Family, Rule, Trial, Ways, with_facts
from nmc.differences.segment import Change, Segment
from nmc.graph import Node
from nmc.model import FloatArray
from nmc.nodes import coding, spiking
from nmc.nodes.facts import Compare
from nmc.reference.interpreter import MEANINGS
from nmc.reference.meaning import Result, Step, stateless

_NEURONS = (spiking.LIF, spiking.CubaLIF, spiking.IF)
_LEAKY = (spiking.LIF, spiking.CubaLIF, spiking.LI)
_GAINED = (*_NEURONS, spiking.LI, spiking.I)


def _resets(node: spiking.Neuron, segment: Segment) -> Ways:
    if node.reset != "zero":
        yield Trial("resets to zero", Change(replace(node, reset="zero", reset_value=0.0)))
    if node.reset != "subtract":
        says = "resets by taking the threshold away"
        yield Trial(says, Change(replace(node, reset="subtract", reset_value=0.0)))
    yield Trial("does not reset", Change(node, meaning=_without_reset))
    if node.reset_at == "spike" and not node.refractory:
        yield Trial("resets in the step after the spike", Change(replace(node, reset_at="next")))
    elif node.reset_at == "next":
        yield Trial("resets in the step of the spike", Change(replace(node, reset_at="spike")))
    if node.reset in ("value", "zero"):
        of = node.reset_value if node.reset == "value" else 0

        def to(x: float) -> Trial:
            return Trial(f"resets to {x:.4g}, not {of}", Change(replace(node, reset="value", reset_value=x)))

        yield Family(-1.0, 1.0, to)


def _without_reset(node: spiking.Neuron, step: Step) -> Result:
    """What a spike takes away is put back."""
    plain = replace(node, reset="subtract", reset_value=0.0, reset_at="spike")
    result = stateless(MEANINGS[type(node)](plain, step))
    back = result.y * step.param(node.threshold)
    state = dict(result.state) | {"v": result.state["v"] + back}
    return Result(result.y, state | {"spike": result.y} if node.reset_at == "next" else state)


def _compares(node: spiking.Neuron | spiking.Threshold, segment: Segment) -> Ways:
    other: Compare = ">" if node.compare == ">=" else ">="
    yield Trial(f"spikes where v {other} threshold, not {node.compare}", Change(replace(node, compare=other)))


def _thresholds(node: spiking.Neuron | spiking.Threshold, segment: Segment) -> Ways:
    yield from _factors(node, segment, "threshold", (2.0, 0.5, 1.1, 0.9), 0.25, 4.0)


def _decays(node: Node, segment: Segment) -> Ways:
    yield from _decay(node, segment, "decay", "voltage")


def _current_decays(node: spiking.CubaLIF, segment: Segment) -> Ways:
    yield from _decay(node, segment, "current_decay", "current")


def _decay(node: Node, segment: Segment, fact: str, what: str) -> Ways:
    """Other decays: none, all at once, those of the other formula (see `nmc.nodes.spiking`), and any between."""
    value = value_of(node, fact, segment)
    yield with_value(node, fact, np.ones_like(value), f"its {what} does not decay")
    yield with_value(node, fact, np.zeros_like(value), f"its {what} is forgotten at every step")
    with np.errstate(divide="ignore"):
        exact, euler = np.exp(value - 1), np.maximum(1 + np.log(np.maximum(value, 1e-300)), 0)
    yield with_value(node, fact, exact, f"its {what} decays by exp(-dt/tau) where 1 - dt/tau is meant")
    yield with_value(node, fact, euler, f"its {what} decays by 1 - dt/tau where exp(-dt/tau) is meant")
    yield with_value(node, fact, 1 - value, f"it takes what decays of its {what} for what stays")
    if value.size > 1:
        says = f"all its neurons have one decay of the {what}"
        yield with_value(node, fact, np.full_like(value, value.flat[0]), says)
        yield with_value(node, fact, np.full_like(value, value.mean()), says)
    if isinstance(node, spiking.CubaLIF):
        other = "decay" if fact == "current_decay" else "current_decay"
        says = f"its {what} decays as its {'voltage' if what == 'current' else 'current'} should"
        yield with_value(node, fact, value_of(node, other, segment), says)
    yield Family(0.0, 1.0, lambda x: with_value(
        node, fact, _between(value, x),
        f"its {what} keeps {_mean(_between(value, x)):.4g} at a step, not {_mean(value):.4g}",
    ))  # fmt: skip


def _between(value: FloatArray, x: float) -> FloatArray:
    """A decay for each x from 0 (no memory) over 1/2 (as it is) to 1 (no decay)."""
    return value * 2 * x if x <= 0.5 else value + (1 - value) * (2 * x - 1)


def _mean(value: FloatArray) -> float:
    return float(np.mean(value))


def _orders(node: spiking.CubaLIF, segment: Segment) -> Ways:
    other: Literal["old", "new"] = "old" if node.current == "new" else "new"
    says = f"adds the {other} current to its voltage, not the {node.current} one"
    yield Trial(says, Change(replace(node, current=other)))


def _refractory(node: spiking.Neuron, segment: Segment) -> Ways:
    if node.reset_at == "next":
        return
    for steps in (node.refractory - 1, node.refractory + 1, 0, node.refractory + 2, 2 * node.refractory):
        if steps >= 0 and steps != node.refractory:
            yield Trial(f"rests for {steps} steps, not {node.refractory}", Change(replace(node, refractory=steps)))


def _leaks(node: Node, segment: Segment) -> Ways:
    value = value_of(node, "leak", segment)
    if np.any(value):
        yield with_value(node, "leak", np.zeros_like(value), "it has no leak")
        yield with_value(node, "leak", -value, "its leak has the opposite sign")
        yield with_value(
            node, "leak", value / (1 - value_of(node, "decay", segment)), "its leak is scaled by 1/(1 - decay)"
        )
        yield with_value(
            node, "leak", value * (1 - value_of(node, "decay", segment)), "its leak is scaled by 1 - decay"
        )


def _gains(node: Node, segment: Segment) -> Ways:
    if isinstance(node, spiking.LIF | spiking.CubaLIF | spiking.LI):
        kept = 1 - value_of(node, "decay", segment)
        gain = value_of(node, "gain", segment)
        yield with_value(node, "gain", gain * kept, "scales its input by 1 - decay")
        with np.errstate(divide="ignore"):
            yield with_value(
                node,
                "gain",
                np.where(kept > 0, gain / np.maximum(kept, 1e-300), gain),
                "does not scale its input by 1 - decay",
            )
    if isinstance(node, spiking.CubaLIF):
        kept = 1 - value_of(node, "current_decay", segment)
        gain = value_of(node, "current_gain", segment)
        yield with_value(node, "current_gain", gain * kept, "scales its current by 1 - current_decay")
        yield with_value(node, "current_gain", np.ones_like(gain), "does not scale its current")
    yield from _factors(node, segment, "gain", (2.0, 0.5, 4.0, 0.25), 0.125, 8.0)


def _factors(node: Node, segment: Segment, fact: str, likely: tuple[float, ...], low: float, high: float) -> Ways:
    value = value_of(node, fact, segment)

    def times(factor: float) -> Trial:
        wrong = value * factor
        return with_value(node, fact, wrong, f"its {fact} is {_mean(wrong):.5g}, not {_mean(value):.5g}")

    yield from map(times, likely)
    yield Family(np.log2(low), np.log2(high), lambda power: times(2.0**power))


def _initials(node: Node, segment: Segment) -> Ways:
    value = value_of(node, "initial", segment)
    if np.any(value):
        yield with_value(node, "initial", np.zeros_like(value), "it starts at 0")
    yield Family(-1.0, 1.0, lambda x: with_value(node, "initial", value + x, f"it starts at {_mean(value + x):.4g}"))


def value_of(node: Node, fact: str, segment: Segment) -> FloatArray:
    """A parameter's value or values."""
    value = getattr(node, fact)
    return segment.arrays[value] if isinstance(value, str) else np.asarray(float(value))


def with_value(node: Node, fact: str, value: FloatArray, says: str) -> Trial:
    """The node with another value, or values, of a parameter."""
    if value.ndim == 0:
        return Trial(says, Change(with_facts(node, **{fact: float(value)})))
    name = f"{node.name}.{fact} otherwise"
    return Trial(says, Change(with_facts(node, **{fact: name}), {name: value}))


def _sigma_deltas(node: spiking.SigmaDelta, segment: Segment) -> Ways:
    for factor in (0.0, 0.5, 2.0):
        yield Trial(
            f"its threshold is {node.threshold * factor:g}", Change(replace(node, threshold=node.threshold * factor))
        )


def _activations(node: spiking.SigmaDelta, segment: Segment) -> Ways:
    other: Literal["unit", "relu"] = "unit" if node.activation == "relu" else "relu"
    yield Trial(f"its activation is {other}, not {node.activation}", Change(replace(node, activation=other)))


def _encoder_gains(node: coding.RateEncode, segment: Segment) -> Ways:
    yield from _factors(node, segment, "gain", (2.0, 0.5, 4.0, 0.25), 0.125, 8.0)


RULES = (
    Rule("reset", _NEURONS, _resets),
    Rule("comparison", (*_NEURONS, spiking.Threshold), _compares),
    Rule("current-order", (spiking.CubaLIF,), _orders),
    Rule("refractory", _NEURONS, _refractory),
    Rule("leak", _LEAKY, _leaks),
    Rule("decay", _LEAKY, _decays),
    Rule("current-decay", (spiking.CubaLIF,), _current_decays),
    Rule("threshold", (*_NEURONS, spiking.Threshold), _thresholds),
    Rule("threshold", (spiking.SigmaDelta,), _sigma_deltas),
    Rule("clip", (spiking.SigmaDelta,), _activations),
    Rule("scale", _GAINED, _gains),
    Rule("scale", (coding.RateEncode, coding.BernoulliEncode, coding.ConstantCurrent), _encoder_gains),
    Rule("initial", (*_GAINED, coding.RateEncode), _initials),
)
