"""Models as files of other tools. One table of formats, imported on first use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from nmc.errors import UsageError, closest
from nmc.frontends import choose_options
from nmc.model import Model
from nmc.system.files import write_file


@dataclass(frozen=True)
class Export:
    """A file's bytes, and in words what of the model it leaves out."""

    data: bytes
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Format:
    """What writes a format, as "module:function", and what it lets one choose, as "module:class".

    The function makes bytes, or an Export, of a sound model, and of the choices if there are any.
    """

    write: str
    options: str | None = None


EXPORTS: Mapping[str, Format] = {
    "onnx": Format("nmc.backends.onnx.lowering:whole_file"),
    "nir": Format("nmc.frontends.nir:save", "nmc.frontends.nir:Options"),
}
"""Every format that models are written in."""


def export_file(
    model: Model, path: Path, format: str, options: Mapping[str, object] | None = None
) -> tuple[str, ...]:
    """Write a model in a format; gives, in words, what of the model the file leaves out.

    `options` are the format's, by name; None is not given. Raises UsageError for an unknown format or
    option, UnsupportedError where the format cannot say the model, ToolError where the disk fails.
    """
    if format not in EXPORTS:
        raise UsageError(f"models are not written as {format!r}", closest(format, EXPORTS))
    chosen = EXPORTS[format]
    kind: Callable[..., object] | None = None if chosen.options is None else _found(chosen.options)
    settings = choose_options(kind, f"the format {format}", options or {})
    write: Callable[..., bytes | Export] = _found(chosen.write)
    written = write(model.checked()) if settings is None else write(model.checked(), settings)
    exported = Export(written) if isinstance(written, bytes) else written
    write_file(path, exported.data)
    return exported.notes


def _found(place: str):  # type: ignore[no-untyped-def]  # noqa: ANN202 - whatever the table names
    module, name = place.split(":")
    return getattr(import_module(module), name)
