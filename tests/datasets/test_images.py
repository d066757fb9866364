"""Folders of images, and data sets of torchvision."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nmc import datasets
from nmc.data_source import ImageFolder, Scaling, Selection, Source, TorchvisionSet
from nmc.errors import ModelError, ToolError, UsageError
from nmc.model import Model, Task
from nmc.text import parse

GREY = np.array([[0, 51, 102], [153, 204, 255]], np.uint8)
"""Fifths of 255."""


def model(source: Source, shape: str = "(2, 3)") -> Model:
    graph = parse(f"x = Input(shape={shape})\ny = Flatten(x)\nreturn y")
    return Model("m", graph, {}, task=Task("classification", "accuracy", test=source)).checked()


def folder(root: Path, pillow: ModuleType, **images: np.ndarray) -> Path:
    """Images by class; each as a PNG of its own class folder."""
    for name, pixels in images.items():
        (root / name).mkdir()
        pillow.fromarray(pixels).save(root / name / "0.png")
    return root


def test_classes_are_folders_in_the_order_of_their_names(tmp_path: Path, pillow: ModuleType) -> None:
    folder(tmp_path, pillow, cat=GREY, ant=255 - GREY)
    data = datasets.test_data(model(ImageFolder(path=tmp_path)))
    np.testing.assert_allclose(data.x[1], [[0.0, 0.2, 0.4], [0.6, 0.8, 1.0]])
    assert data.y.tolist() == [0, 1] and data.name == tmp_path.name


@pytest.mark.parametrize(("shape", "size"), [("(1, 2, 3)", None), ("(6,)", (2, 3)), ("(3, 2, 3)", None)])
def test_channels_follow_from_the_input(tmp_path: Path, pillow: ModuleType, shape: str, size) -> None:  # type: ignore[no-untyped-def]
    folder(tmp_path, pillow, a=GREY)
    (x,) = datasets.test_data(model(ImageFolder(path=tmp_path, scaling=Scaling(size=size)), shape)).x
    np.testing.assert_allclose(x.reshape(-1, 6), np.tile(np.arange(6) / 5, (x.size // 6, 1)))


def test_colours_are_scaled_by_channel(tmp_path: Path, pillow: ModuleType) -> None:
    """(0.2 - 0.2) / 1, (0.4 - 0.2) / 2, (1 - 0.5) / 5."""
    folder(tmp_path, pillow, a=np.tile(np.array([51, 102, 255], np.uint8), (2, 3, 1)))
    scaling = Scaling(mean=(0.2, 0.2, 0.5), std=(1.0, 2.0, 5.0))
    (x,) = datasets.test_data(model(ImageFolder(path=tmp_path, scaling=scaling), "(3, 2, 3)")).x
    np.testing.assert_allclose(x[:, 1, 2], [0.0, 0.1, 0.1])


def test_other_sizes_are_resized_only_where_asked_for(tmp_path: Path, pillow: ModuleType) -> None:
    folder(tmp_path, pillow, a=np.full((8, 9), 51, np.uint8))
    with pytest.raises(ModelError, match=r"8 x 9 pixels[\s\S]*input takes 2 x 3[\s\S]*size: \[2, 3\]"):
        datasets.test_data(model(ImageFolder(path=tmp_path)))
    data = datasets.test_data(model(ImageFolder(path=tmp_path, scaling=Scaling(size=(2, 3)))))
    np.testing.assert_allclose(data.x, 0.2)


def test_shares_of_one_seed_have_nothing_in_common(tmp_path: Path, pillow: ModuleType) -> None:
    """Of ten images with the grey values 0 to 9, 7 and 3."""
    (tmp_path / "a").mkdir()
    for index in range(10):
        pillow.fromarray(np.full((2, 3), index, np.uint8)).save(tmp_path / "a" / f"{index}.png")
    parts = []
    for share in ((0.0, 0.7), (0.7, 1.0)):
        selection = Selection(share=share, seed=4)
        data = datasets.test_data(model(ImageFolder(path=tmp_path, selection=selection)))
        assert data.record.selection == selection and data.record.samples == len(data.x)
        parts.append(np.rint(255 * data.x[:, 0, 0]).astype(int).tolist())
    assert len(parts[0]) == 7 and sorted(parts[0] + parts[1]) == list(range(10)) and parts[0] != sorted(parts[0])


def test_what_is_no_image_is_refused(tmp_path: Path, pillow: ModuleType) -> None:
    folder(tmp_path, pillow, a=GREY)
    pillow.fromarray(np.zeros((2, 3), np.uint16)).save(tmp_path / "a" / "1.png")
    with pytest.raises(ModelError, match=r"1\.png has pixels of kind I"):
        datasets.test_data(model(ImageFolder(path=tmp_path)))
    pillow.fromarray(GREY).save(tmp_path / "a" / "1.gif")
    (tmp_path / "a" / "1.gif").rename(tmp_path / "a" / "1.png")
    with pytest.raises(ModelError, match=r"1\.png is not a whole PNG or JPEG image"):
        datasets.test_data(model(ImageFolder(path=tmp_path)))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_damaged_image_is_one_clear_error(tmp_path: Path, pillow: ModuleType, data: st.DataObject) -> None:
    path = tmp_path / "a" / "0.png"
    if not path.exists():
        folder(tmp_path, pillow, a=GREY)
    pillow.fromarray(GREY).save(path)
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.none() | st.integers(0, len(content)))])
    try:
        datasets.test_data(model(ImageFolder(path=tmp_path)))
    except ModelError as error:
        assert len(error.faults) == 1 and error.faults[0].remedy


def test_without_pillow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(ToolError, match=r"Pillow, which is not installed[\s\S]*nmc\[images\]"):
        datasets.test_data(model(ImageFolder(path=tmp_path)))


class _Mnist:
    """Stands for torchvision's class: pictures and their classes, one after another."""

    def __init__(self, root: str, train: bool, download: bool) -> None:
        from PIL import Image

        if not Path(root).is_dir():
            raise RuntimeError("Dataset not found. You can use download=True to download it")
        self.pictures = [Image.fromarray(GREY if train else 255 - GREY)] * 3
        self.targets = [5, 0, 4]

    def __getitem__(self, index: int) -> tuple[object, int]:
        return self.pictures[index], self.targets[index]


def test_torchvision_by_name(tmp_path: Path, pillow: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision.datasets", SimpleNamespace(MNIST=_Mnist))
    data = datasets.test_data(model(TorchvisionSet(dataset="MNIST", root=tmp_path, train=False)), samples=2)
    np.testing.assert_allclose(data.x[0], 1 - GREY / 255)
    assert data.y.tolist() == [5, 0] and data.name == "torchvision MNIST, test part"
    with pytest.raises(ModelError, match=r"not in .*none: Dataset not found[\s\S]*download it"):
        datasets.test_data(model(TorchvisionSet(dataset="MNIST", root=tmp_path / "none", train=True)))
    with pytest.raises(UsageError, match=r"'MNISt' is no data set[\s\S]*'MNIST'"):
        datasets.test_data(model(TorchvisionSet(dataset="MNISt", root=tmp_path, train=True)))


def test_without_torchvision_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision.datasets", None)
    with pytest.raises(ToolError, match="torchvision, which is not installed"):
        datasets.test_data(model(TorchvisionSet(dataset="MNIST", root=tmp_path, train=True)))
