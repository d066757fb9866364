"""Models by name or path: the trained networks that come with nmc, and a user's own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from nmc.errors import UsageError, closest
from nmc.model import Model

MODEL_FILE = "model.yaml"


def names() -> tuple[str, ...]:
    """The names of the models of the zoo."""
    return tuple(sorted(_folders()))


def load(name_or_path: str | Path) -> Model:
    """A model of the zoo by its name, or the model of a folder with a model.yaml, or of such a file.

    A name of the zoo means that model even where a folder is called the same: './name' is the folder.
    Raises UsageError where there is no such model, ModelError with every fault of its file.
    """
    from nmc.frontends import yaml

    folders = _folders()
    if isinstance(name_or_path, str) and name_or_path in folders:
        return yaml.load(folders[name_or_path] / MODEL_FILE)
    path = Path(name_or_path)
    try:
        if path.is_dir():
            return _of_folder(path)
        if not path.exists():
            raise _unknown(str(name_or_path), folders)
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {str(path)!r}: {error}", "check the path and its permissions") from None
    if path.suffix not in (".yaml", ".yml"):
        raise UsageError(f"{path} is not a model file", "name a .yaml file, or a folder that holds a model.yaml")
    return yaml.load(path)


def _folders() -> Mapping[str, Path]:
    """The folder of each model of the zoo, by name."""
    root = Path(str(files("nmc.models")))
    return {path.parent.name.replace("_", "-"): path.parent for path in root.glob(f"*/{MODEL_FILE}")}


def _of_folder(path: Path) -> Model:
    from nmc.frontends import yaml

    if not (path / MODEL_FILE).is_file():
        raise UsageError(f"the folder {path} holds no {MODEL_FILE}", "name the folder or file of a model")
    return yaml.load(path / MODEL_FILE)


def _unknown(name: str, folders: Mapping[str, Path]) -> UsageError:
    if os.sep in name or name.endswith((".yaml", ".yml")):
        return UsageError(f"there is no file {name}", "check the path")
    return UsageError(f"{name!r} is neither a model of the zoo nor a file", closest(name, folders))
