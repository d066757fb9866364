"""The arrays of a model: a safetensors file, read whole or explained."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from nmc.errors import ModelError
from nmc.model import Array

_FOREIGN: tuple[tuple[bytes, str, str], ...] = (
    (b"\x93NUMPY", "a NumPy array", "numpy.load(path)"),
    (b"\x89HDF", "an HDF5 file", "its tool's own loader"),
    (b"\x80", "a Python pickle, as older torch.save writes", "torch.load(path, weights_only=True)"),
)


def read(path: Path) -> Mapping[str, Array]:
    """The file's arrays by name.

    Raises ModelError where it is missing, damaged, or of another format, with how to convert it.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        if not path.is_file():
            raise ModelError(f"there is no file {path}", "put the weights beside the model file, or mend the name")
        foreign = _foreign(path)
        if foreign:
            what, loader = foreign
            raise ModelError(
                f"{path.name} is {what}, not a safetensors file",
                f"convert it: read it with {loader}, and write its arrays with safetensors.numpy.save_file",
            )
        loaded = dict(load_file(path))
        for array in loaded.values():
            if array.dtype.kind == "V":  # bfloat16 and the like, which some packages add to NumPy when imported
                raise TypeError(array.dtype.name)
        return loaded
    except SafetensorError as error:
        reason = str(error).removeprefix("Error while deserializing header: ")
        raise ModelError(
            f"{path.name} is not a whole safetensors file: {reason}",
            "copy or download it again; git clones may hold a pointer that 'git lfs pull' replaces",
        ) from None
    except (TypeError, KeyError) as error:
        raise ModelError(
            f"{path.name} holds arrays of a type that NumPy does not have: {error}", "store them as float32"
        ) from None
    except (OSError, ValueError, MemoryError) as error:
        raise ModelError(f"cannot read {path}: {error}", "check the file and its permissions") from None


def as_bytes(arrays: Mapping[str, Array]) -> bytes:
    """The arrays as a safetensors file. Raises ModelError where one is of a type it does not have."""
    from safetensors import SafetensorError
    from safetensors.numpy import save

    native = {name: np.array(array, dtype=array.dtype.newbyteorder("="), order="C") for name, array in arrays.items()}
    try:
        return save(native)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"an array cannot be stored as safetensors: {error}", "store it as float32") from None


def _foreign(path: Path) -> tuple[str, str] | None:
    """What a file of another format is, and what reads it."""
    with path.open("rb") as file:
        head = file.read(64)
    if head.startswith(b"PK\x03\x04"):
        if b".npy" in head:
            return "a NumPy archive (.npz)", "numpy.load(path)"
        return "a PyTorch checkpoint (.pt)", "torch.load(path, weights_only=True)"
    for magic, what, loader in _FOREIGN:
        if head.startswith(magic) and head[8:9] != b"{":
            return what, loader
    return None
