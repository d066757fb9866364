"""Files that are no NIR, damaged or hostile are refused soon, in words, and within bounded memory."""

from __future__ import annotations

import pickle
import random
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import nmc
from needs import extra
from nmc.errors import ModelError, NmcError, UsageError
from nmc.frontends.nir import hdf5

h5py = extra("h5py")
GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.nir"))


def refusal(path: Path, time_limit_s: float = 20.0) -> str:
    """What reading a file is refused with."""
    with pytest.raises(ModelError) as error:
        hdf5.read(path, time_limit_s)
    return str(error.value)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "it is empty"),
        (b"not a graph", "this is not an HDF5 file"),
        (pickle.dumps({"nodes": []}), "a Python pickle"),
        (b"PK\x03\x04rest", "a zip archive"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
    ],
)  # fmt: skip
def test_other_files_are_named(data: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "a.nir").write_bytes(data)
    assert said in refusal(tmp_path / "a.nir")


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no file"):
        nmc.load(tmp_path / "none.nir", dt="1 ms")


@pytest.mark.parametrize("kept", [9, 100, 2000, 20_000])
def test_cut_off_files(kept: int, tmp_path: Path) -> None:
    (tmp_path / "a.nir").write_bytes(GOLDEN[0].read_bytes()[:kept])
    assert "the HDF5 file is damaged" in refusal(tmp_path / "a.nir")


def test_a_file_on_which_the_library_hangs(tmp_path: Path) -> None:
    """HDF5 1.14 reads a heap of texts without sizes forever, and takes no interrupt."""
    (golden,) = (path for path in GOLDEN if path.stem == "snntorch_recurrent")
    data = bytearray(golden.read_bytes())
    heap = data.index(b"GCOL") + 16
    data[heap : heap + 560] = bytes(560)
    (tmp_path / "a.nir").write_bytes(data)
    started = time.monotonic()
    said = refusal(tmp_path / "a.nir", time_limit_s=3.0)
    assert "damaged" in said
    assert time.monotonic() - started < 10


def huge(file: h5py.File) -> None:
    """Declares a terabyte of zeros, and holds none."""
    file.create_dataset("weight", (1 << 19, 1 << 18), dtype="f8", chunks=(1, 1 << 10))


def large_chunk(file: h5py.File) -> None:
    """Declares one number in a chunk of two gigabytes."""
    file.create_dataset("weight", (1,), maxshape=(None,), dtype="f8", chunks=(1 << 28,))


def soft_link(file: h5py.File) -> None:
    file["node"] = h5py.SoftLink("/elsewhere")


def external_link(file: h5py.File) -> None:
    file["node"] = h5py.ExternalLink("/etc/passwd", "/")


def external_values(file: h5py.File) -> None:
    file.create_dataset("weight", (8,), dtype="u1", external=[("/etc/hostname", 0, 8)])


def virtual_values(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((4,), "f8")
    layout[:] = h5py.VirtualSource("/tmp/other.h5", "x", (4,))
    file.create_virtual_dataset("weight", layout)


def circle(file: h5py.File) -> None:
    file.create_group("a")["b"] = file["/"]


def deep(file: h5py.File) -> None:
    file.create_group("/".join("g" * 60))


def many_long_texts(file: h5py.File) -> None:
    """A few kilobytes that unfold to many texts."""
    texts = file.create_dataset("edges", (100_000, 2), dtype=h5py.string_dtype(), compression="gzip")
    texts[:10] = "x" * 100_000


def objects(file: h5py.File) -> None:
    file.create_dataset("weight", data=np.zeros(3, dtype=[("a", "f8"), ("b", "f8")]))


CRAFTED: dict[Callable[[h5py.File], None], str] = {
    huge: "more than a file of", large_chunk: "more than a file of", soft_link: "a link to elsewhere",
    external_link: "a link to elsewhere", external_values: "are in other files", virtual_values: "are in other files",
    circle: "is reached twice", deep: "nested more than", objects: "not numbers or texts",
}  # fmt: skip


@pytest.mark.parametrize("craft", CRAFTED, ids=lambda craft: craft.__name__)
def test_crafted_files(craft: Callable[[h5py.File], None], tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.nir", "w") as file:
        craft(file)
    assert CRAFTED[craft] in refusal(tmp_path / "a.nir")


def test_repeated_texts_take_no_more_than_their_limit(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.nir", "w") as file:
        many_long_texts(file)
    assert hdf5.read(tmp_path / "a.nir")["edges"].shape == (100_000, 2)


def test_trees_come_back(tmp_path: Path) -> None:
    tree = {
        "z": {"text": "µ", "empty": np.zeros((0, 2))}, "scalar": np.array(2.5), "flags": np.array([True, False]),
        "edges": hdf5.TextArray((1, 2), ("a", "b")), "big endian": np.arange(3, dtype=">i4"),
    }  # fmt: skip
    (tmp_path / "a.nir").write_bytes(hdf5.write(tree))
    again = hdf5.read(tmp_path / "a.nir")
    assert list(again) == list(tree)
    assert again["z"]["text"] == "µ"
    assert again["edges"] == tree["edges"]
    for name in ("scalar", "flags", "big endian"):
        np.testing.assert_array_equal(again[name], tree[name])
    assert again["z"]["empty"].shape == (0, 2)


def damaged(data: bytes, chance: random.Random) -> bytes:
    """A file with some bytes changed, moved, repeated or left out."""
    made = bytearray(data)
    for _ in range(chance.choice((1, 4, 16, 64))):
        at = chance.randrange(8, chance.choice((4096, len(made))))
        match chance.randrange(4):
            case 0:
                made[at] = chance.randrange(256)
            case 1:
                made[at : at + 8] = chance.choice((b"\xff" * 8, bytes(8), (1 << 40).to_bytes(8, "little")))
            case 2:
                source, size = chance.randrange(len(made)), chance.randrange(1, 64)
                made[at : at + size] = made[source : source + size]
            case _:
                del made[at : at + chance.randrange(1, 9)]
    return bytes(made)


@pytest.mark.parametrize(
    "seeds", [range(12), pytest.param(range(12, 1000), marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_damaged_files_are_read_or_refused(seeds: range, tmp_path: Path) -> None:
    """Never anything but a model or a refusal, whatever the library makes of the damage."""
    for seed in seeds:
        chance = random.Random(seed)
        (tmp_path / "a.nir").write_bytes(damaged(chance.choice(GOLDEN).read_bytes(), chance))
        try:
            tree = hdf5.read(tmp_path / "a.nir", time_limit_s=2.0)
        except NmcError:
            continue
        assert isinstance(tree, dict)
