"""Whatever the model, every integer emitted for Loihi is one that the chip holds, and that Lava leaves as it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from oracles.lava_fixed_point import legal

from nmc import passes
from nmc.backends import target_named
from nmc.backends.lava.processes import longest_delay
from nmc.backends.loihi import LoihiOptions
from nmc.backends.loihi.strict import static_warnings
from nmc.errors import ModelError
from nmc.model import Model
from nmc.nodes.fixed_point import FixedConv2d, FixedDense, FixedLIF
from nmc.nodes.spiking import Delay
from strategies import models, samples

LOIHI1 = target_named("loihi-sim")

RARE = frozenset({
    "QuantizeLinear", "DequantizeLinear", "Softmax", "Tanh", "Sigmoid", "LeakyRelu", "Clip", "MaxPool1d", "MaxPool2d",
})  # fmt: skip


def require_legal(fixed: Model, bits: int) -> None:
    """Weights survive clipping and truncation; thresholds, decays, biases and delays fit their registers."""
    assert static_warnings(fixed) == ()
    for node in fixed.graph:
        match node:
            case FixedDense():
                weight = fixed.weights[node.weight]
                assert legal(weight.tolist(), bits, node.sign_mode) == weight.tolist()
                assert -8 <= node.weight_exp <= 7
                assert longest_delay(node) <= 62
                assert node.num_message_bits <= 8
            case FixedConv2d():
                rows = fixed.weights[node.weight].reshape(node.channels, -1)
                signs = "excitatory" if rows.min() >= 0 else "inhibitory" if rows.max() <= 0 else "mixed"
                assert legal(rows.tolist(), bits, signs) == rows.tolist()
            case FixedLIF():
                assert 0 <= node.vth < 2**17
                assert 0 <= node.du <= 4095
                assert 0 <= node.dv <= 4096
                initial = fixed.weights[node.initial] if isinstance(node.initial, str) else np.array(node.initial)
                assert np.all(np.abs(initial) < 2**23)
            case Delay():
                assert node.longest <= 62


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data(), st.sampled_from([4, 6, 8]), st.sampled_from([1e-4, 1.0, 1.0, 30.0]))
def test_every_integer_is_legal(data: st.DataObject, bits: int, size: float) -> None:
    """Of models with weights of any size; those that are refused are not looked at."""
    model = data.draw(models(without=RARE))
    x = data.draw(samples(model))
    scaled = {n.weight: model.weights[n.weight] * size for n in model.graph if hasattr(n, "weight")}
    model = replace(model, weights={**model.weights, **scaled})
    options = LoihiOptions(weight_bits=bits)
    try:
        fixed = passes.apply(LOIHI1.passes(options), model, lambda: x)
    except ModelError:
        assume(False)
    require_legal(fixed, bits)
