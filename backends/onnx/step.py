"""One time step as an ONNX graph, with every state as an input and an output, for any runtime to drive."""

from __future__ import annotations

import numpy as np
from onnx import ModelProto

from nmc.backends.onnx import interface
from nmc.backends.onnx.emit import Emitter, File, reads
from nmc.backends.onnx.interface import declared
from nmc.backends.onnx.names import COUNT, output_name
from nmc.backends.onnx.plan import Plan, Slot, slots
from nmc.backends.onnx.protocol import StateRecord, StepRecord, plain
from nmc.backends.onnx.scope import Scope
from nmc.model import Model


def one_step(model: Model, planned: Plan, real: np.dtype[np.floating]) -> tuple[ModelProto, StepRecord]:
    """The model as a graph for one step, and what a runtime needs to know to drive it.

    Inputs and outputs are [N, *shape]; a readout puts out what it would give if the run ended here.
    Each state goes in under its name and comes out under that name with `.next`.
    """
    file = File(real)
    carried = slots(model, planned, real)
    interface.reserve(file, model, carried)
    out = Emitter(file)
    scope = Scope(model, out, out, interface.batch_size(out, planned))
    scope.t = out.op("Add", COUNT, out.constant(1, np.int64))
    given = [*planned.held, *planned.streamed]
    scope.values |= {node.name: interface.received(out, node.name) for node in given}
    scope.states |= {slot.label: slot.label for slot in carried}
    scope.emit([*planned.static, *planned.hoisted, *planned.body, *planned.final])
    scope.emit_pasts(planned.pasts)
    for slot in carried:
        out.op("Identity", scope.after[slot.label], output=f"{slot.label}.next")
    outputs = []
    for name in model.graph.outputs:
        published = interface.published(out, scope.values[name], output_name(model.graph, name))
        outputs.append(declared(published, ("N", *model.graph.signals[name].shape)))
    records = _records(out, carried, [value.name for value in outputs])
    before = [declared(state.name, state.shape, state.type) for state in records]
    after = [declared(state.next, state.shape, state.type) for state in records]
    inputs = [declared(node.name, ("N", *node.shape)) for node in given]
    nodes = out.pruned(value.name for value in (*outputs, *after))
    made = interface.finished(model, file, nodes, [*inputs, *before], [*outputs, *after])
    names = tuple(value.name for value in outputs)
    return made, StepRecord(tuple(node.name for node in given), names, records, model.graph.dt_s)


def _records(out: Emitter, carried: tuple[Slot, ...], outputs: list[str]) -> tuple[StateRecord, ...]:
    """All states; the count of steps is one of them only if something asks for it."""
    after = [f"{slot.label}.next" for slot in carried]
    records = [
        StateRecord(slot.label, next_label, ("N", *slot.shape), slot.type.name, plain(slot.initial))
        for slot, next_label in zip(carried, after, strict=True)
    ]
    counted = next(node for node in out.nodes if COUNT in reads(node))
    if counted in out.pruned([*outputs, *after]):
        next_count = out.op("Identity", counted.output[0], output=f"{COUNT}.next")
        records.append(StateRecord(COUNT, next_count, (), "int64", 0))
    return tuple(records)
