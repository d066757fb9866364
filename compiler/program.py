"""Programs: what compiling writes, a directory that is self-contained, checked, and whole or absent."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Generic

from typing_extensions import TypeVar

from nmc.errors import NmcError, ProgramError, ToolError, UsageError
from nmc.model import Array, Model
from nmc.verification.record import Verification

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from nmc.backends.target import Options

FORMAT = "nmc-program"
VERSION = 1
MANIFEST = "manifest.json"
GRAPH = "graph.txt"
WEIGHTS = "weights.safetensors"

_AGAIN = "compile the model again"
_GIVE = "give a directory that 'nmc compile' wrote"
_TAKEN = "name another directory, or remove this one"

OptionValue = str | int | float | bool | None
Chosen = TypeVar("Chosen", bound="Options", covariant=True, default="Options")


@dataclass(frozen=True)
class FileRecord:
    """What the manifest says of a file: its size in bytes and the SHA-256 of its content."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """The facts of a program. `steps` is the run length in time steps of the program's graph.

    `verification` is what was verified when it was compiled; None where nothing was, as of a program that learned.
    """

    name: str
    target: str
    chip: str
    nmc: str
    options: Mapping[str, OptionValue]
    steps: int | None
    files: Mapping[str, FileRecord]
    description: str = ""
    format: str = FORMAT
    version: int = VERSION
    verification: Verification | None = None

    @property
    def verified(self) -> str:
        """What was verified, in a few words: "16 samples x 32 steps, equal"."""
        return "nothing" if self.verification is None else self.verification.summary


@dataclass(frozen=True, eq=False)
class Program(Generic[Chosen]):
    """A compiled program, loaded and checked: the graph and weights after the target's passes.

    An engine that is for some kind of options says so, as in `Program[OnnxOptions]`.
    """

    path: Path
    manifest: Manifest
    model: Model
    _files: Mapping[str, bytes] = field(repr=False)

    @property
    def name(self) -> str:
        """The model's name."""
        return self.manifest.name

    @property
    def target(self) -> str:
        """The target's name."""
        return self.manifest.target

    @property
    def chip(self) -> str:
        """The name of the chip that prices it."""
        return self.manifest.chip

    @cached_property
    def options(self) -> Chosen:
        """The target's options as compiled. Raises ProgramError where the target has other ones today."""
        from nmc.backends import target_of

        try:
            return target_of(self).configured(self.manifest.options)  # type: ignore[return-value]
        except UsageError as error:
            raise ProgramError(f"the options of {self.path} are not those of its target: {error}", _AGAIN) from None

    @property
    def steps(self) -> int | None:
        """How many time steps of the graph a run lasts, unless told otherwise."""
        return self.manifest.steps

    def changed(self, model: Model, files: Mapping[str, bytes]) -> Program[Chosen]:
        """The same of another model, with these files in place of its own of their names."""
        return replace(self, model=model, _files={**self._files, **files})

    def file(self, name: str) -> bytes:
        """The content of one of the program's files. Raises ProgramError where there is none of that name."""
        if name not in self._files:
            raise ProgramError(f"the program {self.path} has no file {name!r}", _AGAIN)
        return self._files[name]


@dataclass(frozen=True, eq=False)
class Draft:
    """A program that is not written yet: where it goes, and the bytes of its files but for the manifest's."""

    directory: Path
    manifest: Manifest
    contents: Mapping[str, bytes] = field(repr=False)

    @property
    def program(self) -> Program:
        """The program as it will be loaded, from the bytes that will be written."""
        return _assembled(self.directory, self.manifest, self.contents)

    def write(self, verification: Verification | None = None) -> Program:
        """Write it with what was verified of it, and load it back.

        The directory appears whole or not at all; an older program there is replaced, anything else is
        refused with UsageError. Raises ToolError where the disk fails.
        """
        manifest = replace(self.manifest, verification=verification)
        contents = {**self.contents, MANIFEST: _encode(manifest)}
        replace_directory(self.directory, contents, replaceable=is_program)
        return load(self.directory)


def draft(
    directory: Path,
    model: Model,
    *,
    target: str,
    chip: str,
    options: Mapping[str, OptionValue],
    files: Mapping[str, bytes],
) -> Draft:
    """A program for `directory`, which is not touched. Raises ModelError where the model is unsound."""
    from safetensors.numpy import save

    contents = {
        GRAPH: f"{model.checked().graph}\n".encode(),
        WEIGHTS: save({name: _contiguous(array) for name, array in model.weights.items()}),
        **files,
    }
    records = {name: FileRecord(len(data), hashlib.sha256(data).hexdigest()) for name, data in contents.items()}
    manifest = Manifest(model.name, target, chip, nmc_version(), options, model.steps, records, model.description)
    return Draft(directory, manifest, contents)


def write(
    directory: Path,
    model: Model,
    *,
    target: str,
    chip: str,
    options: Mapping[str, OptionValue],
    files: Mapping[str, bytes],
) -> Program:
    """Write a program to `directory` unverified, and load it back; see `Draft.write`."""
    return draft(directory, model, target=target, chip=chip, options=options, files=files).write()


def load(directory: Path) -> Program:
    """The program in `directory`, every file checked against the manifest.

    Raises UsageError where there is none, ProgramError where it is damaged, altered, foreign or newer.
    """
    try:
        if not (directory / MANIFEST).is_file():
            raise UsageError(f"{directory} is not a program: it has no {MANIFEST}", _GIVE)
        manifest = _manifest(directory / MANIFEST)
        contents = {name: _checked(directory, name, record) for name, record in manifest.files.items()}
    except OSError as error:
        raise ToolError(f"cannot read {directory}: {error.strerror or error}", "check the path and the disk") from None
    return _assembled(directory, manifest, contents)


