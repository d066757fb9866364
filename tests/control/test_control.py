"""Control: models and programs that act in environments, and are scored by what comes of it."""

import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import gymnasium
import numpy as np
import pytest

import nmc
from nmc import datasets
from nmc.data_source import Arrays
from nmc.errors import ModelError, ToolError, UsageError
from nmc.frontends.dump import dump
from nmc.model import Control, Model, Task
from nmc.text import parse

FEEDBACK = np.array([[0.0, 0.0, 0.0, 0.0], [0.1, 0.3, 1.0, 0.6]], np.float32)
"""A push to the right where the pole leans or falls to the right, or the cart is or goes there."""
LINEAR = "input = Input(shape=(4,))\naction = Linear(input, features=2, weight='feedback')\nreturn action"
LEAKY = """
dt = 0.02
input = Input(shape=(4,), stream=True)
push = Linear(input, features=2, weight='feedback')
action = LI(push, decay=0.2)
return action
"""


def controller(text: str = LINEAR, environment: str = "CartPole-v1", episodes: int = 4) -> Model:
    seen = np.random.default_rng(0).normal(0, [0.5, 0.7, 0.1, 0.9], (64, 4))
    calibration = Arrays(seen if text == LINEAR else seen[:, None].repeat(8, axis=1))
    task = Task("control", "return", calibration=calibration, control=Control(environment, episodes))
    return Model("feedback", parse(text), {"feedback": FEEDBACK}, task=task).checked()


def by_hand(seed: int) -> tuple[float, int]:
    environment = gymnasium.make("CartPole-v1")
    state, _ = environment.reset(seed=seed)
    total, decisions, ended = 0.0, 0, False
    while not ended:
        state, reward, fallen, late, _ = environment.step(int((FEEDBACK.astype(float) @ state.astype(float)).argmax()))
        total, decisions, ended = total + float(reward), decisions + 1, fallen or late
    return total, decisions


def test_a_rollout_is_the_loop_written_by_hand():
    found = nmc.rollout(controller(), "CartPole-v1", episodes=3, seed=7)
    assert list(zip(found.returns, found.decisions, strict=True)) == [by_hand(seed) for seed in (7, 8, 9)]
    assert found.states.shape == (3, found.decisions.max(), 4)
    assert found.mean_return == found.returns.mean()


def test_the_float_targets_act_as_the_model_does(tmp_path):
    program = nmc.compile(controller(), "gpu-sim", tmp_path / "p")
    model, compiled = (nmc.rollout(it, "CartPole-v1", episodes=4) for it in (controller(), program))
    assert np.array_equal(model.returns, compiled.returns)


def test_a_comparison_has_returns_beside_the_cost_of_a_decision(tmp_path):
    comparison = nmc.compare("cartpole", ["gpu-sim", "loihi-sim", "nengo-sim"], samples=3, directory=tmp_path)
    gpu, loihi, nengo = comparison
    assert "return on 3 episodes of CartPole-v1" in str(comparison)
    assert "energy / decision" in str(comparison)
    assert comparison.reference_score >= 475 and gpu.score == comparison.reference_score
    assert loihi.score is not None and loihi.score >= 450 and loihi.score_interval is not None
    assert loihi.agreement is not None and 0.5 < loihi.agreement < 1
    assert loihi.cost is not None and gpu.cost is not None
    assert loihi.cost.latency_s.best > 100 * gpu.cost.latency_s.best
    assert nengo.score is None and "cannot be fed step by step" in (nengo.refusal or "")


def test_fewer_steps_a_decision_cost_less_and_act_worse(tmp_path):
    few, many = nmc.compare(
        "cartpole", ["loihi-sim"], samples=4, sweep={"steps": [4, 16]}, results=tmp_path / "r.duckdb"
    )
    assert few.cost is not None and many.cost is not None and few.score is not None and many.score is not None
    assert few.cost.energy_j.best < many.cost.energy_j.best and few.score < many.score


def test_a_decision_of_a_stream_is_a_step(tmp_path):
    """Its leak blurs what it sees, but it holds the pole; and a step costs about what the plain network costs."""
    stream, plain = (
        nmc.compare(controller(text), ["gpu-sim"], directory=tmp_path / text[:3]) for text in (LEAKY, LINEAR)
    )
    (step,), (inference,) = stream, plain
    assert step.score == stream.reference_score > 100
    assert step.cost is not None and inference.cost is not None
    assert step.cost.latency_s.best < 5 * inference.cost.latency_s.best


