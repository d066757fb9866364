"""Learning rules in other units of weight and trace, and with the coefficients that a chip can hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import floor, inf, log2
from typing import TYPE_CHECKING

from nmc.errors import Fault, UnsupportedError
from nmc.graph import Graph, Node
from nmc.nodes import spiking, tensor
from nmc.nodes.fixed_point.plasticity import WIDTHS
from nmc.nodes.learning_rule import SYNAPTIC, Factor, Product, Rule, decimation, format_rule
from nmc.nodes.plasticity import TARGETS, PlasticLinear, learning_nodes

if TYPE_CHECKING:
    from nmc.passes.integer_scale import Weights
    from nmc.passes.populations import Population

IMPULSES = range(24, 65)
"""What a spike may add to a trace of 7 bits: enough for a fine decay, and little enough for several spikes."""
_EXPONENTS = range(-7, 9)
_REMEDY = "compile it for nengo-sim or an ONNX target, or change the rule"


def in_units(rule: Rule, target: str, units: Mapping[str, float]) -> Rule:
    """A rule for a variable of a synapse, where each variable is its unit times what it was; 1 where none is given."""
    return tuple(_product(product, target, units) for product in rule)


def _product(product: Product, target: str, units: Mapping[str, float]) -> Product:
    coefficient = product.coefficient * units.get(target, 1.0)
    factors = []
    for factor in product.factors:
        unit = units.get(factor.variable, 1.0)
        coefficient /= 1.0 if factor.sign else unit
        factors.append(replace(factor, constant=factor.constant * unit))
    return Product(coefficient, 0, tuple(factors))


def with_weights_times(node: PlasticLinear, factor: float) -> PlasticLinear:
    """A connection whose weights are `factor` times what they were, and learn so. The factor is positive."""
    units = dict.fromkeys(SYNAPTIC, factor)
    dw, dt, dd = (format_rule(in_units(node.rules[target], target, units)) for target in TARGETS)
    return replace(node, w_min=node.w_min * factor, w_max=node.w_max * factor, dw=dw, dt=dt, dd=dd)


def faults_on_chip(graph: Graph) -> list[Fault]:
    """What keeps connections that learn from being Lava's, whatever their numbers."""
    faults = []
    for node in learning_nodes(graph):
        assert isinstance(node, PlasticLinear)
        faults += [Fault(what, remedy, node.name) for what, remedy in _complaints(graph, node)]
    return faults


def _complaints(graph: Graph, node: PlasticLinear) -> Sequence[tuple[str, str]]:
    pre, post = graph[node.inputs[0].node], node.inputs[1]
    readers = [(reader, ref.delay) for reader in graph.consumers[node.name] for ref in reader.inputs
               if ref.node == node.name]
    neurons = (spiking.LIF, spiking.CubaLIF, spiking.IF)
    alone = len(readers) == 1 and isinstance(readers[0][0], neurons) and not readers[0][1]
    found = []
    if "r" in node.variables:
        found.append(("it learns from a third factor, and Lava's neurons in integers send none", _REMEDY))
    if not alone or node.name in graph.outputs:
        found.append(("a connection that learns is read by one population of spiking neurons, and by nothing else",
                      "give it neurons of its own, and read their spikes"))
    elif post.node != readers[0][0].name or post.delay != 1:
        found.append((f"it learns from {post}, but the neurons behind it are {readers[0][0].name}",
                      f"read '{readers[0][0].name}@1'"))
    if graph.signals[pre.name].dtype != "spike":
        found.append((f"it reads {pre.name}, which sends numbers: Loihi learns from spikes",
                      "encode it as spikes, as with RateEncode"))
    elif isinstance(pre, tensor.Flatten) and _spiking_behind(graph, pre):
        found.append((f"{pre.name} lies between it and the neurons that it reads", "let these be in one row"))
    if not _bounded(node):
        found.append((f"its weights go from {node.w_min:g} to {node.w_max:g}: the chip's go from 0, to 0, or as far "
                      "below it as above", "give w_min and w_max so, as in 'w_min: 0, w_max: 1'"))
    return found


def _spiking_behind(graph: Graph, node: Node) -> bool:
    return any(isinstance(graph[ref.node], spiking.Neuron) for ref in node.inputs)


def _bounded(node: PlasticLinear) -> bool:
    low, high = node.w_min, node.w_max
    if -inf == low or high == inf:
        return False
    return low == 0 or high == 0 or abs(low + high) <= 0.01 * high


