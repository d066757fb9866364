"""The primitives of NIR 1.0.8, with their parameters, and a graph of them as a file has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from nmc.errors import Fault, Location, ModelError, closest
from nmc.frontends.nir.hdf5 import TextArray, Tree
from nmc.model import Array


@dataclass(frozen=True)
class Parameters:
    """What a primitive has to state, and what it may."""

    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


_CONV = Parameters(("weight", "stride", "padding", "dilation", "groups", "bias"), ("input_shape",))
_POOL = Parameters(("kernel_size", "stride", "padding"))

PRIMITIVES: Mapping[str, Parameters] = {
    "Input": Parameters(("shape",)),
    "Output": Parameters((), ("shape",)),
    "Affine": Parameters(("weight", "bias")),
    "Linear": Parameters(("weight",)),
    "Scale": Parameters(("scale",)),
    "Conv1d": _CONV,
    "Conv2d": _CONV,
    "SumPool2d": _POOL,
    "AvgPool2d": _POOL,
    "Flatten": Parameters(("start_dim", "end_dim")),
    "Delay": Parameters(("delay",)),
    "Threshold": Parameters(("threshold",)),
    "I": Parameters(("r",)),
    "IF": Parameters(("r", "v_threshold"), ("v_reset",)),
    "LI": Parameters(("tau", "r", "v_leak")),
    "LIF": Parameters(("tau", "r", "v_leak", "v_threshold"), ("v_reset",)),
    "CubaLI": Parameters(("tau_syn", "tau_mem", "r", "v_leak"), ("w_in",)),
    "CubaLIF": Parameters(("tau_syn", "tau_mem", "r", "v_leak", "v_threshold"), ("v_reset", "w_in")),
}
"""Every primitive but the graph itself, which is one, too. An Input's shape is that of a sample."""

_INERT = ("type", "metadata", "input_type", "output_type")
"""What a node may hold that says nothing about what it computes."""


@dataclass(frozen=True)
class Primitive:
    """A node of a NIR graph: its parameters by name, texts among them, and facts that a tool added."""

    name: str
    kind: str
    parameters: Mapping[str, Array | str]
    metadata: Mapping[str, Array | str] = field(default_factory=dict)

    def array(self, name: str) -> Array:
        """A numeric parameter. Raises ValueError where it is a text or holds no finite numbers."""
        value = self.parameters[name]
        if isinstance(value, str):
            raise ValueError(f"{name} is the text {value[:40]!r}, not a number")
        return value

    def integers(self, name: str, axes: int) -> tuple[int, ...]:
        """A parameter of whole numbers, one for each of `axes`, or one for all. Raises ValueError."""
        values = np.atleast_1d(self.array(name)).ravel()
        if values.size not in (1, axes) or not np.all(np.isfinite(values)) or np.any(values != np.rint(values)):
            raise ValueError(f"{name} is {np.array2string(values, threshold=4)}: it takes {axes} whole numbers")
        if np.any(np.abs(values.astype(np.float64)) > 1 << 31):
            raise ValueError(f"{name} is {np.array2string(values, threshold=4)}: no size is so large")
        return tuple(int(value) for value in np.broadcast_to(values, (axes,)))


@dataclass(frozen=True)
class NirGraph:
    """Named nodes and the edges between them; a node may be a graph itself."""

    nodes: Mapping[str, Primitive | NirGraph]
    edges: tuple[tuple[str, str], ...]
    metadata: Mapping[str, Array | str]


def graph_of(tree: Tree, file: str) -> NirGraph:
    """The NIR graph that a file holds under `node`. Raises ModelError with every fault of its nodes and edges."""
    node = tree.get("node")
    if not isinstance(node, Mapping):
        raise ModelError(
            "this HDF5 file holds no NIR graph: it has no group 'node'",
            "write the graph with nir.write(path, graph)", where=Location(file),
        )
    reader = _Reader()
    kind = reader.kind(node, "")
    if kind != "NIRGraph":
        reader.fault("", f"the file holds a {kind or 'node without a type'}, not a graph", "write a nir.NIRGraph")
        graph = NirGraph({}, (), {})
    else:
        graph = reader.graph(node, "")
    if reader.faults:
        raise ModelError.of(Fault(f.what, f.remedy, f.node, Location(file)) for f in reader.faults)
    return graph


