"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nmc.errors import ToolError


@contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """Another path to write a file to, of the same kind; it is put in place, of an older one too, once it is whole.

    Makes the folders it lies in. Raises ToolError where the disk fails.
    """
    scratch = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield scratch
        scratch.replace(path)
    except OSError as error:
        raise ToolError(f"cannot write {path}: {error.strerror or error}", "check the path and the disk") from None
    finally:
        with suppress(OSError):
            scratch.unlink()


def write_file(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, as `appearing` does."""
    with appearing(path) as scratch:
        scratch.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """The same with a text, in UTF-8."""
    write_file(path, text.encode())
