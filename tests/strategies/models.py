"""Random sound models, with weights: feed-forward, convolutional, recurrent, spiking, fixed-point.

Numbers are multiples of 1/16, so that sums and products are exact in any order as long as models are
shallow: with `exact`, two ways to compute a model may be compared bit by bit.
"""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from nmc.graph import Graph, Node, Ref
from nmc.model import FloatArray, Model
from nmc.nodes import KINDS, coding, elementwise, fixed_point, selection, tensor
from strategies.draft import Draft, Draw, arrays

_sixteenths = st.integers(-32, 32).map(lambda n: n / 16)
_decays = st.sampled_from([0.5, 0.0, 0.25, 0.75, 1.0])
_thresholds = st.sampled_from([1.0, 0.5, 0.25, 2.0, 0.0])
_gains = st.sampled_from([1.0, 0.5])
_compare = st.sampled_from([">", ">="])

_ENCODERS = ("ConstantCurrent", "RateEncode", "BernoulliEncode", "LatencyEncode", "DeltaEncode", "Delta")
_READOUTS = ("Sum", "Last", "Max", "Mean")
_TIMED = ("LIF", "CubaLIF", "IF", "LI", "I", "Threshold", "Delay")
_LAYERS = (
    "Linear", "Relu", "Flatten", "Clip", "LeakyRelu", "Sigmoid", "Tanh", "Softmax", "BatchNorm", "Add", "Mul",
    "Concat", "Sum of two", "Pad", "Reshape", "Transpose", "QuantizeLinear", "DequantizeLinear",
    "Affine", "Abs", "Sub", "Maximum", "Greater", "ReduceSum", "ReduceMean", "ReduceMax", "Slice", "Gather",
)  # fmt: skip
_SPATIAL = {
    1: (),
    2: ("Conv1d", "MaxPool1d", "AvgPool1d", "GlobalAvgPool"),
    3: ("Conv2d", "MaxPool2d", "AvgPool2d", "SumPool2d", "GlobalAvgPool"),
}
_ROUNDS = frozenset({
    "ReduceMean", "BatchNorm", "Sigmoid", "Tanh", "Softmax", "AvgPool1d", "AvgPool2d", "GlobalAvgPool", "Mean", "Mul",
})  # fmt: skip
_QUANTIZED = frozenset({"QuantizeLinear", "DequantizeLinear", "BitPlanes"})


@st.composite
def models(
    draw: Draw,
    timed: bool | None = None,
    recurrent: bool = True,
    conv: bool = True,
    exact: bool = False,
    without: frozenset[str] = _QUANTIZED,
    layers: int = 4,
) -> Model:
    """A sound model with weights and one input.

    `timed`: with a time step and nodes with state, or without; None is either. `recurrent`, `conv`:
    whether loops and spatial layers may occur. `exact`: only nodes whose results do not round.
    `without`: kinds of node to leave out. `layers`: how many at most.
    """
    in_time = draw(st.booleans()) if timed is None else timed
    draft = Draft(draw, without | (_ROUNDS if exact else frozenset()), exact)
    shape = tuple(draw(st.lists(st.integers(1, 5), min_size=1, max_size=3 if conv else 1)))
    stream = in_time and draw(st.booleans())
    draft.add(tensor.Input, shape=shape, stream=stream)
    if in_time and not (stream and draw(st.booleans())):
        _encoder(draft)
    for _ in range(draw(st.integers(1, layers))):
        if in_time and draw(st.booleans()):
            _timed_layer(draft, draft.choose(_TIMED), recurrent)
        else:
            _layer(draft, draft.choose((*_LAYERS, *_SPATIAL[len(draft.shape)])))
    if in_time and draw(st.booleans()):
        draft.add(KINDS[draft.choose(_READOUTS)])
    graph = Graph(tuple(draft.nodes), (draft.last,), 0.001 if in_time else None)
    steps = draw(st.integers(1, 6)) if in_time else None
    return Model("random", graph, {}, steps).with_(graph, draft.weights).checked()


@st.composite
def fixed_point_models(draw: Draw) -> Model:
    """Spikes into one to three layers of whole-number synapses and FixedLIF, the last of them perhaps in a loop."""
    draft = Draft(draw, frozenset(), True)
    conv = draw(st.booleans())
    draft.add(tensor.Input, shape=(2, 4, 4) if conv else (4,))
    draft.add(coding.RateEncode)
    if conv:
        weight = draft.array((3, 2, 2, 2), -254, 254, unit=1)
        draft.add(fixed_point.FixedConv2d, channels=3, kernel=(2, 2), weight=weight, padding=(1, 0, 0, 1))
        _fixed_lif(draft)
        draft.add(tensor.Flatten)
    for loop in (False, draw(st.booleans())):
        features, inputs = draw(st.integers(1, 4)), draft.shape[0]
        weight = draft.array((features, inputs), -254, 254, unit=1)
        draft.add(fixed_point.FixedDense, features=features, weight=weight, weight_exp=draw(st.integers(-2, 4)))
        if not loop:
            _fixed_lif(draft)
            continue
        back = draft.array((features, features), -254, 254, unit=1)
        following = f"n{len(draft.nodes) + 1}"
        draft.shapes[following] = draft.shape
        _fixed_lif(draft, Ref(following, 1))
        draft.add(fixed_point.FixedDense, features=features, weight=back)
    graph = Graph(tuple(draft.nodes), (draft.last,), 0.001)
    return Model("random", graph, {}, draw(st.integers(2, 12))).with_(graph, draft.weights).checked()


