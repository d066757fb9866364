"""Mistakes with neurons, time, and whatever else is between layers with weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from differences.mutants import Kind, Made, Site
from nmc.graph import Node, Ref
from nmc.model import FloatArray
from nmc.nodes import coding, elementwise, fixed_point, quantized, spiking, tensor
from nmc.reference.interpreter import MEANINGS
from nmc.reference.meaning import Result, Step, stateless

_NEURONS = (spiking.LIF, spiking.CubaLIF, spiking.IF)
_LEAKY = (spiking.LIF, spiking.CubaLIF)
_INTEGRATORS = (spiking.LI, spiking.I)
_ON_CHIP = (fixed_point.FixedLIF, fixed_point.FixedCompartments)
_SUMMING = (*_NEURONS, *_INTEGRATORS, *_ON_CHIP, tensor.Add)
_READOUTS = (coding.Sum, coding.Mean, coding.Last, coding.Max)
_TIMED = (*_NEURONS, spiking.Threshold, *_INTEGRATORS, *_ON_CHIP, tensor.Linear, tensor.Conv2d, fixed_point.FixedDense,
          fixed_point.FixedConv2d)  # fmt: skip


def _facts(**facts: object) -> Callable[[Site], Made | None]:
    """The node with other facts, unless it has them; a value may be a function of the node."""

    def make(site: Site) -> Made | None:
        new = {fact: value(site.node) if callable(value) else value for fact, value in facts.items()}
        return None if replace(site.node, **new) == site.node else site.facts(**new)

    return make


def _param(fact: str, rule: Callable[[FloatArray], FloatArray]) -> Callable[[Site], Made | None]:
    """A parameter that is another, whether it is one number or one for each neuron."""

    def make(site: Site) -> Made | None:
        value = getattr(site.node, fact)
        if isinstance(value, str):
            return site.arrays(**{fact: rule(site.array(fact))})
        wrong = float(rule(np.asarray(float(value))))
        return None if wrong == value else site.facts(**{fact: wrong})

    return make


def _whole(fact: str, rule: Callable[[int], int]) -> Callable[[Site], Made | None]:
    """A whole number of a chip that is another."""

    def make(site: Site) -> Made | None:
        value = getattr(site.node, fact)
        if isinstance(value, str):
            return site.arrays(**{fact: np.vectorize(rule, otypes=[np.int64])(site.array(fact))})
        return None if rule(value) == value else site.facts(**{fact: rule(value)})

    return make


def _resets_to_zero(site: Site) -> Made | None:
    return None if site.node.reset == "zero" or site.node.multispike else site.facts(reset="zero", reset_value=0.0)


def _resets_by_subtracting(site: Site) -> Made | None:
    return None if site.node.reset == "subtract" else site.facts(reset="subtract", reset_value=0.0)


def _reset_late(site: Site) -> Made | None:
    """To rest for a step, or to be set to zero in it, is the same."""
    made = site.facts(reset_at="next" if site.node.reset_at == "spike" else "spike")
    return made.also("refractory") if site.node.reset == "zero" else made


def _rests_longer(site: Site) -> Made | None:
    made = site.facts(refractory=site.node.refractory + 1)
    return made.also("reset") if (site.node.reset, site.node.refractory) == ("zero", 0) else made


def _scaled(fact: str, factor: float) -> Callable[[Site], Made | None]:
    """Thresholds twice as high are inputs half as large, where nothing else has a size."""

    def make(site: Site) -> Made | None:
        made, node = _param(fact, lambda x: factor * x)(site), site.node
        if made is None or node.kind == "Threshold":
            return made
        sizeless = (node.reset_value, node.initial, getattr(node, "leak", 0.0)) == (0.0, 0.0, 0.0)
        return made.also("threshold", "scale") if sizeless else made

    return make


def _without(site: Site) -> Made | None:
    """One of several synapses is not read."""
    inputs = site.node.inputs
    if len(inputs) < 2:
        return None
    index = int(site.rng.integers(len(inputs)))
    made = site.facts(inputs=inputs[:index] + inputs[index + 1 :])
    return made.also("bias-missing") if site.model.graph[inputs[index].node].kind == "Constant" else made


def _twice(site: Site) -> Made | None:
    inputs = site.node.inputs
    if len(inputs) < 2:
        return None
    read = inputs[int(site.rng.integers(len(inputs)))]
    made = site.facts(inputs=(*inputs, read))
    return made.also("bias") if site.model.graph[read.node].kind == "Constant" else made


def _streams(site: Site) -> bool:
    return site.model.graph.signals[site.node.name].timing == "stream"


def _reads_late(site: Site) -> Made | None:
    if not _streams(site):
        return None
    return site.facts(inputs=tuple(Ref(ref.node, ref.delay + 1) for ref in site.node.inputs))


def _one_late(site: Site) -> Made | None:
    inputs = list(site.node.inputs)
    if len(inputs) < 2 or not _streams(site):
        return None
    index = int(site.rng.integers(len(inputs)))
    inputs[index] = Ref(inputs[index].node, inputs[index].delay + 1)
    return site.facts(inputs=tuple(inputs))


def _without_delay(site: Site) -> Made | None:
    """A delayed read that comes a step early, where nothing then depends on itself."""
    inputs = tuple(Ref(ref.node, max(ref.delay - 1, 0)) for ref in site.node.inputs)
    return None if inputs == site.node.inputs else site.facts(inputs=inputs)


def _delay(by: int) -> Callable[[Site], Made | None]:
    def make(site: Site) -> Made | None:
        steps = site.node.steps
        if isinstance(steps, str):
            wrong = np.maximum(site.array("steps") + by, 0)
            made = site.arrays(steps=wrong)
            node = replace(made.model.graph[site.node.name], longest=int(wrong.max()))
            return Made(made.model.with_(made.model.graph.replace(node)))
        return None if steps + by < 0 else site.facts(steps=steps + by, longest=max(steps + by, site.node.longest))

    return make


def _output(rule: Callable[[FloatArray, np.random.Generator], FloatArray]) -> Callable[[Site], Made | None]:
    """What the node puts out, [B, *shape], is changed before others read it."""

    def make(site: Site) -> Made | None:
        plain, seed = MEANINGS[type(site.node)], int(site.rng.integers(2**31))

        def meaning(node: Node, step: Step) -> Result:
            result = stateless(plain(node, step))
            return Result(rule(result.y, np.random.default_rng(seed)), result.state)

        return site.means(meaning)

    return make


def _one_neuron(value: float) -> Callable[[FloatArray, np.random.Generator], FloatArray]:
    def stuck(y: FloatArray, rng: np.random.Generator) -> FloatArray:
        flat = y.reshape(len(y), -1).copy()
        flat[:, rng.integers(flat.shape[1])] = value
        return flat.reshape(y.shape)

    return stuck


def _in_any_order(y: FloatArray, rng: np.random.Generator) -> FloatArray:
    flat = y.reshape(len(y), -1)
    return flat[:, rng.permutation(flat.shape[1])].reshape(y.shape)


def _flattened_otherwise(site: Site) -> Made | None:
    """Channels last, where they should come first."""
    shape = site.model.graph.operand_shapes(site.node)[0]
    if sum(n > 1 for n in shape) < 2:
        return None
    return site.means(lambda node, step: np.moveaxis(step.x, 1, -1).reshape(len(step.x), -1))


def _reads_out_as(kind: type[Node]) -> Callable[[Site], Made | None]:
    def make(site: Site) -> Made | None:
        if isinstance(site.node, kind):
            return None
        other = kind(name=site.node.name, inputs=site.node.inputs)
        return Made(site.model.with_(site.model.graph.replace(other)))

    return make


def _passes_through(site: Site) -> Made | None:
    return site.means(lambda node, step: step.x)


def _rounds(rounded: Callable[[FloatArray], FloatArray]) -> Callable[[Site], Made | None]:
    def meaning(node: Node, step: Step) -> FloatArray:
        return np.clip(rounded(step.x / node.scale) + node.zero_point, *node.limits)

    return lambda site: site.means(meaning)


def _subtracts(site: Site) -> Made | None:
    """A chip's neuron that loses its threshold at a spike, by what its voltage would have been without one."""
    if site.node.emits != "spikes":
        return None
    plain, limit = MEANINGS[type(site.node)], 2**17 - 1
    silent = replace(site.node, vth=limit)

    def meaning(node: Node, step: Step) -> Result:
        high, now = stateless(plain(silent, step)), stateless(plain(node, step))
        voltage = np.asarray(high.state["v"]) - now.y * node.vth * 64
        return Result(now.y, {**now.state, "v": voltage})

    return site.means(meaning)


