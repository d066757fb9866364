"""nmc import: a file of another tool to a model folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from nmc.cli.output import JSON, PROFILE, TIME_UNIT, print_json
from nmc.errors import UsageError
from nmc.report.printing import say


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
    constant: Annotated[
        list[str] | None, typer.Option(metavar="INPUT=NUMBER", help="ONNX: a constant for an input, as in sr=16000.")
    ] = None,
    calibration: Annotated[
        Path | None, typer.Option(help="Samples to calibrate on: .npy, or .npz with 'x'; several inputs: each by name.")
    ] = None,
    test: Annotated[Path | None, typer.Option(help="Test data: an .npz of the same with labels 'y'.")] = None,
    json: Annotated[bool, JSON] = False,
) -> None:
    """Turn a model of another tool into a folder with model.yaml and weights, which every command takes."""
    from nmc import api
    from nmc.datasets import with_files
    from nmc.frontends.dump import dump
    from nmc.report.plain import zoo_facts

    model = api.load(
        file, batch=batch, shapes=_shapes(shape), constants=_constants(constant), dt=dt, profile=profile,
        time_unit=time_unit,
    )  # fmt: skip
    model = with_files(model, test, calibration)
    written = dump(model, output or Path(model.name))
    facts = zoo_facts(model.name, model)
    if json:
        print_json({"file": written, **vars(facts)})
        return
    say(f"{model.name}: {facts.nodes} nodes, {facts.parameters:,} parameters")
    if model.description:
        say(model.description)
    if file.suffix == ".nir" and profile is None and " profile nir." in model.description:
        from nmc.frontends.nir import PROFILES

        say(f"if another tool made the file, its neurons may differ: --profile {' | '.join(PROFILES)}")
    say(f"model: {written}")
    say(f"next: nmc compare {written.parent}")


def _shapes(given: list[str] | None) -> dict[str, tuple[int, ...]] | None:
    """Sizes by input name from texts INPUT=SIZES. Raises UsageError."""
    found = {name: sizes.split(",") for name, sizes in _pairs("--shape", given, "x=1,3,48,192")}
    try:
        return {name: tuple(map(int, sizes)) for name, sizes in found.items()} or None
    except ValueError as error:
        raise UsageError(f"--shape holds no sizes: {error}", "write it as in '--shape x=1,3,48,192'") from None


def _constants(given: list[str] | None) -> dict[str, float] | None:
    """Numbers by input name from texts INPUT=NUMBER. Raises UsageError."""
    try:
        return {name: float(number) for name, number in _pairs("--constant", given, "sr=16000")} or None
    except ValueError as error:
        raise UsageError(f"--constant holds no number: {error}", "write it as in '--constant sr=16000'") from None


def _pairs(option: str, given: list[str] | None, example: str) -> Iterator[tuple[str, str]]:
    for text in given or []:
        name, equals, value = text.rpartition("=")
        if not (equals and name and value):
            raise UsageError(f"{option} {text!r} is not INPUT=VALUE", f"write it as in '{option} {example}'")
        yield name, value
