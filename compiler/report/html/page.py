"""The page as one file: templates filled in, style sheets and scripts inside."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from nmc.errors import UsageError
from nmc.files import write_file
from nmc.report.advice import surely_cheaper
from nmc.report.html import words
from nmc.report.html.drawn import packed
from nmc.report.html.groups import grouped
from nmc.report.terminal import data_origin
from nmc.sweeps.result import PointResult

if TYPE_CHECKING:
    from jinja2 import Environment

STYLES = ("theme.css", "layout.css", "tables.css", "plots.css", "print.css")
SCRIPTS = (
    "words.js", "dom.js", "theme.js", "scatter.js", "points.js", "tables.js", "layers.js", "raster.js", "cores.js",
    "detail.js", "comparison.js", "main.js",
)  # fmt: skip
"""In the order in which they build on each other."""


def write_report(results: Sequence[PointResult], path: Path, *, title: str) -> None:
    """Write results as one HTML file, whole or not at all.

    Raises UsageError where there are no results or the name is not that of a page, ToolError where the disk fails.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"a report cannot be written as {path.name!r}", "name a file that ends in .html")
    write_file(path, report_page(results, title=title).encode())


def report_page(results: Sequence[PointResult], *, title: str) -> str:
    """The page of some results. Raises UsageError where there are none."""
    if not results:
        raise UsageError("there are no results to report", "measure some first: nmc compare MODEL")
    groups = grouped(results)
    return filled("page.html", SCRIPTS, title=title, groups=groups, drawn=packed(groups))


def filled(template: str, scripts: Sequence[str], **facts: object) -> str:
    """A page from its template, with its styles and scripts; only those scripts are allowed to run."""
    style = "".join(_asset(name) for name in STYLES)
    script = "".join(_asset(name) for name in scripts)
    hashed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = _environment().get_template(template)
    return page.render(style=style, script=script, script_hash=hashed, **facts)


def _asset(name: str) -> str:
    return (files("nmc.report.html.assets") / name).read_text(encoding="utf-8")


def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(lambda name: (files("nmc.report.html.templates") / name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(words=words, data_origin=data_origin, surely_cheaper=surely_cheaper)
    return environment
