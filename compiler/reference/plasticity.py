"""The meaning of connections that learn."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nmc.graph import Node
from nmc.model import FloatArray
from nmc.nodes import plasticity
from nmc.nodes.learning_rule import Factor, Rule, decimation
from nmc.reference.meaning import Meaning, Result, Step


def change(rule: Rule, values: Mapping[str, FloatArray]) -> FloatArray | float:
    """What a rule adds; `values` of its variables broadcast to [B, features, inputs]."""
    total: FloatArray | float = 0.0
    for product in rule:
        term: FloatArray | float = product.coefficient
        for factor in product.factors:
            term = term * factor_value(factor, values)
        total = total + term
    return total


def factor_value(factor: Factor, values: Mapping[str, FloatArray]) -> FloatArray:
    """The value of one factor."""
    value: FloatArray = values[factor.variable] + factor.constant
    return np.sign(value) if factor.sign else value


def _plastic(node: plasticity.PlasticLinear, step: Step) -> Result:
    x, sent, *third = step.operands
    w = step.state["w"]
    y = np.einsum("bfi,bi->bf", w, x)
    rows = {"x0": x, "y0": sent, **({"r": third[0]} if third else {})}
    after: dict[str, FloatArray] = {}
    for trace in node.traces:
        arrived = x if trace.name.startswith("x") else sent
        after[trace.name] = trace.decay * step.state[trace.name] + trace.impulse * arrived
    values = {name: step.state[name] for name in ("w", *node.tags)}
    for name, row in (rows | after).items():
        values[name] = row[:, None, :] if name.startswith("x") else row[:, :, None]
    if node.gates:
        after["n"] = step.state["n"] + 1
        for gate in node.gates:
            due = after["n"] % 2 ** (decimation(gate) or 0) == 0
            values[gate] = due[:, None, None].astype(np.float64)
    for tag in node.tags:
        after[tag] = values[tag] + change(node.rules[tag], values)
    after["w"] = np.clip(w + change(node.rules["w"], values), node.w_min, node.w_max)
    return Result(y, after)


MEANINGS: Mapping[type[Node], Meaning] = {plasticity.PlasticLinear: _plastic}
