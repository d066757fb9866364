"""HDF5 files as plain trees, read by a process of its own.

The HDF5 library can hang, crash or fill the memory on a damaged file, and cannot be interrupted then. So
it reads in a process with limits, and what it makes of the file comes back as plain arrays.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from nmc.errors import Location, ModelError, ToolError, UsageError
from nmc.model import Array
from nmc.system.process import run_process

if TYPE_CHECKING:
    import h5py

TIME_LIMIT_S = 20.0
_READER = Path(__file__).with_name("reader.py")
_BYTES_PER_S = 20e6
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"\x80", "a Python pickle"),
    (b"PK\x03\x04", "a zip archive, as torch.save and numpy.savez write"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"version https://git-lfs", "a git-lfs pointer, which 'git lfs pull' replaces"),
    (b"\x08", "perhaps an ONNX model"),
)


@dataclass(frozen=True)
class TextArray:
    """An array of texts, flattened."""

    shape: tuple[int, ...]
    texts: tuple[str, ...]


Tree = Mapping[str, "Tree | Array | TextArray | str"]
"""The groups and datasets of a file, by name, in the order in which the file lists them."""


def read(path: Path, time_limit_s: float = TIME_LIMIT_S) -> Tree:
    """All groups and datasets of a file, read within the time limit and a little more for large ones.

    Raises UsageError where there is no such file, ToolError without h5py, and ModelError where the
    file is damaged, declares more than it can hold, or leads to other files.
    """
    size = _checked_size(path)
    h5py_module()
    place = Location(str(path))
    with TemporaryDirectory(prefix="nmc-") as scratch:
        result = Path(scratch) / "tree.npz"
        command = [sys.executable, "-P", str(_READER), str(path.absolute()), str(result)]
        limit = time_limit_s + size / _BYTES_PER_S
        try:
            run_process(command, folder=Path(scratch), name="the HDF5 library", timeout_s=limit)
        except ToolError as error:
            reason = error.faults[0].what.split("; its last lines")[0].split("; it printed")[0]
            raise ModelError(f"the file is damaged: {reason}", "copy or download it again", where=place) from None
        with np.load(result, allow_pickle=False) as arrays:
            outline = json.loads(bytes(arrays["outline"]))
            if "what" in outline:
                raise ModelError(outline["what"], outline["remedy"], where=place)
            return _tree(outline["tree"], arrays)


def _checked_size(path: Path) -> int:
    """The size of an HDF5 file. Raises UsageError where there is no file, ModelError for one of another kind."""
    try:
        if not path.is_file():
            raise UsageError(f"there is no file {path}", "check the path")
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(64)
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {str(path)!r}: {error}", "check the path and its permissions") from None
    if not head.startswith(_SIGNATURE):
        kind = next((f": it is {what}" for magic, what in _FOREIGN if head.startswith(magic)), "")
        raise ModelError(
            f"this is not an HDF5 file{kind or ('' if size else ': it is empty')}",
            "NIR files are HDF5, as nir.write(path, graph) makes them", where=Location(str(path)),
        )
    return size


def _tree(outline: Mapping[str, Mapping[str, object]], arrays: Mapping[str, Array]) -> Tree:
    """The tree that the reader wrote: each member is one of a group, an array, texts and a text."""
    tree: dict[str, Tree | Array | TextArray | str] = {}
    for name, member in outline.items():
        match member:
            case {"group": dict(inner)}:
                tree[name] = _tree(inner, arrays)
            case {"array": str(key)}:
                tree[name] = arrays[key]
            case {"texts": list(texts), "shape": list(shape)}:
                tree[name] = TextArray(tuple(shape), tuple(texts))
            case {"text": str(text)}:
                tree[name] = text
    return tree


def write(tree: Tree) -> bytes:
    """The tree as an HDF5 file; arrays are compressed, and groups keep their order. Raises ToolError without h5py."""
    stream = BytesIO()
    with h5py_module().File(stream, "w", track_order=True) as file:
        _write(file, tree)
    return stream.getvalue()


def _write(group: h5py.Group, tree: Tree) -> None:
    text_type = h5py_module().string_dtype()
    for name, value in tree.items():
        if isinstance(value, str):
            group.create_dataset(name, data=value, dtype=text_type)
        elif isinstance(value, TextArray):
            texts = np.array(value.texts, dtype=object).reshape(value.shape)
            group.create_dataset(name, data=texts, dtype=text_type)
        elif isinstance(value, np.ndarray):
            group.create_dataset(name, data=value, compression="gzip" if value.ndim and value.size else None)
        else:
            _write(group.create_group(name, track_order=True), value)


def h5py_module() -> ModuleType:
    """The h5py package, which is an extra. Raises ToolError where it is not installed."""
    try:
        return import_module("h5py")
    except ImportError:
        raise ToolError("NIR files need h5py, which is not installed", "pip install 'nmc[nir]'") from None
