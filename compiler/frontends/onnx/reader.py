"""Walks the operations of an ONNX graph, in order, and collects what cannot be imported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nmc.errors import Fault
from nmc.frontends.onnx.call import Call
from nmc.frontends.onnx.control import CONTROL
from nmc.frontends.onnx.definitions import answered, require_defined, shown
from nmc.frontends.onnx.domains import is_own, refusal
from nmc.frontends.onnx.file import LIMIT_DEPTH, LIMIT_NODES, array_of
from nmc.frontends.onnx.folding import fold, is_foldable
from nmc.frontends.onnx.ops import OPERATIONS
from nmc.frontends.onnx.ops.empty import of_empty
from nmc.frontends.onnx.values import Known, Refusal, Value
from nmc.frontends.onnx.writer import Writer
from nmc.nodes.names import identifier

if TYPE_CHECKING:
    from onnx import AttributeProto, FunctionProto, GraphProto, NodeProto

_KEPT_WHEN_KNOWN = frozenset({"DequantizeLinear"})
"""Operations that do more with known operands than compute: weights keep their integers."""
_NUMPY_FAULTS = (
    ValueError, IndexError, TypeError, KeyError, ZeroDivisionError, OverflowError, StopIteration, MemoryError
)  # fmt: skip
"""What code that expects a sound file stumbles over in one that is not."""

Scope = dict[str, Value | None]
"""Values by name; None for one that cannot be known because of an earlier fault."""


@dataclass
class Reader:
    """The operations of one file on their way into a writer, with the faults found so far.

    `count` is how many there were, and `computed` how many constants they came to.
    """

    writer: Writer
    opset: int
    folder: Path
    functions: Mapping[tuple[str, str], FunctionProto] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    count: int = 0
    computed: int = 0

    def graph(self, graph: GraphProto, scope: Scope, depth: int = 0) -> None:
        """All operations of a graph; `scope` has its inputs, and gets everything else."""
        for tensor in graph.initializer:
            try:
                scope[tensor.name] = Known(array_of(tensor, self.folder), tensor.name)
            except ValueError as error:
                self._fault(tensor.name, f"the array cannot be read: {error}", "write the file again")
                scope[tensor.name] = None
        for sparse in graph.sparse_initializer:
            self._fault(sparse.values.name, "it is a sparse array", "store it as a dense one")
            scope[sparse.values.name] = None
        self._nodes(graph.node, scope, _reads(graph), self.opset, depth)

    def _nodes(
        self, nodes: Iterable[NodeProto], scope: Scope, uses: Mapping[str, int], opset: int, depth: int
    ) -> None:
        for proto in nodes:
            self.count += 1
            if self.count > LIMIT_NODES:
                raise Refusal(f"it comes to more than {LIMIT_NODES:,} operations", "export a part of it")
            label = next((name for name in proto.output if name), proto.name) or proto.op_type
            outer = self.writer.label
            self.writer.label = f"{outer}_{label}" if depth else label
            outputs: Sequence[Value | None] = ()
            try:
                missing = [name for name in proto.input if name and name not in scope]
                if missing:
                    raise Refusal(
                        f"it reads {missing[0]!r}, which nothing before it gives",
                        "operations must be in order, without loops",
                    )
                inputs = tuple(scope[name] if name else None for name in proto.input)
                if not any(name and scope[name] is None for name in proto.input):
                    outputs = self._outputs(proto, inputs, scope, uses, opset, depth)
            except Refusal as refusal:
                self._fault(label, f"{proto.op_type} cannot be imported: {refusal.what}", refusal.remedy)
            except _NUMPY_FAULTS as error:
                reason = str(error).partition("\n")[0] or type(error).__name__
                what = f"{proto.op_type} cannot be imported: its facts do not fit its inputs ({reason[:200]})"
                self._fault(label, what, "check the file with onnx.checker.check_model(path, full_check=True)")
            finally:
                self.writer.label = outer
            for index, name in enumerate(proto.output):
                if name:
                    scope[name] = outputs[index] if index < len(outputs) else None
            self._note_unsaid(proto, outputs, uses, label)

    def _note_unsaid(
        self, proto: NodeProto, outputs: Sequence[Value | None], uses: Mapping[str, int], label: str
    ) -> None:
        """A fault where an output that something reads is not among those that can be said."""
        for index, name in enumerate(proto.output):
            if outputs and name and uses.get(name) and (index >= len(outputs) or outputs[index] is None):
                what = f"{proto.op_type} cannot be imported: its output {index + 1} is read"
                self._fault(label, what, "use its first output only")

    def _outputs(
        self, proto: NodeProto, inputs: tuple[Value | None, ...], scope: Scope, uses: Mapping[str, int], opset: int,
        depth: int,
    ) -> Sequence[Value | None]:  # fmt: skip
        local = self.functions.get((proto.domain, proto.op_type))
        if local is not None:
            _require_declared(proto, local)
            return self._called(proto, local, inputs, depth)
        if not is_own(proto.domain, proto.op_type):
            raise refusal(proto.domain, proto.op_type)
        require_defined(proto, opset)
        facts = {attribute.name: attribute.i for attribute in proto.attribute}
        if opset < 7 and facts.get("broadcast") and "axis" in facts:
            raise Refusal(f"it broadcasts along an axis, as opset {opset} did", "convert with onnx.version_converter")
        if proto.op_type == "Constant":
            return (self._constant(proto),)
        call = Call(proto, opset, inputs, self.writer, uses)
        if (control := CONTROL.get(proto.op_type)) is not None:
            return answered(lambda call: control(call, partial(self._inside, scope, depth)), call)
        operation = OPERATIONS.get(proto.op_type)
        known = [value for value in inputs if value is None or isinstance(value, Known)]
        if len(known) == len(inputs) and is_foldable(proto.op_type) and proto.op_type not in _KEPT_WHEN_KNOWN:
            made = fold(proto, opset, known, self.computed)
            self.computed += sum(value.array.size for value in made if 0 not in value.array.strides)
            return made
        if not any(value is not None for value in inputs):
            raise Refusal("it makes values of nothing", "store them in the file as a constant")
        if (nothing := of_empty(proto.op_type, inputs)) is not None:
            return (nothing,)
        if operation is not None:
            call.without_effect(*(("broadcast",) if opset < 7 else ()))  # what can be broadcast, is
            return answered(operation, call)
        return self._called(proto, self._definition(proto, inputs, opset), inputs, depth)

    def _constant(self, proto: NodeProto) -> Known:
        for attribute in proto.attribute:
            match attribute.name:
                case "value":
                    return Known(array_of(attribute.t, self.folder), proto.output[0])
                case "value_float" | "value_floats":
                    floats = attribute.floats if attribute.name.endswith("s") else attribute.f
                    return Known(np.asarray(floats, np.float32), proto.output[0])
                case "value_int" | "value_ints":
                    ints = attribute.ints if attribute.name.endswith("s") else attribute.i
                    return Known(np.asarray(ints, np.int64), proto.output[0])
        raise Refusal("it holds no numbers", "export without texts and sparse arrays")

    def _inside(
        self, scope: Scope, depth: int, graph: GraphProto, given: Mapping[str, Value | None]
    ) -> list[Value | None] | None:
        """The outputs of a graph inside an operation, which sees what is around it; None where it has faults."""
        self._require_shallow(depth)
        before = len(self.faults)
        inner = {**scope, **given}
        self.graph(graph, inner, depth + 1)
        return None if len(self.faults) > before else [inner.get(output.name) for output in graph.output]

    def _definition(self, proto: NodeProto, inputs: Sequence[Value | None], opset: int) -> FunctionProto:
        """ONNX's own definition of an operation by others. Raises Refusal where it has none."""
        from onnx import TensorProto, defs, helper

        try:
            schema = defs.get_schema(proto.op_type, opset, "")
        except defs.SchemaError:
            raise Refusal(f"opset {opset} has no such operation", "export the model again") from None
        if schema.has_function:  # type: ignore[attr-defined]
            return schema.function_body
        if schema.has_context_dependent_function:  # type: ignore[attr-defined]
            elements = {"real": TensorProto.FLOAT, "integer": TensorProto.INT64, "boolean": TensorProto.BOOL}
            types = [
                helper.make_tensor_type_proto(elements[value.element], value.dims).SerializeToString()
                if value is not None else b"" for value in inputs
            ]  # fmt: skip
            from onnx import FunctionProto

            body = FunctionProto()
            made = schema.get_context_dependent_function(proto.SerializeToString(), types)  # type: ignore[attr-defined]
            body.ParseFromString(made)
            if body.node:
                return body
        raise Refusal("nmc has no such operation", "replace it in the model, or export another opset")

    def _called(
        self, proto: NodeProto, function: FunctionProto, inputs: Sequence[Value | None], depth: int
    ) -> Sequence[Value | None]:
        """The operations of a function in place of its call."""
        self._require_shallow(depth)
        scope: Scope = {}
        for index, name in enumerate(function.input):
            given = inputs[index] if index < len(inputs) else None
            if given is not None:
                scope[name] = given
        given_facts = {attribute.name: attribute for attribute in proto.attribute}
        defaults = {attribute.name: attribute for attribute in function.attribute_proto}
        nodes = [_bound(node, {**defaults, **given_facts}) for node in function.node]
        uses = Counter(name for node in nodes for name in node.input)
        uses.update(function.output)
        opset = max((entry.version for entry in function.opset_import if entry.domain == ""), default=self.opset)
        before = len(self.faults)
        self._nodes(nodes, scope, uses, opset, depth + 1)
        if len(self.faults) > before:
            first = self.faults[before]
            del self.faults[before:]
            raise Refusal(f"in its definition, {first.what}", first.remedy or "")
        return [scope.get(name) for name in function.output]

    def _require_shallow(self, depth: int) -> None:
        if depth >= LIMIT_DEPTH:
            raise Refusal(f"it nests deeper than {LIMIT_DEPTH} levels", "flatten functions and branches")

    def _fault(self, label: str, what: str, remedy: str) -> None:
        self.faults.append(Fault(what, remedy, identifier(label, ())))


