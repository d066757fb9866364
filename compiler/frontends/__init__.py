"""Frontends: files to models, and models to files. Tables of suffixes and formats, imported on first use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from nmc.errors import UsageError, closest

if TYPE_CHECKING:
    from nmc.model import Model

FRONTENDS: Mapping[str, str] = {
    ".yaml": "nmc.frontends.yaml",
    ".yml": "nmc.frontends.yaml",
    ".onnx": "nmc.frontends.onnx",
    ".nir": "nmc.frontends.nir",
}
"""The module that reads each kind of file. It has `load(path, options)`, and `Options`: a frozen dataclass of
what such files leave open, each field with a default. A module without `Options` has `load(path)`."""


EXPORTS: Mapping[str, str] = {
    "nir": "nmc.frontends.nir",
}
"""The module that writes each format. It has `save(model, options)`, which gives an Export, and `Options`."""


@dataclass(frozen=True)
class Export:
    """A file's bytes, and in words what of the model it leaves out."""

    data: bytes
    notes: tuple[str, ...]


def load_file(path: Path, options: Mapping[str, object]) -> Model:
    """The model of a file, read by what its suffix says.

    `options` are the frontend's, by name; None is not given. Raises UsageError for another kind of
    file, or an option that its frontend does not have, ModelError with every fault of the file.
    """
    suffix = path.suffix.lower()
    if suffix not in FRONTENDS:
        raise UsageError(
            f"{path} is not a model file", f"name a file of {', '.join(FRONTENDS)}, or a folder that holds a model.yaml"
        )
    module = import_module(FRONTENDS[suffix])
    chosen = _options(module, f"a {suffix} file", options)
    model: Model = module.load(path) if chosen is None else module.load(path, chosen)
    return model


def export(model: Model, format: str, options: Mapping[str, object]) -> Export:
    """The model as a file of a format of EXPORTS.

    `options` are the format's, by name; None is not given. Raises UsageError for an unknown format or
    option, UnsupportedError with every node that the format cannot say.
    """
    if format not in EXPORTS:
        raise UsageError(f"{format!r} is not a format to export to", closest(format, EXPORTS))
    module = import_module(EXPORTS[format])
    exported: Export = module.save(model, _options(module, format, options))
    return exported


def _options(module: ModuleType, what: str, options: Mapping[str, object]) -> object:
    """The module's Options with the given values; None if it has none. Raises UsageError."""
    given = {name: value for name, value in options.items() if value is not None}
    kind = getattr(module, "Options", None)
    known = [f.name for f in fields(kind)] if kind is not None else []
    if unknown := [name for name in given if name not in known]:
        raise UsageError(
            f"{what} takes no option {unknown[0]!r}", closest(unknown[0], known) if known else "leave it out"
        )
    return None if kind is None else kind(**given)