def saturating_scale(population: Population, weights: Sequence[Weights], scale: float) -> float:
    """The scale at or below `scale` at which weights that learn saturate where the model says; else `scale`.

    Raises UnsupportedError where a population has several such connections, with bounds that no power of two tells
    apart.
    """
    learning = [w for s, w in zip(population.synapses, weights, strict=True) if isinstance(s.node, PlasticLinear)]
    factors = [w.grid.largest_factor(w.value) for w in learning]
    if not factors:
        return scale
    if any(abs(log2(f / factors[0]) - round(log2(f / factors[0]))) > 1e-6 for f in factors):
        raise UnsupportedError(
            "it has connections that learn between bounds which one scale of weights cannot say",
            "give them bounds that are alike, or differ by a power of two", node=population.name,
        )
    return factors[0] * 2.0 ** floor(log2(scale / factors[0]) + 1e-9)


def in_integers(node: PlasticLinear, weight_unit: float) -> dict[str, str | float]:
    """The rules and impulses of Lava's connection, where a weight of 1 is `weight_unit` of the chip's.

    Impulses are chosen such that coefficients, of 3 bits and an exponent, come closest to the rule's.
    Raises UnsupportedError where a coefficient is beyond the chip's.
    """
    impulses: dict[str, int] = {trace.name: IMPULSES[len(IMPULSES) // 2] for trace in node.traces if trace.impulse}
    for name in impulses:
        impulses[name] = min(IMPULSES, key=lambda size: (_error(node, weight_unit, {**impulses, name: size}), -size))
    rules = _rules(node, weight_unit, impulses)
    texts = {TARGETS[target]: format_rule(map(_rounded, rule)) for target, rule in rules.items()}
    for rule in rules.values():
        for product in rule:
            if not _holds(product):
                raise UnsupportedError(
                    f"the product {product} of its rule, in units of the chip's weights, is beyond its coefficients",
                    "learn faster or slower, or between wider bounds of the weights", node=node.name,
                )
    return {**texts, **{f"{trace.name}_impulse": float(impulses.get(trace.name, 0)) for trace in node.traces}}


def _error(node: PlasticLinear, weight_unit: float, impulses: Mapping[str, int]) -> float:
    products = [p for rule in _rules(node, weight_unit, impulses).values() for p in rule]
    return round(sum(abs(_rounded(p).coefficient * 2.0 ** -_shift(p) / p.coefficient - 1) for p in products), 9)


def _rules(node: PlasticLinear, weight_unit: float, impulses: Mapping[str, int]) -> dict[str, Rule]:
    units = dict.fromkeys(SYNAPTIC, weight_unit)
    units |= {trace.name: impulses.get(trace.name, 1) / (trace.impulse or 1.0) for trace in node.traces}
    return {target: tuple(map(_gated, in_units(rule, target, units))) for target, rule in node.rules.items()}


def _gated(product: Product) -> Product:
    """The product with its constants whole, and what says when it counts at its beginning: u before x0 and y0."""
    factors = [replace(factor, constant=float(round(factor.constant))) for factor in product.factors]
    gates = sorted((f for f in factors if not f.constant and _is_gate(f.variable)), key=lambda f: f.variable[0] != "u")
    first = gates[0] if gates else Factor("u0")
    if gates:
        factors.remove(first)
    return replace(product, factors=(first, *factors))


def _is_gate(variable: str) -> bool:
    return variable in ("x0", "y0") or decimation(variable) is not None


def _shift(product: Product) -> int:
    """By how much the chip shifts a product to the right beyond what its exponent says."""
    return max(0, sum(WIDTHS[factor.variable] for factor in product.factors[1:]) + 4 - 15)


def _rounded(product: Product) -> Product:
    """The nearest coefficient that the chip holds, such that its shift is made up for."""
    wanted = product.coefficient * 2.0 ** _shift(product)
    sign = -1.0 if wanted < 0 else 1.0
    options = [(m, e) for m in range(1, 8) for e in _EXPONENTS]
    mantissa, exponent = min(options, key=lambda option: (abs(option[0] * 2.0 ** option[1] - abs(wanted)), -option[0]))
    return Product(sign * mantissa, exponent, product.factors)


def _holds(product: Product) -> bool:
    wanted = abs(product.coefficient) * 2.0 ** _shift(product)
    return -7.5 <= log2(wanted) <= log2(7.5) + 8
