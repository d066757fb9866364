"""The parts of the docs that are made from the code: `python -m nmc.report.pages docs` brings them up to date."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

from nmc.backends import target_named, targets
from nmc.report.chip_tables import chips
from nmc.report.markdown import table
from nmc.report.node_tables import nodes
from nmc.report.pass_tables import passes, pipelines
from nmc.report.validation_tables import validation


def target_list() -> str:
    """Every target with its chip, engines, and options with their defaults."""
    rows = []
    for target in map(target_named, targets()):
        options = ", ".join(f"`{name}={value}`" for name, value in asdict(target.options).items())
        engines = ", ".join(f"`{name}`" for name in target.engines)
        rows.append((f"`{target.name}`", target.description, f"`{target.chip_name}`", engines, options))
    return table(("target", "what it is", "chip", "engines, the default first", "options"), rows)


PARTS: Mapping[str, Callable[[], str]] = {
    "chips": chips,
    "nodes": nodes,
    "passes": passes,
    "pipelines": pipelines,
    "targets": target_list,
    "validation": validation,
}


def updated(page: str) -> str:
    """A page with every part it has marks for made anew; the marks stay."""
    for name, made in PARTS.items():
        begin, end = f"<!-- {name}: made by python -m nmc.report.pages -->", f"<!-- end of {name} -->"
        head, found, rest = page.partition(begin)
        _, closed, tail = rest.partition(end)
        if found and closed:
            page = f"{head}{begin}\n\n{made()}\n\n{end}{tail}"
    return page


if __name__ == "__main__":
    for path in Path(sys.argv[1]).glob("*.md"):
        path.write_text(updated(path.read_text(encoding="utf-8")), encoding="utf-8")
