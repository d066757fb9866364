"""From what a user names to the two sides of a comparison, and the samples that both run on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from nmc import zoo
from nmc.backends import able, target_of
from nmc.backends.golden import UNTOLD_STEPS, golden_steps
from nmc.backends.target import RUN
from nmc.datasets import calibration
from nmc.differences.compare import difference, of_network
from nmc.differences.recorded import checked, inputs_of, is_recording, read_recording
from nmc.differences.result import Difference
from nmc.differences.side import Engine, Recorded, Reference, Side
from nmc.errors import UsageError
from nmc.graph import Graph
from nmc.model import Array, FloatArray, Model
from nmc.nodes import fixed_point, spiking
from nmc.nodes.tensor import Input
from nmc.program import Program, is_program, load
from nmc.reference.interpreter import Feed, as_feeds

REFERENCE = "reference"
"""What to name in place of an engine for what a program's graph means."""
SAMPLES = 16
"""How many samples are compared unless told otherwise."""
_MADE_UP = 8
"""How many samples are made up where there are none."""

Named = Model | Program | str | Path | Mapping[str, Array]


def opened(named: Named, engine: str | None = None) -> Side:
    """A side: a model is what it means; a program runs on the engine, its target's first without.

    Text names a model, a program, a recording, or a program and its engine, as PROGRAM:ENGINE. Raises UsageError.
    """
    if isinstance(named, Model):
        return Reference(f"the model {named.name}", named)
    if isinstance(named, Program):
        return _of_program(named, engine)
    if isinstance(named, Mapping):
        return Recorded("the recording", checked(named, "the recording"))
    text, path = str(named), Path(named)
    if is_program(path):
        return _of_program(load(path), engine)
    if is_recording(path):
        return Recorded(text, read_recording(path))
    folder, colon, name = text.rpartition(":")
    if colon and folder and is_program(Path(folder)):
        if engine is not None and engine != name:
            raise UsageError(f"{text} names the engine {name!r}, and {engine!r} was given beside", "give one of both")
        return _of_program(load(Path(folder)), name)
    model = zoo.load(named if isinstance(named, Path) else text)
    return Reference(f"the model {model.name}", model)


def sides(
    a: Named, b: Named | None, engine_a: str | None, engine_b: str | None, label: str | None = None
) -> tuple[Side, Side]:
    """The two sides of a comparison. A program alone is held against what its own graph means.

    `label` is what the second is called. Raises UsageError where one side alone has nothing to be held against.
    """
    if b is not None:
        one, other = opened(a, engine_a), opened(b, engine_b)
        return one, other if label is None else replace(other, label=label)
    other = opened(a, engine_b or engine_a)
    if not isinstance(other, Engine):
        raise UsageError(
            f"{other.label} alone has nothing to be held against",
            "give a second run, a recording, or with --target what to compile the model for",
        )
    return Reference(f"the reference of {other.program.path}", other.program.model), other


def network_of(a: Named, b: Named | None) -> Model:
    """The network that samples are for: that of the first side, or of the second where the first is a recording."""
    first = opened(a)
    return (opened(b) if b is not None and isinstance(first, Recorded) else first).model


def _of_program(program: Program, engine: str | None) -> Side:
    if engine == REFERENCE:
        return Reference(f"the reference of {program.path}", program.model)
    target = target_of(program)
    able(target, RUN, engine)
    chosen = engine or next(iter(target.engines))
    return Engine(f"{program.path} on {chosen}", program, chosen)


def diff_sides(a: Side, b: Side, x: Feed | None, steps: int | None, samples: int | None) -> Difference:
    """Where two sides part on samples x, on those that were recorded, or on the model's own."""
    b, a = of_network(b, a), of_network(a, b)
    feeds = _feeds(a, b, x)
    count = min(samples or SAMPLES, len(next(iter(feeds.values()))))
    feeds = {name: value[:count] for name, value in feeds.items()}
    if steps is None and a.model.graph.dt_s is not None and x is None and not _given(a, b):
        steps = golden_steps(a.model, feeds)
    return difference(a, b, feeds, steps)


def _given(a: Side, b: Side) -> Mapping[str, FloatArray]:
    """The samples that a recording has beside what came of them."""
    for side in (a, b):
        if isinstance(side, Recorded):
            found = inputs_of(side.model.graph, side.arrays)
            if found:
                return found
    return {}


def _feeds(a: Side, b: Side, x: Feed | None) -> dict[str, FloatArray]:
    if x is None and (given := _given(a, b)):
        return as_feeds(a.model.graph, given)
    if x is not None:
        return as_feeds(a.model.graph, x)
    for side in (a, b):
        known = calibration(side.model)
        if known is not None:
            return as_feeds(a.model.graph, np.asarray(known[:SAMPLES]))
    rng = np.random.default_rng(0)
    steps = a.model.steps or UNTOLD_STEPS
    made_up = {
        node.name: rng.random((_MADE_UP, *((steps,) if node.stream else ()), *node.shape))
        for node in a.model.graph if isinstance(node, Input)
    }  # fmt: skip
    return {name: np.rint(value) if _as_spikes(a, b, name) else value for name, value in made_up.items()}


def _as_spikes(a: Side, b: Side, name: str) -> bool:
    """Whether a chip reads an input as it is, so that it must be spikes."""
    return any(
        isinstance(reader, fixed_point.KINDS)
        for side in (a, b) for late in (name, *_delayed(side.model.graph, name))
        for reader in side.model.graph.consumers.get(late, ())
    )  # fmt: skip


def _delayed(graph: Graph, name: str) -> list[str]:
    return [reader.name for reader in graph.consumers.get(name, ()) if isinstance(reader, spiking.Delay)]
