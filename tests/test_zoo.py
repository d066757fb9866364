"""Models by name or path."""

from __future__ import annotations

import shutil
from importlib.resources import files
from pathlib import Path

import pytest

from nmc import datasets, zoo
from nmc.errors import UsageError


def test_there_are_models() -> None:
    assert {"digits-cnn", "digits-snn", "vowels-rsnn"} <= set(zoo.names())


@pytest.mark.parametrize("name", zoo.names())
def test_every_model_loads_with_its_data(name: str) -> None:
    model = zoo.load(name)
    samples = datasets.calibration(model)
    assert model.name == name
    assert samples is not None and len(datasets.test_data(model).x) > 0


def test_a_folder_and_a_file(tmp_path: Path) -> None:
    shutil.copytree(str(files("nmc.models.digits_snn")), tmp_path / "mine")
    (tmp_path / "mine" / "model.yaml").rename(tmp_path / "mine" / "other.yml")
    with pytest.raises(UsageError, match=r"holds no model\.yaml"):
        zoo.load(tmp_path / "mine")
    assert zoo.load(tmp_path / "mine" / "other.yml").name == "digits-snn"
    (tmp_path / "mine" / "other.yml").rename(tmp_path / "mine" / "model.yaml")
    assert zoo.load(str(tmp_path / "mine")).graph == zoo.load("digits-snn").graph


def test_a_name_is_the_zoo_even_where_a_folder_is_called_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "digits-snn").mkdir()
    monkeypatch.chdir(tmp_path)
    assert zoo.load("digits-snn").name == "digits-snn"
    with pytest.raises(UsageError, match=r"holds no model\.yaml"):
        zoo.load("./digits-snn")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("digit-snn", "did you mean 'digits-snn'"),
        ("resnet", "neither a model of the zoo nor a file"),
        ("none/model.yaml", "there is no file none/model.yaml"),
        ("model.yaml", "there is no file model.yaml"),
        ("", "model.yaml"),
        ("a\0b", "a model of the zoo"),
        ("x" * 5000, "x"),
    ],
)
def test_what_is_not_there(name: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as caught:
        zoo.load(name)
    assert says in str(caught.value) and caught.value.faults[0].remedy


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(b"PK")
    with pytest.raises(UsageError, match="is not a model file"):
        zoo.load(tmp_path / "model.pt")