def _assembled(directory: Path, manifest: Manifest, contents: Mapping[str, bytes]) -> Program:
    """A program from its manifest and files. Raises ProgramError where they do not hold together."""
    for name in (GRAPH, WEIGHTS):
        if name not in contents:
            raise ProgramError(f"the program {directory} lacks {name}", _AGAIN)
    from nmc.text import parse

    try:
        graph = parse(contents[GRAPH].decode(), str(directory / GRAPH))
        weights = read_safetensors(contents[WEIGHTS], str(directory / WEIGHTS))
        model = Model(manifest.name, graph, weights, manifest.steps, description=manifest.description).checked()
    except (NmcError, UnicodeDecodeError) as error:
        raise ProgramError(f"the program {directory} does not hold together: {error}", _AGAIN) from None
    return Program(directory, manifest, model, contents)


def read_safetensors(data: bytes, place: str) -> Mapping[str, Array]:
    """The arrays in the bytes of a safetensors file. Raises ProgramError naming `place`."""
    from safetensors import SafetensorError
    from safetensors.numpy import load as load_arrays

    try:
        arrays: Mapping[str, Array] = load_arrays(data)
    except (SafetensorError, KeyError, ValueError) as error:
        raise ProgramError(f"{place} is not a sound safetensors file: {error}", "write it again") from None
    return arrays


def nmc_version() -> str:
    """The version of nmc that is running."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("nmc")
    except PackageNotFoundError:
        return "unknown"


def replace_directory(
    directory: Path, contents: Mapping[str, bytes], replaceable: Callable[[Path], bool] | None = None
) -> None:
    """Put a directory with these files in place, whole or not at all.

    Whatever is there already is kept, but for an empty directory and one that `replaceable` agrees to.
    Raises UsageError where something is kept, ToolError where the disk fails.
    """
    directory = Path(os.path.abspath(directory))  # noqa: PTH100 - resolve() would follow a link that we replace
    require_replaceable(directory, replaceable)
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with _scratch(directory) as scratch:
            new, old = scratch / "new", scratch / "old"
            for name, data in contents.items():
                path = new / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
            if directory.exists():
                directory.rename(old)
            try:
                new.rename(directory)
            except BaseException:
                if old.exists():
                    old.rename(directory)
                raise
    except OSError as error:
        raise ToolError(f"cannot write {directory}: {error.strerror or error}", "check the path and the disk") from None


def require_replaceable(directory: Path, replaceable: Callable[[Path], bool] | None = None) -> None:
    """Raises UsageError where anything is there but an empty directory, or one that `replaceable` agrees to."""
    try:
        empty = directory.is_dir() and not any(directory.iterdir())
        if directory.exists() and not empty and not (replaceable and replaceable(directory)):
            raise UsageError(f"{directory} is there already, and is not nmc's to replace", _TAKEN)
    except OSError as error:
        raise ToolError(f"cannot write {directory}: {error.strerror or error}", "check the path and the disk") from None


@contextmanager
def _scratch(directory: Path) -> Iterator[Path]:
    """A temporary directory on the same file system, gone afterwards."""
    scratch = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def is_program(directory: Path) -> bool:
    """Whether a directory holds the manifest of a program; other tools also write a file of that name."""
    try:
        facts = json.loads((directory / MANIFEST).read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValueError, RecursionError):
        return False
    return isinstance(facts, dict) and facts.get("format") == FORMAT


def _contiguous(array: Array) -> Array:
    import numpy as np

    return np.asarray(array, order="C")


@cache
def _adapter() -> TypeAdapter[Manifest]:
    from pydantic import TypeAdapter

    return TypeAdapter(Manifest)


def _encode(manifest: Manifest) -> bytes:
    """The manifest as JSON, with the digest of the rest as its last entry."""
    facts = _adapter().dump_python(manifest, mode="json")
    if manifest.verification is None:
        del facts["verification"]
    return (json.dumps({**facts, "digest": _digest(facts)}, indent=2) + "\n").encode()


def _digest(facts: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _manifest(path: Path) -> Manifest:
    from pydantic import ValidationError

    data = path.read_bytes()
    try:
        facts = json.loads(data)
        if not isinstance(facts, dict) or facts.get("format") != FORMAT:
            raise ProgramError(f"{path} is not the manifest of a program", _AGAIN)
        if facts.get("version") != VERSION:
            raise ProgramError(
                f"{path} has version {facts.get('version')} of the format, this nmc reads {VERSION}",
                "compile the model again, or use a newer nmc",
            )
        digest = facts.pop("digest", None)
        if digest != _digest(facts):
            raise ProgramError(f"{path} was altered: its digest does not match", _AGAIN)
        manifest = _adapter().validate_python(facts)
    except (ValueError, RecursionError) as error:
        detail = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise ProgramError(f"{path} is damaged: {detail}", _AGAIN) from None
    if _encode(manifest) != data:
        raise ProgramError(f"{path} was altered: it is not as nmc writes it", _AGAIN)
    return manifest


def _checked(directory: Path, name: str, record: FileRecord) -> bytes:
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts:
        raise ProgramError(f"the program {directory} names a file outside itself: {name!r}", "do not use it")
    path = directory / name
    if not path.is_file():
        raise ProgramError(f"the program {directory} lacks {name}", _AGAIN)
    data = path.read_bytes()
    if len(data) != record.bytes or hashlib.sha256(data).hexdigest() != record.sha256:
        state = "truncated" if len(data) < record.bytes else "altered"
        raise ProgramError(f"{path} was {state} since it was compiled", _AGAIN)
    return data
