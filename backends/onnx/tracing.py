"""What every node of an ONNX program puts out: the values inside its file, as outputs beside its own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx
from onnx import GraphProto, NodeProto, helper

from nmc.backends.onnx.engine import run
from nmc.backends.onnx.names import MODEL, STEPS, output_name
from nmc.backends.onnx.plan import PAST
from nmc.backends.onnx.session import Session
from nmc.backends.onnx.targets import OnnxOptions
from nmc.backends.target import Traced
from nmc.graph import Graph
from nmc.model import Array
from nmc.nodes.tensor import Input
from nmc.program import Program
from nmc.reference.interpreter import Feed, as_feeds, run_length

_SEEN = "nmc.seen"


def trace(program: Program[OnnxOptions], x: Feed, *, steps: int | None = None) -> Traced:
    """A run as it is, and one of the same file that shows all values that nodes have there; see `Traced`."""
    result = run(program, x, steps=steps)
    graph = program.model.graph
    feeds = as_feeds(graph, x)
    length = run_length(program.model, feeds, steps or program.options.steps)
    file = onnx.ModelProto.FromString(program.file(MODEL))
    shown = dict(_opened(file.graph, graph))
    session = Session(file.SerializeToString(), f"{MODEL} of {program.path}", exact=not program.options.clocked)
    streams = {node.name for node in graph if isinstance(node, Input) and node.stream}
    given = {name: np.asarray(v[:, :length] if name in streams else v, np.float32) for name, v in feeds.items()}
    given |= {STEPS: np.asarray(length, np.int64)} if STEPS in session.inputs else {}
    own = {output_name(graph, name): name for name in graph.outputs}
    values = session.run([*shown.values(), *own], given)
    samples = len(next(iter(given.values())))
    nodes = {
        name: _uniform(graph, name, np.asarray(value, np.float64), samples, length, looped=value_name.startswith(_SEEN))
        for (name, value_name), value in zip(shown.items(), values, strict=False)
    }
    same = all(
        np.array_equal(np.asarray(value, np.float64), result.outputs[name])
        for name, value in zip(own.values(), values[len(shown) :], strict=True)
    )
    return Traced(result, {name: value for name, value in nodes.items() if value is not None} if same else {})


def _opened(file: GraphProto, graph: Graph) -> Iterator[tuple[str, str]]:
    """The nodes that have a value in the file, each with the name of the output that has it now."""
    outputs = {value.name for value in file.output}
    for node in graph:
        if isinstance(node, Input) or graph.signals[node.name].timing == "final":
            continue
        if (name := _value_of(file, node.name)) is not None:
            if name not in outputs:
                file.output.append(helper.make_empty_tensor_value_info(name))
            yield node.name, name
        else:
            for scan in file.node:
                if scan.op_type == "Scan" and (name := _out_of_loop(scan, node.name)) is not None:
                    file.output.append(helper.make_empty_tensor_value_info(name))
                    yield node.name, name


def _out_of_loop(scan: NodeProto, name: str) -> str | None:
    """What a node's values at all steps are called outside of the loop over time, once they come out of it."""
    (body,) = (attribute.g for attribute in scan.attribute if attribute.name == "body")
    value = _value_of(body, name)
    if value is None:
        return None
    alias = f"{_SEEN}/{name}/now"
    body.node.append(helper.make_node("Identity", [value], [alias]))
    body.output.append(helper.make_empty_tensor_value_info(alias))
    scan.output.append(f"{_SEEN}/{name}")
    return f"{_SEEN}/{name}"


def _value_of(file: GraphProto, name: str) -> str | None:
    """The value of a node of the model: what the last operation puts out that was emitted for it.

    What keeps its values for later reads is emitted for it, too, but after it.
    """
    found = None
    for made in file.node:
        if not made.output[0].startswith(f"{name}/") or "/" in made.output[0][len(name) + 1 :]:
            continue
        if found is not None and _keeps(file, made, name):
            break
        found = made.output[0]
    return found


def _keeps(file: GraphProto, made: NodeProto, name: str) -> bool:
    """Whether an operation begins to put a node's value on the line of its past ones."""
    if made.op_type != "Unsqueeze":
        return False
    readers = (node for node in file.node if made.output[0] in node.input)
    return any(any(read.startswith(f"{name}.{PAST}") for read in reader.input) for reader in readers)


def _uniform(
    graph: Graph, name: str, value: Array, samples: int, steps: int, looped: bool
) -> Array | None:
    """A value as [samples, steps, *shape], or [samples, *shape] where it does not stream; None where it is neither.

    In a loop it comes as [steps, samples, *shape]; ahead of one as [steps samples, *shape].
    """
    signal = graph.signals[name]
    if signal.timing != "stream":
        return value if value.shape == (samples, *signal.shape) else None
    if not looped and value.shape == (steps * samples, *signal.shape):
        value = value.reshape(steps, samples, *signal.shape)
    if value.shape != (steps, samples, *signal.shape):
        return None
    return value.swapaxes(0, 1)
