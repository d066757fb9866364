"""Running graphs: shapes of results, lengths of runs, and what a user is told."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nmc.errors import UsageError
from nmc.model import Array, FloatArray, Model
from nmc.nodes import KINDS
from nmc.nodes.tensor import Constant, Input
from nmc.reference import Interpreter, run
from nmc.reference.interpreter import MEANINGS
from nmc.text import parse
from strategies import fixed_point_models, models, samples

HELD = Model("m", parse("dt = 0.001\nx = Input(shape=(2,))\ny = I(x)\nn = Sum(y)\nreturn y, n"), {}, steps=3)
STREAMED = Model("m", parse("dt = 0.001\nx = Input(shape=(2,), stream=True)\ny = I(x)\nreturn y"), {}, steps=9)
STATIC = Model("m", parse("x = Input(shape=(2,))\ny = Relu(x)\nreturn y"), {})
TWO = Model("m", parse("a = Input(shape=(2,))\nb = Input(shape=(2,))\ny = Add(a, b)\nreturn y"), {})


def test_every_kind_but_the_input_has_a_meaning() -> None:
    assert set(MEANINGS) | {Input} == set(KINDS.values())


# ------------------------------------------------------------------ results


def test_streams_have_a_time_axis_and_results_have_none() -> None:
    y = run(HELD, np.array([[1.0, 2.0]]))
    assert y["y"].tolist() == [[[1, 2], [2, 4], [3, 6]]]
    assert y["n"].tolist() == [[6, 12]]
    assert run(STATIC, np.array([[-1.0, 2.0]]))["y"].tolist() == [[0, 2]]


def test_outputs_come_in_their_order_then_what_is_recorded() -> None:
    y = run(HELD, np.ones((4, 2)), record=["x", "y"])
    assert list(y) == ["y", "n", "x"]
    assert y["x"].shape == (4, 2)


def test_a_run_lasts_as_long_as_asked_else_as_the_stream_else_as_the_model_says() -> None:
    assert run(HELD, np.ones((1, 2)))["y"].shape == (1, 3, 2)
    assert run(HELD, np.ones((1, 2)), 7)["y"].shape == (1, 7, 2)
    assert run(STREAMED, np.ones((1, 5, 2)))["y"].shape == (1, 5, 2)
    assert run(STREAMED, np.ones((1, 5, 2)), 4)["y"].shape == (1, 4, 2)


def test_several_inputs_are_fed_by_name() -> None:
    assert run(TWO, {"a": np.ones((1, 2)), "b": np.array([[1, 2]])})["y"].tolist() == [[2, 3]]


def test_whole_numbers_and_booleans_will_do() -> None:
    assert run(STATIC, np.array([[True, False]]))["y"].tolist() == [[1, 0]]
    assert run(STATIC, np.array([[2, -2]], dtype=np.int8))["y"].tolist() == [[2, 0]]


def test_an_interpreter_holds_its_state_between_steps() -> None:
    interpreter = Interpreter(HELD, batch=1)
    assert [interpreter.step({"x": np.ones((1, 2))})["y"].tolist() for _ in range(3)] == [[[1, 1]], [[2, 2]], [[3, 3]]]


def test_what_is_known_before_the_run_is_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a held input, a Linear runs once; reading it late gives zero at first, then its value."""
    model = Model(
        "m",
        parse("dt = 0.001\nx = Input(shape=(1,))\nfc = Linear(x, features=1, weight='w')\ny = I(fc, fc@1)\nreturn y"),
        {"w": np.array([[2.0]])},
    )
    calls = []
    kind = KINDS["Linear"]
    real = MEANINGS[kind]
    monkeypatch.setitem(MEANINGS, kind, lambda node, step: calls.append(node) or real(node, step))  # type: ignore[misc]
    # fc = 2: y = 2, 2 + 4 = 6, 10
    assert run(model, np.ones((1, 1)), 3)["y"].ravel().tolist() == [2, 6, 10]
    assert len(calls) == 1


def test_a_lag_leaves_the_first_steps_out_of_outputs_and_readouts() -> None:
    """Late by two steps the graph runs two more, on zeros where its input streams, and gives what it would have."""
    prompt = "dt = 0.001\nx = Input(shape=(1,), stream=True)\ny = I(x)\nn = Sum(y)\nm = Max(y)\nreturn y, n, m"
    late = prompt.replace("dt = 0.001\n", "dt = 0.001\nlag = 2\n").replace("I(x)", "I(x@2)")
    x = np.array([1.0, -3.0, 5.0]).reshape(1, 3, 1)
    expected = {"y": [[[1], [-2], [3]]], "n": [[2]], "m": [[3]]}
    for text in (prompt, late):
        assert {name: y.tolist() for name, y in run(Model("m", parse(text), {}), x).items()} == expected


# ------------------------------------------------------------------ laws


