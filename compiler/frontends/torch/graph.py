"""An ONNX graph in the making, in memory: operations of PyTorch said in those of ONNX."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from nmc.model import Array

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto

OPSET = 21
IR_VERSION = 10
Attribute = int | float | str | Sequence[int] | Sequence[str]


@dataclass
class OnnxGraph:
    """Operations and constants by name; `label` is the operation of PyTorch that is being said."""

    label: str = ""
    nodes: list[NodeProto] = field(default_factory=list)
    constants: list[TensorProto] = field(default_factory=list)
    count: int = 0

    def node(self, kind: str, *inputs: str, **attributes: Attribute) -> str:
        """Add an operation with one output; gives its name. An empty name leaves an input out."""
        return self.outputs(kind, inputs, 1, attributes)[0]

    def outputs(
        self, kind: str, inputs: Sequence[str], count: int, attributes: Mapping[str, Attribute]
    ) -> tuple[str, ...]:
        """Add an operation; gives the names of its outputs."""
        from onnx import helper

        names = tuple(self.fresh() for _ in range(count))
        node = helper.make_node(kind, list(inputs), list(names))
        node.attribute.extend(helper.make_attribute(name, value) for name, value in attributes.items())
        self.nodes.append(node)
        return names

    def fresh(self) -> str:
        """A name for a value of the operation at work."""
        self.count += 1
        return f"{self.label}.{self.count}"

    def constant(self, array: ArrayLike, dtype: np.dtype[np.generic] | type[np.generic] | None = None) -> str:
        """Add a constant; gives its name."""
        name = self.fresh()
        self.keep(name, np.asarray(array, dtype))
        return name

    def integers(self, *values: int) -> str:
        """A list of whole numbers, as ONNX takes shapes and axes."""
        return self.constant(np.asarray(values, np.int64))

    def keep(self, name: str, array: Array) -> None:
        """Add a constant under a name of its own."""
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name))

    def known(self, name: str) -> Array | None:
        """The constant of a name; None for what is computed."""
        from onnx import numpy_helper

        array: Array | None = next((numpy_helper.to_array(t) for t in self.constants if t.name == name), None)
        return array

    def rename(self, old: str, new: str) -> None:
        """Give the output of the last operations, or a constant, another name."""
        for tensor in self.constants:
            if tensor.name == old:
                tensor.name = new
                return
        for node in reversed(self.nodes):
            for index, name in enumerate(node.output):
                if name == old:
                    node.output[index] = new
                    return

    def model(self, name: str, inputs: Sequence[ValueInfoProto], outputs: Sequence[str]) -> ModelProto:
        """The graph as a model of ONNX."""
        from onnx import TensorProto, helper

        results = [helper.make_tensor_value_info(output, TensorProto.FLOAT, None) for output in outputs]
        graph = helper.make_graph(self.nodes, name, list(inputs), results, self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
