"""Lava's process graph read back as a fixed-point model, so that the reference can say what its files mean."""

from __future__ import annotations

import io
import json
from collections import defaultdict
from collections.abc import Mapping
from math import prod
from typing import cast

import numpy as np

from nmc.backends.lava.lowering import FOLDER
from nmc.graph import Graph, Node, Ref, Shape
from nmc.model import Array, Model
from nmc.nodes import fixed_point, selection, tensor
from nmc.program import Program

GRAPH = f"{FOLDER}/graph.json"
Json = Mapping[str, object]
_VOLTAGE, _SPIKES = "v", "s_out"


class ForeignError(Exception):
    """A process that is not read back: its kind and name."""


def read_back(program: Program) -> Model:
    """The model of the chip's part that graph.json and weights.npz describe. Raises ForeignError."""
    described = json.loads(program.file(GRAPH))
    with np.load(io.BytesIO(program.file(f"{FOLDER}/weights.npz"))) as file:
        arrays = {name: np.asarray(array, np.int64) for name, array in file.items()}
    return _Reading(described, arrays, program.model.graph.dt_s).model()


class _Reading:
    """Collects nodes from processes. Lava's axes are the graph's, the other way round."""

    def __init__(self, described: Json, arrays: Mapping[str, Array], dt_s: float | None) -> None:
        self.described, self.dt_s = described, dt_s
        self.arrays: dict[str, Array] = dict(arrays)
        self.nodes: list[Node] = []
        self.shapes: dict[str, Shape] = {}
        self.into: dict[str, list[Json]] = defaultdict(list)
        for link in _list(described, "connections"):
            self.into[str(link["target"])].append(link)
        self.read = {str(entry["read"]) for entry in _list(described, "outputs")}

    def model(self) -> Model:
        for entry in _list(self.described, "inputs"):
            name, shape = str(entry["name"]), tuple(cast("list[int]", entry["shape"]))
            self.shapes[name] = shape
            self.nodes.append(tensor.Input(name=name, shape=shape, stream=True))
        processes = _list(self.described, "processes")
        for process in processes:
            self.shapes[str(process["name"])] = self._shape(process)
        for process in processes:
            self._process(process)
        outputs = tuple(str(entry["read"]).partition(".")[0] for entry in _list(self.described, "outputs"))
        graph = Graph(tuple(self.nodes), outputs, self.dt_s)
        model = Model(str(self.described["name"]), graph, self.arrays)
        if faults := model.check():
            raise ForeignError(f"a graph in which {faults[0]}")
        return model

    def _shape(self, process: Json) -> Shape:
        """The shape of what a process puts out."""
        settings = _settings(process)
        if "shape" in settings:
            return tuple(reversed(cast("list[int]", settings["shape"])))
        if _kind(process) == "Conv":
            return self._convolution(process).output_shape(tuple(reversed(cast("list[int]", settings["input_shape"]))))
        return (int(self._matrix_shape(settings)[0]),)

    def _matrix_shape(self, settings: Json) -> Array:
        weights = cast("dict[str, str]", settings["weights"])
        return self.arrays[f"{weights['csr']}.shape"] if "csr" in weights else np.array(
            self.arrays[weights["array"]].shape
        )  # fmt: skip

    def _process(self, process: Json) -> None:
        kind, name, settings = _kind(process), str(process["name"]), _settings(process)
        if kind in ("LIF", "LIFReset", "TernaryLIF"):
            self.nodes.append(self._neuron(kind, name, process, settings))
        elif kind == "Conv":
            shape = tuple(reversed(cast("list[int]", settings["input_shape"])))
            node = self._convolution(process)
            self.nodes.append(type(node)(**{**vars(node), "inputs": self._reads(f"{name}.s_in", shape, 0)}))
        elif kind in ("Dense", "DelayDense", "Sparse", "DelaySparse"):
            self._matrix(kind, name, settings)
        else:
            raise ForeignError(f"{kind} {name!r}")

    def _neuron(self, kind: str, name: str, process: Json, settings: Json) -> Node:
        inputs = self._reads(f"{name}.a_in", self.shapes[name], 1)
        facts: dict[str, object] = {fact: settings[fact] for fact in ("du", "dv", "bias_exp")}
        facts |= {"bias_mant": self._each(settings["bias_mant"]), "initial": self._each(settings["v"])}
        if kind == "TernaryLIF":
            facts |= {fact: settings[fact] for fact in ("vth_hi", "vth_lo")}
            return fixed_point.FixedTernaryLIF(name=name, inputs=inputs, **facts)  # type: ignore[arg-type]
        if process["reset"] is not None:
            interval, offset = cast("list[int]", process["reset"])
            facts |= {"reset_interval": interval, "reset_offset": offset}
        emits = "voltage" if f"{name}.{_VOLTAGE}" in self.read else "spikes"
        return fixed_point.FixedLIF(name=name, inputs=inputs, vth=settings["vth"], emits=emits, **facts)  # type: ignore[arg-type]

    def _each(self, setting: object) -> int | str:
        """A value of every neuron: one number, or the name of an array in the graph's order."""
        if not isinstance(setting, dict):
            return int(cast("int", setting))
        key = f"{setting['array']}.read"
        self.arrays[key] = self.arrays[setting["array"]].T
        return key

    def _convolution(self, process: Json) -> fixed_point.FixedConv2d:
        name, settings = str(process["name"]), _settings(process)
        key = cast("dict[str, str]", settings["weight"])["array"]
        weight = self.arrays[key].transpose(0, 3, 2, 1)[:, :, ::-1, ::-1]
        self.arrays[f"{name}.kernel"] = weight
        (left, top), stride, dilation = (cast("list[int]", settings[k]) for k in ("padding", "stride", "dilation"))
        return fixed_point.FixedConv2d(
            name=name, channels=len(weight), kernel=weight.shape[2:], weight=f"{name}.kernel",
            stride=tuple(reversed(stride)), padding=(top, left, top, left), dilation=tuple(reversed(dilation)),
            groups=cast("int", settings["groups"]), num_message_bits=cast("int", settings["num_message_bits"]),
        )  # fmt: skip

    def _matrix(self, kind: str, name: str, settings: Json) -> None:
        features, size = (int(n) for n in self._matrix_shape(settings))
        mode = cast("dict[str, str]", settings["sign_mode"])["enum"].rpartition(".")[2].lower()
        facts: dict[str, object] = {
            "name": name, "inputs": self._reads(f"{name}.s_in", (size,), 0), "features": features, "sign_mode": mode,
            **{fact: settings[fact] for fact in ("weight_exp", "num_weight_bits", "num_message_bits")},
        }  # fmt: skip
        weights = cast("dict[str, str]", settings["weights"])
        if "csr" in weights:
            key = weights["csr"]
            facts |= {"weight": f"{key}.data", "column": f"{key}.indices", "row_start": f"{key}.indptr"}
            facts["synapses"] = len(self.arrays[f"{key}.data"])
        else:
            facts["weight"] = weights["array"]
        if "delays" in settings:
            delays = cast("dict[str, str]", settings["delays"])
            facts |= {"delay": f"{delays['csr']}.data" if "csr" in delays else delays["array"]}
            facts["longest"] = settings["max_delay"]
        kinds: Mapping[str, type[Node]] = {
            "Dense": fixed_point.FixedDense, "DelayDense": fixed_point.FixedDelayDense,
            "Sparse": fixed_point.FixedSparse, "DelaySparse": fixed_point.FixedDelaySparse,
        }  # fmt: skip
        self.nodes.append(kinds[kind](**facts))  # type: ignore[arg-type]

    def _reads(self, port: str, shape: Shape, late: int) -> tuple[Ref, ...]:
        """What arrives at a port, in the shape that it takes; synapses answer a step late."""
        return tuple(self._arriving(f"{port.replace('.', '_')}{i}", link, shape, late)
                     for i, link in enumerate(self.into[port]))

    def _arriving(self, name: str, link: Json, shape: Shape, late: int) -> Ref:
        source = str(link["source"]).partition(".")[0]
        via = cast("list[dict[str, list[int]]]", link["via"])
        if not via and self.shapes[source] == shape:
            return Ref(source, late)
        size = prod(self.shapes[source])
        order = np.arange(size).reshape(self.shapes[source]).T
        for step in via:
            order = order.transpose(step["transpose"]) if "transpose" in step else order.reshape(step["reshape"])
        places = order.T.ravel()
        flat = Ref(source, late)
        if not np.array_equal(places, np.arange(size)):
            self.arrays[f"{name}.places"] = places
            self.nodes += [
                tensor.Reshape(name=f"{name}_flat", inputs=(flat,), shape=(size,)),
                selection.Gather(name=f"{name}_moved", inputs=(Ref(f"{name}_flat"),), indices=f"{name}.places", axis=0,
                                 count=size),
            ]
            flat = Ref(f"{name}_moved")
        self.nodes.append(tensor.Reshape(name=f"{name}_read", inputs=(flat,), shape=shape))
        return Ref(f"{name}_read")


def _list(facts: Json, name: str) -> list[Json]:
    return cast("list[Json]", facts[name])


def _settings(process: Json) -> Json:
    return cast("Json", process["settings"])


def _kind(process: Json) -> str:
    return str(process["kind"]).rpartition(":")[2]
