"""A Nengo program read back as a model, so that the reference can say what its files mean.

What run.py calls its neurons and operations are nodes of the same name here, connections the matrices that they hold.
How run.py computes them is not read back: the reference does that.
"""

from __future__ import annotations

import io
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import fields
from math import exp, prod
from typing import cast

import numpy as np

from nmc.backends.nengo.files import FOLDER
from nmc.graph import Graph, Node, Ref, Shape
from nmc.model import Array, FloatArray, Model
from nmc.nodes import KINDS, coding, tensor
from nmc.program import Program

LARGEST_MATRIX = 1 << 24
"""How many elements a matrix written out may have."""

_READOUTS = ("Sum", "Mean", "Max")

Json = Mapping[str, "Value"]
Value = str | int | float | bool | None | list["Value"] | dict[str, "Value"]


class ForeignError(Exception):
    """Something that is not read back: what it is."""


def read_back(program: Program) -> Model:
    """The model that network.json and weights.npz describe. Raises ForeignError where that cannot be said."""
    description = json.loads(program.file(f"{FOLDER}/network.json"))
    with np.load(io.BytesIO(program.file(f"{FOLDER}/weights.npz"))) as file:
        arrays = dict(file)
    return _Reading(description, arrays, program.model.graph.dt_s).model()


