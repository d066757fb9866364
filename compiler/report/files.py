"""A comparison as a file, of the kind that its name says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from nmc.errors import ToolError, UsageError

if TYPE_CHECKING:
    from nmc.comparison import Comparison


def check_file(path: Path) -> None:
    """Raise UsageError unless a comparison can be written under this name."""
    if path.suffix not in _WRITERS:
        raise UsageError(
            f"a comparison cannot be written as {path.name!r}",
            f"let its name end in one of: {', '.join(_WRITERS)}; --programs DIR says where programs go",
        )


def write_file(comparison: Comparison, path: Path) -> None:
    """Write a comparison, whole or not at all. Raises UsageError for another kind, ToolError where the disk fails."""
    check_file(path)
    scratch = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _WRITERS[path.suffix](comparison, scratch)
        scratch.replace(path)
    except OSError as error:
        raise ToolError(f"cannot write {path}: {error.strerror or error}", "check the path and the disk") from None
    finally:
        scratch.unlink(missing_ok=True)


def _csv(comparison: Comparison, path: Path) -> None:
    from nmc.sweeps.frames import csv_text

    path.write_text(csv_text(comparison.rows), encoding="utf-8")


def _html(comparison: Comparison, path: Path) -> None:
    from nmc.report.html.page import title_of, write_report

    write_report(comparison.rows, path, title=title_of(comparison.rows))


def _json(comparison: Comparison, path: Path) -> None:
    from nmc.report.plain import comparison_facts, json_text

    path.write_text(json_text(comparison_facts(comparison)) + "\n", encoding="utf-8")


def _markdown(comparison: Comparison, path: Path) -> None:
    from nmc.report.comparison import comparison_markdown

    path.write_text(comparison_markdown(comparison), encoding="utf-8")


def _parquet(comparison: Comparison, path: Path) -> None:
    from nmc.sweeps.frames import write_parquet

    write_parquet(comparison.rows, path)


_WRITERS: Mapping[str, Callable[[Comparison, Path], None]] = {
    ".html": _html, ".csv": _csv, ".md": _markdown, ".json": _json, ".parquet": _parquet,
}  # fmt: skip
