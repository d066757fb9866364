"""Models by name or path: the trained networks that come with nmc, and a user's own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from nmc.errors import UsageError, closest
from nmc.frontends import FRONTENDS, load_file
from nmc.model import Model

MODEL_FILE = "model.yaml"


def names() -> tuple[str, ...]:
    """The names of the models of the zoo."""
    return tuple(sorted(_folders()))


def load(name_or_path: str | Path, **options: object) -> Model:
    """A model of the zoo by its name, or the model of a folder with a model.yaml, or of a file that a frontend reads.

    A name of the zoo means that model even where a folder is called the same: './name' is the folder.
    `options` are the frontend's. Raises UsageError where there is no such model or option, ModelError
    with every fault of its file.
    """
    folders = _folders()
    if isinstance(name_or_path, str) and name_or_path in folders:
        return load_file(folders[name_or_path] / MODEL_FILE, options)
    path = Path(name_or_path)
    try:
        if path.is_dir():
            return load_file(_model_file(path), options)
        if not path.exists():
            raise _unknown(str(name_or_path), folders)
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {str(path)!r}: {error}", "check the path and its permissions") from None
    return load_file(path, options)


def _folders() -> Mapping[str, Path]:
    """The folder of each model of the zoo, by name."""
    root = Path(str(files("nmc.models")))
    return {path.parent.name.replace("_", "-"): path.parent for path in root.glob(f"*/{MODEL_FILE}")}


def _model_file(path: Path) -> Path:
    if not (path / MODEL_FILE).is_file():
        raise UsageError(f"the folder {path} holds no {MODEL_FILE}", "name the folder or file of a model")
    return path / MODEL_FILE


def _unknown(name: str, folders: Mapping[str, Path]) -> UsageError:
    if os.sep in name or name.endswith(tuple(FRONTENDS)):
        return UsageError(f"there is no file {name}", "check the path")
    return UsageError(f"{name!r} is neither a model of the zoo nor a file", closest(name, folders))
