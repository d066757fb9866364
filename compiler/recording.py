"""Recordings: what the populations of a program did at every step, as a directory of .npy files.

`recording.json` lists the populations; each has `NAME.spikes.npy` (uint8) or `NAME.messages.npy` (int32), and a
file such as `NAME.v.npy` (int32) for all that it carries from step to step, all [samples, steps, *shape]. They can
be read with `numpy.load(path, mmap_mode="r")`.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from nmc.errors import ToolError, UsageError
from nmc.model import Array

MANIFEST = "recording.json"
FORMAT = "nmc-recording-1"


def dtype_of(signal: str) -> type[np.uint8 | np.int32]:
    """What a recorded signal is kept in."""
    return np.uint8 if signal == "spikes" else np.int32


@dataclass(frozen=True)
class Population:
    """A population of neurons: the shape of one sample, and the signals there are.

    These are "spikes", or "messages" where it sends numbers, and what it carries by the node's own names, as "u".
    """

    name: str
    shape: tuple[int, ...]
    signals: tuple[str, ...]


@dataclass(frozen=True)
class Recording:
    """A run on disk. `steps` are the chip's, from the first on, its lag included."""

    path: Path
    samples: int
    steps: int
    populations: tuple[Population, ...]

    @classmethod
    def load(cls, directory: Path) -> Recording:
        """The recording in a directory. Raises UsageError where there is none."""
        try:
            facts = json.loads((directory / MANIFEST).read_bytes())
            if facts.get("format") != FORMAT:
                raise ValueError("format")
            populations = tuple(
                Population(entry["name"], tuple(entry["shape"]), tuple(entry["signals"]))
                for entry in facts["populations"]
            )
            return cls(directory, facts["samples"], facts["steps"], populations)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise UsageError(f"{directory} holds no recording", "make one: nmc run PROGRAM -i X --record DIR") from None

    def read(self, population: str, signal: str) -> Array:
        """A signal [samples, steps, *shape], left on disk until used. Raises UsageError where there is none."""
        known = [f"{p.name}.{s}" for p in self.populations for s in p.signals]
        if f"{population}.{signal}" not in known:
            raise UsageError(f"there is no {population}.{signal} in {self.path}", f"there are: {', '.join(known)}")
        try:
            array: Array = np.load(_file(self.path, population, signal), mmap_mode="r")
        except (OSError, ValueError) as error:
            raise UsageError(f"{population}.{signal} cannot be read: {error}", "record the run again") from None
        return array


@dataclass(frozen=True)
class Recorder:
    """Writes a recording, window by window, in any order and from any thread."""

    recording: Recording

    def write(self, population: Population, signal: str, sample: int, step: int, window: Array) -> None:
        """Put a window [B, T, *shape] in place, from this sample and step on."""
        path = _file(self.recording.path, population.name, signal)
        rows = np.ascontiguousarray(window, dtype_of(signal))
        row_bytes = rows[0, 0].nbytes
        begin = path.stat().st_size - self.recording.samples * self.recording.steps * row_bytes
        with path.open("r+b") as file:
            for b, row in enumerate(rows):
                file.seek(begin + ((sample + b) * self.recording.steps + step) * row_bytes)
                file.write(row.data)


@contextmanager
def recorder(
    directory: Path, samples: int, steps: int, populations: tuple[Population, ...]
) -> Iterator[Recorder]:
    """A recorder whose recording appears in `directory` at the end, whole, or, after an error, not at all.

    An older recording there is replaced. Raises UsageError where something else is there, ToolError where the
    disk fails.
    """
    taken = directory.exists() and not (directory.is_dir() and not any(directory.iterdir()))
    if taken:
        try:
            Recording.load(directory)
        except UsageError:
            raise UsageError(f"{directory} is there already, and holds no recording", "name another") from None
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
        try:
            new, old = scratch / "new", scratch / "old"
            new.mkdir()
            unfinished = Recording(new, samples, steps, populations)
            _allocate(unfinished)
            yield Recorder(unfinished)
            if directory.exists():
                directory.rename(old)
            new.rename(directory)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    except OSError as error:
        raise ToolError(f"cannot write {directory}: {error.strerror or error}", "check the path and the disk") from None


def _allocate(recording: Recording) -> None:
    """The manifest, and every file at its full length."""
    facts = {
        "format": FORMAT, "samples": recording.samples, "steps": recording.steps,
        "populations": [asdict(population) for population in recording.populations],
    }  # fmt: skip
    (recording.path / MANIFEST).write_text(json.dumps(facts, indent=2), encoding="utf-8")
    for population in recording.populations:
        for signal in population.signals:
            dtype = np.dtype(dtype_of(signal))
            shape = (recording.samples, recording.steps, *population.shape)
            with _file(recording.path, population.name, signal).open("wb") as file:
                header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_2_0(file, header)
                file.truncate(file.tell() + int(np.prod(shape)) * dtype.itemsize)


def _file(directory: Path, population: str, signal: str) -> Path:
    return directory / f"{population}.{signal}.npy"
