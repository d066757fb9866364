"""A NIR file to a model."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np

from nmc.errors import Fault, Location, ModelError, UsageError
from nmc.frontends.nir import hdf5, marks
from nmc.frontends.nir.conventions import PROFILES
from nmc.frontends.nir.dynamics import Dynamics
from nmc.frontends.nir.flatten import FlatGraph, flatten
from nmc.frontends.nir.loops import Edge, Flow, late_edges
from nmc.frontends.nir.nodes import BUILDERS, NEURONS, SHAPELESS, STATEFUL, SYNAPSES, Built, Site
from nmc.frontends.nir.primitives import NirGraph, graph_of
from nmc.frontends.nir.profile import Profile
from nmc.graph import Graph, Node, Ref, Shape, ShapeError
from nmc.model import Array, Model
from nmc.nodes.spiking import Delay
from nmc.nodes.tensor import Add, Input
from nmc.units.parse import UnitError, step_s

Given = TypeVar("Given", str, float)

UNITS: Mapping[str, float] = {"s": 1.0, "ms": 1e-3}


@dataclass(frozen=True)
class Options:
    """What a NIR file leaves open.

    `dt`: the time step, as a text with a unit or a number of seconds; needed where the graph has states
    and the file does not state it. `profile`: the conventions of the tool that the file comes from, and of
    single nodes with other settings, as in "snntorch,readout=snntorch-none"; without, those that the file
    states, else "nir". `time_unit`: what its time constants and delays are in.
    """

    dt: str | float | None = None
    profile: str | None = None
    time_unit: Literal["s", "ms"] | None = None

    def __post_init__(self) -> None:
        if self.profile is not None:
            Profile.of(self.profile)
        if self.time_unit is not None and self.time_unit not in UNITS:
            raise UsageError(f"time_unit is {self.time_unit!r}", "give s or ms")
        if isinstance(self.dt, float | int) and not 0 < self.dt < float("inf"):
            raise UsageError(f"dt is {self.dt} s", "give a positive time, as in '1 ms'")

    @property
    def dt_s(self) -> float | None:
        """The time step in seconds. Raises UsageError where it is not a time."""
        if not isinstance(self.dt, str):
            return self.dt
        try:
            return step_s(self.dt)
        except UnitError as error:
            raise UsageError(str(error), error.remedy) from None


def load(path: Path, options: Options) -> Model:
    """The model that a NIR file says.

    Raises UsageError where there is no such file, or no time step, ToolError without h5py, and ModelError
    with every fault of the file.
    """
    graph = graph_of(hdf5.read(path), str(path))
    name = re.sub(r"[^A-Za-z0-9_.-]", "-", path.stem).strip("-.") or "model"
    return model_of(graph, options, name, str(path))


def model_of(graph: NirGraph, options: Options, name: str, file: str) -> Model:
    """The model that a NIR graph is by the given options. Raises UsageError, ModelError."""
    stated = _Stated.of(graph, file)
    flat = flatten(graph, file)
    timed = any(node.kind in STATEFUL for node in flat.nodes.values()) or bool(
        late_edges(Flow(flat.reads, _inputs(flat)))
    )
    dt_s = _agreed("dt", options.dt_s, stated.dt_s)
    profile = Profile.of(_agreed("profile", options.profile, stated.profile) or "nir")
    unit = _agreed("time_unit", options.time_unit, stated.time_unit) or "s"
    if timed and dt_s is None:
        raise UsageError(
            f"{file}: NIR is in continuous time, and the file does not state a time step",
            "give the one it was made with, as in 'nmc import FILE --dt 1ms' or nmc.load(file, dt='1ms')",
        )
    dynamics = Dynamics(PROFILES[profile.name], dt_s, UNITS[unit]) if timed and dt_s is not None else None
    description = "Imported from NIR."
    if timed:
        profile.require_nodes(flat.nodes)
        marks.refuse_other_tool(graph, options.profile, file)
        tool = PROFILES[profile.name].tool
        description = f"Imported from NIR, as {tool} by the profile {profile}. {profile.note()}"
    return _Building(flat, dynamics, profile, file).model(name, description)


@dataclass(frozen=True)
class _Stated:
    """What a file states about its own time."""

    dt_s: float | None
    profile: str | None
    time_unit: str | None

    @classmethod
    def of(cls, graph: NirGraph, file: str) -> _Stated:
        dt = graph.metadata.get("dt")
        if dt is not None and not (isinstance(dt, np.ndarray) and dt.size == 1 and 0 < float(dt.flat[0]) < np.inf):
            remedy = "it is a number of seconds; write the graph again, or remove it"
            raise ModelError("the metadata state a dt that is no time", remedy, where=Location(file))
        profile, unit = graph.metadata.get("nmc.profile"), graph.metadata.get("time_unit")
        return cls(
            float(dt.flat[0]) if isinstance(dt, np.ndarray) else None,
            profile if isinstance(profile, str) and _is_profile(profile) else None,
            unit if isinstance(unit, str) and unit in UNITS else None,
        )


def _is_profile(text: str) -> bool:
    try:
        Profile.of(text)
    except UsageError:
        return False
    return True


def _agreed(what: str, given: Given | None, stated: Given | None) -> Given | None:
    """What was given or what the file states. Raises UsageError where they differ."""
    if given is not None and stated is not None and given != stated:
        raise UsageError(f"{what} is given as {given}, but the file states {stated}", f"leave out {what}")
    return stated if given is None else given


def _inputs(flat: FlatGraph) -> tuple[str, ...]:
    return tuple(name for name, node in flat.nodes.items() if node.kind == "Input")


def late_reads(flat: FlatGraph, dynamics: Dynamics) -> tuple[frozenset[Edge], frozenset[Edge]]:
    """The edges (source, reader) that are read a step late: by the conventions, and to break loops."""
    kinds = {name: node.kind for name, node in flat.nodes.items()}
    late = dynamics.conventions.late
    always = frozenset(
        (source, reader)
        for reader, sources in flat.reads.items()
        for source in sources
        if (late == "neurons" and kinds[source] in NEURONS) or (late == "synapses" and kinds[reader] in SYNAPSES)
    )
    delays = frozenset(name for name, kind in kinds.items() if kind == "Delay" and _delays_all(flat, name, dynamics))
    neurons = frozenset(name for name, kind in kinds.items() if kind in NEURONS)
    return always, late_edges(Flow(flat.reads, _inputs(flat), neurons, delays), always)


def _delays_all(flat: FlatGraph, name: str, dynamics: Dynamics) -> bool:
    """Whether a Delay is a step or more for every element; False where it is at fault."""
    try:
        return bool(np.all(dynamics.steps(flat.nodes[name].array("delay")) >= 1))
    except (KeyError, ValueError):
        return False


class _Building:
    """A model on its way from a flat graph, with the faults found so far."""

    def __init__(self, flat: FlatGraph, dynamics: Dynamics | None, profile: Profile, file: str) -> None:
        self.flat, self.dynamics, self.profile, self.file = flat, dynamics, profile, file
        self.slow, self.loops = (frozenset(), frozenset()) if dynamics is None else late_reads(flat, dynamics)
        self.built: dict[str, Built] = {}
        self.arrays: dict[str, Array] = {}
        self.faults: list[Fault] = []

    def model(self, name: str, description: str) -> Model:
        """The model. Raises ModelError with every fault."""
        self._build()
        outputs = self._outputs()
        self._raise()
        nodes = [node for member in self.flat.nodes for node in self.built.get(member, ())]
        nodes.sort(key=lambda node: not isinstance(node, Input))
        sources = {node.name: Location(self.file) for node in nodes}
        dt_s = None if self.dynamics is None else self.dynamics.dt_s
        graph = Graph(tuple(nodes), outputs, dt_s, sources)
        return Model(name, graph, self.arrays, description=description).checked()

    def _raise(self) -> None:
        if self.faults:
            raise ModelError.of(replace(fault, where=Location(self.file)) for fault in self.faults)

    def _build(self) -> None:
        """Every node but the outputs, each after one that it reads, so that its input's shape is known."""
        shapes: dict[str, Shape] = {}
        reached = self._reached()
        for name in self.flat.nodes:
            if name not in reached:
                self.faults.append(Fault("no path leads to it from an Input", "add the edges that lack", name))
        for name in reached:
            primitive, sources = self.flat.nodes[name], self.flat.reads[name]
            known = next((shapes[source] for source in sources if source in shapes), None)
            if primitive.kind == "Output" or (known is None and sources):
                continue
            shortened = any((source, name) in self.loops for source in sources)
            own = self.dynamics and replace(self.dynamics, conventions=self.profile.of_node(name))
            site = Site(primitive, self._refs(name), known or (), own, shortened, self.flat.nodes)
            try:
                nodes = BUILDERS[primitive.kind](site)
                shapes[name] = _shape(nodes, known or ())
            except ShapeError as error:
                self.faults.append(Fault(str(error), "mend its parameters, or what leads to it", name))
            except ValueError as error:
                self.faults.append(Fault(str(error), self._remedy(str(error)), name))
                if primitive.kind in SHAPELESS:  # so that what comes after it is checked, too
                    shapes[name] = known or ()
            else:
                self.built[name] = nodes
                self.arrays |= site.arrays
        self._raise()

    def _remedy(self, what: str) -> str:
        if "time constant" in what or "tau" in what or "of a step" in what:
            return "check the dt, --time-unit, and --profile: tools disagree about what they write (docs/nir.md)"
        if "shape" in what:
            return "mend the shapes; samples have no axis for the batch: export with an example that has none"
        return "mend the parameter in the tool that the file comes from"

    def _reached(self) -> Collection[str]:
        """The nodes on paths from the inputs, each after one that it reads."""
        readers: dict[str, list[str]] = {name: [] for name in self.flat.nodes}
        for reader, sources in self.flat.reads.items():
            for source in dict.fromkeys(sources):
                readers[source].append(reader)
        waiting = list(_inputs(self.flat))[::-1]
        seen: dict[str, None] = {}
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen[name] = None
                waiting += readers[name][::-1]
        return seen

    def _refs(self, reader: str) -> tuple[Ref, ...]:
        late = self.slow | self.loops
        return tuple(Ref(source, int((source, reader) in late)) for source in self.flat.reads[reader])

    def _outputs(self) -> tuple[str, ...]:
        """The names of what the graph puts out: what an Output reads, or a sum or a delay of that."""
        found: list[str] = []
        for name in self.flat.outputs:
            refs = self._refs(name)
            self.built[name] = ()
            if len(refs) == 1 and not refs[0].delay:
                found.append(refs[0].node)
                continue
            node: Node = Add(name=name, inputs=refs)
            if len(refs) == 1:
                node = Delay(name=name, inputs=(Ref(refs[0].node),), steps=refs[0].delay)
            self.built[name] = (node,)
            found.append(name)
        if not found:
            self.faults.append(Fault("the graph has no Output", "add an Output node and an edge to it"))
        return tuple(found)


def _shape(nodes: Built, read: Shape) -> Shape:
    """The shape that the last of the nodes puts out, given that of what they read. Raises ShapeError."""
    shapes: dict[str, Shape] = {}
    for node in nodes:
        operands = [shapes.get(ref.node, read) for ref in node.inputs]
        shapes[node.name] = node.output_shape(*(operands[:1] if node.sums else operands))
    return shapes[nodes[-1].name]