@dataclass
class _Reader:
    """Reads nodes, and collects what is wrong with them."""

    faults: list[Fault] = field(default_factory=list)

    def fault(self, path: str, what: str, remedy: str) -> None:
        self.faults.append(Fault(what, remedy, path or None))

    def kind(self, tree: Tree, path: str) -> str:
        kind = tree.get("type")
        if isinstance(kind, str):
            return kind
        self.fault(path, "it has no type", "write the graph again with nir.write")
        return ""

    def graph(self, tree: Tree, path: str) -> NirGraph:
        nodes: dict[str, Primitive | NirGraph] = {}
        members = tree.get("nodes")
        if not isinstance(members, Mapping):
            self.fault(path, "the graph has no nodes", "write the graph again with nir.write")
            members = {}
        for name, member in members.items():
            place = f"{path}.{name}" if path else name
            if not isinstance(member, Mapping):
                self.fault(place, "this is no node", "write the graph again with nir.write")
                continue
            kind = self.kind(member, place)
            if kind == "NIRGraph":
                nodes[name] = self.graph(member, place)
            elif kind:
                nodes[name] = self.primitive(member, kind, name, place)
        edges = tuple(self.edges(tree.get("edges"), members, path))
        return NirGraph(nodes, edges, _plain(tree.get("metadata")))

    def primitive(self, tree: Tree, kind: str, name: str, path: str) -> Primitive:
        known = PRIMITIVES.get(kind)
        if known is None:
            self.fault(path, f"{kind[:60]!r} is not a primitive of NIR 1.0.8", closest(kind, {*PRIMITIVES, "NIRGraph"}))
            return Primitive(name, kind, {})
        parameters: dict[str, Array | str] = {}
        for key, value in tree.items():
            if key in (*known.required, *known.optional):
                if isinstance(value, Mapping | TextArray):
                    self.fault(path, f"{key} is neither numbers nor a text", "write the graph again with nir.write")
                else:
                    parameters[key] = value
            elif key not in _INERT:
                self.fault(
                    path, f"{kind} has no parameter {key[:60]!r}", "a newer NIR may; remove it if it changes nothing"
                )
        if lacking := [key for key in known.required if key not in tree]:
            remedy = f"{kind} takes {', '.join(known.required)}"
            self.fault(path, f"{kind} lacks {', '.join(lacking)}", remedy)
        return Primitive(name, kind, parameters, _plain(tree.get("metadata")))

    def edges(self, value: object, members: Mapping[str, object], path: str) -> Iterator[tuple[str, str]]:
        if isinstance(value, np.ndarray) and not value.size:
            return
        if not isinstance(value, TextArray) or len(value.shape) != 2 or value.shape[1] != 2:
            self.fault(path, "the graph has no edges, or they are not pairs of names", "write it with nir.write")
            return
        seen = set()
        for edge in zip(value.texts[::2], value.texts[1::2], strict=True):
            place = f"{path}.{edge[0]}" if path else edge[0]
            lost = [name for name in edge if name not in members]
            if lost:
                what = f"the edge {edge[0]!r} -> {edge[1]!r} names {lost[0]!r}, which is not a node"
                self.fault(place, what, closest(lost[0], members))
            elif edge in seen:
                remedy = "write it once: some readers would count it once, and some twice"
                self.fault(place, f"the edge {edge[0]!r} -> {edge[1]!r} is there twice", remedy)
            else:
                seen.add(edge)
                yield edge


def _plain(tree: object) -> Mapping[str, Array | str]:
    """Metadata, with the names of nested ones joined by dots."""
    found: dict[str, Array | str] = {}
    if isinstance(tree, Mapping):
        for name, value in tree.items():
            if isinstance(value, Mapping):
                found |= {f"{name}.{key}": inner for key, inner in _plain(value).items()}
            elif isinstance(value, str | np.ndarray):
                found[name] = value
    return found
