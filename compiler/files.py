"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from nmc.errors import ToolError


def write_text(path: Path, text: str) -> None:
    """Put a text file in place, and the folder it goes to; an older file there is replaced. Raises ToolError."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            scratch.write_text(text, encoding="utf-8")
            scratch.replace(path)
        finally:
            scratch.unlink(missing_ok=True)
    except OSError as error:
        raise ToolError(f"cannot write {path}: {error.strerror or error}", "check the path and the disk") from None
