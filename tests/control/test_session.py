"""Sessions: fed step by step, an engine does what it does in a run."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nmc
from nmc import reference
from nmc.data_source import Arrays
from nmc.errors import ModelError, UsageError
from nmc.model import Model, Task
from nmc.nodes.tensor import Input
from nmc.program import Program
from nmc.reference.interpreter import as_feeds, run_length
from nmc.text import parse
from strategies import models, samples

T, B = 12, 3
STEPPED = {
    **dict.fromkeys(("loihi-sim", "loihi2-sim", "nengo-loihi-sim"), "native"),
    **dict.fromkeys(("gpu-sim", "tpu-sim", "cpu"), "onnxruntime-stepwise"),
}
SPIKING = """
dt = 0.001
input = Input(shape=(6,), stream=True)
fc1 = Linear(input, features=8, weight='fc1')
rec = Linear(lif1@1, features=8, weight='rec')
lif1 = LIF(fc1, rec, decay=0.9)
fc2 = Linear(lif1, features=2, weight='fc2')
rate = Mean(fc2)
return lif1, rate
"""
HELD = """
dt = 0.001
input = Input(shape=(6,))
spikes = RateEncode(input)
fc1 = Linear(spikes, features=8, weight='fc1')
lif1 = LIF(fc1, decay=0.9)
rate = Mean(lif1)
return rate
"""
NETWORK = """
input = Input(shape=(6,))
fc1 = Linear(input, features=8, weight='fc1')
relu = Relu(fc1)
fc2 = Linear(relu, features=2, weight='fc2')
return fc2
"""


def model(text: str, steps: int | None = T) -> Model:
    random = np.random.default_rng(0)
    shapes = {"fc1": (8, 6), "rec": (8, 8), "fc2": (2, 8)}
    weights = {name: random.normal(0, 0.6, shape).astype(np.float32) for name, shape in shapes.items() if name in text}
    graph = parse(text)
    return Model(text.split()[0], graph, weights, steps if graph.dt_s else None).checked()


def spikes(seed: int = 1) -> np.ndarray:
    return (np.random.default_rng(seed).random((B, T, 6)) < 0.4).astype(np.float64)


def compiled(text: str, target: str, tmp_path: Path) -> Program:
    seen = Arrays(spikes() if "stream" in text else spikes()[:, 0])
    task = Task("regression", "mean-squared-error", calibration=seen)
    return nmc.compile(replace(model(text), task=task), target, tmp_path / target)


@pytest.mark.parametrize("target", STEPPED)
def test_stepping_a_stream_is_running_it(target, tmp_path):
    program, x = compiled(SPIKING, target, tmp_path), spikes()
    ran = nmc.run(program, x, engine=STEPPED[target])
    session = nmc.session(program, batch=B)
    late = np.concatenate([x, np.zeros((B, session.lag, 6))], axis=1)
    each = [session.step(late[:, t]) for t in range(T + session.lag)]
    assert np.array_equal(np.stack([step["lif1"] for step in each[session.lag :]], axis=1), ran.outputs["lif1"])
    assert np.array_equal(each[-1]["rate"], ran.outputs["rate"])
    assert session.events.steps == ran.events.steps == T + session.lag
    for name, node in ran.events.nodes.items():
        stepped = session.events.nodes[name]
        assert stepped.synaptic_operations == pytest.approx(node.synaptic_operations)
        assert stepped.neuron_updates == pytest.approx(node.neuron_updates)
        assert stepped.total_spikes == pytest.approx(node.total_spikes)


@pytest.mark.parametrize("target", ["loihi-sim", "gpu-sim", None])
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_stepping_any_model_is_running_it(target: str | None, data: st.DataObject):
    opened: Model | Program = data.draw(models(timed=True))
    x = data.draw(samples(opened))
    if target is not None:
        with TemporaryDirectory() as folder:
            task = Task("regression", "mean-squared-error", calibration=Arrays(x))
            try:
                opened = nmc.compile(replace(opened, task=task), target, Path(folder) / "program")
            except ModelError:
                return
    if isinstance(opened, Model):
        session, ran = nmc.session(opened, len(x)), reference.run(opened, x)
    else:
        session, ran = nmc.session(opened, len(x)), nmc.run(opened, x, engine=STEPPED[str(target)]).outputs
    model = session.model
    (node,) = (node for node in model.graph if isinstance(node, Input))
    steps = run_length(model, as_feeds(model.graph, x), None)
    each = []
    for t in range(steps + session.lag):
        now = x if not node.stream else x[:, t] if t < steps else np.zeros_like(x[:, 0])
        each.append(session.step(now))
    for name in model.graph.outputs:
        streams = model.graph.signals[name].timing == "stream"
        late = [step[name] for step in each[session.lag :]]
        assert np.array_equal(np.stack(late, axis=1) if streams else late[-1], ran[name])


def test_stepping_the_model_itself_is_the_reference():
    x = spikes()
    session = nmc.session(model(SPIKING), batch=B)
    each = [session.step(x[:, t]) for t in range(T)]
    assert np.array_equal(each[-1]["rate"], reference.run(model(SPIKING), x)["rate"])


@pytest.mark.parametrize("target", STEPPED)
@pytest.mark.parametrize("text", [SPIKING, HELD, NETWORK], ids=["stream", "held", "network"])
def test_a_decision_is_a_run_and_leaves_nothing_behind(text, target, tmp_path):
    program = compiled(text, target, tmp_path)
    x = spikes() if text == SPIKING else spikes()[:, 0]
    session = nmc.session(program, batch=B)
    ran = nmc.run(program, x)
    for _ in range(2):
        session.step(x[:, 0] if text == SPIKING else x)
        decided = session.infer(x)
        for name, value in ran.outputs.items():
            assert np.array_equal(decided[name], value)
    assert session.events.steps == 2 * (ran.events.steps + 1)


@pytest.mark.parametrize("target", ["loihi-sim", "nengo-loihi-sim", "gpu-sim", None])
def test_some_samples_are_reset_while_the_others_go_on(target, tmp_path):
    text = SPIKING.replace("Mean(fc2)", "LI(fc2, decay=0.9)") if target == "gpu-sim" else SPIKING
    opened = model(text) if target is None else compiled(text, target, tmp_path)
    x = spikes()
    session, undisturbed, fresh = (nmc.session(opened, batch=B) for _ in range(3))
    for t in range(5):
        session.step(x[:, t])
        undisturbed.step(x[:, t])
    session.reset([1])
    for t in range(5, T):
        got, others, first = session.step(x[:, t]), undisturbed.step(x[:, t]), fresh.step(x[:, t])
        for name in got:
            assert np.array_equal(got[name][[0, 2]], others[name][[0, 2]])
            assert np.array_equal(got[name][1], first[name][1])


def test_after_a_reset_everything_is_as_at_first(tmp_path):
    x = spikes()
    for target in ("loihi2-sim", "tpu-sim"):
        session = nmc.session(compiled(SPIKING, target, tmp_path), batch=B)
        first = [session.step(x[:, t])["rate"] for t in range(T)]
        session.reset()
        again = [session.step(x[:, t])["rate"] for t in range(T)]
        assert np.array_equal(first, again)
        assert session.events.steps == 2 * T


def test_a_held_input_may_be_another_at_every_step():
    graph = parse("dt = 0.001\ninput = Input(shape=(1,))\ntwice = Affine(input, gain=2.0)\ni = I(twice)\nreturn i")
    session = nmc.session(Model("sum", graph, {}), batch=1)
    assert [session.step(np.array([[value]]))["i"].item() for value in (1.0, 2.0, 0.5)] == [2.0, 6.0, 7.0]


def test_what_cannot_be_stepped_is_refused_by_name(tmp_path):
    nengo = compiled(HELD, "nengo-sim", tmp_path)
    with pytest.raises(UsageError, match="nengo-sim takes a run as a whole"):
        nmc.session(nengo)
    loihi = compiled(HELD, "loihi-sim", tmp_path)
    with pytest.raises(UsageError, match=r"engine 'lava' of loihi-sim .*cannot be fed step by step"):
        nmc.session(loihi, engine="lava")
    with pytest.raises(UsageError, match="open for 1 samples, got 2"):
        nmc.session(loihi).step(np.zeros((2, 6)))
    with pytest.raises(UsageError, match="no sample 1"):
        nmc.session(loihi).reset([1])


def test_a_clock_in_common_is_not_reset_for_one_sample(tmp_path):
    session = nmc.session(compiled(SPIKING, "gpu-sim", tmp_path), batch=2)  # a mean counts steps
    with pytest.raises(UsageError, match="counts the steps of all samples"):
        session.reset([0])
