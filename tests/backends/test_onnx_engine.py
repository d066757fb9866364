"""Running ONNX programs: batches, steps, states, and what a user is told when something fails."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmc.backends.onnx.engine import Stepper, run, run_stepwise
from nmc.backends.onnx.protocol import StepRecord
from nmc.errors import ProgramError, ToolError, UnsupportedError, UsageError
from nmc.reference import run as reference
from strategies import models, samples

from .onnx_harness import check_files, dyadic, model_of, program_of


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_random_models_in_time_equal_the_reference_in_both_forms(data):
    """Spiking, recurrent and convolutional models on sixteenths, which hardly ever round."""
    model = data.draw(models(timed=True, exact=True))
    x = data.draw(samples(model))
    program = program_of(model)
    check_files(program._files)
    expected = reference(model, x)
    whole, stepwise = run(program, x).outputs, run_stepwise(program, x).outputs
    for name in model.graph.outputs:
        np.testing.assert_array_equal(whole[name], stepwise[name])
        np.testing.assert_allclose(whole[name], expected[name], rtol=1e-5, atol=1e-5)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_random_static_models_equal_the_reference(data):
    model = data.draw(models(timed=False))
    x = data.draw(samples(model))
    program = program_of(model)
    check_files(program._files)
    for name, array in run(program, x).outputs.items():
        np.testing.assert_allclose(array, reference(model, x)[name], rtol=2e-5, atol=2e-5)


@pytest.fixture
def counter():
    """Counts its input up to a spike: 2 inputs, gain 0.5."""
    return model_of("dt = 0.001\nx = Input(shape=(2,))\ns = RateEncode(x, gain=0.5)\ny = Sum(s)\nreturn y, s", steps=8)


X = np.array([[1.0, 0.5]])


def test_a_run_lasts_as_long_as_the_call_says_then_the_options_then_the_model(counter):
    assert run(program_of(counter), X).outputs["y"].tolist() == [[4.0, 2.0]]
    assert run(program_of(counter, steps=4), X).outputs["y"].tolist() == [[2.0, 1.0]]
    result = run(program_of(counter, steps=4), X, steps=12)
    assert result.outputs["y"].tolist() == [[6.0, 3.0]]
    assert result.outputs["s"].shape == (1, 12, 2)
    assert (result.events.samples, result.events.steps) == (1, 12)


def test_a_run_of_unknown_length_is_refused(counter):
    program = program_of(replace(counter, steps=None))
    with pytest.raises(UsageError, match="how many steps"):
        run(program, X)
    assert run(program, X, steps=2).outputs["y"].tolist() == [[1.0, 0.0]]


def test_a_stream_may_be_longer_than_the_run():
    model = model_of("dt = 0.001\nx = Input(shape=(), stream=True)\ny = I(x)\nreturn y")
    x = np.arange(1.0, 6.0)[None]
    assert run(program_of(model), x).outputs["y"].tolist() == [[1, 3, 6, 10, 15]]
    assert run_stepwise(program_of(model), x, steps=2).outputs["y"].tolist() == [[1, 3]]
    with pytest.raises(UsageError, match="a run of 6 steps"):
        run(program_of(model), x, steps=6)


def test_samples_are_the_same_alone_and_among_many(counter):
    x = dyadic(300, 2, low=0)
    together = run(program_of(counter), x).outputs["y"]
    measured = run(program_of(counter, target="cpu", batch=7), x).outputs["y"]
    np.testing.assert_array_equal(together, reference(counter, x)["y"])
    np.testing.assert_array_equal(measured, together)


def test_steps_hold_their_state_and_start_anew(counter):
    """A state of one run must not leak into the next, though ONNX Runtime shares memory with NumPy."""
    stepper = Stepper(program_of(counter))
    x = {"x": X.astype(np.float32)}
    for _ in range(2):
        stepper.start(1)
        counts = [stepper.step(x)["y"].tolist() for _ in range(4)]
        assert counts == [[[0, 0]], [[1, 0]], [[1, 0]], [[2, 1]]]


def test_step_record_says_how_to_drive_a_step(counter):
    record = StepRecord.decode(program_of(counter).file("step.json"))
    assert record.inputs == ("x",)
    assert record.outputs == ("y", "s")
    assert [(s.name, s.next, s.shape, s.type, s.initial) for s in record.states] == [
        ("s.a", "s.a.next", ("N", 2), "float64", 0.0),
        ("y.sum", "y.sum.next", ("N", 2), "float32", 0.0),
    ]


def test_initial_values_survive_the_record():
    text = "dt = 0.001\nx = Input(shape=(2,), stream=True)\nv = I(x, initial='start')\nm = Max(v)\nreturn m"
    model = model_of(text, start=np.array([0.5, -1.0]))
    program = program_of(model)
    states = {s.name: s for s in StepRecord.decode(program.file("step.json")).states}
    assert states["v.v"].start(3).tolist() == [[0.5, -1.0]] * 3
    assert states["m.max"].start(1).tolist() == [[-np.inf, -np.inf]]


def test_a_graph_without_time_has_no_steps():
    program = program_of(model_of("x = Input(shape=(2,))\ny = Relu(x)\nreturn y"))
    assert set(program._files) == {"model.onnx"}
    assert run_stepwise(program, -X).outputs["y"].tolist() == [[0.0, 0.0]]
    with pytest.raises(ProgramError, match="no time"):
        Stepper(program)


def test_names_may_clash_with_ours():
    """Nodes and arrays called like operations, inputs, outputs and states."""
    model = model_of(
        "dt = 0.001\nShape = Input(shape=(2,))\nScan = Linear(Shape, features=2, weight='nmc.steps')\n"
        "x = IF(Scan, gain='Scan')\nt = Sum(x)\nreturn t, Shape, x",
        steps=5, **{"nmc.steps": np.eye(2) / 2, "Scan": np.ones(2)},
    )  # fmt: skip
    outputs = run(program_of(model), 2 * X).outputs
    assert outputs["t"].tolist() == reference(model, 2 * X)["t"].tolist()
    assert outputs["Shape"].tolist() == (2 * X).tolist()


def test_a_wrong_input_is_a_usage_error(counter):
    with pytest.raises(UsageError, match=r"takes shape \[samples, 2\], got \[1, 3\]"):
        run(program_of(counter), np.zeros((1, 3)))


def test_a_file_that_onnx_runtime_refuses_is_a_tool_error(counter):
    program = program_of(counter)
    broken = replace(program, _files={**program._files, "model.onnx": b"not a model", "step.json": b"{}"})
    with pytest.raises(ToolError, match=r"cannot load model.onnx of test-program"):
        run(broken, X)
    with pytest.raises(ProgramError, match=r"step.json of test-program is damaged"):
        run_stepwise(broken, X)


def test_numbers_beyond_the_precision_are_refused():
    model = model_of("x = Input(shape=(1,))\ny = Linear(x, features=1, weight='w')\nreturn y", w=np.array([[1e5]]))
    with pytest.raises(UnsupportedError, match="100000, which is too large for float16"):
        program_of(model, half=True)


TOO_SMALL = {
    "y = Affine(x, offset=1e-12)": "1e-12, of which float16 keeps 0",
    "y = Affine(x, gain=1e-9)": "1e-09, of which float16 keeps 0",
    "y = Affine(x, offset=4e-8)": "4e-08",
    "y = Clip(x, minimum=1e-12)": "1e-12",
    "c = Constant(shape=(2,), value='tiny')\ny = Maximum(x, c)": "1e-10",
    "c = Constant(shape=(2,), value='uneven')\ny = Div(x, c)": "1e-09",
    "y = Linear(x, features=2, weight='tinies')": "1e-09",
    "y = BatchNorm(x, scale='ones', bias='tiny', mean='tiny', variance='uneven', epsilon=0.0)": "1e-09",
}
HARMLESS = (
    "y = Linear(x, features=2, weight='mixed', bias='tiny')",
    "y = Affine(x, offset=1e-6)",
    "c = Constant(shape=(2,), value='uneven')\ny = Add(x, c)",
    "y = BatchNorm(x, scale='ones', bias='tiny', mean='tiny', variance='uneven')",
)
SMALL = {
    "tiny": np.full(2, 1e-10), "uneven": np.array([1.0, 1e-9]), "ones": np.ones(2),
    "tinies": np.full((2, 2), 1e-9), "mixed": np.array([[0.5, 1e-9], [1e-30, 0.0]]),
}  # fmt: skip


def _small(nodes: str):
    graph = f"x = Input(shape=(2,))\n{nodes}\nreturn y"
    return model_of(graph, **{name: array for name, array in SMALL.items() if f"'{name}'" in nodes})


@pytest.mark.parametrize("nodes", TOO_SMALL)
def test_constants_that_half_precision_rounds_away_are_refused(nodes):
    """log(x + 1e-12) was log(0) there, and put out NaN."""
    with pytest.raises(UnsupportedError, match=TOO_SMALL[nodes]) as caught:
        program_of(_small(nodes), half=True)
    assert "fp32" in caught.value.faults[0].remedy
    program_of(_small(nodes))


@pytest.mark.parametrize("nodes", HARMLESS)
def test_small_numbers_beside_large_ones_are_lost_in_them(nodes):
    model = _small(nodes)
    x = np.array([[0.5, -1.0]])
    given, expected = run(program_of(model, half=True), x).outputs["y"], reference(model, x)["y"]
    np.testing.assert_allclose(given, expected, rtol=5e-3, atol=1e-6)
