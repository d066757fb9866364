"""nmc export: a model as a file of another tool."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nmc.cli.output import MODEL, PROFILE, TIME_UNIT
from nmc.report.printing import say


def command(
    model: Annotated[str, MODEL],
    format: Annotated[str, typer.Option("--format", "-f", help="The kind of file: onnx or nir.")] = "onnx",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The file; NAME.FORMAT without.")] = None,
    profile: Annotated[str | None, PROFILE] = None,
    time_unit: Annotated[str | None, TIME_UNIT] = None,
) -> None:
    """Write a model as a file of another tool; an .onnx file takes all time steps of a run."""
    from nmc import api

    chosen = api.load(model)
    path = output or Path(f"{chosen.name}.{format}")
    for note in api.export(chosen, path, format, profile=profile, time_unit=time_unit):
        say(f"note: {note}")
    say(f"{chosen.name}: {path}, {path.stat().st_size / 1024:.0f} KiB")
