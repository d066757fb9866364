"""The meaning of NengoLoihi's compartments: the integers of nengo-loihi 1.1.0's emulator."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nmc.graph import Node
from nmc.nodes import fixed_point
from nmc.reference.fixed_point import integers, toward_zero, wrap
from nmc.reference.meaning import Meaning, Result, Step


def _compartments(node: fixed_point.FixedCompartments, step: Step) -> Result:
    u, v, rest = (integers(step.state[name]) for name in ("u", "v", "rest"))
    vth, bias, vmin = (integers(step.param(fact)) for fact in (node.vth, node.bias, node.vmin))
    u = wrap(toward_zero(u * (4095 - node.decay_u), 12) + wrap(integers(step.x), 22), 24)
    v = wrap(toward_zero(v * (4096 - node.decay_v), 12) + wrap(u + bias, 24), 32)
    v = np.where(rest > 0, 0, np.clip(v, vmin, node.vmax))
    spike = v > vth
    rest = np.where(spike, node.refractory, np.maximum(rest - 1, 0))
    state = {"u": u, "v": np.where(spike, 0, v), "rest": rest}
    return Result(spike.astype(np.float64), {name: array.astype(np.float64) for name, array in state.items()})


MEANINGS: Mapping[type[Node], Meaning] = {fixed_point.FixedCompartments: _compartments}