class _Reading:
    """Collects the nodes of a description, whose names may be none of a graph."""

    def __init__(self, description: Json, arrays: Mapping[str, Array], dt_s: float | None) -> None:
        self.description, self.dt_s = description, dt_s
        self.arrays: dict[str, FloatArray] = {name: np.asarray(array, np.float64) for name, array in arrays.items()}
        self.names: dict[str, str] = {}
        self.nodes: list[Node] = []
        self.shapes: dict[str, Shape] = {}
        self.into: dict[str, list[Json]] = defaultdict(list)
        for entry in _entries(description, "connections"):
            self.into[str(entry["target"])].append(entry)

    def model(self) -> Model:
        facts = self.description
        for entry in _entries(facts, "inputs"):
            name, shape = self._name(str(entry["name"])), self._shape(entry)
            self.nodes.append(tensor.Input(name=name, shape=shape, stream=bool(entry["stream"])))
        for kind in ("nodes", "ensembles"):
            for entry in _entries(facts, kind):
                self._shape(entry)
        for entry in _entries(facts, "nodes"):
            self._node(entry)
        for entry in _entries(facts, "ensembles"):
            self._ensemble(entry)
        outputs = tuple(self._name(str(entry["name"])) for entry in _entries(facts, "outputs"))
        lag, steps = facts["lag"], facts["steps"]
        assert isinstance(lag, int) and (steps is None or isinstance(steps, int))
        graph = Graph(tuple(self.nodes), outputs, self.dt_s, lag=lag)
        model = Model(str(facts["name"]), graph, self.arrays, steps)
        if faults := model.check():
            raise ForeignError(f"a graph in which {faults[0]}")
        return model

    def _shape(self, entry: Json) -> Shape:
        shape = _sizes(entry["shape"])
        self.shapes[str(entry["name"])] = shape
        return shape

    def _name(self, name: str) -> str:
        """A graph's name for an object."""
        if name not in self.names:
            plain = "".join(c if c.isalnum() else "_" for c in name)
            while plain in self.names.values():
                plain += "_"
            self.names[name] = plain
        return self.names[name]

    def _node(self, entry: Json) -> None:
        name, shape = str(entry["name"]), self.shapes[str(entry["name"])]
        own = self._name(name)
        if isinstance(entry["constant"], dict):
            key = str(entry["constant"]["array"])
            value = self._keep(f"{own}.shaped", self.arrays[key].reshape(shape))
            self.nodes.append(tensor.Constant(name=own, value=value, shape=shape))
        elif isinstance(entry["process"], dict):
            settings = dict(_facts(entry["process"]["settings"]))
            kind, shapes = str(entry["process"]["type"]), settings.pop("shapes", None)
            if shapes is None or kind not in (*KINDS, "MaxPool"):
                raise ForeignError(f"{kind} {name!r}")
            skip = settings.pop("skip", self.description["lag"])
            if skip != self.description["lag"]:
                settings["skip"] = skip  # no fact of a readout: refused below
            assert isinstance(shapes, list)
            operands = self._operands(name, [_sizes(shape) for shape in shapes], KINDS.get(kind, tensor.MaxPool2d).sums)
            if kind == "MaxPool":
                kind = f"MaxPool{len(_sizes(settings['kernel']))}d"
            if kind in _READOUTS:  # Nengo computes at every step what a graph may know before the run
                self.nodes.append(coding.ConstantCurrent(name=f"{own}__each_step", inputs=operands))
                operands = (Ref(f"{own}__each_step"),)
            self.nodes.append(self._made(kind, own, operands, settings))
        else:
            (ref,) = self._operands(name, [shape], sums=False)
            self.nodes.append(tensor.Reshape(name=own, inputs=(ref,), shape=shape))

    def _ensemble(self, entry: Json) -> None:
        name, shape = str(entry["name"]), self.shapes[str(entry["name"])]
        own = self._name(name)
        (drive,) = self._operands(name, [shape], sums=False)
        for fact, kind in (("gain", tensor.Mul), ("bias", tensor.Add)):
            value = np.broadcast_to(self._value(entry[fact]), shape)
            if np.any(value != (fact == "gain")):
                self.nodes += [
                    tensor.Constant(name=f"{own}__{fact}", value=self._keep(f"{own}.{fact}", value), shape=shape),
                    kind(name=f"{own}__with_{fact}", inputs=(drive, Ref(f"{own}__{fact}"))),
                ]
                drive = Ref(f"{own}__with_{fact}")
        neurons = _facts(entry["neurons"])
        initial = _facts(entry["initial"]).get("voltage")
        kind_name, settings = str(neurons["type"]), dict(_facts(neurons["settings"]))
        if kind_name == "nengo.LIF":
            tau = settings["tau_rc"]
            assert isinstance(tau, float) and isinstance(self.description["dt_s"], float)
            decay = exp(-self.description["dt_s"] / tau)
            kind_name, settings = "LIF", {"decay": decay, "gain": 1 - decay}
        kind_name = {"RectifiedLinear": "Relu"}.get(kind_name.removeprefix("nengo."), kind_name.removeprefix("nengo."))
        settings.pop("tau_ref", None)
        if initial is not None:
            settings["initial"] = initial
        if kind_name not in KINDS:
            raise ForeignError(f"{kind_name} {name!r}")
        self.nodes.append(self._made(kind_name, own, (drive,), settings))

    def _made(self, kind: str, name: str, inputs: tuple[Ref, ...], settings: Mapping[str, Value]) -> Node:
        """A node whose facts are the settings of a part."""
        known = {fact.name for fact in fields(KINDS[kind])}
        facts: dict[str, object] = {}
        for fact, value in settings.items():
            if fact not in known:
                raise ForeignError(f"the setting {fact!r} of {kind} {name!r}")
            if isinstance(value, dict):
                facts[fact] = str(value["array"])
            elif value is None:
                facts[fact] = float("inf") if fact == "maximum" else float("-inf")
            else:
                facts[fact] = tuple(value) if isinstance(value, list) else value
        return KINDS[kind](name=name, inputs=inputs, **facts)

    def _operands(self, target: str, shapes: list[Shape], sums: bool) -> tuple[Ref, ...]:
        """What arrives in an object's input, cut into operands of these shapes."""
        own, start, found = self._name(target), 0, []
        for index, shape in enumerate(shapes[:1] if sums else shapes):
            arriving = [entry for entry in self.into[target] if entry["start"] == start]
            parts = tuple(part for entry in arriving for part in self._through(entry, shape))
            name = f"{own}__in{index}"
            if not parts:
                zero = self._keep(f"{name}.zero", np.zeros(shape))
                self.nodes.append(tensor.Constant(name=name, value=zero, shape=shape))
            elif len(parts) == 1:
                found.append(parts[0])
                start += prod(shape)
                continue
            else:
                self.nodes.append(tensor.Reshape(name=name, inputs=parts, shape=shape))
            found.append(Ref(name))
            start += prod(shape)
        if any(not isinstance(entry["start"], int) or entry["start"] >= start for entry in self.into[target]):
            raise ForeignError(f"a connection beyond the input of {target!r}")
        return tuple(found)

    def _through(self, entry: Json, shape: Shape) -> Iterator[Ref]:
        """What a connection brings, in the shape of the operand."""
        synapse, source = entry["synapse"], str(entry["source"])
        if synapse not in (None, 0.0):
            raise ForeignError(f"a filter of {synapse} s behind {source!r}")
        ref = Ref(self._name(source), 0 if synapse is None else 1)
        transform, count = entry["transform"], len(self.nodes)
        name = f"link{count}"
        if isinstance(transform, dict):
            ref = self._transformed(name, ref, self.shapes[source], transform)
        elif self.shapes[source] == shape:
            yield ref
            return
        self.nodes.append(tensor.Reshape(name=f"{name}__shaped", inputs=(ref,), shape=shape))
        yield Ref(f"{name}__shaped")

    def _transformed(self, name: str, ref: Ref, shape: Shape, transform: dict[str, Value]) -> Ref:
        """A transform as nodes that read `ref`."""
        if transform["kind"] == "convolution":
            return self._convolved(name, ref, transform)
        flat = Ref(f"{name}__flat")
        self.nodes.append(tensor.Reshape(name=flat.node, inputs=(ref,), shape=(prod(shape),)))
        if transform["kind"] == "sparse":
            rows, columns = _sizes(transform["shape"])
            if rows * columns > LARGEST_MATRIX:
                raise ForeignError(f"a sparse matrix of {rows} x {columns}")
            weight = np.zeros((rows, columns))
            places = self._value(transform["indices"]).astype(np.int64)
            np.add.at(weight, (places[:, 0], places[:, 1]), self._value(transform["values"]))
        else:
            weight = self._value(transform["weight"])
        if weight.ndim < 2:
            factor = np.broadcast_to(weight, (prod(shape),))
            self.nodes.append(tensor.Constant(
                name=f"{name}__factor", value=self._keep(f"{name}.factor", factor), shape=(prod(shape),)
            ))
            self.nodes.append(tensor.Mul(name=name, inputs=(flat, Ref(f"{name}__factor"))))
        else:
            self.nodes.append(tensor.Linear(
                name=name, inputs=(flat,), features=len(weight), weight=self._keep(f"{name}.weight", weight)
            ))
        return Ref(name)

    def _convolved(self, name: str, ref: Ref, transform: dict[str, Value]) -> Ref:
        weight, shape, stride = self._value(transform["weight"]), _sizes(transform["input_shape"]), transform["stride"]
        kernel, groups, strides = weight.shape[:-2], transform["groups"], _sizes(stride)
        padding = (0,) * (2 * len(kernel))
        if transform["padding"] == "same":
            ends = [
                max((-(-n // s) - 1) * s + k - n, 0) for n, k, s in zip(shape[1:], kernel, strides, strict=True)
            ]
            padding = (*(end // 2 for end in ends), *(end - end // 2 for end in ends))
        self.nodes.append(tensor.Reshape(name=f"{name}__image", inputs=(ref,), shape=shape))
        kind: type[tensor.Conv1d | tensor.Conv2d] = tensor.Conv1d if len(kernel) == 1 else tensor.Conv2d
        stored = np.moveaxis(weight, (-1, -2), (0, 1))
        self.nodes.append(kind(
            name=name, inputs=(Ref(f"{name}__image"),), channels=cast("int", transform["channels"]), kernel=kernel,
            weight=self._keep(f"{name}.weight", stored), stride=strides, padding=padding, groups=cast("int", groups),
        ))
        return Ref(name)

    def _value(self, setting: Value) -> FloatArray:
        if isinstance(setting, dict):
            return self.arrays[str(setting["array"])]
        return np.asarray(setting, dtype=np.float64)

    def _keep(self, name: str, array: FloatArray) -> str:
        self.arrays[name] = np.ascontiguousarray(array)
        return name


def _entries(facts: Json, name: str) -> list[dict[str, Value]]:
    entries = facts[name]
    assert isinstance(entries, list)
    return [_facts(entry) for entry in entries]


def _facts(value: Value) -> dict[str, Value]:
    assert isinstance(value, dict)
    return value


def _sizes(value: Value) -> Shape:
    assert isinstance(value, list)
    return tuple(int(size) for size in value if isinstance(size, int))