@st.composite
def samples(draw: Draw, model: Model, batch: int = 3) -> FloatArray:
    """Samples for a model with one input: [batch, *shape], or [batch, steps, *shape] where it streams."""
    (node,) = (node for node in model.graph if isinstance(node, tensor.Input))
    steps = (model.steps,) if node.stream else ()
    return draw(arrays((batch, *steps, *node.shape), -8, 24))


def _layer(draft: Draft, kind: str) -> None:
    draw, x = draft.draw, draft.shape
    match kind:
        case "Linear" | "Conv1d" | "Conv2d":
            _weighted(draft, KINDS[kind])
        case "MaxPool1d" | "MaxPool2d" | "AvgPool1d" | "AvgPool2d" | "SumPool2d":
            _pool(draft, KINDS[kind])
        case "BatchNorm":
            scale, bias, mean = (draft.array(x[:1]) for _ in range(3))
            draft.add(tensor.BatchNorm, scale=scale, bias=bias, mean=mean, variance=draft.array(x[:1], low=1))
        case "Affine":
            draft.add(elementwise.Affine, gain=draw(st.sampled_from([0.5, -1.0])), offset=draw(_sixteenths))
        case "ReduceSum" | "ReduceMean" | "ReduceMax":
            draft.add(KINDS[kind], axes=(draw(st.integers(-len(x), len(x) - 1)),))
        case "Slice":
            stop = draw(st.integers(1, x[-1]))
            draft.add(selection.Slice, axis=-1, start=draw(st.integers(0, stop - 1)), stop=stop)
        case "Gather":
            places = np.asarray(draw(st.lists(st.integers(0, x[0] - 1), min_size=1, max_size=3)))
            name = f"i{len(draft.nodes)}"
            draft.weights[name] = places
            draft.add(selection.Gather, axis=0, indices=name, count=len(places))
        case "Add" | "Mul" | "Concat" | "Sub" | "Maximum" | "Greater":
            draft.add(KINDS[kind], Ref(draft.last), draft.other())
        case "Sum of two":
            draft.add(tensor.Relu, Ref(draft.last), draft.other())
        case "Clip":
            low, high = draw(st.sampled_from([(0.0, 6.0), (-1.0, 0.5), (float("-inf"), 1.0), (0.0, float("inf"))]))
            draft.add(tensor.Clip, minimum=low, maximum=high)
        case "LeakyRelu":
            draft.add(tensor.LeakyRelu, alpha=draw(st.sampled_from([0.25, 0.5])))
        case "Softmax":
            draft.add(tensor.Softmax, axis=draw(st.integers(-len(x), len(x) - 1)))
        case "Pad":
            padding = tuple(draw(st.integers(0, 1)) for _ in x * 2)
            draft.add(tensor.Pad, padding=padding, value=draw(st.sampled_from([0.0, -0.5])))
        case "Reshape":
            draft.add(tensor.Reshape, shape=(-1, *x[2:]))
        case "Transpose":
            draft.add(tensor.Transpose, permutation=tuple(draw(st.permutations(range(len(x))))))
        case "QuantizeLinear" | "DequantizeLinear":
            scale, zero_point = draw(st.sampled_from([0.0625, 0.25])), draw(st.integers(-3, 3))
            draft.add(KINDS[kind], scale=scale, zero_point=zero_point)
        case _:
            draft.add(KINDS[kind])


