"""docs/model-yaml.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from nmc.errors import ModelError
from nmc.frontends.schema import BudgetSpec, DataSpec, InputSpec, ModelFile, SamplesSpec, TaskSpec
from nmc.frontends.timed import STEP_COUNTS, TIME_CONSTANTS
from nmc.frontends.yaml import load
from nmc.units.parse import UNITS

PAGE = (Path(__file__).parents[2] / "docs" / "model-yaml.md").read_text(encoding="utf-8")
EXAMPLE, FAULTY = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
(ANSWER,) = re.findall(r"^```text\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_example_is_a_model(tmp_path: Path) -> None:
    (tmp_path / "model.yaml").write_text(EXAMPLE)
    shapes = {"fc1.weight": (128, 64), "fc1.bias": (128,), "rec.weight": (128, 128), "out.weight": (10, 128)}
    save_file({name: np.zeros(shape) for name, shape in shapes.items()}, tmp_path / "weights.safetensors")
    for name in ("test.npz", "calibration.npz"):
        np.savez(tmp_path / name, x=np.zeros((2, 64)), y=np.arange(2))
    assert load(tmp_path / "model.yaml").graph.signals["logits"].shape == (10,)


def test_the_faulty_file_is_answered_as_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("model.yaml").write_text(FAULTY)
    with pytest.raises(ModelError) as caught:
        load(Path("model.yaml"))
    assert f"{caught.value}\n" == ANSWER


def test_every_key_and_unit_is_described() -> None:
    models = (ModelFile, InputSpec, TaskSpec, DataSpec, SamplesSpec, BudgetSpec)
    words = {name for model in models for name in model.model_fields} | {"kind", "from"}
    words |= {unit for units in UNITS.values() for unit in units if unit[0] != "\u03bc"}
    words |= {fact for facts in STEP_COUNTS.values() for fact in facts if fact != "longest"}
    words |= {fact for constants in TIME_CONSTANTS.values() for c in constants for fact in (c.tau, c.factor, c.gain)}
    assert {word for word in words if f"`{word}`" not in PAGE and f"`{word}:" not in PAGE} == set()