def same(a: Mapping[str, FloatArray], b: Mapping[str, FloatArray]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_samples_do_not_touch_one_another(data: st.DataObject) -> None:
    model = data.draw(models(exact=True, layers=3) | fixed_point_models())
    x = data.draw(samples(model))
    together = run(model, x)
    for i in range(len(x)):
        assert same(run(model, x[i : i + 1]), {name: y[i : i + 1] for name, y in together.items()})


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_a_held_sample_is_a_constant_stream(data: st.DataObject) -> None:
    """So working out static nodes once changes nothing."""
    model = data.draw(models(timed=True, exact=True, layers=3))
    x = data.draw(samples(model))
    (node,) = (node for node in model.graph if isinstance(node, Input))
    if node.stream:
        x = x[:, 0]
    held = model.graph.replace(Input(name=node.name, shape=node.shape))
    streamed = model.graph.replace(Input(name=node.name, shape=node.shape, stream=True))
    assume(not held.check())  # a readout right behind a held input is a fault
    steps = model.steps or 1
    names = [name for name in held.by_name if not isinstance(held[name], Constant)]
    once = run(model.with_(held), x, steps, names)
    always = run(model.with_(streamed), np.repeat(x[:, None], steps, axis=1), record=names)
    for name in names:
        static = held.signals[name].timing == "static"
        assert np.array_equal(np.repeat(once[name][:, None], steps, axis=1) if static else once[name], always[name])


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_results_have_the_inferred_shape_and_kind_of_element(data: st.DataObject) -> None:
    model = data.draw(models() | fixed_point_models())
    x = data.draw(samples(model))
    recorded = run(model, x, record=[node.name for node in model.graph])
    for name, signal in model.graph.signals.items():
        y = recorded[name]
        steps = (model.steps,) if signal.timing == "stream" else ()
        assert y.shape == (len(x), *steps, *signal.shape)
        if signal.dtype == "spike":
            assert np.isin(y, [0, 1]).all(), name
        if signal.dtype == "integer":
            assert np.array_equal(y, np.rint(y)), name


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_the_first_steps_do_not_depend_on_how_long_a_run_lasts(data: st.DataObject) -> None:
    model = data.draw(models(timed=True, exact=True, layers=3))
    x = data.draw(samples(model))
    names = [name for name, signal in model.graph.signals.items() if signal.timing == "stream"]
    steps = model.steps or 1
    short = data.draw(st.integers(1, steps))
    whole, part = run(model, x, steps, names), run(model, x, short, names)
    for name in names:
        assert np.array_equal(whole[name][:, :short], part[name])


# ------------------------------------------------------------------ what a user is told


@pytest.mark.parametrize(
    ("model", "x", "complaint"),
    [
        (STATIC, np.ones(2), r"the input 'x' takes shape \[samples, 2\], got \[2\]"),
        (STATIC, np.ones((1, 3)), r"takes shape \[samples, 2\], got \[1, 3\]"),
        (STATIC, np.ones((0, 2)), r"takes shape \[samples, 2\], got \[0, 2\]"),
        (STREAMED, np.ones((1, 2)), r"takes shape \[samples, steps, 2\], got \[1, 2\]"),
        (STREAMED, np.ones((1, 0, 2)), r"takes shape \[samples, steps, 2\], got \[1, 0, 2\]"),
        (STATIC, np.array([[1.0, np.nan]]), "holds NaN or infinite values"),
        (STATIC, np.array([["a", "b"]]), "is not an array of real numbers"),
        (STATIC, np.array([[1j, 0]]), "is not an array of real numbers"),
        (STATIC, [[1.0], [1.0, 2.0]], "is not an array of real numbers"),
        (STATIC, {"z": np.ones((1, 2))}, "give one for each of the inputs: x"),
        (STATIC, {"x": np.ones((1, 2)), "z": np.ones((1, 2))}, "give one for each of the inputs: x"),
        (TWO, np.ones((1, 2)), "give one for each of the inputs: a, b"),
        (TWO, {"a": np.ones((1, 2))}, "give one for each of the inputs: a, b"),
        (TWO, {"a": np.ones((1, 2)), "b": np.ones((3, 2))}, "differ in their number of samples"),
    ],
)
def test_what_does_not_fit_the_inputs(model: Model, x: Array, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        run(model, x)


@pytest.mark.parametrize(
    ("model", "x", "steps", "complaint"),
    [
        (HELD, np.ones((1, 2)), 0, "a run of 0 steps"),
        (HELD, np.ones((1, 2)), -2, "a run of -2 steps"),
        (STREAMED, np.ones((1, 5, 2)), 6, "a run of 6 steps needs as many values, the input streams 5"),
        (Model("m", HELD.graph, {}), np.ones((1, 2)), None, "how many steps to run is not given"),
    ],
)
def test_lengths_that_cannot_be(model: Model, x: Array, steps: int | None, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        run(model, x, steps)


def test_recording_a_node_that_is_not_there() -> None:
    with pytest.raises(UsageError, match="there is no node 'z' to record"):
        run(STATIC, np.ones((1, 2)), record=["z"])


def test_a_graph_without_inputs_cannot_be_fed() -> None:
    model = Model("m", parse("c = Constant(value='c', shape=(1,))\nreturn c"), {"c": np.ones(1)})
    for x in (np.ones((1, 1)), {}):
        with pytest.raises(UsageError, match="inputs: none"):
            run(model, x)
