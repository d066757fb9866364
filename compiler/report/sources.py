"""Files of results: one of them, or all in a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from nmc.errors import ToolError, UsageError
from nmc.sweeps.result import PointResult

SUFFIXES = (".duckdb", ".json")


def read_results(path: Path) -> tuple[PointResult, ...]:
    """The results in a file, or in all files of a folder that hold some.

    Raises UsageError where there are none, ToolError where they cannot be read.
    """
    if path.is_dir():
        return tuple(result for file in result_files(path).values() for result in _read_or_none(file))
    if not path.is_file():
        raise UsageError(f"there are no results at {path}", "give a file that 'nmc compare' wrote, or a folder of them")
    if path.suffix == ".duckdb":
        from nmc.sweeps.store import kept

        return kept(path)
    from nmc.sweeps.rows import load_rows

    return load_rows(path)


def result_files(directory: Path) -> Mapping[str, Path]:
    """The files in a folder that may hold results, by name in order. Raises UsageError, ToolError."""
    if not directory.is_dir():
        raise UsageError(f"{directory} is not a folder", "give a folder of results")
    try:
        files = [file for file in directory.iterdir() if file.suffix in SUFFIXES and file.is_file()]
    except OSError as error:
        raise ToolError(f"cannot read {directory}: {error.strerror or error}", "check the path and the disk") from None
    return {file.name: file for file in sorted(files) if not file.name.startswith(".")}


def _read_or_none(file: Path) -> tuple[PointResult, ...]:
    """The results of one file among many, which may be a JSON file of something else."""
    try:
        return read_results(file)
    except UsageError:
        return ()
