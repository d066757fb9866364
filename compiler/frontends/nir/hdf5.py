"""HDF5 files as plain trees: small, flat and without links to elsewhere, or refused.

A file may declare far more than it holds. Nothing is read before it is known to fit: what is declared
must be possible in a file of that size.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from io import BytesIO
from math import prod
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from nmc.errors import Location, ModelError, NmcError, ToolError, UsageError
from nmc.model import Array

if TYPE_CHECKING:
    import h5py

LIMIT_OBJECTS = 200_000
LIMIT_DEPTH = 40
LIMIT_TEXT = 1 << 26
LIMIT_BYTES = 1 << 32
_SPARE_BYTES = 1 << 24
_DEFLATE_RATIO = 1032
"""The most that one byte of a gzip stream can unfold to, from the deflate format."""
_FILTERS = {1: "gzip", 2: "shuffle", 3: "fletcher32", 4: "szip", 5: "nbit", 6: "scaleoffset", 32000: "lzf"}
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


def read(path: Path) -> Tree:
    """All groups and datasets of a file.

    Raises UsageError where there is no such file, ToolError without h5py, and ModelError where the
    file is damaged, declares more than it can hold, or leads to other files.
    """
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
            f"this is not an HDF5 file{kind or (': it is empty' if not size else '')}",
            "NIR files are HDF5, as nir.write(path, graph) makes them", where=Location(str(path)),
        )
    h5 = _h5py()
    with _damage_explained(path), h5.File(path, "r", locking=False) as file:
        return _Reader(path, size).group(file, 0)


def write(tree: Tree) -> bytes:
    """The tree as an HDF5 file; arrays are compressed, and groups keep their order. Raises ToolError without h5py."""
    stream = BytesIO()
    with _h5py().File(stream, "w", track_order=True) as file:
        _write(file, tree)
    return stream.getvalue()


def _write(group: h5py.Group, tree: Tree) -> None:
    h5 = _h5py()
    for name, value in tree.items():
        if isinstance(value, str):
            group.create_dataset(name, data=value, dtype=h5.string_dtype())
        elif isinstance(value, TextArray):
            texts = np.array(value.texts, dtype=object).reshape(value.shape)
            group.create_dataset(name, data=texts, dtype=h5.string_dtype())
        elif isinstance(value, np.ndarray):
            group.create_dataset(name, data=value, compression="gzip" if value.ndim and value.size else None)
        else:
            _write(group.create_group(name, track_order=True), value)


def _h5py() -> ModuleType:
    try:
        return import_module("h5py")
    except ImportError:
        raise ToolError("NIR files need h5py, which is not installed", "pip install 'nmc[nir]'") from None


@contextmanager
def _damage_explained(path: Path) -> Iterator[None]:
    """Whatever the HDF5 library fails with is a fault of the file."""
    try:
        yield
    except NmcError:
        raise
    except Exception as error:  # the library raises most kinds there are, by what it finds damaged
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(
            f"the HDF5 file is damaged: {reason[:200]}", "copy or download it again", where=Location(str(path))
        ) from None


@dataclass
class _Reader:
    """Reads one file, and counts what it declares against what a file of its size can hold."""

    path: Path
    size: int
    declared: int = 0
    objects: int = 0
    text: int = 0
    seen: set[int] = field(default_factory=set)

    def group(self, group: h5py.Group, depth: int) -> Tree:
        if depth > LIMIT_DEPTH:
            self._refuse(f"groups are nested more than {LIMIT_DEPTH} deep", "no NIR graph is nested so deeply")
        address = _h5py().h5o.get_info(group.id).addr
        if address in self.seen:
            self._refuse(f"the group {group.name!r} is reached twice", "write the graph again with nir.write")
        self.seen.add(address)
        return {name: self._member(group, name, depth) for name in group}

    def _member(self, group: h5py.Group, name: str, depth: int) -> Tree | Array | TextArray | str:
        h5 = _h5py()
        self.objects += 1
        if self.objects > LIMIT_OBJECTS:
            self._refuse(f"there are more than {LIMIT_OBJECTS} objects", "no NIR graph has so many")
        place = f"{group.name}/{name}".replace("//", "/")
        if not isinstance(group.get(name, getlink=True), h5.HardLink):
            self._refuse(f"{place!r} is a link to elsewhere", "a NIR file holds everything itself")
        member = group[name]
        if isinstance(member, h5.Group):
            return self.group(member, depth + 1)
        if not isinstance(member, h5.Dataset):
            self._refuse(f"{place!r} is neither a group nor a dataset", "write the graph again with nir.write")
        return self._dataset(member, place)

    def _dataset(self, data: h5py.Dataset, place: str) -> Array | TextArray | str:
        h5 = _h5py()
        if data.external or data.is_virtual:
            self._refuse(f"the values of {place!r} are in other files", "a NIR file holds everything itself")
        if data.shape is None:
            self._refuse(f"{place!r} holds nothing", "write the graph again with nir.write")
        plist = data.id.get_create_plist()
        filters = [plist.get_filter(i)[0] for i in range(plist.get_nfilters())]
        if unknown := [code for code in filters if code not in _FILTERS]:
            self._refuse(f"{place!r} is compressed by filter {unknown[0]}", "write it with gzip, as nir.write does")
        text = h5.check_string_dtype(data.dtype) is not None
        if not text and data.dtype.kind not in "fiub":
            self._refuse(f"{place!r} holds {data.dtype}, not numbers or texts", "write the graph again with nir.write")
        chunk = prod(data.chunks) if data.chunks else 0
        self.declared += max(prod(data.shape), chunk) * max(data.dtype.itemsize, 1)
        if self.declared > min(_SPARE_BYTES + _DEFLATE_RATIO * self.size, LIMIT_BYTES):
            what = f"{place!r} declares shape {data.shape}, more than a file of {self.size} bytes can hold"
            self._refuse(what if self.declared <= LIMIT_BYTES else f"the arrays take more than {LIMIT_BYTES >> 30} GiB",
                         "copy or download the file again")
        if text:
            return self._texts(data, place)
        array = np.asarray(data[()])
        native: Array = array.astype(array.dtype.newbyteorder("="), copy=False)
        return native

    def _texts(self, data: h5py.Dataset, place: str) -> TextArray | str:
        """Texts, read in pieces: many may share one long text in the file."""
        if data.shape == ():
            return self._text(data[()], place)
        rows = max(1, min(4096, LIMIT_TEXT // max(self.size, 1)) // max(prod(data.shape[1:]), 1))
        pieces = (data[start : start + rows].ravel() for start in range(0, data.shape[0], rows))
        return TextArray(data.shape, tuple(self._text(item, place) for piece in pieces for item in piece))

    def _text(self, value: bytes | str, place: str) -> str:
        self.text += len(value)
        if self.text > LIMIT_TEXT:
            self._refuse(f"the texts take more than {LIMIT_TEXT >> 20} MiB", "no NIR graph has so much text")
        try:
            return value.decode() if isinstance(value, bytes) else str(value)
        except UnicodeDecodeError:
            self._refuse(f"{place!r} is not UTF-8 text", "write the graph again with nir.write")

    def _refuse(self, what: str, remedy: str) -> NoReturn:
        raise ModelError(what, remedy, where=Location(str(self.path)))
