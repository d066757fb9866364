"""Runs a graph by the meanings of its nodes, one time step after another."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from nmc.errors import UsageError, closest
from nmc.graph import Graph, Node
from nmc.model import FloatArray, Model
from nmc.nodes.tensor import Input
from nmc.reference import (
    arithmetic,
    coding,
    fixed_point,
    fixed_point_compartments,
    fixed_point_graded,
    fixed_point_plasticity,
    fixed_point_synapses,
    plasticity,
    spiking,
    tensor,
)
from nmc.reference.meaning import Meaning, Result, Step, stateless
from nmc.side_by_side import parts_of

MEANINGS: Mapping[type[Node], Meaning] = {
    **tensor.MEANINGS, **arithmetic.MEANINGS, **spiking.MEANINGS, **plasticity.MEANINGS,
    **coding.MEANINGS, **fixed_point.MEANINGS, **fixed_point_compartments.MEANINGS,
    **fixed_point_graded.MEANINGS, **fixed_point_synapses.MEANINGS, **fixed_point_plasticity.MEANINGS,
}  # fmt: skip

Watch = Callable[[Node, Step, Result], None]
"""`watch(node, step, result)`, called whenever a node is evaluated."""

Feed = NDArray[np.generic] | Mapping[str, NDArray[np.generic]]


class Interpreter:
    """A model with its state held: feed it one time step after another.

    `state` is what each node carries to the next step, by the names the node gives, [B, *shape].
    """

    def __init__(self, model: Model, batch: int, watch: Watch | None = None) -> None:
        """`model` must be sound; `batch` is the number of samples that run side by side."""
        self._watch = watch
        self.graph = model.graph
        self.batch = batch
        self._arrays = {name: np.asarray(array, dtype=np.float64) for name, array in model.weights.items()}
        self.state: dict[str, Mapping[str, FloatArray]] = {node.name: self._initial(node) for node in self.graph}
        self._static: dict[str, FloatArray] = {}
        longest: dict[str, int] = {}
        for ref in (ref for node in self.graph for ref in node.inputs if ref.delay):
            longest[ref.node] = max(ref.delay, longest.get(ref.node, 0))
        self._steps_to_skip = np.full(batch, self.graph.lag)
        self._past: dict[str, deque[FloatArray]] = {name: deque(maxlen=length) for name, length in longest.items()}

    def step(self, inputs: Mapping[str, FloatArray]) -> Mapping[str, FloatArray]:
        """One time step: every node's output, given each input node's value [B, *shape].

        Nodes known before the run keep what they had at the first step.
        """
        values = dict(self._static)
        for name in self.graph.order:
            if name in values:
                continue
            node = self.graph[name]
            if isinstance(node, Input):
                values[name] = inputs[name]
            else:
                values[name] = self._evaluate(node, values)
            if self.graph.signals[name].timing == "static":
                self._static[name] = values[name]
        for name, past in self._past.items():
            past.appendleft(values[name])
        self._steps_to_skip = np.maximum(self._steps_to_skip - 1, 0)
        return values

    def renew(self) -> None:
        """Compute anew, at the next step, what is known before the run: its inputs may be others then."""
        self._static = {}

    def restart(self, samples: Sequence[int]) -> None:
        """Some samples back to the state before the first step, while the others go on."""
        rows = list(samples)
        for node in self.graph:
            first = self._initial(node)
            self.state[node.name] = {
                name: _with_rows(held, rows, first[name]) for name, held in self.state[node.name].items()
            }
        for past in self._past.values():
            for index, value in enumerate(past):
                past[index] = _with_rows(value, rows, np.zeros(value.shape))
        self._steps_to_skip[rows] = self.graph.lag

    def _evaluate(self, node: Node, values: Mapping[str, FloatArray]) -> FloatArray:
        reads = [self._read(ref.node, ref.delay, values) for ref in node.inputs]
        operands = (sum(reads[1:], start=reads[0]),) if node.sums else tuple(reads)
        step = Step(operands, self._arrays, self.state[node.name])
        result = stateless(MEANINGS[type(node)](node, step))
        if self._watch is not None:
            self._watch(node, step, result)
        self.state[node.name] = self._counted(result.state, node) if node.produces == "final" else result.state
        return np.broadcast_to(result.y, (self.batch, *self.graph.signals[node.name].shape))

    def _counted(self, state: Mapping[str, FloatArray], node: Node) -> Mapping[str, FloatArray]:
        """The state of a readout after a step, which samples that are still within the lag leave out."""
        (skipped,) = np.nonzero(self._steps_to_skip)
        if not len(skipped):
            return state
        return {name: _with_rows(value, skipped, self.state[node.name][name]) for name, value in state.items()}

    def _read(self, name: str, delay: int, values: Mapping[str, FloatArray]) -> FloatArray:
        if not delay:
            return values[name]
        past = self._past[name]
        if len(past) >= delay:
            return past[delay - 1]
        return np.zeros((self.batch, *self.graph.signals[name].shape))

    def _initial(self, node: Node) -> Mapping[str, FloatArray]:
        return {
            name: np.broadcast_to(
                self._arrays[state.initial] if isinstance(state.initial, str) else np.float64(state.initial),
                (self.batch, *state.shape),
            ).copy()
            for name, state in node.state(*self.graph.operand_shapes(node)).items()
        }


def _with_rows(value: FloatArray, rows: Sequence[int] | NDArray[np.intp], other: FloatArray) -> FloatArray:
    """`value`, which may broadcast over samples, with some rows of `other` [B, ...]."""
    changed = np.broadcast_to(value, other.shape).copy()
    changed[rows] = other[rows]
    return changed


def run(
    model: Model, x: Feed, steps: int | None = None, record: Iterable[str] = ()
) -> Mapping[str, FloatArray]:
    """What a model puts out for a batch of samples, by output node.

    `x` is [B, *shape], or [B, T, *shape] for an input that streams (by input name, if there are
    several). A graph in time runs for `steps`, else for the length of the stream, else for the
    model's own number, and for the graph's lag on top of that. A result that is a stream comes as
    [B, T, *shape], any other as [B, *shape]. Nodes named in `record` are given too. Raises UsageError
    where `x`, `steps` or `record` does not fit.
    """
    graph = model.graph
    feeds = as_feeds(graph, x)
    wanted = tuple(dict.fromkeys([*graph.outputs, *record]))
    for name in wanted:
        if name not in graph:
            raise UsageError(f"there is no node {name!r} to record", closest(name, graph.by_name))
    kept: dict[str, list[FloatArray]] = {name: [] for name in wanted}
    last = run_length(model, feeds, steps) + graph.lag - 1
    for t, (values, _) in enumerate(each_step(model, feeds, steps)):
        for name in wanted:
            if t == last or (graph.signals[name].timing == "stream" and t >= graph.lag):
                kept[name].append(values[name])
    return {
        name: np.stack(arrays, axis=1) if graph.signals[name].timing == "stream" else arrays[0]
        for name, arrays in kept.items()
    }


def each_step(
    model: Model, x: Feed, steps: int | None = None, watch: Watch | None = None
) -> Iterator[tuple[Mapping[str, FloatArray], Mapping[str, Mapping[str, FloatArray]]]]:
    """What every node puts out at each step of a run, and what it carries then by the names it gives, [B, *shape].

    Nothing is kept. Takes what `run` takes.
    """
    graph = model.graph
    feeds = as_feeds(graph, x)
    interpreter = Interpreter(model, len(next(iter(feeds.values()))), watch)
    for t in range(run_length(model, feeds, steps) + graph.lag):
        values = interpreter.step({name: _at(graph, name, array, t) for name, array in feeds.items()})
        yield values, interpreter.state


def as_feeds(graph: Graph, x: Feed) -> dict[str, FloatArray]:
    """The value of each input node in double precision, its shape checked. Raises UsageError.

    Samples of several inputs come by name, or as one structured array (see `nmc.side_by_side`).
    """
    inputs = {node.name: node for node in graph if isinstance(node, Input)}
    if isinstance(x, Mapping):
        given = dict(x)
    elif isinstance(x, np.ndarray) and x.dtype.names is not None:
        given = {name: part for name, part in parts_of(x).items() if name in inputs}
    elif len(inputs) == 1:
        given = dict.fromkeys(inputs, x)
    else:
        given = {}
    if not given or given.keys() != inputs.keys():
        names = ", ".join(inputs) or "none"
        raise UsageError("the arrays given are not those of the inputs", f"give one for each of the inputs: {names}")
    feeds = {name: _feed(node, given[name]) for name, node in inputs.items()}
    if len({len(array) for array in feeds.values()}) > 1:
        raise UsageError("the inputs differ in their number of samples", "give as many samples to each")
    return feeds


def _feed(node: Input, given: NDArray[np.generic]) -> FloatArray:
    try:
        array = np.asarray(given)
        if array.dtype.kind not in "biuf":
            raise ValueError
    except ValueError:
        raise UsageError(f"the input {node.name!r} is not an array of real numbers", "give numbers") from None
    form = ("samples", "steps", *node.shape) if node.stream else ("samples", *node.shape)
    if array.ndim != len(form) or array.shape[array.ndim - len(node.shape) :] != node.shape or not array.size:
        wanted = ", ".join(map(str, form))
        raise UsageError(f"the input {node.name!r} takes shape [{wanted}], got {list(array.shape)}")
    if not np.all(np.isfinite(array)):
        raise UsageError(f"the input {node.name!r} holds NaN or infinite values", "clean the data first")
    return np.asarray(array, dtype=np.float64)


def run_length(model: Model, feeds: Mapping[str, FloatArray], steps: int | None) -> int:
    """How many steps a run lasts; 1 for a graph without time. Raises UsageError."""
    if steps is not None and steps < 1:
        raise UsageError(f"a run of {steps} steps", "run for 1 step or more")
    if model.graph.dt_s is None:
        return 1
    streams = [feeds[n.name].shape[1] for n in model.graph if isinstance(n, Input) and n.stream]
    length = steps or (min(streams) if streams else model.steps)
    if length is None:
        raise UsageError("how many steps to run is not given", "give 'steps' in the model, or --steps")
    if streams and length > min(streams):
        raise UsageError(f"a run of {length} steps needs as many values, the input streams {min(streams)}")
    return length


def _at(graph: Graph, name: str, array: FloatArray, t: int) -> FloatArray:
    node = graph[name]
    if not (isinstance(node, Input) and node.stream):
        return array
    return array[:, t] if t < array.shape[1] else np.zeros_like(array[:, 0])
