"""The process that reads one HDF5 file for `nmc.frontends.nir.hdf5`: python reader.py FILE RESULT.

It stands alone, to start soon: nothing of nmc is imported.
A file may declare far more than it holds. Nothing is read before it is known to fit: what is declared
must be possible in a file of that size.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import NoReturn

import h5py
import numpy as np
from numpy.typing import NDArray

LIMIT_OBJECTS = 200_000
LIMIT_DEPTH = 40
LIMIT_TEXT = 1 << 26
LIMIT_BYTES = 1 << 32
_SPARE_BYTES = 1 << 24
_DEFLATE_RATIO = 1032
"""The most that one byte of a gzip stream can unfold to, from the deflate format."""
_FILTERS = frozenset((1, 2, 3, 4, 5, 6, 32000))
"""HDF5's own filters, by their registered numbers, and lzf."""
_REWRITE = "write the graph again with nir.write"

Member = dict[str, object]
"""A group, array, texts or text of the outline: {"group": members}, {"array": key}, ..."""


class RefusedError(Exception):
    """A file that is not to be read further, with the remedy."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.remedy = remedy


def main(path: Path, result: Path) -> None:
    """Write the file's arrays, and an outline of all it holds or why it is refused, to `result`."""
    size = path.stat().st_size
    allowed = min(_SPARE_BYTES + _DEFLATE_RATIO * size, LIMIT_BYTES)
    _limit_memory((1 << 32) + 3 * allowed)
    reader = Reader(size, allowed)
    try:
        with h5py.File(path, "r", locking=False) as file:
            outline: dict[str, object] = {"tree": reader.group(file, 0)}
    except RefusedError as error:
        outline, reader.arrays = {"what": str(error), "remedy": error.remedy}, {}
    except Exception as error:  # the library raises most kinds there are, by what it finds damaged
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        outline = {"what": f"the HDF5 file is damaged: {reason}", "remedy": "copy or download it again"}
        reader.arrays = {}
    text = np.frombuffer(json.dumps(outline).encode(), np.uint8)
    np.savez(result, allow_pickle=False, outline=text, **reader.arrays)


def _limit_memory(limit: int) -> None:
    """Bound the memory of this process, where the system can, by no more than it is bounded by already."""
    try:
        import resource
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


@dataclass
class Reader:
    """Reads one file of `size` bytes, and counts what it declares against what is allowed."""

    size: int
    allowed: int
    arrays: dict[str, NDArray[np.generic]] = field(default_factory=dict)
    declared: int = 0
    objects: int = 0
    text: int = 0
    seen: set[int] = field(default_factory=set)

    def group(self, group: h5py.Group, depth: int) -> dict[str, Member]:
        """The outline of a group and all below it. Raises RefusedError."""
        if depth > LIMIT_DEPTH:
            self._refuse(f"groups are nested more than {LIMIT_DEPTH} deep", "no NIR graph is nested so deeply")
        address = h5py.h5o.get_info(group.id).addr
        if address in self.seen:
            self._refuse(f"the group {group.name!r} is reached twice", _REWRITE)
        self.seen.add(address)
        return {name: self._member(group, name, depth) for name in group}

    def _member(self, group: h5py.Group, name: str, depth: int) -> Member:
        self.objects += 1
        if self.objects > LIMIT_OBJECTS:
            self._refuse(f"there are more than {LIMIT_OBJECTS} objects", "no NIR graph has so many")
        place = f"{group.name}/{name}".replace("//", "/")
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            self._refuse(f"{place!r} is a link to elsewhere", "a NIR file holds everything itself")
        member = group[name]
        if isinstance(member, h5py.Group):
            return {"group": self.group(member, depth + 1)}
        if not isinstance(member, h5py.Dataset):
            self._refuse(f"{place!r} is neither a group nor a dataset", _REWRITE)
        return self._dataset(member, place)

    def _dataset(self, data: h5py.Dataset, place: str) -> Member:
        if data.external or data.is_virtual:
            self._refuse(f"the values of {place!r} are in other files", "a NIR file holds everything itself")
        if data.shape is None:
            self._refuse(f"{place!r} holds nothing", _REWRITE)
        plist = data.id.get_create_plist()
        filters = {plist.get_filter(i)[0] for i in range(plist.get_nfilters())}
        if unknown := filters - _FILTERS:
            self._refuse(f"{place!r} is compressed by filter {min(unknown)}", "write it with gzip, as nir.write does")
        text = h5py.check_string_dtype(data.dtype) is not None
        if not text and data.dtype.kind not in "fiub":
            self._refuse(f"{place!r} holds {data.dtype}, not numbers or texts", _REWRITE)
        chunk = prod(data.chunks) if data.chunks else 0
        self.declared += max(prod(data.shape), chunk) * max(data.dtype.itemsize, 1)
        if self.declared > self.allowed:
            what = f"{place!r} declares shape {data.shape}, more than a file of {self.size} bytes can hold"
            self._refuse(what, "copy or download the file again; no graph takes more than 4 GiB")
        if text:
            return self._texts(data, place)
        array = np.asarray(data[()])
        key = f"a{len(self.arrays)}"
        self.arrays[key] = array.astype(array.dtype.newbyteorder("="), copy=False)
        return {"array": key}

    def _texts(self, data: h5py.Dataset, place: str) -> Member:
        """Texts, read in pieces: many may share one long text in the file."""
        if data.shape == ():
            return {"text": self._text(data[()], place)}
        rows = max(1, min(4096, LIMIT_TEXT // max(self.size, 1)) // max(prod(data.shape[1:]), 1))
        pieces = (data[start : start + rows].ravel() for start in range(0, data.shape[0], rows))
        texts = [self._text(item, place) for piece in pieces for item in piece]
        return {"texts": texts, "shape": list(data.shape)}

    def _text(self, value: bytes | str, place: str) -> str:
        self.text += len(value)
        if self.text > LIMIT_TEXT:
            self._refuse(f"the texts take more than {LIMIT_TEXT >> 20} MiB", "no NIR graph has so much text")
        try:
            return value.decode() if isinstance(value, bytes) else str(value)
        except UnicodeDecodeError:
            self._refuse(f"{place!r} is not UTF-8 text", _REWRITE)

    def _refuse(self, what: str, remedy: str) -> NoReturn:
        raise RefusedError(what, remedy)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
