"""The sides of a comparison: what a model means, a program on an engine, or what somebody recorded."""


from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from nmc.backends import ability_of, able, target_of
from nmc.backends.target import RUN, TRACE
from nmc.differences.recorded import fitted
from nmc.differences.tolerance import Tolerance
from nmc.differences.traces import Known, Traces, as_traces, is_stream, reference_traces
from nmc.errors import UsageError
from nmc.estimates.events import Events
from nmc.graph import Graph
from nmc.model import Array, FloatArray, Model
from nmc.program import Program
from nmc.reference.interpreter import run_length

_RELATIVE = {"fp32": 1e-4, "int8": 1e-4, "fp16": 2e-2}
"""How far numbers of a precision may be off the reference, which has 53 bits, relative to the largest of a layer."""


@dataclass(frozen=True, eq=False)
class Ran:
    """What was seen of a side: traces by the names of its graph's nodes, events if it counts them, and notes.

    Of traces named in `known` these steps were seen alone.
    """

    traces: Traces
    events: Events | None = None
    notes: tuple[str, ...] = ()
    known: Known = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Reference:
    """What a model, or the graph of a program, means."""

    label: str
    model: Model

    tolerance = Tolerance()

    def run(self, feeds: Mapping[str, FloatArray], steps: int) -> Ran:
        """All of its nodes."""
        return Ran(reference_traces(self.model, feeds, steps))


@dataclass(frozen=True, eq=False)
class Engine:
    """A program on one of its target's engines."""

    label: str
    program: Program
    engine: str | None

    @property
    def model(self) -> Model:
        """What it computes."""
        return self.program.model

    @property
    def tolerance(self) -> Tolerance:
        """How near to its reference it is: the same in whole numbers, as near as its numbers are in real ones."""
        if _whole(self.model.graph):
            return Tolerance()
        return Tolerance(_RELATIVE.get(self.program.options.pricing.precision or "fp32", 1e-4))

    def run(self, feeds: Mapping[str, FloatArray], steps: int) -> Ran:
        """What the engine shows of its nodes, the program's outputs at least."""
        target, graph = target_of(self.program), self.model.graph
        tracer = ability_of(target, TRACE, self.engine)
        given = steps if graph.dt_s else None
        if tracer is not None:
            traced = tracer(self.program, feeds, steps=given)
            result, nodes = traced.result, traced.nodes
        else:
            result, nodes = able(target, RUN, self.engine)(self.program, feeds, steps=given), {}
        on_chip = steps + graph.lag
        shown = {
            name: np.asarray(value if value.ndim > 1 and is_stream(graph, name) else value[:, None], np.float64)
            for name, value in nodes.items() if len(value)
        }  # fmt: skip
        before = reference_traces(self.model, feeds, steps)
        outputs = as_traces(graph, result.outputs, {**before, **shown})
        notes = () if shown else (f"{self.label} shows the outputs of the program alone",)
        full = {name: trace for name, trace in shown.items() if trace.shape[1] in (1, on_chip)}
        known = {name: slice(graph.lag, None) for name in outputs if name not in full and is_stream(graph, name)}
        return Ran({**outputs, **full}, result.events, notes, known)


def _whole(graph: Graph) -> bool:
    """Whether a graph's network is in whole numbers alone."""
    from nmc.nodes import fixed_point

    return any(isinstance(node, fixed_point.KINDS) for node in graph)


@dataclass(frozen=True, eq=False)
class Recorded:
    """What somebody recorded of a network, by the names of layers; `network` says which that is."""

    label: str
    arrays: Mapping[str, Array]
    network: Model | None = None

    @property
    def model(self) -> Model:
        """The network it is of. Raises UsageError where nobody said."""
        if self.network is None:
            raise UsageError(
                f"{self.label} is a recording, and nothing says of which network", "give the network first"
            )
        return self.network

    @property
    def tolerance(self) -> Tolerance:
        """The same numbers, where these are whole; else as near as 32-bit floats are."""
        return Tolerance() if _whole(self.model.graph) else Tolerance(_RELATIVE["fp32"])

    def run(self, feeds: Mapping[str, FloatArray], steps: int) -> Ran:
        """The arrays as traces."""
        expected = reference_traces(self.model, feeds, steps)
        found = fitted(self.model.graph, self.arrays, expected, self.label)
        return Ran(found.traces, None, found.notes, found.known)


Side = Reference | Engine | Recorded


def length_of(model: Model, feeds: Mapping[str, FloatArray], steps: int | None) -> int:
    """How many steps of the model a run takes."""
    return run_length(model, feeds, steps)
