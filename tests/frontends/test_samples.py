"""What `task.data` of a model.yaml may say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nmc import datasets
from nmc.data_source import (
    ArrayFile,
    EventRecordings,
    ImageFolder,
    Scaling,
    Selection,
    Source,
    TorchvisionSet,
)  # fmt: skip
from nmc.errors import ModelError
from nmc.frontends.dump import dump
from nmc.frontends.yaml import load


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    np.savez(tmp_path / "all.npz", x=np.arange(8.0).reshape(4, 2), y=[0, 1, 0, 1])
    (tmp_path / "data").mkdir()
    return tmp_path


def written(folder: Path, test: str) -> Path:
    (folder / "model.yaml").write_text(f"""\
nmc: 1
name: m
input: {{shape: [2]}}
nodes:
  y: {{kind: Relu, from: input}}
output: y
task:
  kind: classification
  data: {{test: {test}}}
""")
    return folder / "model.yaml"


@pytest.mark.parametrize(
    ("says", "means"),
    [
        ("all.npz", lambda f: f / "all.npz"),
        ("{file: all.npz}", lambda f: f / "all.npz"),
        ("{file: all.npz, share: [0.5, 1], seed: 3, samples: 1}",
         lambda f: ArrayFile(path=f / "all.npz", selection=Selection((0.5, 1.0), 1, 3))),
        ("{images: data, size: [28, 20], mean: 0.5, std: [0.1, 0.2, 0.3]}",
         lambda f: ImageFolder(path=f / "data", scaling=Scaling(size=(28, 20), mean=(0.5,), std=(0.1, 0.2, 0.3)))),
        ("{events: data, bins: 50, bin: 2 ms, size: [34, 34], binary: true}",
         lambda f: EventRecordings(path=f / "data", size=(34, 34), bins=50, bin_s=0.002, binary=True)),
        ("{torchvision: MNIST, root: data, train: true}",
         lambda f: TorchvisionSet(dataset="MNIST", root=f / "data", train=True)),
    ],
)  # fmt: skip
def test_what_a_file_says_and_means(folder: Path, says: str, means) -> None:  # type: ignore[no-untyped-def]
    expected: Source = means(folder)
    task = load(written(folder, says)).task
    assert task is not None and task.test == expected


@pytest.mark.parametrize(
    ("says", "answer"),
    [
        ("{}", "the samples come from nowhere"),
        ("{file: all.npz, images: data}", "the samples come from file and images"),
        ("{images: data, bins: 3}", "bins does not go with images"),
        ("{torchvision: MNIST}", "the key 'root' is missing"),
        ("{file: all.npz, share: [1, 0.5]}", r"share goes from 1\.0 to 0\.5"),
        ("{file: all.npz, share: [0.5, 2]}", "less than or equal to 1"),
        ("{file: all.npz, seed: -1}", "greater than or equal to 0"),
        ("{images: data, std: 0}", "std must be positive"),
        ("{images: data, sizes: [2, 2]}", "unknown key 'sizes'"),
        ("{images: none}", "there is no folder"),
        ("{images: ../data}", "points outside the model's folder"),
        ("{events: data, bin: 5}", "bin takes a time"),
        ("5", "test"),
    ],
)
def test_what_is_refused(folder: Path, says: str, answer: str) -> None:
    with pytest.raises(ModelError, match=answer) as caught:
        load(written(folder, says))
    assert all(fault.where is not None and fault.where.line == 9 for fault in caught.value.faults)


def test_part_of_a_file_is_dumped_as_a_file_of_its_own(folder: Path) -> None:
    model = load(written(folder, "{file: all.npz, share: [0.5, 1]}"))
    again = load(dump(model, folder / "copy"))
    assert again.task is not None and again.task.test == folder / "copy" / "test.npz"
    np.testing.assert_array_equal(datasets.test_data(again).x, datasets.test_data(model).x)
