"""Which axis of a file's inputs counts samples, and what to say where one reading of that fails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from nmc.errors import ModelError, NmcError
from nmc.frontends.onnx.values import ACROSS

Reading = Literal["named", "first", "none"]
"""The axis with a symbol that names a batch; the first one of every input; or none, since a sample is all there is."""
Sizes = Sequence[int | str]
"""The sizes of an input as the file has them: a symbol where there is no number."""

_OPEN = 32
"""A size to propose where the file leaves one open."""


def named_batch(sizes: Sizes) -> str | None:
    """The symbol that names a batch, where it is not on the first axis and that one has a number."""
    if not sizes or not isinstance(sizes[0], int):
        return None
    return next((size for size in sizes if isinstance(size, str) and names_batch(size)), None)


def samples_axis(sizes: Sizes, batch: int | str | None, reading: Reading) -> int | None:
    """The axis of an input that counts samples. `batch`: the size of that axis of the first input."""
    if reading == "none" or not sizes:
        return None
    if reading == "named":
        return sizes.index(batch) if batch in sizes else None
    return 0 if sizes[0] == batch or batch not in sizes else sizes.index(batch)


def proposed(sizes: Sizes, counts: int | None) -> tuple[int, ...]:
    """Sizes that complete those of an input: the file's own stay."""
    return tuple(
        size if isinstance(size, int) else 1 if axis == counts or names_batch(size) else _OPEN
        for axis, size in enumerate(sizes)
    )


def names_batch(symbol: str) -> bool:
    """Whether an axis of this name counts samples."""
    return "batch" in symbol.lower() or symbol.lower() == "bs"


def shape_options(shapes: Mapping[str, Sequence[int]]) -> str:
    """Sizes by input as the options of nmc import."""
    return " ".join(f"--shape '{name}={','.join(map(str, sizes))}'" for name, sizes in shapes.items())


def works_across(error: NmcError) -> bool:
    """Whether something in the file makes samples depend on one another, in the reading that gave the error."""
    return any(fault.remedy == ACROSS for fault in error.faults)


def advised(error: NmcError, shapes: Mapping[str, Sequence[int]]) -> NmcError:
    """The error of a reading with an axis of samples, where the one without takes the file, given these sizes."""
    options = " ".join(["--batch none", shape_options(shapes)]).strip()
    advice = f"{ACROSS}; if a sample is all that the file takes, import it so: nmc import FILE {options}"
    faults = [replace(fault, remedy=advice if fault.remedy == ACROSS else fault.remedy) for fault in error.faults]
    return ModelError.of(faults)


def nearest(first: NmcError, none: NmcError) -> NmcError:
    """What to tell where the reading with an axis of samples fails, and the one without, too.

    Where samples depend on one another in the former, only the latter can be mended.
    """
    return none if works_across(first) else first