NEURONS = (
    Kind("the other comparison", ("comparison",), (*_NEURONS, spiking.Threshold),
         _facts(compare=lambda node: ">" if node.compare == ">=" else ">=")),
    Kind("resets to zero", ("reset",), _NEURONS, _resets_to_zero),
    Kind("resets by subtracting", ("reset",), _NEURONS, _resets_by_subtracting),
    Kind("does not reset", ("reset",), _NEURONS, _facts(reset="none", reset_value=0.0)),
    Kind("resets at another time", ("reset",), _NEURONS, _reset_late),
    Kind("resets to another value", ("reset",), _NEURONS, _facts(reset="value", reset_value=0.3)),
    Kind("rests a step more", ("refractory",), _NEURONS, _rests_longer),
    Kind("does not rest", ("refractory",), _NEURONS, _facts(refractory=0)),
    Kind("threshold lower", ("threshold",), (*_NEURONS, spiking.Threshold), _scaled("threshold", 0.8)),
    Kind("threshold twice as high", ("threshold",), (*_NEURONS, spiking.Threshold),
         _scaled("threshold", 2.0)),
    Kind("does not decay", ("decay",), (*_LEAKY, spiking.LI), _param("decay", np.ones_like)),
    Kind("forgets everything", ("decay",), (*_LEAKY, spiking.LI), _param("decay", np.zeros_like)),
    Kind("decays too fast", ("decay",), (*_LEAKY, spiking.LI), _param("decay", lambda x: 0.8 * x)),
    Kind("what stays for what goes", ("decay",), (*_LEAKY, spiking.LI), _param("decay", lambda x: 1 - x)),
    Kind("current does not decay", ("current-decay",), (spiking.CubaLIF,), _param("current_decay", np.ones_like)),
    Kind("current decays otherwise", ("current-decay",), (spiking.CubaLIF,),
         _param("current_decay", lambda x: 0.5 * x + 0.2)),
    Kind("the other current", ("current-order",), (spiking.CubaLIF,),
         _facts(current=lambda node: "old" if node.current == "new" else "new")),
    Kind("no leak", ("leak",), (*_LEAKY, spiking.LI), _param("leak", np.zeros_like)),
    Kind("a leak of another sign", ("leak",), (*_LEAKY, spiking.LI), _param("leak", np.negative)),
    Kind("input twice as large", ("scale",), _NEURONS, _scaled("gain", 2.0)),
    Kind("input smaller", ("scale",), _NEURONS, _scaled("gain", 0.7)),
    Kind("integrates more", ("scale",), _INTEGRATORS, _param("gain", lambda x: 1.5 * x)),
    Kind("starts elsewhere", ("initial",), (*_NEURONS, *_INTEGRATORS), _param("initial", lambda x: x + 0.4)),
    Kind("does not start where it should", ("initial",), _NEURONS, _param("initial", np.zeros_like)),
    Kind("a synapse not read", ("synapse-missing",), _SUMMING, _without),
    Kind("a synapse read twice", ("synapse-doubled",), _SUMMING, _twice),
    Kind("reads late", ("time-shift", "delay"), _TIMED, _reads_late),
    Kind("reads one of several late", ("delay", "time-shift"), _SUMMING, _one_late),
    Kind("reads early", ("delay", "time-shift"), _TIMED, _without_delay),
    Kind("delays a step more", ("delay", "time-shift"), (spiking.Delay,), _delay(1)),
    Kind("delays a step less", ("delay", "time-shift"), (spiking.Delay,), _delay(-1)),
    Kind("puts out nothing", ("silent",), (*_NEURONS, spiking.Threshold), _output(lambda y, rng: 0 * y)),
    Kind("a dead neuron", ("silent",), (*_NEURONS, spiking.Threshold, *_ON_CHIP), _output(_one_neuron(0.0))),
    Kind("a neuron that always spikes", ("stuck",), (*_NEURONS, spiking.Threshold), _output(_one_neuron(1.0))),
    Kind("neurons in any order", ("channels", "layout"), (*_NEURONS, spiking.Threshold), _output(_in_any_order)),
    Kind("flattened in another order", ("layout",), (tensor.Flatten,), _flattened_otherwise),
    Kind("no rectification", ("clip",), (tensor.Relu, tensor.Clip), _passes_through),
    Kind("gives the sum", ("readout",), _READOUTS, _reads_out_as(coding.Sum)),
    Kind("gives the mean", ("readout",), _READOUTS, _reads_out_as(coding.Mean)),
    Kind("gives the last", ("readout",), _READOUTS, _reads_out_as(coding.Last)),
    Kind("gives the largest", ("readout",), _READOUTS, _reads_out_as(coding.Max)),
    Kind("twice as many spikes", ("scale",), (coding.RateEncode, coding.BernoulliEncode, coding.ConstantCurrent),
         _facts(gain=lambda node: 2 * node.gain)),
    Kind("another seed", ("seed",), (coding.BernoulliEncode,), _facts(seed=lambda node: node.seed + 1)),
    Kind("a gain that is lost", ("scale",), (elementwise.Affine,), _facts(gain=1.0)),
    Kind("a constant twice as large", ("bias", "scale"), (tensor.Constant,),
         lambda site: site.arrays(value=2 * site.array("value"))),
)  # fmt: skip

