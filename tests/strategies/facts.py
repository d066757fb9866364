"""Any node and any graph: printable, but not often sound."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import MISSING, fields
from keyword import iskeyword

from hypothesis import strategies as st

from nmc.graph import Graph, Node, Ref
from nmc.nodes import KINDS
from nmc.nodes.learning_rule import TRACES

Draw = Callable[..., object]

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,6}", fullmatch=True).filter(
    lambda name: not iskeyword(name)
)
_floats = st.floats(allow_nan=False)
_params = _floats | names
_small = st.integers(1, 3)
_neuron = {
    "initial": _params, "threshold": _params, "reset_at": st.sampled_from(["spike", "next"]),
    "reset": st.sampled_from(["zero", "value", "subtract", "none"]), "reset_value": st.just(0.0) | _params,
    "compare": st.sampled_from([">", ">="]), "refractory": st.integers(0, 3), "multispike": st.booleans(),
}  # fmt: skip
_conv = {
    "channels": st.sampled_from([2, 4]), "groups": st.sampled_from([1, 2]), "weight": st.just("w"),
    "bias": st.none() | st.just("b"), "weight_scale": st.none() | st.just("scale"),
}  # fmt: skip
_conv_transpose = {fact: values for fact, values in _conv.items() if fact != "weight_scale"}
_axes_of = {"axes": st.permutations(range(3)).map(lambda axes: tuple(axes[:2]))}
_synapse = {
    "features": _small, "weight": names, "weight_exp": st.integers(-8, 7), "num_weight_bits": st.integers(1, 8),
    "num_message_bits": st.integers(0, 8), "sign_mode": st.sampled_from(["mixed", "excitatory", "inhibitory"]),
}  # fmt: skip
_sparse = {"synapses": st.integers(0, 9), "column": names, "row_start": names}
_delta = {
    "vth": st.integers(0, 99), "cumulative": st.booleans(), "spike_exp": st.integers(0, 9),
    "state_exp": st.integers(0, 9),
}  # fmt: skip
_affine = {
    "scale": st.floats(1e-6, 1e6), "bits": st.integers(2, 32), "zero_point": st.integers(-2, 1),
}  # fmt: skip


def _axes(rank: int, *facts: str) -> dict[str, st.SearchStrategy[tuple[int, ...]]]:
    return {
        fact: st.tuples(*[st.integers(0, 1)] * 2 * rank if fact == "padding" else [st.integers(2, 3)] * rank)
        for fact in facts
    }


def _window(rank: int) -> dict[str, st.SearchStrategy[tuple[int, ...]]]:
    return _axes(rank, "kernel", "stride", "padding")


_rules = st.sampled_from(["", "2^-2*x1*y0 - 3*y1*x0", "-2^-4*u2*(w - 3)"])
_learning = {
    "dw": st.sampled_from(["x1*x0*y0", "2*u2*sgn(w + 1)"]), "dt": _rules, "dd": _rules,
    **{f"{trace}_impulse": st.floats(0, 200) for trace in TRACES},
}  # fmt: skip


FACTS: dict[str, dict[str, st.SearchStrategy[object]]] = {
    "Input": {"shape": st.lists(_small, max_size=3).map(tuple), "stream": st.booleans()},
    "Constant": {"shape": st.lists(_small, max_size=3).map(tuple), "value": names},
    "Linear": {"features": _small, "weight": st.just("w"), "bias": st.none() | st.just("b"),
               "weight_scale": st.none() | st.just("scale")},
    "SparseLinear": {"features": _small, "synapses": st.integers(0, 9), "weight": st.just("w"), "row": st.just("r"),
                     "column": st.just("c")},
    "Conv1d": {**_conv, **_axes(1, "kernel", "stride", "padding", "dilation")},
    "Conv2d": {**_conv, **_axes(2, "kernel", "stride", "padding", "dilation")},
    "BatchNorm": {"scale": names, "bias": names, "mean": names, "variance": names, "epsilon": _floats},
    "LeakyRelu": {"alpha": _floats},
    "Clip": {"minimum": st.floats(max_value=0), "maximum": st.floats(min_value=0)},
    "Softmax": {"axis": st.integers(-2, 2)},
    "Concat": {"axis": st.integers(-2, 2)},
    "MaxPool1d": _window(1), "MaxPool2d": _window(2), "SumPool2d": _window(2),
    "AvgPool1d": {**_window(1), "count_include_pad": st.booleans()},
    "AvgPool2d": {**_window(2), "count_include_pad": st.booleans()},
    "Reshape": {"shape": st.lists(_small, max_size=3).map(lambda shape: (*shape, -1))},
    "Transpose": {"permutation": st.permutations(range(3)).map(tuple)},
    "Pad": {"padding": st.tuples(*[st.integers(0, 2)] * 4), "value": _floats},
    "Affine": {"gain": _floats, "offset": _floats},
    "ReduceSum": _axes_of, "ReduceMean": _axes_of, "ReduceMax": _axes_of, "ReduceProd": _axes_of,
    "ArgMax": {"axis": st.integers(-2, 2)},
    "Slice": {"axis": st.integers(-2, 2), "start": _small, "stop": st.integers(4, 9), "step": _small},
    "Gather": {"axis": st.integers(-2, 2), "indices": names, "count": _small},
    "Embedding": {"rows": _small, "features": _small, "weight": names},
    "Expand": {"shape": st.lists(_small, max_size=3).map(tuple)},
    "ConvTranspose1d": {**_conv_transpose, **_axes(1, "kernel", "stride", "padding", "dilation", "output_padding")},
    "ConvTranspose2d": {**_conv_transpose, **_axes(2, "kernel", "stride", "padding", "dilation", "output_padding")},
    "LIF": {**_neuron, "decay": _params, "gain": _params, "leak": _params},
    "CubaLIF": {**_neuron, "decay": _params, "current_decay": _params, "gain": _params, "current_gain": _params,
                "leak": _params, "current": st.sampled_from(["new", "old"])},
    "IF": {**_neuron, "gain": _params},
    "LI": {"initial": _params, "decay": _params, "gain": _params, "leak": _params},
    "I": {"initial": _params, "gain": _params},
    "Threshold": {"threshold": _params, "compare": st.sampled_from([">", ">="])},
    "Delay": {"steps": st.integers(0, 4) | names, "longest": st.integers(1, 4)},
    "ConstantCurrent": {"gain": _floats},
    "BernoulliEncode": {"seed": st.integers(0, 2**31 - 2), "gain": _floats},
    "RateEncode": {"gain": _floats, "initial": _floats},
    "LatencyEncode": {"window": _small, "minimum": _floats},
    "SigmaDelta": {"threshold": st.floats(0, 1e6), "bias": _params, "activation": st.sampled_from(["relu", "unit"])},
    "Delta": {"threshold": st.floats(0, 1e6)},
    "DeltaEncode": {"threshold": st.floats(1e-6, 1e6), "falling": st.booleans()},
    "QuantizeLinear": _affine, "DequantizeLinear": _affine,
    "BitPlanes": {"bits": st.integers(2, 32)},
    "FixedCompartments": {"decay_u": st.integers(0, 4095), "decay_v": st.integers(0, 4095),
                          "vth": st.integers(1, 2**23) | names, "bias": st.integers(-99, 99) | names,
                          "vmin": st.integers(1 - 2**31, 0) | names, "vmax": st.integers(511, 2**23 - 1),
                          "refractory": st.integers(0, 9)},
    "FixedLIF": {"du": st.integers(-1, 4095), "dv": st.integers(0, 4096), "vth": st.integers(0, 2**17 - 1),
                 "bias_mant": st.integers(-4096, 4095) | names, "bias_exp": st.integers(0, 7),
                 "initial": st.integers(-100, 100) | names, "reset_interval": st.integers(0, 9),
                 "reset_offset": st.integers(0, 9), "emits": st.sampled_from(["spikes", "voltage"])},
    "FixedDense": _synapse,
    "PlasticLinear": {"features": _small, "weight": names, **_learning, "w_min": st.floats(max_value=-1),
                      "w_max": st.floats(min_value=1), **{f"{trace}_tau": st.floats(0, 99) for trace in TRACES}},
    "FixedPlasticDense": {**_synapse, "num_message_bits": st.just(0), **_learning, "epoch": st.integers(1, 63),
                          "seed": st.integers(0, 99), **{f"{trace}_tau": st.integers(0, 99) for trace in TRACES}},
    "FixedSparse": {**_synapse, **_sparse},
    "FixedDelayDense": {**_synapse, "delay": names, "longest": st.integers(0, 63)},
    "FixedDelaySparse": {**_synapse, **_sparse, "delay": names, "longest": st.integers(0, 63)},
    "FixedTernaryLIF": {"du": st.integers(-1, 4095), "dv": st.integers(0, 4096), "vth_hi": st.integers(0, 2**17 - 1),
                        "vth_lo": st.integers(1 - 2**17, 0), "bias_mant": st.integers(-99, 99) | names,
                        "bias_exp": st.integers(-15, 15), "initial": st.integers(-99, 99) | names},
    "FixedResonator": {"sin_decay": st.integers(-64, 64), "cos_decay": st.integers(-64, 64),
                       "decay_bits": st.integers(6, 15), "vth": st.integers(-99, 99), "state_exp": st.integers(0, 15),
                       "fires": st.sampled_from(["phase", "izhikevich"])},
    "FixedDelta": _delta,
    "FixedSigmaDelta": {**_delta, "bias": st.integers(-99, 99) | names,
                        "activation": st.sampled_from(["relu", "unit"])},
    "FixedGraded": {"vth": st.integers(-99, 99), "rectified": st.booleans()},
    "FixedProduct": {"vth": st.integers(-99, 99), "exp": st.integers(0, 31)},
    "FixedNormDelay": {"vth": st.integers(-99, 99)},
    "FixedConv2d": {"channels": st.sampled_from([2, 4]), "groups": st.sampled_from([1, 2]), "weight": names,
                    "num_message_bits": st.integers(0, 8), **_axes(2, "kernel", "stride", "padding", "dilation")},
}  # fmt: skip
"""What each kind's facts may be; kinds without facts are not listed."""


