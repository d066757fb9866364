"""What is written is read back equal: graphs, arrays, task and texts."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from nmc.frontends.dump import dump, inputs_first
from nmc.frontends.yaml import load
from nmc.graph import Graph, Node, Ref
from nmc.model import Budget, Model, Task
from nmc.nodes import coding, spiking, tensor

SIZE = 3
NAMES = ["true", "null", "no", "e1", "inf", "nan", "input", "a" * 200, "_", "weights"]
NUMBERS = st.floats(0, 2) | st.sampled_from([1e-320, 1.0, 0.1, 1e17])
PARAMS = NUMBERS | st.sampled_from(["p", "lif.p", "p q", "1.5", "null", "~", "#p", "p: q", "1e3", "-", "'"])
POSITIVE = st.floats(1e-15, 1e3, exclude_min=True)


@st.composite
def nodes(draw: st.DrawFn, name: str, inputs: tuple[Ref, ...]) -> Node:
    """A node that keeps the shape (3,)."""
    common = {"name": name, "inputs": inputs}
    neuron = {
        **common,
        "threshold": draw(PARAMS),
        "reset": draw(st.sampled_from(["zero", "subtract"])),
        "compare": draw(st.sampled_from([">", ">="])),
        "refractory": draw(st.integers(0, 3)),
    }
    current = draw(st.sampled_from(["new", "old"]))
    return draw(st.sampled_from([
        spiking.LIF(**neuron, decay=draw(PARAMS), leak=draw(PARAMS)),
        spiking.CubaLIF(**neuron, decay=draw(PARAMS), current_decay=draw(PARAMS), current=current),
        spiking.LI(**common, decay=draw(PARAMS), initial=draw(PARAMS)),
        spiking.Delay(**common, steps=draw(st.integers(0, 3))),
        spiking.Delay(**common, steps="delays", longest=2),
        tensor.Linear(**common, features=SIZE, weight=draw(st.sampled_from([f"{name}.weight", "w"])), bias="p"),
        tensor.Clip(**common, minimum=draw(st.sampled_from([float("-inf"), -1.0]))),
        tensor.Relu(**common),
        coding.BernoulliEncode(**common, seed=draw(st.integers(0, 2**31 - 2))),
        coding.DeltaEncode(**common, threshold=draw(POSITIVE), falling=draw(st.booleans())),
    ]))  # fmt: skip


@st.composite
def models(draw: st.DrawFn) -> Model:
    names = draw(st.lists(st.sampled_from(NAMES), min_size=2, max_size=6, unique=True))
    stream = draw(st.booleans())
    graph_nodes: list[Node] = [tensor.Input(name=names[0], shape=(SIZE,), stream=stream)]
    for number, name in enumerate(names[1:], 1):
        earlier = st.builds(Ref, st.sampled_from(names[:number]), st.integers(0, 2))
        late = st.builds(Ref, st.sampled_from(names), st.integers(1, 2))
        inputs = (Ref(names[number - 1]), *draw(st.lists(earlier | late, max_size=2)))
        graph_nodes.append(draw(nodes(name, inputs)))
    outputs = tuple(draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True)))
    if draw(st.booleans()):
        graph_nodes.append(tensor.Input(name="late_input", shape=(2, 1), stream=False))
    graph = Graph(tuple(graph_nodes), outputs, draw(POSITIVE))
    random = np.random.default_rng(draw(st.integers(0, 9)))
    dtype = draw(st.sampled_from(["float32", "float64", "float16", "int8", "bool", ">f4", "uint16"]))
    weights = {
        array: np.asfortranarray(random.integers(0, 2, spec.shape if array != "delays" else (1,)).astype(dtype))
        for node in graph
        for array, spec in node.arrays(*graph.operand_shapes(node)).items()
    }
    budgets = st.builds(
        Budget, st.none() | st.floats(0, 1), st.none() | POSITIVE, st.none() | POSITIVE,
        hold=st.sampled_from(["best", "high"]), allow_missing=st.booleans(),
    )  # fmt: skip
    task = Task("classification", "accuracy", budgets=draw(st.dictionaries(st.text(max_size=5), budgets, max_size=2)))
    return Model(
        draw(st.sampled_from(["a", "1", "null", "A-b_c.1"])),
        graph,
        weights,
        draw(st.none() | st.integers(1, 10**6)),
        draw(st.none() | st.just(task)),
        draw(st.text(max_size=20)),
    )


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(models())
def test_what_is_written_is_read_back_equal(tmp_path: Path, model: Model) -> None:
    assume(not model.check())
    try:
        again = load(dump(model, tmp_path / "copy"))
    finally:
        shutil.rmtree(tmp_path / "copy", ignore_errors=True)
    assert again.graph == inputs_first(model.graph)
    assert again.weights.keys() == model.weights.keys()
    for name, array in model.weights.items():
        assert again.weights[name].dtype == array.dtype.newbyteorder("=") and np.array_equal(again.weights[name], array)
    assert (again.name, again.steps, again.task) == (model.name, model.steps, model.task)
    assert again.description == model.description
