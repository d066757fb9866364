"""LSTM, GRU and RNN over a sequence that a sample holds: one step of layers after another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from nmc.frontends.onnx.call import Call, Operation
from nmc.frontends.onnx.values import Known, Refusal, Signal, Value
from nmc.frontends.onnx.writer import Writer
from nmc.graph import Node
from nmc.model import Array
from nmc.nodes import tensor

_MOST_STEPS = 512
_ACTIVATIONS: Mapping[str, type[Node]] = {"Sigmoid": tensor.Sigmoid, "Tanh": tensor.Tanh, "Relu": tensor.Relu}
_DEFAULTS = {"LSTM": ("Sigmoid", "Tanh", "Tanh"), "GRU": ("Sigmoid", "Tanh"), "RNN": ("Tanh",)}
_GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}

State = tuple[Signal, ...]
"""What a cell carries from step to step, each [N, hidden]."""


@dataclass(frozen=True, eq=False)
class _Cell:
    """One direction of a recurrent operation. W: [gates * hidden, inputs], R: [gates * hidden, hidden]."""

    writer: Writer
    hidden: int
    weight: Array
    recurrent: Array
    bias: Array
    peepholes: Array | None
    activations: tuple[type[Node], ...]
    names: tuple[str, str]
    reset_after: bool

    def given(self, x: Signal) -> Signal:
        """What a step's input adds to all gates, with both biases where they only add up."""
        bias = self.bias[0] if self.reset_after else self.bias.sum(axis=0)
        return self.writer.linear(x, Known(self.weight, self.names[0]), Known(bias))

    def gate(self, summed: Signal, number: int) -> Signal:
        """The part of all gates' sums that is one gate's."""
        return self.writer.slice(summed, -1, number * self.hidden, (number + 1) * self.hidden)

    def fed_back(self, h: Signal, first: int = 0, last: int | None = None, bias: Array | None = None) -> Signal:
        """What the hidden state adds to the gates from `first` to below `last`."""
        rows = self.recurrent[first * self.hidden : None if last is None else last * self.hidden]
        name = self.names[1] if len(rows) == len(self.recurrent) else f"{self.names[1]}.{first}"
        return self.writer.linear(h, Known(rows, name), None if bias is None else Known(bias))

    def active(self, x: Signal, number: int) -> Signal:
        """The activation of a gate."""
        return self.writer.unary(self.activations[number], x)

    def peeped(self, x: Signal, cell: Signal, number: int) -> Signal:
        """x with what the cell's own state adds through a peephole."""
        if self.peepholes is None:
            return x
        row = self.peepholes[number * self.hidden : (number + 1) * self.hidden]
        return self.writer.add(x, self.writer.mul(cell, Known(row)))


def _lstm_step(cell: _Cell, given: Signal, state: State) -> State:
    """Gates in ONNX's order: input, output, forget, cell."""
    writer, (h, c) = cell.writer, state
    summed = writer.add(given, cell.fed_back(h))
    enters = cell.active(cell.peeped(cell.gate(summed, 0), c, 0), 0)
    stays = cell.active(cell.peeped(cell.gate(summed, 2), c, 2), 0)
    fresh = cell.active(cell.gate(summed, 3), 1)
    c = writer.add(writer.mul(stays, c), writer.mul(enters, fresh))
    leaves = cell.active(cell.peeped(cell.gate(summed, 1), c, 1), 0)
    return writer.mul(leaves, cell.active(c, 2)), c


def _gru_step(cell: _Cell, given: Signal, state: State) -> State:
    """Gates in ONNX's order: update, reset, hidden."""
    writer, (h,), n = cell.writer, state, cell.hidden
    if cell.reset_after:
        fed = cell.fed_back(h, bias=cell.bias[1])
        both = [writer.add(cell.gate(given, gate), cell.gate(fed, gate)) for gate in (0, 1)]
        update, reset = (cell.active(x, 0) for x in both)
        inner = writer.add(cell.gate(given, 2), writer.mul(reset, cell.gate(fed, 2)))
    else:
        fed = cell.fed_back(h, 0, 2)
        sums = writer.add(writer.slice(given, -1, 0, 2 * n), fed)
        update, reset = (cell.active(cell.gate(sums, gate), 0) for gate in (0, 1))
        inner = writer.add(cell.gate(given, 2), cell.fed_back(writer.mul(reset, h), 2))
    fresh = cell.active(inner, 1)
    return (writer.add(writer.mul(writer.affine(update, -1.0, 1.0), fresh), writer.mul(update, h)),)


def _rnn_step(cell: _Cell, given: Signal, state: State) -> State:
    (h,) = state
    return (cell.active(cell.writer.add(given, cell.fed_back(h)), 0),)


_STEPS: Mapping[str, Callable[[_Cell, Signal, State], State]] = {
    "LSTM": _lstm_step, "GRU": _gru_step, "RNN": _rnn_step
}  # fmt: skip


