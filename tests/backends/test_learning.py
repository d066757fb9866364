"""Learning from samples in sequence, and the programs that it leaves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import nmc
from conformance.plastic_models import EVERYTHING, STDP, learned, model, samples
from nmc import program as programs
from nmc.errors import UnsupportedError, UsageError


@pytest.mark.parametrize("text", [STDP, EVERYTHING])
def test_onnx_learns_as_the_reference(text: str, tmp_path: Path) -> None:
    program = nmc.compile(model(text), "cpu", tmp_path / "before")
    lesson = nmc.learn(program, samples(), tmp_path / "after")
    np.testing.assert_allclose(lesson.learned.weights["fc"], learned(model(text), samples()), atol=1e-5)
    np.testing.assert_allclose(lesson.program.model.weights["w"], lesson.learned.weights["fc"], atol=1e-7)
    whole, stepwise = (nmc.run(program, samples(), engine=e) for e in ("onnxruntime", "onnxruntime-stepwise"))
    for name, values in nmc.reference.run(model(text), samples()).items():
        np.testing.assert_allclose(whole.outputs[name], values, atol=1e-4)
        np.testing.assert_allclose(stepwise.outputs[name], values, atol=1e-4)


def test_a_run_leaves_the_program_as_it_is(tmp_path: Path) -> None:
    program = nmc.compile(model(), "loihi-sim", tmp_path / "p")
    first, again = nmc.run(program, samples()), nmc.run(program, samples()[::-1])
    np.testing.assert_array_equal(first.outputs["lif"], again.outputs["lif"][::-1])
    assert first.events.nodes["fc"].weight_updates == again.events.nodes["fc"].weight_updates > 0
    kept = programs.load(tmp_path / "p").model.weights["fc.weight"]
    np.testing.assert_array_equal(kept, program.model.weights["fc.weight"])


def test_learning_goes_on_from_program_to_program(tmp_path: Path) -> None:
    program = nmc.compile(model(), "loihi-sim", tmp_path / "p0")
    lesson = nmc.learn(program, samples(), tmp_path / "p1")
    assert programs.load(tmp_path / "p1").options == program.options
    taught = lesson.program.model.weights["fc.weight"]
    np.testing.assert_array_equal(taught, lesson.learned.weights["fc"])
    assert (taught != program.model.weights["fc.weight"]).any()
    further = nmc.learn(lesson.program, samples(), tmp_path / "p1")  # a program may take its own place
    kept = programs.load(tmp_path / "p1").model.weights["fc.weight"]
    np.testing.assert_array_equal(kept, further.learned.weights["fc"])
    real = learned(model(), samples())
    assert np.corrcoef(real.ravel(), taught.ravel())[0, 1] > 0.9


@pytest.mark.parametrize("target", ["loihi-sim", "cpu"])
def test_a_frozen_program_learns_no_more(target: str, tmp_path: Path) -> None:
    program = nmc.compile(model(), target, tmp_path / "p")
    lesson = nmc.learn(program, samples(), tmp_path / "frozen", freeze=True)
    node = lesson.program.model.graph["fc"]
    assert node.kind == ("FixedDense" if target == "loihi-sim" else "Linear")
    np.testing.assert_allclose(lesson.program.model.weights[node.weight], lesson.learned.weights["fc"], atol=1e-7)
    nmc.run(lesson.program, samples())
    with pytest.raises(UsageError, match=r"nothing in .* learns"):
        nmc.learn(lesson.program, samples(), tmp_path / "no")


def test_what_cannot_learn_is_told(tmp_path: Path) -> None:
    still = nmc.compile("digits-snn", "loihi-sim", tmp_path / "still")
    with pytest.raises(UsageError, match=r"nothing in .* learns"):
        nmc.learn(still, np.zeros((1, 1, 8, 8)), tmp_path / "no")
    program = nmc.compile(model(), "gpu-sim", tmp_path / "p")
    with pytest.raises(UsageError, match="cannot learn from samples in sequence"):
        nmc.learn(program, samples(), tmp_path / "no", engine="cuda")
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("w_max=2.0", "w_max=inf", "its weights go from 0 to inf"),
        ("fc = PlasticLinear(sent, ", "fc = PlasticLinear(input, ", "sends numbers"),
        ("dw='0.02", "dw='1e-9", "beyond its coefficients"),
        ("return lif", "return lif, fc", "read by one population of spiking neurons"),
        ("lif@1", "lif@2", "the neurons behind it are lif"),
    ],
)
def test_what_loihi_cannot_learn_is_told(before: str, after: str, said: str, tmp_path: Path) -> None:
    assert before in STDP
    with pytest.raises(UnsupportedError, match="fc") as raised:
        nmc.compile(model(STDP.replace(before, after)), "loihi-sim", tmp_path / "p")
    assert said in str(raised.value)


def test_nengo_loihi_refuses_by_name(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="'fc': it learns, and NengoLoihi has one rule, PES"):
        nmc.compile(model(), "nengo-loihi-sim", tmp_path / "p")
