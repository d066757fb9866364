"""A whole run as one ONNX graph: what is static, one Scan over time, and what follows from its end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from onnx import GraphProto, ModelProto, ValueInfoProto, helper, numpy_helper

from nmc.backends.onnx import interface
from nmc.backends.onnx.emit import Emitter, File, reads
from nmc.backends.onnx.interface import declared
from nmc.backends.onnx.names import STEPS, output_name, weights_name
from nmc.backends.onnx.plan import Plan, Slot, slots
from nmc.backends.onnx.scope import Scope
from nmc.model import Model
from nmc.nodes.plasticity import Learning, learning_nodes


def whole_run(model: Model, planned: Plan, real: np.dtype[np.floating]) -> ModelProto:
    """The model as a graph that takes held inputs [N, *shape] and streamed ones [N, T, *shape].

    Outputs are [N, *shape], or [N, T, *shape] where they stream. Without a streamed input the run
    lasts as long as the input `nmc.steps` says, which defaults to the model's own number.
    """
    file = File(real)
    carried = slots(model, planned, real)
    interface.reserve(file, model, carried)
    out = Emitter(file)
    scope = Scope(model, out, out, interface.batch_size(out, planned))
    scope.values |= {node.name: interface.received(out, node.name) for node in planned.held}
    scope.emit(planned.static)
    over_time = _hoisted(scope, planned)
    if planned.body:
        scope.t = _run_length(out, planned)
        over_time |= _scan(scope, planned, carried, over_time)
    scope.emit(planned.final)
    outputs = [_output(scope, name, over_time) for name in model.graph.outputs]
    outputs += [_learned(scope, node) for node in learning_nodes(model.graph) if node.name in planned.body]
    nodes = out.pruned(output.name for output in outputs)
    inputs = [declared(node.name, ("N", *node.shape)) for node in planned.held]
    inputs += [declared(node.name, ("N", "T", *node.shape)) for node in planned.streamed]
    defaults = []
    if planned.body and not planned.streamed:
        inputs.append(declared(STEPS, (), np.int64))
        if model.steps:
            defaults.append(numpy_helper.from_array(np.asarray(model.steps, np.int64), STEPS))
    return interface.finished(model, file, nodes, inputs, outputs, defaults)


def _run_length(out: Emitter, planned: Plan) -> str:
    """The number of steps, T."""
    if not planned.streamed:
        return STEPS
    return out.op("Squeeze", out.op("Shape", planned.streamed[0].name, start=1, end=2))


def _hoisted(scope: Scope, planned: Plan) -> dict[str, str]:
    """Streamed inputs and what follows from them alone, as [T, N, ...]: all steps at once, as one large batch."""
    out, graph = scope.out, scope.model.graph
    over_time: dict[str, str] = {}
    flat = replace(scope, values={})
    for node in planned.streamed:
        axes = range(2, 2 + len(node.shape))
        value = out.op("Transpose", interface.received(out, node.name), perm=(1, 0, *axes))
        over_time[node.name] = value
        flat.values[node.name] = out.op("Reshape", value, out.integers(-1, *node.shape))
    flat.emit(planned.hoisted)
    for name in planned.hoisted:
        both = out.op("Shape", over_time[planned.streamed[0].name], start=0, end=2)
        shape = out.op("Concat", both, out.integers(*graph.signals[name].shape), axis=0)
        over_time[name] = out.op("Reshape", flat.values[name], shape)
    return over_time


def _scan(
    scope: Scope, planned: Plan, carried: Sequence[Slot], over_time: Mapping[str, str]
) -> dict[str, str]:
    """Run the body over time: gives its streams as [T, N, ...], and leaves the last states in the scope."""
    out, model = scope.out, scope.model
    states = {slot.label: out.file.fresh(f"{slot.label}.before") for slot in carried}
    slices = {name: out.file.fresh(f"{name}.now") for name in over_time if _enters(model, planned, name)}
    body = replace(
        scope, out=Emitter(out.file), t=out.file.fresh("t"), values={**scope.values, **slices}, states=states
    )
    body.emit(planned.body)
    body.emit_pasts(planned.pasts)
    streams = [name for name in planned.body if name in model.graph.outputs and _is_stream(model, name)]
    results = _distinct(body.out, [*(body.after[slot.label] for slot in carried), *(body.values[n] for n in streams)])
    graph = _body_graph(body, carried, slices, streams, results)
    sources = [over_time[name] for name in slices]
    if body.t in (value.name for value in graph.input):
        one = out.constant(1, np.int64)
        sources.append(out.op("Range", one, out.op("Add", scope.t, one), one))
    ends = [out.file.fresh(f"{slot.label}.end") for slot in carried]
    stacked = [out.file.fresh(f"{name}.steps") for name in streams]
    initial = [_initial(out, slot, scope.batch) for slot in carried]
    out.ops("Scan", [*initial, *sources], [*ends, *stacked], body=graph, num_scan_inputs=len(sources))
    scope.states = {slot.label: end for slot, end in zip(carried, ends, strict=True)}
    scope.emit_results(name for name in planned.body if model.graph[name].produces == "final")
    return dict(zip(streams, stacked, strict=True))


def _body_graph(
    body: Scope, carried: Sequence[Slot], slices: Mapping[str, str], streams: Sequence[str], results: Sequence[str]
) -> GraphProto:
    """One step as the graph that Scan repeats. It takes t too, if it needs it or has nothing else to go over."""
    signals, real = body.model.graph.signals, body.out.file.real
    nodes = body.out.pruned(results)
    inputs = [declared(body.states[slot.label], ("N", *slot.shape), slot.type) for slot in carried]
    inputs += [declared(formal, ("N", *signals[name].shape), real) for name, formal in slices.items()]
    if not slices or any(body.t in reads(node) for node in nodes):
        inputs.append(declared(body.t, (), np.int64))
    kinds = [(slot.shape, slot.type) for slot in carried] + [(signals[name].shape, real) for name in streams]
    outputs = [
        declared(name, ("N", *shape), dtype) for name, (shape, dtype) in zip(results, kinds, strict=True)
    ]
    return helper.make_graph(nodes, "step", inputs, outputs)


def _enters(model: Model, planned: Plan, name: str) -> bool:
    """Whether a value that is known for all steps at once is needed step by step."""
    return name in planned.pasts or any(reader.name in planned.body for reader in model.graph.consumers[name])


def _is_stream(model: Model, name: str) -> bool:
    return model.graph.signals[name].timing == "stream"


def _distinct(out: Emitter, values: Iterable[str]) -> list[str]:
    """The values under names of their own, as the outputs of a graph must be: none twice, none from outside."""
    made = {name for node in out.nodes for name in node.output}
    named: list[str] = []
    for value in values:
        named.append(value if value in made and value not in named else out.op("Identity", value))
    return named


def _initial(out: Emitter, slot: Slot, batch: str) -> str:
    """A state before the first step, for every sample."""
    shape = out.op("Concat", batch, out.integers(*slot.shape), axis=0) if slot.shape else batch
    return out.op("Expand", out.constant(slot.initial, slot.type), shape)


def _learned(scope: Scope, node: Learning) -> ValueInfoProto:
    """Publish the weights that each sample leaves behind."""
    name = weights_name(node.name)
    interface.published(scope.out, scope.states[f"{node.name}.w"], name)
    (inputs,) = scope.model.graph.operand_shapes(node)[0]
    return declared(name, ("N", node.features, inputs))


def _output(scope: Scope, name: str, over_time: Mapping[str, str]) -> ValueInfoProto:
    """Publish an output, and declare it."""
    signal = scope.model.graph.signals[name]
    published = output_name(scope.model.graph, name)
    if signal.timing != "stream":
        interface.published(scope.out, scope.values[name], published)
        return declared(published, ("N", *signal.shape))
    axes = range(2, 2 + len(signal.shape))
    stream = scope.out.op("Transpose", over_time[name], perm=(1, 0, *axes))
    interface.published(scope.out, stream, published)
    return declared(published, ("N", "T", *signal.shape))
