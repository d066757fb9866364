"""Learning with an ONNX program: samples one after another, step by step, weights handed on from each to the next."""

from __future__ import annotations

from time import perf_counter

import numpy as np

from nmc.backends.onnx.engine import Stepper
from nmc.backends.onnx.targets import OnnxOptions
from nmc.backends.target import Learned, RunResult
from nmc.estimates.events import Events
from nmc.model import Array
from nmc.nodes.plasticity import learning_nodes
from nmc.nodes.tensor import Input
from nmc.program import Program
from nmc.reference.interpreter import Feed, as_feeds, run_length


def learn(program: Program[OnnxOptions], x: Feed, *, steps: int | None = None) -> Learned:
    """What the program puts out for samples x in sequence, and the weights that the last one leaves."""
    graph = program.model.graph
    feeds = {name: value.astype(np.float32) for name, value in as_feeds(graph, x).items()}
    length = run_length(program.model, as_feeds(graph, x), steps or program.options.steps)
    streams = {node.name for node in graph if isinstance(node, Input) and node.stream}
    states = {node.name: f"{node.name}.w" for node in learning_nodes(graph)}
    stepper = Stepper(program)
    kept: dict[str, list[Array]] = {name: [] for name in graph.outputs}
    weights: dict[str, Array] = {}
    samples = len(next(iter(feeds.values())))
    started = perf_counter()
    for sample in range(samples):
        stepper.start(1)
        stepper.states.update({states[name]: value for name, value in weights.items()})
        part = {name: value[sample : sample + 1] for name, value in feeds.items()}
        each = [
            stepper.step({name: value[:, t] if name in streams else value for name, value in part.items()})
            for t in range(length)
        ]
        for name in graph.outputs:
            timed = graph.signals[name].timing == "stream"
            kept[name].append(np.stack([v[name] for v in each], axis=1) if timed else each[-1][name])
        weights = {name: stepper.states[state] for name, state in states.items()}
    seconds = perf_counter() - started
    outputs = {name: np.concatenate(values).astype(np.float64) for name, values in kept.items()}
    result = RunResult(outputs, Events(samples, length), seconds)
    return Learned(result, {name: value[0] for name, value in weights.items()})
