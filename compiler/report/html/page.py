"""The page as one file: templates filled in, style sheets and scripts inside."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from nmc.cleaning import clean
from nmc.errors import UsageError
from nmc.metrics import is_share
from nmc.report.comparison import data_origin
from nmc.report.html import words
from nmc.report.html.drawn import packed
from nmc.report.html.groups import grouped
from nmc.report.html.kinds import energy_by_kind
from nmc.sweeps.result import PointResult
from nmc.system.files import write_file

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
    return filled("page.html", SCRIPTS, "start();", title=title, groups=groups, drawn=packed(groups))


def title_of(results: Sequence[PointResult]) -> str:
    """What results are called that nobody named."""
    models = tuple(dict.fromkeys(result.model for result in results))
    targets = {result.target for result in results}
    what = ", ".join(models) if len(models) <= 3 else f"{len(models)} models"
    return f"{what} on {len(targets)} target{'s' if len(targets) != 1 else ''}"


def filled(template: str, scripts: Sequence[str], start: str, **facts: object) -> str:
    """A page from its template, with its styles and scripts, which `start` runs; no other script is allowed to."""
    style = "".join(_text("nmc.report.html.assets", name) for name in STYLES)
    script = "".join(_text("nmc.report.html.assets", name) for name in scripts) + start
    hashed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = _environment().get_template(template)
    return page.render(style=style, script=script, script_hash=hashed, **facts)


def _text(package: str, name: str) -> str:
    return (files(package) / name).read_text(encoding="utf-8")


def _shown(value: object) -> object:
    """What a template puts in; of plain text, without characters that would steer the page's."""
    return clean(value) if type(value) is str else value


def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        finalize=_shown,
        loader=FunctionLoader(lambda name: _text("nmc.report.html.templates", name)),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        words=words, data_origin=data_origin, energy_by_kind=energy_by_kind, is_share=is_share
    )
    return environment
