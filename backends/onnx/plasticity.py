"""Connections that learn in ONNX: their weights are a state, so they differ from sample to sample."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from math import isfinite

from nmc.backends.onnx.emit import Emitter
from nmc.backends.onnx.site import Emission, Emitted, Site
from nmc.graph import Node
from nmc.nodes import plasticity
from nmc.nodes.learning_rule import Factor, Product, Rule, decimation


def _plastic(node: plasticity.PlasticLinear, site: Site) -> Emitted:
    out, w = site.out, site.state["w"]
    x, sent, *third = site.operands
    last = out.integers(2)
    y = out.op("Squeeze", out.op("MatMul", w, out.op("Unsqueeze", x, last)), last)
    rows = {"x0": x, "y0": sent, **({"r": third[0]} if third else {})}
    after: dict[str, str] = {}
    for trace in node.traces:
        more = _times(out, trace.impulse, x if trace.name.startswith("x") else sent)
        kept = out.op("Mul", out.constant(trace.decay), site.state[trace.name])
        after[trace.name] = out.op("Add", kept, more)
    values = {name: site.state[name] for name in ("w", *node.tags)}
    for name, row in (rows | after).items():
        values[name] = out.op("Unsqueeze", row, out.integers(1) if name.startswith("x") else last)
    for gate in node.gates:
        phase = out.op("Mod", site.t, out.constant(2 ** (decimation(gate) or 0), "int64"))
        values[gate] = out.cast(out.op("Equal", phase, out.constant(0, "int64")))
    for tag in node.tags:
        after[tag] = _changed(out, values[tag], node.rules[tag], values)
    after["w"] = _bounded(out, _changed(out, w, node.rules["w"], values), node)
    return Emitted(y, after)


def _changed(out: Emitter, value: str, rule: Rule, values: Mapping[str, str]) -> str:
    """A variable of synapses after what its rule adds."""
    terms = (_term(out, product, values) for product in rule)
    return reduce(lambda total, term: out.op("Add", total, term), terms, value)


def _term(out: Emitter, product: Product, values: Mapping[str, str]) -> str:
    factors = [_factor(out, factor, values) for factor in product.factors]
    coefficient = product.coefficient
    if not factors:
        return out.constant(coefficient)
    return reduce(lambda left, right: out.op("Mul", left, right), factors[1:], _times(out, coefficient, factors[0]))


def _factor(out: Emitter, factor: Factor, values: Mapping[str, str]) -> str:
    value = values[factor.variable]
    if factor.constant:
        value = out.op("Add", value, out.constant(factor.constant))
    return out.op("Sign", value) if factor.sign else value


def _times(out: Emitter, number: float, x: str) -> str:
    return x if number == 1.0 else out.op("Mul", out.constant(number), x)


def _bounded(out: Emitter, w: str, node: plasticity.PlasticLinear) -> str:
    w = out.op("Max", w, out.constant(node.w_min)) if isfinite(node.w_min) else w
    return out.op("Min", w, out.constant(node.w_max)) if isfinite(node.w_max) else w


EMISSIONS: Mapping[type[Node], Emission] = {plasticity.PlasticLinear: _plastic}
