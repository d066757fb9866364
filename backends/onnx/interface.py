"""Inputs and outputs of ONNX files: always 32-bit floats, whatever the numbers inside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import DTypeLike
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper

from nmc.backends.onnx.emit import DOMAIN, IR_VERSION, OPSET, Emitter, File, reads, tensor_type
from nmc.backends.onnx.names import COUNT, STEPS, output_name, weights_name
from nmc.backends.onnx.plan import Plan, Slot
from nmc.errors import UnsupportedError
from nmc.model import Model
from nmc.nodes.plasticity import learning_nodes
from nmc.nodes.tensor import Input

LARGEST_FILE = 2_000_000_000
"""Bytes of weights; the format (protobuf) ends at 2^31 in all."""

Dims = Sequence[int | str | None]


def declared(name: str, dims: Dims, dtype: DTypeLike = np.float32) -> ValueInfoProto:
    """The declaration of a value; symbolic axes are given by name."""
    return helper.make_tensor_value_info(name, tensor_type(dtype), dims)


def reserve(file: File, model: Model, states: Iterable[Slot]) -> None:
    """Keep the names of the interface for the interface."""
    file.taken |= {STEPS, COUNT, *(node.name for node in model.graph if isinstance(node, Input))}
    file.taken |= {output_name(model.graph, name) for name in model.graph.outputs}
    file.taken |= {weights_name(node.name) for node in learning_nodes(model.graph)}
    file.taken |= {name for slot in states for name in (slot.label, f"{slot.label}.next")}


def received(out: Emitter, name: str) -> str:
    """An input as real numbers of the file's type."""
    return name if out.file.real == np.float32 else out.cast(name)


def published(out: Emitter, value: str, name: str) -> str:
    """A value as an output."""
    if out.file.real == np.float32:
        return out.op("Identity", value, output=name)
    return out.op("Cast", value, output=name, to=TensorProto.FLOAT)


def batch_size(out: Emitter, planned: Plan) -> str:
    """The number of samples, as [N], taken from the first input."""
    inputs = [*planned.held, *planned.streamed]
    if not inputs:
        raise UnsupportedError("the graph has no input, so there is nothing to run it on", "give it an Input node")
    return out.op("Shape", inputs[0].name, start=0, end=1)


def finished(
    model: Model,
    file: File,
    nodes: Sequence[NodeProto],
    inputs: Sequence[ValueInfoProto],
    outputs: Sequence[ValueInfoProto],
    defaults: Sequence[TensorProto] = (),
) -> ModelProto:
    """The ONNX file around the operations of its outermost graph. `defaults` are inputs that may be left out."""
    read = {name for node in nodes for name in reads(node)}
    constants = [tensor for name, tensor in file.constants.items() if name in read]
    size = sum(len(tensor.raw_data) for tensor in constants)
    if size > LARGEST_FILE:
        raise UnsupportedError(
            f"the weights take {size / 1e9:.1f} GB, and an ONNX file holds 2", "compile with precision fp16 or int8"
        )
    graph = helper.make_graph(nodes, model.name, inputs, outputs, [*constants, *defaults])
    made = helper.make_model(
        graph,
        functions=[*file.functions.values()],
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, 1)],
        producer_name="nmc",
        ir_version=IR_VERSION,
    )
    made.doc_string = model.description
    return made
