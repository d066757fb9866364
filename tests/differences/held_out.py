"""How often nmc diff names the layer and the rule of mutants that it was not made for.

`python tests/differences/held_out.py [SEED [COUNT]]` prints the rates of every way of looking, and the kinds that it
gets wrong.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import numpy as np

import nmc
from differences.mutants import Mutant, mutants
from differences.neurons import INTEGERS, NEURONS
from differences.weights import WEIGHTS
from nmc.differences.result import Difference
from nmc.differences.traces import is_stream, reference_traces
from nmc.errors import NmcError
from nmc.graph import Graph, Node
from nmc.model import Array, FloatArray, Model
from nmc.nodes import fixed_point, spiking
from nmc.nodes.tensor import Constant, Input
from nmc.reference import interpreter
from nmc.reference.meaning import Result, Step
from strategies.whole_models import drawn

KINDS = (*WEIGHTS, *NEURONS)
ON_CHIP = (*WEIGHTS, *INTEGERS)
EACH = 6
"""How many mutants are made of a model."""
VISIBLE = 1e-3
"""How far a number must be off, relative to the largest of its layer, for a mutant to be seen at all."""


@dataclass(frozen=True, eq=False)
class Case:
    """What nmc diff found of a mutant, seen in one way, and whether layer and rule are right.

    `named`: the right rule is among those that explain it as well.
    """

    view: str
    mutant: Mutant
    difference: Difference
    layer: bool
    rule: bool
    named: bool


def ran(mutant: Mutant, x: FloatArray) -> Mapping[str, FloatArray]:
    """What every node of a mutant puts out."""
    return _run(mutant.model, x, mutant.meanings)


def _run(model: Model, x: FloatArray, meanings: Mapping[str, object]) -> Mapping[str, FloatArray]:
    def instead(kind: type[Node]) -> Callable[[Node, Step], Result | FloatArray]:
        plain = interpreter.MEANINGS[kind]
        return lambda node, step: meanings.get(node.name, plain)(node, step)

    wrong = {kind: instead(kind) for kind in {type(model.graph[name]) for name in meanings}}
    with patch.dict(interpreter.MEANINGS, wrong):
        feeds = interpreter.as_feeds(model.graph, x)
        traces = reference_traces(model, feeds, interpreter.run_length(model, feeds, None))
    return {name: trace if is_stream(model.graph, name) else trace[:, -1] for name, trace in traces.items()}


def populations(graph: Graph) -> list[str]:
    """What a board or a simulator shows: neurons, rectified values, and what is put out."""
    shown = (spiking.Neuron, spiking.Threshold, fixed_point.FixedLIF, fixed_point.FixedCompartments)
    return [node.name for node in graph if isinstance(node, shown) or node.kind == "Relu" or node.name in graph.outputs]


def everything(graph: Graph) -> list[str]:
    """All nodes."""
    return [node.name for node in graph if not isinstance(node, Input | Constant)]


VIEWS: Mapping[str, Callable[[Graph], list[str]]] = {"every layer": everything, "populations": populations}


def first_shown(graph: Graph, name: str, shown: list[str]) -> set[str]:
    """The layers that were seen and that a node leads to without another that was."""
    found, waiting, entered = set(), [name], {name}
    while waiting:
        now = waiting.pop()
        if now in shown:
            found.add(now)
            continue
        after = set(graph.consumers.get(now, ())) - entered
        entered |= {node.name if isinstance(node, Node) else node for node in after}
        waiting += [node.name if isinstance(node, Node) else node for node in after]
    return found


def judged(view: str, mutant: Mutant, right: set[str], difference: Difference) -> Case:
    """Whether the layer or the node of the explanation, and the rule, are the right ones."""
    explanation = difference.explanation
    at = {difference.first, explanation.node if explanation else None}
    rule = explanation is not None and explanation.rule in mutant.rules
    named = explanation is not None and bool(set(explanation.rules) & set(mutant.rules))
    return Case(view, mutant, difference, bool(at & (right | {mutant.node})), rule, named)


def _differs(one: Mapping[str, Array], other: Mapping[str, Array], names: list[str]) -> bool:
    return any(
        np.any(abs(one[name] - other[name]) > VISIBLE * max(np.max(abs(one[name])), 1e-9)) for name in names
    )


def recordings(seed: int) -> Iterator[Case]:
    """Mutants of random models, recorded, in every view."""
    number = 0
    while True:
        one = drawn(seed, number)
        model, x = one.model, one.x[:6]
        rng = np.random.default_rng([seed, number, 1])
        number += 1
        sound = _run(model, x, {})
        for mutant in islice(mutants(model, KINDS, rng), EACH):
            yield from _recorded(model, mutant, x, sound)


def _recorded(model: Model, mutant: Mutant, x: FloatArray, sound: Mapping[str, Array]) -> Iterator[Case]:
    found = ran(mutant, x)
    for view, of in VIEWS.items():
        shown = of(model.graph)
        if _differs(sound, found, shown):
            difference = nmc.diff(model, {name: found[name] for name in shown}, x)
            yield judged(view, mutant, first_shown(model.graph, mutant.node, shown), difference)


def chips(seed: int) -> Iterator[Case]:
    """Mutants of what random models become on a chip: in integers against the same, and against the model."""
    number = 0
    while True:
        one = drawn(seed, number)
        rng = np.random.default_rng([seed, number, 2])
        number += 1
        try:
            with TemporaryDirectory() as folder:
                program = nmc.compile(one.model, "loihi-sim", Path(folder) / "p", verify="none")
        except NmcError:
            continue
        x = one.x[:6]
        sound = _run(program.model, x, {})
        for mutant in islice(mutants(program.model, ON_CHIP, rng), EACH):
            found = ran(mutant, x)
            shown = everything(program.model.graph)
            if _differs(sound, found, shown):
                difference = nmc.diff(program.model, {name: found[name] for name in shown}, x)
                right = first_shown(program.model.graph, mutant.node, shown)
                yield judged("integers", mutant, right, difference)


def rates(cases: list[Case]) -> dict[str, tuple[int, float, float, float]]:
    """By view: how many, and the fractions of layers, of rules, and of rules that are named at all."""
    found = {}
    for view in sorted({case.view for case in cases}):
        of = [case for case in cases if case.view == view]
        found[view] = (len(of), *(sum(getattr(c, what) for c in of) / len(of) for what in ("layer", "rule", "named")))
    return found


def main(seed: int, count: int) -> None:
    """Print the rates and what is wrong."""
    cases = [*islice(recordings(seed), count), *islice(chips(seed), count // 3)]
    for view, (number, layers, rules, named) in rates(cases).items():
        print(f"{view}: {number} mutants, layers {layers:.1%}, rules {rules:.1%}, named at all {named:.1%}")
    wrong = Counter(
        (c.mutant.kind, c.view, c.layer, c.difference.explanation.rules if c.difference.explanation else ())
        for c in cases if not (c.layer and c.rule)
    )  # fmt: skip
    total = Counter((c.mutant.kind, c.view) for c in cases)
    for (kind, view, layer, rules), times in sorted(wrong.items()):
        print(f"{kind} | {view}: {times} of {total[kind, view]}: {'' if layer else 'LAYER, '}{', '.join(rules) or '-'}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0, int(sys.argv[2]) if len(sys.argv) > 2 else 300)
