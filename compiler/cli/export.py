"""nmc export: a model to a file of another format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nmc.cli.output import JSON, MODEL, PROFILE, TIME_UNIT, print_json


def command(
    model: Annotated[str, MODEL],
    format: Annotated[str, typer.Option("--format", "-f", help="What to write: nir.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The file; NAME.FORMAT without.")] = None,
    profile: Annotated[str | None, PROFILE] = None,
    time_unit: Annotated[str | None, TIME_UNIT] = None,
    json: Annotated[bool, JSON] = False,
) -> None:
    """Write a model as a file that other tools read; refuses what the format cannot say."""
    from nmc import api

    chosen = api.load(model)
    path = output or Path(f"{chosen.name}.{format}")
    notes = api.export(chosen, path, format, profile=profile, time_unit=time_unit)
    if json:
        print_json({"file": path, "notes": notes})
        return
    for note in notes:
        typer.echo(f"note: {note}")
    typer.echo(f"file: {path}")
