"""If, Loop and Scan where what they do is known: the branch that is taken, and loops written out turn by turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from nmc.frontends.onnx.call import Call, Outputs, require_axis
from nmc.frontends.onnx.known import real
from nmc.frontends.onnx.ops.empty import empty
from nmc.frontends.onnx.values import Known, Refusal, Signal, Value, element_of
from nmc.frontends.onnx.writer import Writer
from nmc.model import Array

if TYPE_CHECKING:
    from onnx import GraphProto, ValueInfoProto

_MOST_TURNS = 1024

Body = Callable[["GraphProto", Mapping[str, Value | None]], list[Value | None] | None]
"""The outputs of a graph inside an operation, given its inputs by name; None where a fault stands in the way."""


def _branch(call: Call, body: Body) -> Outputs:
    condition = call.given(0)
    if not isinstance(condition, Known):
        raise Refusal("what it does depends on the model's input", "export the model without branches")
    call.without_effect("then_branch", "else_branch")
    made = body(call.graph("then_branch" if _truth(condition) else "else_branch"), {})
    return [None] * len(call.proto.output) if made is None else made


def _truth(value: Value | None) -> bool:
    """What a condition says. Raises Refusal where it depends on the input, or on the number of samples."""
    if not isinstance(value, Known):
        raise Refusal("how often it repeats depends on the model's input", "give it a constant number of turns")
    if value.other is not None or value.array.size != 1:
        raise Refusal("its condition is not one constant", "give it a condition that the file alone decides")
    return bool(value.array.reshape(-1)[0])


def _loop(call: Call, body: Body) -> Outputs:
    """The body once for each turn: (turn, condition, carried...) -> (condition, carried..., what is collected...)."""
    graph = call.graph("body")
    turns, condition = call.given(0), call.given(1)
    count = None if turns is None else int(_constant(call, 0, "number of turns"))
    goes_on = condition is None or _truth(condition)
    carried: list[Value | None] = [call.value(index) for index in range(2, len(call.inputs))]
    names = [value.name for value in graph.input]
    if len(names) != 2 + len(carried) or len(graph.output) < 1 + len(carried):
        raise Refusal(f"its body takes {len(names)} values, and it has {2 + len(carried)}", "export the model again")
    collected: list[list[Value]] = [[] for _ in graph.output[1 + len(carried) :]]
    turn = 0
    while goes_on and (count is None or turn < count):
        _require_few(turn + 1)
        given: list[Value | None] = [
            _as_declared(np.asarray(turn, np.int64), graph.input[0]), _as_declared(np.asarray(True), graph.input[1]),
            *carried,
        ]  # fmt: skip
        made = body(graph, dict(zip(names, given, strict=True)))
        if made is None or any(value is None for value in made):
            return [None] * len(call.proto.output)
        goes_on = _truth(made[0])
        carried = made[1 : 1 + len(carried)]
        for rows, value in zip(collected, made[1 + len(carried) :], strict=True):
            rows.append(value)  # type: ignore[arg-type]
        turn += 1
    results = [
        _stacked(call.writer, rows, 0) if rows else _nothing(graph, 1 + len(carried) + index)
        for index, rows in enumerate(collected)
    ]
    return [*carried, *results]


def _scan(call: Call, body: Body) -> Outputs:
    """The body once for each element of what it goes over: (state..., element...) -> (state..., made...)."""
    if call.opset < 9:
        raise Refusal(f"it is that of opset {call.opset}", "convert with onnx.version_converter")
    graph, over = call.graph("body"), call.whole("num_scan_inputs", 0)
    values = [call.value(index) for index in range(len(call.inputs))]
    state: list[Value | None] = [*values[: len(values) - over]]
    lines, carried = values[len(values) - over :], len(values) - over
    if not 0 < over <= len(values) or len(graph.input) != len(values) or len(graph.output) < carried:
        raise Refusal(f"its body takes {len(graph.input)} values, and it has {len(values)}", "export the model again")
    made_count = len(graph.output) - carried
    axes = [
        require_axis(axis, len(line.dims))
        for axis, line in zip(call.wholes("scan_input_axes", (0,) * over) or (), lines, strict=True)
    ]
    turned = call.wholes("scan_input_directions", (0,) * over) or ()
    made_axes = call.wholes("scan_output_axes", (0,) * made_count) or (0,) * made_count
    made_turned = call.wholes("scan_output_directions", (0,) * made_count) or (0,) * made_count
    lengths = {line.dims[axis] for line, axis in zip(lines, axes, strict=True)}
    if len(lengths) != 1:
        raise Refusal(f"it goes over {sorted(lengths)} elements at once", "mend the shapes in the file")
    (count,) = lengths
    for line, axis in zip(lines, axes, strict=True):
        if isinstance(line, Signal):
            line.axis(axis)
    _require_few(count)
    collected: list[list[Value]] = [[] for _ in range(made_count)]
    for turn in range(count):
        given = [
            *state,
            *(
                _element(call.writer, line, axis, count - 1 - turn if back else turn)
                for line, axis, back in zip(lines, axes, turned, strict=True)
            ),
        ]  # fmt: skip
        made = body(graph, dict(zip((value.name for value in graph.input), given, strict=True)))
        if made is None or any(value is None for value in made):
            return [None] * len(call.proto.output)
        state = made[:carried]
        for rows, value in zip(collected, made[carried:], strict=True):
            rows.append(value)  # type: ignore[arg-type]
    results = [
        _stacked(call.writer, rows[::-1] if back else rows, axis) if rows else _nothing(graph, carried + index)
        for index, (rows, axis, back) in enumerate(zip(collected, made_axes, made_turned, strict=True))
    ]
    return [*state, *results]


def _constant(call: Call, index: int, what: str) -> float:
    known = call.known(index, what)
    if known is not None and known.other is not None:
        raise Refusal(f"its {what} depends on the number of samples", "a sample must not depend on others")
    return call.scalar(index, what, 0)


def _as_declared(number: Array, declared: ValueInfoProto) -> Known:
    """A number, along an axis of its own where a body declares one."""
    return Known(number.reshape((1,) * len(declared.type.tensor_type.shape.dim)))


def _require_few(turns: int) -> None:
    if turns > _MOST_TURNS:
        raise Refusal(f"it repeats more than {_MOST_TURNS:,} times", "give it fewer turns: each is written out")


def _element(writer: Writer, line: Value, axis: int, place: int) -> Value:
    """One element along an axis, which is gone then."""
    if isinstance(line, Signal):
        return writer.squeeze(writer.slice(line, axis, place, place + 1), [axis])
    other = None if line.other is None else np.moveaxis(line.other, axis, 0)[place]
    return Known(np.moveaxis(real(line).array, axis, 0)[place], other=other)


def _stacked(writer: Writer, rows: Sequence[Value], axis: int) -> Value:
    """Values side by side along a new axis."""
    axis = require_axis(axis, len(rows[0].dims) + 1)
    known = [row for row in rows if isinstance(row, Known)]
    if len(known) == len(rows) and all(row.other is None and 0 not in row.array.strides for row in known):
        return Known(np.stack([real(row).array for row in known], axis))
    return writer.concat([_with_axis(writer, row, axis) for row in rows], axis)


def _with_axis(writer: Writer, value: Value, axis: int) -> Value:
    if isinstance(value, Signal):
        return writer.reshape(value, (*value.dims[:axis], 1, *value.dims[axis:]))
    other = None if value.other is None else np.expand_dims(value.other, axis)
    return Known(np.expand_dims(real(value).array, axis), other=other)


def _nothing(graph: GraphProto, index: int) -> Value:
    """What no turn collects. Raises Refusal where the file does not say its sizes."""
    tensor = graph.output[index].type.tensor_type
    sizes = [axis.dim_value for axis in tensor.shape.dim]
    if not tensor.HasField("shape") or not all(sizes):
        raise Refusal("it collects nothing, of unknown size", "leave empty values out")
    return empty((0, *sizes), element_of(tensor.elem_type))


CONTROL: Mapping[str, Callable[[Call, Body], Outputs]] = {"If": _branch, "Loop": _loop, "Scan": _scan}
"""Operations that hold graphs."""