def _weighted(draft: Draft, kind: type[Node]) -> None:
    draw, x = draft.draw, draft.shape
    if kind is tensor.Linear:
        features = draw(st.integers(1, 4))
        facts = {"features": features, "weight": draft.array((features, x[-1]))}
    else:
        groups = draw(st.sampled_from([n for n in (1, 2) if x[0] % n == 0]))
        features = groups * draw(st.integers(1, 2))
        kernel = tuple(draw(st.integers(1, min(3, n))) for n in x[1:])
        spread = [draw(st.integers(1, 2)) if 2 * k - 1 <= n else 1 for k, n in zip(kernel, x[1:], strict=True)]
        facts = {
            "channels": features, "groups": groups, "kernel": kernel, "dilation": tuple(spread),
            "stride": tuple(draw(st.integers(1, 2)) for _ in kernel),
            "padding": tuple(draw(st.integers(0, 2)) for _ in kernel * 2),
            "weight": draft.array((features, x[0] // groups, *kernel)),
        }  # fmt: skip
    scale = None if draft.exact else draft.maybe((features,))
    draft.add(kind, bias=draft.maybe((features,)), weight_scale=scale, **facts)


def _pool(draft: Draft, kind: type[Node]) -> None:
    kernel = tuple(draft.draw(st.integers(1, min(3, n))) for n in draft.shape[1:])
    facts: dict[str, object] = {
        "stride": tuple(draft.draw(st.integers(1, 2)) for _ in kernel),
        "padding": tuple(draft.draw(st.integers(0, min(1, k - 1))) for k in kernel * 2),
    }
    if kind.__name__.startswith("Avg"):
        facts["count_include_pad"] = draft.draw(st.booleans())
    draft.add(kind, kernel=kernel, **facts)


def _encoder(draft: Draft) -> None:
    draw = draft.draw
    kind = draft.choose(_ENCODERS)
    facts: dict[str, dict[str, st.SearchStrategy[object]]] = {
        "ConstantCurrent": {"gain": _gains},
        "RateEncode": {"gain": _gains, "initial": st.sampled_from([0.0, 0.5])},
        "BernoulliEncode": {"gain": _gains, "seed": st.integers(0, 2**31 - 2)},
        "LatencyEncode": {"window": st.integers(1, 5), "minimum": st.sampled_from([0.0, 0.25])},
        "Delta": {"threshold": st.sampled_from([0.0, 0.25])},
        "DeltaEncode": {"threshold": st.sampled_from([0.25, 0.5]), "falling": st.booleans()},
    }
    draft.add(KINDS[kind], **{fact: draw(values) for fact, values in facts[kind].items()})


def _timed_layer(draft: Draft, kind: str, recurrent: bool) -> None:
    """A node in time; with `recurrent`, perhaps in a loop, through weights where it is flat."""
    facts = _timed_facts(draft, kind)
    source, shape, draw = Ref(draft.last), draft.shape, draft.draw
    name, following = f"n{len(draft.nodes)}", f"n{len(draft.nodes) + 1}"
    if not (recurrent and draw(st.booleans())):
        draft.add(KINDS[kind], **facts)
    elif len(shape) > 1:
        draft.shapes[name] = shape
        draft.add(KINDS[kind], source, Ref(name, draw(st.integers(1, 3))), **facts)
    else:
        draft.shapes[following] = shape
        draft.add(KINDS[kind], source, Ref(following, draw(st.integers(1, 3))), **facts)
        draft.add(tensor.Linear, features=shape[0], weight=draft.array((shape[0], shape[0]), -8, 8))
        draft.add(tensor.Relu, Ref(name))


def _timed_facts(draft: Draft, kind: str) -> dict[str, object]:
    draw = draft.draw
    if kind == "Delay":
        if draw(st.booleans()):
            return {"steps": draw(st.integers(0, 3))}
        return {"steps": draft.array(draft.shape, 0, 3, unit=1), "longest": 3}
    facts: dict[str, object] = {}
    if kind in ("LIF", "CubaLIF", "IF", "Threshold"):
        facts |= {"threshold": draft.param(_thresholds, low=4), "compare": draw(_compare)}
    if kind in ("LIF", "CubaLIF", "IF"):
        facts |= {
            "reset": draw(st.sampled_from(["zero", "value", "subtract", "none"])),
            "reset_at": draw(st.sampled_from(["spike", "next"])),
        }
        facts["refractory"] = draw(st.integers(0, 3)) if facts["reset_at"] == "spike" else 0
        facts["reset_value"] = draft.param(_sixteenths) if facts["reset"] == "value" else 0.0
        conventions = (facts["reset"], facts["reset_at"], facts["compare"], facts["refractory"])
        multispike = conventions == ("subtract", "spike", ">=", 0) and facts["threshold"] != 0
        facts["multispike"] = multispike and draw(st.booleans())
    if kind in ("LIF", "CubaLIF", "LI"):
        facts |= {"decay": draft.param(_decays, high=16), "leak": draft.param(st.sampled_from([0.0, 0.25]))}
    if kind == "CubaLIF":
        facts |= {
            "current_decay": draft.param(_decays, high=16), "current_gain": draft.param(_gains),
            "current": draw(st.sampled_from(["new", "old"])),
        }  # fmt: skip
    if kind != "Threshold":
        facts |= {"gain": draft.param(_gains), "initial": draft.param(_sixteenths)}
    return facts


def _fixed_lif(draft: Draft, *loop: Ref) -> None:
    draw = draft.draw
    interval = draw(st.sampled_from([0, 0, 3, 5]))
    mant = draft.array(draft.shape, -100, 100, unit=1) if draw(st.booleans()) else draw(st.integers(-100, 100))
    draft.add(
        fixed_point.FixedLIF, Ref(draft.last, 1), *loop, du=draw(st.sampled_from([4095, 0, 2048, -1])),
        dv=draw(st.sampled_from([0, 512, 4096])), vth=draw(st.integers(0, 400)), bias_mant=mant,
        bias_exp=draw(st.integers(0, 6)), initial=draw(st.integers(-50, 50)), reset_interval=interval,
        reset_offset=draw(st.integers(0, 4)) if interval else 0,
    )  # fmt: skip
