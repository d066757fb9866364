"""ATen's LSTM, GRU and RNN over sequences: each layer is one operation of ONNX."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from nmc.frontends.torch.call import Call, Operation, Value
from nmc.frontends.torch.elementwise import DROP_IN_TRAINING
from nmc.frontends.torch.graph import Attribute

_GATES: Mapping[str, tuple[int, ...]] = {"LSTM": (0, 3, 1, 2), "GRU": (1, 0, 2), "RNN": (0,)}
"""PyTorch's gates in ONNX's order: i f g o as i o f g, and r z n as z r n."""


def _recurrent(call: Call, kind: str, activation: str = "") -> Value:
    """x, initial states, parameters, has biases, layers, dropout, training, bidirectional, batch first."""
    if "batch_sizes" in call.declared:
        raise ValueError("it takes packed sequences: give it padded ones")
    params, states = call.given(2), call.given(1)
    assert isinstance(params, list | tuple)
    biases, layers, both, samples_first = (bool(call.given(3)), call.whole(4), bool(call.given(7)), call.given(8))
    dropout, training = call.number(5), call.given(6)
    if dropout and training:
        raise ValueError("it drops at random, in evaluation too", DROP_IN_TRAINING)
    ways, each = 1 + both, 4 if biases else 2
    if len(call.shape()) != 3:
        raise ValueError("it takes one sequence without an axis for samples")
    if len(params) != layers * ways * each:
        raise ValueError("it projects its output: use a Linear after it")
    initial = [call.value(state) for state in (states if isinstance(states, list | tuple) else [states])]
    x = call.graph.node("Transpose", call.x(), perm=[1, 0, 2]) if samples_first else call.x()
    last: list[tuple[str, ...]] = []
    for layer in range(layers):
        part = params[layer * ways * each :][: ways * each]
        given = [_rows(call, state, layer * ways, ways) for state in initial]
        y, *after = _layer(call, kind, activation, (x, *_weights(call, kind, part, ways), "", *given), ways)
        last.append(tuple(after))
        turned = call.graph.node("Transpose", y, perm=[0, 2, 1, 3])
        x = call.graph.node("Reshape", turned, call.graph.integers(0, 0, -1))
    y = call.graph.node("Transpose", x, perm=[1, 0, 2]) if samples_first else x
    return (y, *(call.graph.node("Concat", *states, axis=0) for states in zip(*last, strict=True)))


def _layer(call: Call, kind: str, activation: str, inputs: Sequence[str], ways: int) -> tuple[str, ...]:
    """Both directions of a layer: the output at each step, and the last states."""
    recurrent = call.given(2)[1]  # type: ignore[index]
    facts: dict[str, Attribute] = {
        "hidden_size": call.shape(recurrent)[1] or 1, "direction": "bidirectional" if ways == 2 else "forward",
    }  # fmt: skip
    if kind == "GRU":
        facts["linear_before_reset"] = 1
    if activation:
        facts["activations"] = [activation] * ways
    return call.graph.outputs(kind, inputs, 3 if kind == "LSTM" else 2, facts)


def _weights(call: Call, kind: str, params: Sequence[object], ways: int) -> tuple[str, ...]:
    """The weights of a layer, its recurrent weights, and its biases, if any, with a direction to each row."""
    each = len(params) // ways
    found = []
    for place in range(each):
        rows = [_ordered(call, kind, params[way * each + place]) for way in range(ways)]
        rows = [call.graph.node("Unsqueeze", row, call.graph.integers(0)) for row in rows]
        found.append(call.graph.node("Concat", *rows, axis=0))
    weight, recurrent, *biases = found
    return weight, recurrent, call.graph.node("Concat", *biases, axis=1) if biases else ""


def _ordered(call: Call, kind: str, parameter: object) -> str:
    """A parameter with its gates in ONNX's order."""
    order = _GATES[kind]
    size = (call.shape(parameter)[0] or 0) // len(order)
    name = call.value(parameter)
    if len(order) == 1:
        return name
    places = [gate * size + row for gate in order for row in range(size)]
    return call.graph.node("Gather", name, call.graph.integers(*places), axis=0)


def _rows(call: Call, state: str, begin: int, count: int) -> str:
    limits = (call.graph.integers(number) for number in (begin, begin + count, 0))
    return call.graph.node("Slice", state, *limits)


OPERATIONS: Mapping[str, Operation] = {
    "lstm": partial(_recurrent, kind="LSTM"), "gru": partial(_recurrent, kind="GRU"),
    "rnn_tanh": partial(_recurrent, kind="RNN"), "rnn_relu": partial(_recurrent, kind="RNN", activation="Relu"),
}  # fmt: skip
"""What says each of these operations, by its name in ATen without overload."""
