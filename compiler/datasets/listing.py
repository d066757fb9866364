"""Labelled samples that are read one by one, and how those that a task takes become arrays."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nmc.data_source import DataRecord, Selection
from nmc.errors import ModelError, NmcError
from nmc.findings import Finding
from nmc.graph import Shape
from nmc.model import Array

LIMIT_BYTES = 4 << 30
"""The most that the samples of a data set may take in memory, in double precision."""
LIMIT_FILES = 1_000_000


@dataclass(frozen=True)
class Listing:
    """The samples of a data set in order: their labels [samples], the shape of each, and how to read one.

    `findings` says what is to be known of those that were read.
    """

    name: str
    labels: NDArray[np.int64]
    shape: Shape
    read: Callable[[int], Array]
    findings: Callable[[], tuple[Finding, ...]] = tuple


@dataclass(frozen=True, eq=False)
class Samples:
    """Samples as they were read, not yet held against a model; y is None where there are no labels."""

    x: Array
    y: Array | None
    record: DataRecord
    findings: tuple[Finding, ...] = ()


def gathered(listing: Listing, selection: Selection, limit: int | None = None) -> Samples:
    """The selected samples, at most `limit`; the digest is that of what was read.

    Raises ModelError where none is selected, or they would not fit in the memory that nmc allows.
    """
    chosen = selected(listing.name, selection, len(listing.labels), limit)
    size = 8 * len(chosen) * prod(listing.shape)
    if size > LIMIT_BYTES:
        raise ModelError(
            f"{listing.name}: {len(chosen)} samples of {list(listing.shape)} take {size >> 20} MiB in memory, more than"
            f" {LIMIT_BYTES >> 20}",
            "take fewer with 'samples: 1000'",
        )
    x = np.zeros((len(chosen), *listing.shape))
    for row, index in enumerate(chosen):
        x[row] = listing.read(int(index))
    y = listing.labels[chosen]
    return Samples(x, y, DataRecord(listing.name, digest_of(x, y), len(x), selection), listing.findings())


def selected(name: str, selection: Selection, count: int, limit: int | None = None) -> NDArray[np.intp]:
    """The indices that a selection takes, at most `limit`. Raises ModelError where there are none."""
    chosen = selection.indices(count)[:limit]
    if not len(chosen):
        raise ModelError(f"{name}: none of the {count} samples is selected", "widen 'share', or add data")
    return chosen


def digest_of(*arrays: Array | None) -> str:
    """SHA-256 over the types, shapes and bytes of arrays."""
    digest = hashlib.sha256()
    for array in arrays:
        if array is not None:
            kind = array.dtype.str if array.dtype.names is None else array.dtype.descr
            digest.update(f"{kind} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def files_by_class(folder: Path, suffixes: frozenset[str]) -> tuple[list[Path], NDArray[np.int64]]:
    """The files with these suffixes below the folder of each class, and their class numbers, by name.

    Raises ModelError where there is no such folder, no class, or a class without files.
    """
    forms = ", ".join(sorted(suffixes))
    try:
        classes = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
        found = [
            sorted(p for p in path.iterdir() if p.suffix.lower() in suffixes and not p.name.startswith("."))
            for path in classes
        ]
    except OSError as error:
        raise ModelError(f"cannot read the folder {folder}: {error.strerror or error}", "check the path") from None
    if not classes:
        raise ModelError(f"{folder} has no folders of classes", f"put the files ({forms}) into a folder for each class")
    if empty := [path.name for path, files in zip(classes, found, strict=True) if not files]:
        raise ModelError(f"{folder / empty[0]} has no files that end in {forms}", "add some, or remove the folder")
    paths = [path for files in found for path in files]
    if len(paths) > LIMIT_FILES:
        raise ModelError(f"{folder} has {len(paths)} files, more than {LIMIT_FILES}", "split the data set")
    return paths, np.repeat(np.arange(len(found)), [len(files) for files in found])


def unreadable(path: Path, what: str, error: Exception | str, remedy: str) -> ModelError:
    """The error for a file that is not what it should be; one that explains itself stays as it is."""
    if isinstance(error, ModelError):
        return error
    reason = str(error).partition("\n")[0][:200] or type(error).__name__
    assert not isinstance(error, NmcError)
    return ModelError(f"{path} is not {what}: {reason}", remedy)
