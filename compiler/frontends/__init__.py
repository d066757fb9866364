"""Frontends: files to models. One table of suffixes, imported on first use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from inspect import signature
from pathlib import Path
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
    chosen = choose_options(getattr(module, "Options", None), f"a {suffix} file", options)
    model: Model = module.load(path) if chosen is None else module.load(path, chosen)
    return model


def choose_options(kind: Callable[..., object] | None, what: str, options: Mapping[str, object]) -> object:
    """A frozen dataclass of what `what` lets one choose, with the given values; None is not given.

    `kind` is that dataclass, or None where there is nothing to choose; then so is the result. Raises
    UsageError for a name that it does not have.
    """
    given = {name: value for name, value in options.items() if value is not None}
    known = [] if kind is None else list(signature(kind).parameters)
    if unknown := [name for name in given if name not in known]:
        raise UsageError(
            f"{what} takes no option {unknown[0]!r}", closest(unknown[0], known) if known else "leave it out"
        )
    return None if kind is None else kind(**given)
