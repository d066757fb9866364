"""The part of a model that works at every step: what NIR describes. Encoders and readouts are the host's."""

from __future__ import annotations

from dataclasses import dataclass, replace

from nmc.errors import UnsupportedError
from nmc.model import Model
from nmc.nodes import FAMILIES
from nmc.nodes.tensor import Constant, Input

_CODING = frozenset(FAMILIES["coding"])


@dataclass(frozen=True)
class InTime:
    """A model whose inputs stream and whose outputs are streams, and what was left out, in words."""

    model: Model
    notes: tuple[str, ...]


def in_time(model: Model) -> InTime:
    """The model without encoders, without what only they read, and without what follows the last step.

    An encoder becomes an input of what it encodes to; a readout's input becomes an output. Models without
    time stay as they are. Raises UnsupportedError where nothing is left that works at every step.
    """
    graph = model.graph
    if graph.dt_s is None:
        return InTime(model, ())
    streams = [node for node in graph if graph.signals[node.name].timing == "stream"]
    encoders = [node for node in streams if type(node) in _CODING]
    border = {node.name for node in encoders}
    border |= {
        ref.node for node in streams if node.name not in border for ref in node.inputs
        if graph.signals[ref.node].timing == "static" and not isinstance(graph[ref.node], Constant)
    }  # fmt: skip
    final = [node for node in graph if graph.signals[node.name].timing == "final"]
    ends = dict.fromkeys(
        ref.node for node in final for ref in node.inputs if graph.signals[ref.node].timing == "stream"
    )
    outputs = [name for name in graph.outputs if graph.signals[name].timing == "stream"]
    inputs = tuple(Input(name=n, shape=graph.signals[n].shape, stream=True) for n in graph.order if n in border)
    kept = graph.upstream((*outputs, *ends), lambda node, _: node.name not in border)
    if not any(name in kept and name not in border for name in graph.signals):
        raise UnsupportedError("nothing in the model works at every time step", "convert it to a spiking model first")
    nodes = (*inputs, *(node for node in graph if node.name in kept and node.name not in border))
    cut = replace(graph, nodes=nodes, outputs=tuple(dict.fromkeys((*outputs, *ends))))
    notes = [f"{node.name}: {node.kind} is left out; feed the file what it puts out" for node in encoders]
    notes += [f"{node.name}: {node.kind} is left out; apply it to what the file puts out" for node in final]
    return InTime(replace(model, task=None).with_(cut), tuple(notes))