def _require_declared(proto: NodeProto, function: FunctionProto) -> None:
    """Raise Refusal where a call gives a function of the file what it does not declare."""
    declared = {*function.attribute, *(fact.name for fact in function.attribute_proto)}
    if unknown := [fact for fact in proto.attribute if fact.name not in declared]:
        what = f"its function declares no attribute {unknown[0].name!r}, here {shown(unknown[0])}"
        raise Refusal(what, f"leave {unknown[0].name!r} out")
    for what, count, most in (
        ("operands", len(proto.input), len(function.input)), ("results", len(proto.output), len(function.output))
    ):
        if count > most:
            raise Refusal(f"it has {count} {what}, and its function declares {most}", "export the model again")


def _bound(node: NodeProto, facts: Mapping[str, AttributeProto]) -> NodeProto:
    """An operation of a function with the attributes of the call."""
    from onnx import NodeProto

    bound = NodeProto()
    bound.CopyFrom(node)
    del bound.attribute[:]
    for attribute in node.attribute:
        if not attribute.ref_attr_name:
            bound.attribute.append(attribute)
        elif (given := facts.get(attribute.ref_attr_name)) is not None:
            copy = bound.attribute.add()
            copy.CopyFrom(given)
            copy.name = attribute.name
    return bound


def _reads(graph: GraphProto) -> Counter[str]:
    """How often each value is read, by operations at any depth or as an output."""
    uses: Counter[str] = Counter(output.name for output in graph.output)
    uses.update(_read_names(graph.node))
    return uses


def _read_names(nodes: Iterable[NodeProto]) -> Iterator[str]:
    for node in nodes:
        yield from node.input
        for attribute in node.attribute:
            yield from (output.name for output in attribute.g.output)
            yield from _read_names(attribute.g.node)
