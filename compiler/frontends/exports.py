"""Models as files of other tools. One table of formats, imported on first use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

from nmc.errors import ToolError, UsageError, closest
from nmc.model import Model

EXPORTS: Mapping[str, str] = {"onnx": "nmc.backends.onnx.lowering:whole_file"}
"""What writes each format, as "module:function": a sound model to the bytes of a file."""


def export_file(model: Model, path: Path, format: str) -> None:
    """Write a model in a format. Raises UsageError for an unknown one, ToolError where the disk fails."""
    if format not in EXPORTS:
        raise UsageError(f"models are not written as {format!r}", closest(format, EXPORTS))
    module, function = EXPORTS[format].split(":")
    write: Callable[[Model], bytes] = getattr(import_module(module), function)
    data = write(model.checked())
    scratch = path.with_name(f".{path.name}.part")
    try:
        scratch.write_bytes(data)
        scratch.replace(path)
    except OSError as error:
        raise ToolError(f"cannot write {path}: {error.strerror or error}", "check the path and the disk") from None
    finally:
        scratch.unlink(missing_ok=True)
