"""A folder of results as a small site: an index, and a page for each file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nmc.errors import NmcError, UsageError
from nmc.report.html.groups import Group, grouped
from nmc.report.html.page import filled, report_page, title_of
from nmc.report.sources import read_results, result_files
from nmc.system.files import write_file

INDEX = "index.html"


@dataclass(frozen=True)
class Entry:
    """A file of results as the index has it: the page's name, its groups, or why it has none."""

    page: str
    file: str
    groups: tuple[Group, ...]
    fault: str | None = None


@dataclass(frozen=True)
class Site:
    """The pages of a folder, as the files in it are when a page is asked for.

    A page is kept for as long as its file stays as it is, by time and size.
    """

    directory: Path
    _made: dict[str, tuple[tuple[int, int], str]] = field(default_factory=dict)

    def page(self, name: str) -> str | None:
        """A page by its name; None where there is none. Raises NmcError where its file cannot be read."""
        if name in ("", INDEX):
            return self._index()
        file = self._files().get(name)
        if file is None:
            return None
        now = (file.stat().st_mtime_ns, file.stat().st_size)
        known, page = self._made.get(name, (None, ""))
        if known != now:
            results = read_results(file)
            page = report_page(results, title=title_of(results))
            self._made[name] = (now, page)
        return page

    def entries(self) -> tuple[Entry, ...]:
        """Every file that may hold results, in the order of their names."""
        return tuple(_entry(page, file) for page, file in self._files().items())

    def _files(self) -> Mapping[str, Path]:
        return {f"{name}.html": file for name, file in result_files(self.directory).items()}

    def _index(self) -> str:
        title = f"Results in {self.directory.resolve().name}"
        return filled("index.html", ("theme.js",), "startTheme(); ready();", title=title, entries=self.entries())


def write_site(directory: Path, output: Path) -> tuple[Path, ...]:
    """Write the index of a folder of results and the pages of those files that hold some; the paths written.

    Raises UsageError where no file holds results, ToolError where the disk fails.
    """
    site = Site(directory)
    pages = [entry.page for entry in site.entries() if entry.fault is None]
    if not pages:
        raise UsageError(f"no file in {directory} holds results", "measure some first: nmc compare MODEL")
    written = []
    for name in (*pages, INDEX):
        if (page := site.page(name)) is not None:
            write_file(output / name, page.encode())
            written.append(output / name)
    return tuple(written)


def _entry(page: str, file: Path) -> Entry:
    try:
        results = read_results(file)
    except NmcError as error:
        return Entry(page, file.name, (), str(error.faults[0].what))
    return Entry(page, file.name, grouped(results)) if results else Entry(page, file.name, (), "it is empty")
