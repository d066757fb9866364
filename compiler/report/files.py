"""A comparison as a file, of the kind that its name says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nmc.errors import UsageError
from nmc.system.files import appearing

if TYPE_CHECKING:
    from nmc.comparison import Comparison
    from nmc.sweeps.result import PointResult


def check_file(path: Path) -> None:
    """Raise UsageError unless a comparison can be written under this name."""
    if path.suffix not in _WRITERS:
        raise UsageError(
            f"a comparison cannot be written as {path.name!r}",
            f"let its name end in one of: {', '.join(_WRITERS)}; --programs DIR says where programs go",
        )


def write_file(comparisons: Sequence[Comparison], path: Path) -> None:
    """Write one comparison or several, whole or not at all.

    Raises UsageError for another kind of file, ToolError where the disk fails.
    """
    check_file(path)
    with appearing(path) as scratch:
        _WRITERS[path.suffix](comparisons, scratch)


def _rows(comparisons: Sequence[Comparison]) -> list[PointResult]:
    return [row for comparison in comparisons for row in comparison.rows]


def _csv(comparisons: Sequence[Comparison], path: Path) -> None:
    from nmc.sweeps.frames import csv_text

    path.write_text(csv_text(_rows(comparisons)), encoding="utf-8")


def _html(comparisons: Sequence[Comparison], path: Path) -> None:
    from nmc.report.html.page import title_of, write_report

    rows = _rows(comparisons)
    write_report(rows, path, title=comparisons[0].model if len(comparisons) == 1 else title_of(rows))


def _json(comparisons: Sequence[Comparison], path: Path) -> None:
    from nmc.report.plain import comparison_facts, json_text

    facts = [comparison_facts(comparison) for comparison in comparisons]
    path.write_text(json_text(facts[0] if len(facts) == 1 else facts) + "\n", encoding="utf-8")


def _markdown(comparisons: Sequence[Comparison], path: Path) -> None:
    from nmc.report.comparison import comparison_markdown

    path.write_text("\n".join(map(comparison_markdown, comparisons)), encoding="utf-8")


def _parquet(comparisons: Sequence[Comparison], path: Path) -> None:
    from nmc.sweeps.frames import write_parquet

    write_parquet(_rows(comparisons), path)


_WRITERS: Mapping[str, Callable[[Sequence[Comparison], Path], None]] = {
    ".html": _html, ".csv": _csv, ".md": _markdown, ".json": _json, ".parquet": _parquet,
}  # fmt: skip
