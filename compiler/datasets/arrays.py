"""Array files: .npz and .npy, read without running code, and written whole."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Collection, Mapping
from io import BytesIO
from pathlib import Path
from typing import IO

import numpy as np

from nmc.datasets.listing import LIMIT_BYTES
from nmc.errors import ModelError
from nmc.model import Array
from nmc.nodes.names import identifier
from nmc.system.files import appearing


def read_arrays(path: Path, names: Collection[str] = ("x", "y")) -> tuple[Mapping[str, Array], str]:
    """Those of the named arrays that an .npz holds, or an .npy as 'x', and the file's SHA-256. Raises ModelError.

    An array of another spelling, as ONNX has names with dots, goes by the name that it would have as a node's.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            _check_size(path, file)
            file.seek(0)
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return {"x": loaded}, digest
            spelt = {identifier(name, ()): name for name in loaded.files} | {name: name for name in loaded.files}
            return {name: loaded[spelt[name]] for name in names if name in spelt}, digest
    except ModelError:
        raise
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror or error}", "check the file") from None
    except Exception as error:  # damaged files fail in zipfile, zlib, tokenize and NumPy, each with its own errors
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise ModelError(
            f"{path} is not a whole .npz or .npy file of plain arrays: {reason}",
            "write it again: numpy.savez(path, x=samples, y=labels)",
        ) from None


def _check_size(path: Path, file: IO[bytes]) -> None:
    """Against archives that are small and hold much."""
    if not zipfile.is_zipfile(file):
        return
    with zipfile.ZipFile(file) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
    if size > LIMIT_BYTES:
        raise ModelError(
            f"{path} holds {size >> 20} MiB of arrays, more than {LIMIT_BYTES >> 20}", "keep fewer samples in a file"
        )


def write_arrays(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write arrays as an .npz file, whole or not at all. Raises ToolError."""
    with appearing(path) as scratch, scratch.open("wb") as file:
        _pack(file, arrays)


def packed(arrays: Mapping[str, Array]) -> bytes:
    """The content of an .npz file with these arrays."""
    file = BytesIO()
    _pack(file, arrays)
    return file.getvalue()


def _pack(file: IO[bytes], arrays: Mapping[str, Array]) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():  # numpy.savez cannot write an array called 'file'
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, np.asarray(array), allow_pickle=False)