def test_numbers_are_held_within_the_bounds_of_an_action():
    graph = parse("input = Input(shape=(3,))\ntorque = Linear(input, features=1, weight='w')\nreturn torque")
    found = nmc.rollout(Model("swing", graph, {"w": np.full((1, 3), 1e6)}), "Pendulum-v1", episodes=2)
    assert (found.decisions == 200).all() and not found.chosen and (found.returns < 0).all()


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ("CartPol-v1", "cannot make the environment 'CartPol-v1'"),
        ("Acrobot-v1", r"shows Box.*, but the input takes 4 numbers"),
        ("FrozenLake-v1", r"shows Discrete\(16\)"),
    ],
)
def test_environments_that_do_not_fit(environment, says):
    with pytest.raises(ModelError, match=says):
        nmc.rollout(controller(environment=environment))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_outputs_that_do_not_fit():
    three = Model("three", parse(LINEAR.replace("features=2", "features=3")), {"feedback": np.ones((3, 4))})
    with pytest.raises(ModelError, match=r"takes 2 outputs for Discrete\(2\), action has 3"):
        nmc.rollout(three, "CartPole-v1", episodes=1)
    grows = "large = Affine(input, gain=1e300)\nhuge = Affine(large, gain=1e300)\naction = Linear(huge,"
    endless = Model("endless", parse(LINEAR.replace("action = Linear(input,", grows)), {"feedback": FEEDBACK})
    with pytest.raises(ModelError, match="not finite"):
        nmc.rollout(endless, "CartPole-v1", episodes=1)


def test_what_a_control_task_is_not(tmp_path):
    model = controller()
    assert model.task is not None
    with pytest.raises(ModelError, match="do not say how well a model acts in CartPole-v1"):
        datasets.score(model.task, np.zeros((1, 2)), np.zeros((1, 0)))
    with pytest.raises(UsageError, match="no data can take its place"):
        datasets.with_test_data(model, (np.zeros((1, 4)), np.zeros(1, int)))
    with pytest.raises(UsageError, match="a test of 0 episodes"):
        nmc.compare(model, ["cpu"], samples=0)
    with pytest.raises(UsageError, match="in which environment to act"):
        nmc.rollout(nmc.compile(model, "cpu", tmp_path / "p"))


def test_without_gymnasium_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    with pytest.raises(ToolError, match=r"pip install 'nmc\[gym\]'") as caught:
        nmc.compare("cartpole", ["cpu"])
    assert caught.value.exit_code == 3


@pytest.mark.skipif(find_spec("Box2D") is not None, reason="it is installed")
def test_an_environment_whose_package_is_missing():
    with pytest.raises(ToolError, match="LunarLander-v3 lacks a package"):
        nmc.rollout(controller(environment="LunarLander-v3"))


def test_a_task_is_written_and_read_back(tmp_path):
    model = nmc.load("cartpole")
    assert model.task is not None and model.task.control == Control("CartPole-v1", 100, 0)
    dump(replace(model, task=replace(model.task, control=Control("CartPole-v1", 7, 3))), tmp_path / "b")
    again = nmc.load(tmp_path / "b").task
    assert again is not None and again.control == Control("CartPole-v1", 7, 3) and again.budgets == model.task.budgets


@pytest.mark.parametrize(
    ("task", "says"),
    [
        ("{kind: control}", "nothing says in which environment it acts"),
        ("{kind: control, environment: 'some.module:Env-v0'}", "environment is made of"),
        ("{kind: control, environment: CartPole-v1, episodes: 0}", "episodes should be greater than 0"),
        ("{kind: control, environment: CartPole-v1, metric: accuracy}", "accuracy does not go with control"),
        ("{kind: regression, seed: 1}", "seed does not go with regression"),
        ("{kind: control, environment: CartPole-v1, data: {test: test.npz}}", "do not go with control"),
    ],
)
def test_tasks_that_do_not_hang_together(tmp_path: Path, task, says):
    text = "nmc: 1\nname: tiny\ninput: {shape: [4]}\nnodes: {same: {kind: Relu, from: input}}\noutput: same\n"
    (tmp_path / "model.yaml").write_text(f"{text}task: {task}\n")
    np.savez(tmp_path / "test.npz", x=np.zeros((1, 4)), y=np.zeros((1, 4)))
    with pytest.raises(ModelError, match=says):
        nmc.load(tmp_path)


def test_its_test_data_are_states_that_the_model_comes_to():
    data = datasets.test_data(controller(), 2)
    assert data.record.samples == 2 and data.x.shape[1:] == (4,) and len(data.x) <= 256
    assert np.abs(data.x[:, 2]).max() < 0.25  # the pole still stands