@st.composite
def nodes(draw: Draw, kind: str, name: str = "node", reads: Sequence[str] = ("x",)) -> Node:
    """A node of a kind with random legal facts, some left at their defaults, reading some of `reads`."""
    table = FACTS.get(kind, {})
    required = {f.name for f in fields(KINDS[kind]) if f.default is MISSING}
    facts = {fact: draw(values) for fact, values in table.items() if fact in required or draw(st.booleans())}
    if isinstance(facts.get("steps"), str):
        facts.setdefault("longest", 2)
    if facts.get("reset_at") == "next":
        facts["refractory"] = 0
    if facts.get("reset_value", 0.0) != 0.0:
        facts["reset"] = "value"
    if facts.get("multispike"):
        facts |= {"reset": "subtract", "reset_value": 0.0, "reset_at": "spike", "compare": ">=", "refractory": 0}
        facts["threshold"] = 0.5 if not isinstance(facts.get("threshold"), str) else facts["threshold"]
    if "kernel" in facts and "padding" in facts:  # a pool's padding stays below its kernel
        facts["padding"] = tuple(min(p, k - 1) for p, k in zip(facts["padding"], facts["kernel"] * 2, strict=True))
    low, high = (2, 2) if kind == "PlasticLinear" else KINDS[kind].operands  # a third one would need a rule with r
    refs = st.builds(Ref, st.sampled_from(list(reads)), st.integers(0, 3))
    inputs = draw(st.lists(refs, min_size=low, max_size=3 if high is None else high))
    return KINDS[kind](name=name, inputs=tuple(inputs), **facts)


@st.composite
def graphs(draw: Draw) -> Graph:
    """A graph of any kinds of node with any facts: printable, but not often sound."""
    known = draw(st.lists(names, min_size=1, max_size=5, unique=True))
    drawn = tuple(draw(nodes(draw(st.sampled_from(sorted(KINDS))), name, known)) for name in known)
    outputs = tuple(draw(st.lists(st.sampled_from(known), min_size=1, max_size=3, unique=True)))
    return Graph(drawn, outputs, draw(st.none() | st.floats(1e-9, 1e3)), lag=draw(st.integers(0, 3)))
