"""Whatever the model, a target compiles and runs it, or refuses it with a reason; it never just breaks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nmc import pipeline
from nmc.errors import ModelError, UnsupportedError
from nmc.model import Model, Task
from nmc.text import parse
from strategies import models, samples


@pytest.mark.parametrize("target", ["cpu", "tpu-sim", "loihi-sim"])
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_model_runs_or_is_refused(target: str, data: st.DataObject) -> None:
    model = data.draw(models())
    x = data.draw(samples(model))
    with TemporaryDirectory() as folder:
        calibration = Path(folder) / "calibration.npz"
        np.savez(calibration, x=x, y=np.zeros(len(x)))
        model = replace(model, task=Task("classification", "accuracy", calibration=calibration))
        try:
            program = pipeline.compile_model(model, target, Path(folder) / "program")
        except ModelError:
            return
        result = pipeline.run_program(program, x)
        assert result.outputs.keys() == set(model.graph.outputs)
        estimate = pipeline.estimate_run(program, result)
        assert estimate is not None
        assert estimate.energy_j.best > 0


@pytest.mark.parametrize("text", [
    "x = Input(shape=(2, 3))\nflat = Flatten(x)\nreturn flat",
    "dt = 0.001\nx = Input(shape=(4,))\nspikes = RateEncode(x)\ncount = Sum(spikes)\nreturn count",
])
def test_loihi_refuses_what_has_nothing_for_neurons(text: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "calibration.npz", x=np.ones((2, 2, 3) if "Flatten" in text else (2, 4)))
    task = Task("classification", "accuracy", calibration=tmp_path / "calibration.npz")
    model = Model("m", parse(text), {}, steps=4, task=task)
    with pytest.raises(UnsupportedError, match="neither a neuron nor a layer with weights"):
        pipeline.compile_model(model, "loihi-sim", tmp_path / "program")
    assert not (tmp_path / "program").exists()


def test_layers_in_a_row_after_a_readout_stay_on_the_host(tmp_path: Path) -> None:
    """Nodes that work once the run is over are kept, however many of them follow one another."""
    text = (
        "dt = 0.001\nx = Input(shape=(2,))\nspikes = RateEncode(x)\nfc = Linear(spikes, features=2, weight='w')\n"
        "lif = LIF(fc, decay=0.5)\ncount = Sum(lif)\nflat = Flatten(count)\n"
        "logits = Linear(flat, features=2, weight='w')\nreturn logits"
    )
    model = Model("m", parse(text), {"w": np.eye(2)}, steps=4)
    program = pipeline.compile_model(model, "loihi-sim", tmp_path / "program")
    assert {"flat", "logits"} <= set(program.model.graph.by_name)


def test_loihi_takes_several_inputs(tmp_path: Path) -> None:
    text = (
        "dt = 0.001\na = Input(shape=(2,))\nb = Input(shape=(2,))\nx = RateEncode(a)\ny = RateEncode(b)\n"
        "left = Linear(x, features=2, weight='w')\nright = Linear(y, features=2, weight='w')\n"
        "lif = LIF(left, right, decay=0.5)\ncount = Sum(lif)\nreturn count"
    )
    model = Model("m", parse(text), {"w": np.eye(2)}, steps=4)
    program = pipeline.compile_model(model, "loihi-sim", tmp_path / "program")
    assert {"a", "b"} <= set(program.model.graph.by_name)
