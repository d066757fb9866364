"""nmc import: a file of another tool to a model folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nmc.cli.output import JSON, PROFILE, TIME_UNIT, print_json


def command(
    file: Annotated[Path, typer.Argument(help="A model of another tool: an .onnx or .nir file.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The folder to write; NAME without.")] = None,
    batch: Annotated[
        str | None, typer.Option(help="ONNX: 'first' axis of every input counts samples, 'none' does, or 'auto'.")
    ] = None,
    shape: Annotated[
        list[str] | None, typer.Option(metavar="INPUT=SIZES", help="ONNX: the sizes of an input, as in x=1,3,48,192.")
    ] = None,
    dt: Annotated[str | None, typer.Option(help="NIR: the time step, as in 1ms; needed unless stated there.")] = None,
    profile: Annotated[str | None, PROFILE] = None,
    time_unit: Annotated[str | None, TIME_UNIT] = None,
    json: Annotated[bool, JSON] = False,
) -> None:
    """Turn a model of another tool into a folder with model.yaml and weights, which every command takes."""
    from nmc import api
    from nmc.frontends.dump import dump
    from nmc.report.plain import zoo_facts

    model = api.load(file, batch=batch, shapes=parse_shapes(shape), dt=dt, profile=profile, time_unit=time_unit)
    written = dump(model, output or Path(model.name))
    facts = zoo_facts(model.name, model)
    if json:
        print_json({"file": written, **vars(facts)})
        return
    typer.echo(f"{model.name}: {facts.nodes} nodes, {facts.parameters:,} parameters")
    typer.echo(f"model: {written}")


def parse_shapes(given: list[str] | None) -> dict[str, tuple[int, ...]] | None:
    """Sizes by input name from texts INPUT=SIZES. Raises UsageError."""
    from nmc.errors import UsageError

    shapes = {}
    for text in given or []:
        name, equals, sizes = text.rpartition("=")
        try:
            shapes[name] = tuple(int(size) for size in sizes.split(",") if size)
        except ValueError:
            equals = ""
        if not (equals and name):
            raise UsageError(f"--shape {text!r} is not INPUT=SIZES", "write it as in '--shape x=1,3,48,192'")
    return shapes or None
