"""What ONNX defines of an operation, against what a file gives it: nothing may be there that nobody looks at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from nmc.frontends.onnx.call import Call, Operation
from nmc.frontends.onnx.values import Refusal, Value

if TYPE_CHECKING:
    from onnx import AttributeProto, NodeProto
    from onnx.defs import OpSchema


@lru_cache(maxsize=1024)
def definition(kind: str, opset: int) -> OpSchema | None:
    """ONNX's definition of an operation in an opset; None where it has none by then."""
    from onnx import defs

    try:
        return defs.get_schema(kind, opset, "")
    except defs.SchemaError:
        return None


def require_defined(proto: NodeProto, opset: int) -> None:
    """Raise Refusal for attributes, operands and results that the definition does not have."""
    schema = definition(proto.op_type, opset)
    if schema is None:
        return
    known = schema.attributes
    for given in proto.attribute:
        if given.name not in known:
            what = f"opset {opset} gives it no attribute {given.name!r}, here {shown(given)}"
            raise Refusal(what, f"leave {given.name!r} out, or export for the opset that has it")
        if given.type != int(known[given.name].type.value):  # type: ignore[attr-defined]
            raise Refusal(f"its {given.name} is {shown(given)}, of another type than defined", "export the model again")
    names = {given.name for given in proto.attribute}
    if missing := sorted(name for name, fact in known.items() if fact.required and name not in names):
        raise Refusal(f"its {missing[0]} is missing", "export the model again")
    for what, count, most in (
        ("operands", len(proto.input), schema.max_input), ("results", len(proto.output), schema.max_output)
    ):
        if count > most:
            raise Refusal(f"it has {count} {what}, and opset {opset} defines {most}", "export the model again")


def answered(operation: Operation, call: Call) -> Sequence[Value | None]:
    """What an operation comes to.

    Raises Refusal where its code leaves an attribute unread that is not at its default, or an operand.
    """
    made = operation(call)
    schema = definition(call.kind, call.opset) or definition(call.kind, _newest())
    for given in call.proto.attribute:
        if given.name not in call.read and not is_default(given, schema):
            default = schema.attributes[given.name].default_value if schema is not None else None
            left = f"at {shown(default)}" if default is not None and default.type else "out"
            raise Refusal(f"its {given.name} is {shown(given)}", f"export it with {given.name} left {left}")
    for index, value in enumerate(call.inputs):
        if value is not None and index not in call.taken:
            names = [] if schema is None else [operand.name for operand in schema.inputs]
            name = names[index] if index < len(names) else str(index + 1)
            raise Refusal(f"its operand {name!r} is given", f"export it with {name!r} left out")
    return made if isinstance(made, tuple | list) else (made,)


def is_default(given: AttributeProto, schema: OpSchema | None) -> bool:
    """Whether an attribute has the value that leaving it out means."""
    from onnx import helper

    if schema is None or given.name not in schema.attributes:
        return False
    default = schema.attributes[given.name].default_value
    if not default.type:
        return False
    return bool(helper.get_attribute_value(given) == helper.get_attribute_value(default))


def shown(given: AttributeProto) -> str:
    """The value of an attribute, for a message."""
    from onnx import AttributeProto, helper

    if given.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS, AttributeProto.TENSOR, AttributeProto.TENSORS):
        return f"a {AttributeProto.AttributeType.Name(given.type).lower()}"
    value = helper.get_attribute_value(given)
    if isinstance(value, bytes):
        return repr(value.decode(errors="replace"))[:200]
    entries = [entry.decode(errors="replace") if isinstance(entry, bytes) else entry for entry in value] if (
        isinstance(value, Iterable)
    ) else value  # fmt: skip
    return str(entries)[:200]


def _newest() -> int:
    from onnx import defs

    return defs.onnx_opset_version()
