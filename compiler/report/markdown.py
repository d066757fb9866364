"""Tables in pages of the docs, made from the code and kept between two marks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nmc.errors import UsageError


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown; bars within cells are escaped."""
    lines = [header, ["---"] * len(header), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def between(page: str, begin: str, end: str, text: str) -> str:
    """A page with `text` between its two marks. Raises UsageError where the marks are not there."""
    head, found, rest = page.partition(begin)
    _, closed, tail = rest.partition(end)
    if not found or not closed:
        raise UsageError(f"the page lacks the marks {begin} and {end}", "put them where the tables go")
    return f"{head}{begin}\n\n{text}\n\n{end}{tail}"
