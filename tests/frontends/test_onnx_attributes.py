"""Every attribute of every operation of ONNX that is taken means what it means, or is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import defs, helper, numpy_helper

from frontends.onnx_attributes import OWN_VALUES, SETTINGS, TOGETHER, VALUES, WITHOUT_EFFECT, Setting, Value
from frontends.onnx_oracle import answers, wanted
from nmc.errors import ModelError
from nmc.frontends.onnx.control import CONTROL
from nmc.frontends.onnx.file import OLDEST_OPSET
from nmc.frontends.onnx.load import Options, of_proto
from nmc.frontends.onnx.ops import OPERATIONS
from nmc.model import Array

KINDS = sorted({*OPERATIONS, *CONTROL})


def proto(kind: str, opset: int, setting: Setting, facts: Mapping[str, Value]) -> onnx.ModelProto:
    """A file of one operation."""
    operands = setting.operands or (*setting.fed, *setting.known)
    outputs = [f"y{index}" for index in range(setting.results)]
    node = helper.make_node(kind, operands, outputs, **{**setting.facts, **facts})
    inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in setting.fed.items()
    ]
    known = [numpy_helper.from_array(array, name) for name, array in setting.known.items()]
    results = [helper.make_empty_tensor_value_info(name) for name in outputs]
    made = helper.make_graph([node], "g", inputs, results, known)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


@cache
def opsets(kind: str) -> list[int]:
    """The opsets of definitions that files here may use: those that differ in more than types, and the newest."""
    history = sorted(
        schema.since_version for schema in defs.get_all_schemas_with_history()
        if schema.domain == "" and schema.name == kind
    )  # fmt: skip
    oldest = [version for version in history if version <= OLDEST_OPSET][-1:]
    versions = [*(max(version, OLDEST_OPSET) for version in oldest), *(v for v in history if v > OLDEST_OPSET)]
    return [
        version for place, version in enumerate(versions)
        if place in (0, len(versions) - 1) or _shape(kind, version) != _shape(kind, versions[place - 1])
    ]  # fmt: skip


def _shape(kind: str, opset: int) -> tuple[object, ...]:
    """What a definition says of attributes and operands, without types."""
    schema = defs.get_schema(kind, opset, "")
    facts = [(name, fact.required, str(fact.default_value)) for name, fact in sorted(schema.attributes.items())]
    return (facts, [operand.name for operand in schema.inputs], schema.max_input)


def values(kind: str) -> Iterator[tuple[int, str, Sequence[Value]]]:
    """Each attribute of an operation, in each opset that defines it anew, with values other than its default."""
    for opset in opsets(kind):
        for name in defs.get_schema(kind, opset, "").attributes:
            assert (kind, name) in OWN_VALUES or name in VALUES, f"give {kind} another value of {name}"
            yield opset, name, OWN_VALUES.get((kind, name), VALUES.get(name, ()))


def _by_others(kind: str, opset: int, facts: Mapping[str, Value]) -> Iterator[list[Array] | None]:
    """What is right: by the definition of an opset, or else by the one before it, where nothing runs that yet."""
    for version in [opset, *(max(v, 7) for v in reversed(opsets(kind)) if v < opset)]:
        setting = SETTINGS[kind](version)
        yield wanted(proto(kind, version, setting, facts), setting.fed)


@cache
def plainly(kind: str, opset: int, name: str = "") -> tuple[str, list[Array] | None]:
    """As `outcome`, with only what an attribute needs to be seen."""
    return outcome(kind, opset, TOGETHER.get((kind, name), {}))


def outcome(kind: str, opset: int, facts: Mapping[str, Value]) -> tuple[str, list[Array] | None]:
    """Whether a setting is refused, equal or wrong, and what is right."""
    setting = SETTINGS[kind](opset)
    model = proto(kind, opset, setting, facts)
    try:
        made = of_proto(model, Path("m.onnx"), Options())
    except ModelError as error:
        assert all(fault.remedy for fault in error.faults)
        return f"refused: {error.faults[0].what}", None
    right = next((found for found in _by_others(kind, opset, facts) if found is not None), None)
    if right is None:
        return "taken" if opset < 7 else "taken, though nothing runs it", right
    found = answers(made, setting.fed, [f"y{index}" for index in range(setting.results)])
    near = all(
        a.shape == b.shape and np.allclose(a, b.astype(np.float64), rtol=1e-4, atol=1e-4)
        for a, b in zip(found, right, strict=True)
    )  # fmt: skip
    return "equal" if near else "wrong", right


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
def test_each_attribute_is_honoured_or_refused(kind: str) -> None:
    assert kind in SETTINGS, f"set {kind} to work in frontends/onnx_attributes.py"
    plain = {opset: plainly(kind, opset) for opset in opsets(kind)}
    assert not [(opset, found) for opset, (found, _) in plain.items() if found == "wrong"]
    assert any(found == "equal" for found, _ in plain.values()), plain
    faults = []
    for opset, name, others in values(kind):
        base = TOGETHER.get((kind, name), {})
        before = plainly(kind, opset, name if base else "")[1]
        shows = (kind, name) in WITHOUT_EFFECT or opset < 7
        for value in others:
            found, right = outcome(kind, opset, {**base, name: value})
            if found not in ("equal", "taken") and not found.startswith("refused"):
                faults.append((opset, name, str(value)[:40], found))
            shows |= found.startswith("refused") or right is None or before is None or not all(
                np.array_equal(a, b) for a, b in zip(before, right, strict=True)
            )
        if not shows:
            faults.append((opset, name, "no value shows anything"))
    assert not faults, "\n".join(map(str, faults))