def _recurrent(call: Call) -> tuple[Value | None, ...]:
    writer, x = call.writer, call.x()
    layout = call.whole("layout", 0)
    if layout:
        x = writer.transpose(x, (1, 0, 2))
    steps = x.dims[0]
    x.axis(0)
    if steps > _MOST_STEPS:
        raise Refusal(
            f"it goes over {steps} steps, and at most {_MOST_STEPS} can be written out", "give it shorter sequences"
        )
    _refuse_extras(call, steps)
    ways = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}[call.text("direction", "forward")]
    carried = 2 if call.kind == "LSTM" else 1
    results: list[tuple[list[Signal], State]] = []
    inputs = [writer.squeeze(writer.slice(x, 0, t, t + 1), [0]) for t in range(steps)]
    for number, backwards in enumerate(ways):
        cell = _cell(call, number)
        state = tuple(_initial(call, 5 + index, number, x, cell.hidden, bool(layout)) for index in range(carried))
        hidden: list[Signal] = []
        for now in reversed(inputs) if backwards else inputs:
            state = _STEPS[call.kind](cell, cell.given(now), state)
            hidden.append(state[0])
        results.append((hidden[::-1] if backwards else hidden, state))
    return _outputs(call, results, bool(layout))


def _outputs(call: Call, results: list[tuple[list[Signal], State]], layout: bool) -> tuple[Value | None, ...]:
    """Y [steps, directions, N, hidden], and the last states [directions, N, hidden]; N first with `layout`."""
    writer = call.writer
    wanted = [bool(name) for name in call.proto.output]
    made: list[Value | None] = [None] * len(wanted)
    if wanted and wanted[0]:
        rows = [_stacked(writer, [hidden[t] for hidden, _ in results]) for t in range(len(results[0][0]))]
        y = _stacked(writer, rows)
        made[0] = writer.transpose(y, (2, 0, 1, 3)) if layout else y
    for index in range(1, len(wanted)):
        if wanted[index]:
            last = _stacked(writer, [state[index - 1] for _, state in results])
            made[index] = writer.transpose(last, (1, 0, 2)) if layout else last
    return tuple(made)


def _stacked(writer: Writer, parts: list[Signal]) -> Signal:
    """The parts along a new first axis."""
    return writer.concat([writer.reshape(part, (1, *part.dims)) for part in parts], 0)


def _refuse_extras(call: Call, steps: int) -> None:
    lengths = call.known(4, "list of lengths")
    if lengths is not None and np.any(lengths.array != steps):
        raise Refusal("its sequences differ in length", "give all sequences the full length")
    if call.given_facts("clip"):
        raise Refusal("it clips its gates", "export it without clip")
    if call.whole("input_forget", 0):
        raise Refusal("its input and forget gates are one", "export it with both gates")
    call.without_effect("hidden_size")  # the recurrent weight says it


def _cell(call: Call, number: int) -> _Cell:
    gates = _GATES[call.kind]
    weight, recurrent = call.array(1, "weight")[number], call.array(2, "recurrent weight")[number]
    hidden = recurrent.shape[-1]
    bias = np.zeros((2, gates * hidden), np.float32)
    if call.given(3) is not None:
        bias = call.array(3, "bias")[number].reshape(2, gates * hidden)
    peepholes = call.array(7, "peephole weight")[number] if call.given(7) is not None else None
    chosen = call.texts("activations") or _DEFAULTS[call.kind] * 2
    per_way = chosen[number * len(_DEFAULTS[call.kind]) :][: len(_DEFAULTS[call.kind])]
    if unknown := [name for name in per_way if name not in _ACTIVATIONS]:
        raise Refusal(f"its activation is {unknown[0]}", f"use {', '.join(_ACTIVATIONS)}")
    names = tuple(
        f"{getattr(call.known(index, 'weight'), 'name', '') or call.writer.label}.{number}" for index in (1, 2)
    )
    activations = tuple(_ACTIVATIONS[name] for name in per_way)
    after = call.kind == "GRU" and bool(call.whole("linear_before_reset", 0))
    return _Cell(
        call.writer, hidden, weight, recurrent, bias, peepholes, activations, (names[0], names[1]), after
    )


def _initial(call: Call, index: int, number: int, x: Signal, hidden: int, layout: bool) -> Signal:
    """A state before the first step, [N, hidden]."""
    writer, dims = call.writer, (x.dims[1], hidden)
    given = call.given(index)
    if given is None:
        zeros = Known(np.zeros((1, hidden), np.float32), f"{writer.label}.zeros")
        if x.batch is None:
            return writer.expand(zeros, dims)
        return replace(x, node=writer.aligned(zeros, dims).node, dims=dims)
    state = writer.signal(given)
    if layout:
        state = writer.transpose(state, (1, 0, 2))
    one = writer.squeeze(writer.slice(state, 0, number, number + 1), [0])
    if one.dims != dims and one.batch is None:
        return replace(x, node=writer.aligned(one, dims).node, dims=dims)
    return one


OPERATIONS: Mapping[str, Operation] = dict.fromkeys(("LSTM", "GRU", "RNN"), _recurrent)
