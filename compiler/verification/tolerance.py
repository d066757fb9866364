"""How near real numbers must come: within a tolerance, and beyond it as far as rounding alone may carry them.

A neuron whose voltage is at its threshold to the last bit spikes or not as sums are rounded, and a number halfway
between two integers becomes either. So what is out of tolerance is compared once more with what the reference itself
does when its inputs, weights and scales are moved by no more than the rounding: until those runs part from the first
one nothing excuses a difference, and afterwards it may be no larger than theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nmc.graph import Graph, Node
from nmc.model import Array, FloatArray, Model
from nmc.nodes import elementwise, selection, tensor
from nmc.reference import each_step, run
from nmc.verification.difference import Difference, apart, earliest, first_difference
from nmc.verification.trial import Trial

_MOVED_RUNS = 12
_LEVELLING = (tensor.Sigmoid, tensor.Tanh, tensor.Softmax, elementwise.Erf)
_MOVED_FACTS = ("scale", "gain", "threshold")
_LARGER = 4.0
"""How many times larger a difference may be than those of the moved runs, which are few."""


@dataclass(frozen=True)
class Tolerance:
    """`relative`: of the largest value of an output in the reference. `noise`: how far rounding moves a number.

    Where no number on the way has more digits than `digits` keep there is no rounding, and nothing to excuse.
    """

    relative: float
    noise: float
    digits: type[np.floating] = np.float32

    @property
    def words(self) -> str:
        """What held, in words."""
        return f"within {self.relative:g} of the largest value"


def parting(
    model: Model, trial: Trial, tolerance: Tolerance, expected: Mapping[str, FloatArray], given: Mapping[str, Array]
) -> Difference | None:
    """The first difference between outputs that rounding does not explain; `model` is what gave the expected ones.

    Where the reference has no finite number nothing is compared: what a chip or a file makes of 0/0 is its own affair.
    """
    graph = model.graph
    limits = limits_of(graph, tolerance, expected)
    given = {
        name: np.where(np.isfinite(expected[name]), value, expected[name])
        if value.shape == expected[name].shape else value for name, value in given.items()
    }  # fmt: skip
    found = _first(graph, limits, expected, given)
    if found is None:
        return None
    same_shape = all(expected[name].shape == given[name].shape for name in graph.outputs)
    if not same_shape or _is_exact(model, trial, tolerance.digits):
        return found
    moved = [run(other, feeds, trial.steps) for other, feeds in _moved(model, trial, tolerance.noise)]
    return _unexplained(graph, limits, expected, given, moved)


def _is_exact(model: Model, trial: Trial, digits: type[np.floating]) -> bool:
    """Whether all numbers of a run, but for those after readouts, are such that computing with `digits` rounds none."""
    graph = model.graph
    inexact = [array for array in (*model.weights.values(), *trial.feeds.values()) if _rounds(array, digits)]
    watched = [name for name in graph.order if graph.signals[name].timing != "final"]
    return not inexact and not any(
        _rounds(values[name], digits) for values, _ in each_step(model, trial.feeds, trial.steps) for name in watched
    )


def _rounds(values: Array, digits: type[np.floating]) -> bool:
    with np.errstate(over="ignore"):
        return bool(np.any(values.astype(np.float64) != values.astype(digits).astype(np.float64)))


def limits_of(
    graph: Graph, tolerance: Tolerance, expected: Mapping[str, FloatArray]
) -> Mapping[str, float]:
    """How far each value may be off.

    What runtimes compute of functions that level off is off by so much of their largest value, 1, however small the
    value is: ONNX Runtime gives 0 for a Sigmoid of -25, which is 1e-11. So is what only moves such values about.
    """
    level = graph.downstream(
        (node.name for node in graph if isinstance(node, _LEVELLING)), lambda _, reader: reader.moves or reader.view
    )
    return {
        name: max(tolerance.relative * size_of(value), tolerance.noise if name in level else 0.0)
        for name, value in expected.items()
    }


def size_of(expected: FloatArray) -> float:
    """The largest finite value."""
    return float(np.max(np.abs(expected), initial=0.0, where=np.isfinite(expected)))


def _first(
    graph: Graph, limits: Mapping[str, float], expected: Mapping[str, FloatArray], given: Mapping[str, Array]
) -> Difference | None:
    return earliest(graph, (
        first_difference(name, expected[name], given[name], graph.signals[name].timing == "stream", limits[name])
        for name in graph.outputs
    ))  # fmt: skip


def _moved(model: Model, trial: Trial, noise: float) -> Iterator[tuple[Model, Mapping[str, FloatArray]]]:
    """The model and its samples with all numbers larger, all smaller, and each the one or the other."""
    indices = {ref.node for node in model.graph if isinstance(node, selection.Embedding) for ref in node.inputs}
    fixed = _whole(model)
    for run_number in range(_MOVED_RUNS):
        rng = np.random.default_rng(run_number)

        def changed(x: FloatArray, rng: np.random.Generator = rng, which: int = run_number) -> FloatArray:
            factor = {0: 1.0, 1: -1.0}.get(which, rng.choice([-1.0, 1.0], x.shape))
            return x * (1.0 + noise * factor)

        weights = {
            name: array if name in fixed or array.dtype.kind != "f" else changed(array.astype(np.float64))
            for name, array in model.weights.items()
        }
        feeds = {name: x if name in indices else changed(x) for name, x in trial.feeds.items()}
        graph = model.graph.map(lambda node: (_with_facts(node, changed),))
        yield replace(model, graph=graph, weights=weights, deviations={}), feeds


def _with_facts(node: Node, changed: Callable[[FloatArray], FloatArray]) -> Node:
    """The node with its numbers of `_MOVED_FACTS` changed: after a grid, a sample that moved is on the grid again."""
    facts = {name: getattr(node, name) for name in _MOVED_FACTS if type(getattr(node, name, None)) is float}
    moved = {name: float(changed(np.asarray(value))) for name, value in facts.items()}
    return replace(node, **moved) if moved else node  # type: ignore[arg-type]


def _whole(model: Model) -> frozenset[str]:
    """The arrays that hold indices or other whole numbers by their nature."""
    return frozenset(
        name for node in model.graph for name, spec in node.arrays(*model.graph.operand_shapes(node)).items()
        if spec.whole
    )  # fmt: skip


def _unexplained(
    graph: Graph,
    limits: Mapping[str, float],
    expected: Mapping[str, FloatArray],
    given: Mapping[str, Array],
    moved: list[Mapping[str, FloatArray]],
) -> Difference | None:
    """The first difference before the moved runs part; else the first of those that are larger than theirs."""
    open_steps = _steps_before_parting(graph, limits, expected, moved)
    found: list[Difference | None] = []
    for name in graph.outputs:
        want, have, timed = expected[name], given[name], graph.signals[name].timing == "stream"
        if timed and open_steps is not None:
            masked = np.where(_before(open_steps, want), have, want)
            found.append(first_difference(name, want, masked, True, limits[name]))
        found.append(_too_far(name, want, have, [run[name] for run in moved], timed, limits[name]))
    return earliest(graph, found)


def _steps_before_parting(
    graph: Graph, limits: Mapping[str, float], expected: Mapping[str, FloatArray], moved: list[Mapping[str, FloatArray]]
) -> NDArray[np.intp] | None:
    """For each sample how many steps all moved runs go along with the first one in; None without streams."""
    firsts = []
    for name in graph.outputs:
        for other in moved if graph.signals[name].timing == "stream" else ():
            wrong = apart(expected[name], other[name], limits[name]).reshape(*expected[name].shape[:2], -1)
            at_step = np.logical_or.reduce(wrong, axis=2)
            firsts.append(np.where(at_step.any(axis=1), at_step.argmax(axis=1), at_step.shape[1]))
    return np.minimum.reduce(firsts) if firsts else None


def _before(open_steps: NDArray[np.intp], values: FloatArray) -> NDArray[np.bool_]:
    """Which elements lie in those steps; broadcasts over [samples, steps, *shape]."""
    steps = np.arange(values.shape[1])[None, :] < open_steps[:, None]
    return steps.reshape(*steps.shape, *(1,) * (values.ndim - 2))


def _too_far(
    name: str, want: FloatArray, have: Array, moved: list[FloatArray], timed: bool, limit: float
) -> Difference | None:
    """The first element that is too far off, where single ones or the mean of all are further than of moved runs."""
    finite = np.logical_and.reduce([np.isfinite(values) for values in (want, *moved)])
    lost = np.where(np.isfinite(have) | ~finite, want, np.nan)
    if np.isnan(lost[finite]).any():
        return first_difference(name, want, lost, timed)
    off, theirs = _distance(want, have, finite), [_distance(want, other, finite) for other in moved]
    largest = _LARGER * max(float(values.max(initial=0.0)) for values in theirs) + limit
    usual = _LARGER * max(float(values.mean()) for values in theirs) + limit
    if off.max(initial=0.0) <= largest and off.mean() <= usual:
        return None
    bound = largest if off.max(initial=0.0) > largest else limit
    return first_difference(name, want, np.where(finite, have, want), timed, bound)


def _distance(one: FloatArray, other: Array, where: NDArray[np.bool_]) -> FloatArray:
    distance = np.zeros(one.shape)
    distance[where] = np.abs(one[where] - other[where].astype(np.float64))
    return distance