INTEGERS = (
    Kind("threshold in integers half as high", ("threshold",), _ON_CHIP, _whole("vth", lambda x: x // 2)),
    Kind("threshold in integers a little higher", ("threshold",), _ON_CHIP, _whole("vth", lambda x: x + x // 8)),
    Kind("voltages decay by half", ("decay",), (fixed_point.FixedLIF,), _whole("dv", lambda x: x // 2)),
    Kind("voltages do not decay", ("decay",), (fixed_point.FixedLIF,), _whole("dv", lambda x: 0)),
    Kind("currents decay by half", ("current-decay",), (fixed_point.FixedLIF,), _whole("du", lambda x: x // 2)),
    Kind("bias in integers lost", ("bias-missing",), (fixed_point.FixedLIF,), _whole("bias_mant", lambda x: 0)),
    Kind("bias in integers doubled", ("bias",), (fixed_point.FixedLIF,), _whole("bias_mant", lambda x: 2 * x)),
    Kind("resets by subtracting in integers", ("reset",), (fixed_point.FixedLIF,), _subtracts),
    Kind("rounds down", ("rounding",), (quantized.QuantizeLinear,), _rounds(np.floor)),
    Kind("rounds towards zero", ("rounding",), (quantized.QuantizeLinear,), _rounds(np.trunc)),
    Kind("a zero point off", ("zero-point",), (quantized.QuantizeLinear,),
         _facts(zero_point=lambda node: node.zero_point + 3)),
    Kind("a scale off", ("scale",), (quantized.QuantizeLinear, quantized.DequantizeLinear),
         _facts(scale=lambda node: 2 * node.scale)),
)  # fmt: skip
