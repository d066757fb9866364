"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from nmc.errors import ToolError


def write_file(path: Path, data: bytes) -> None:
    """Write a file, in place of an older one, and the folders it lies in. Raises ToolError where the disk fails."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch.write_bytes(data)
        scratch.replace(path)
    except OSError as error:
        raise ToolError(f"cannot write {path}: {error.strerror or error}", "check the path and the disk") from None
    finally:
        with suppress(OSError):
            scratch.unlink()


def write_text(path: Path, text: str) -> None:
    """The same with a text, in UTF-8."""
    write_file(path, text.encode())
