"""What nmc inspect says of many-core chips: where neurons sit, and what rounding did."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from nmc.cli.output import print_json
from nmc.errors import ToolError, UsageError

if TYPE_CHECKING:
    from nmc.model import Model
    from nmc.passes.quantization_errors import QuantizationErrors
    from nmc.program import Program


def show_mapping(program: Program, output: Path | None, json: bool) -> None:
    """Print a program's mapping, or write a picture of it to a file that ends in .svg or .html."""
    from nmc.mapping.file import MAPPING, read_facts
    from nmc.report import mapping

    if MAPPING not in program.manifest.files:
        raise UsageError(
            f"the program for {program.target} has no mapping", "only chips of many cores have one, such as loihi-sim"
        )
    facts = read_facts(program.file(MAPPING))
    if output is not None:
        pictures = {".svg": mapping.svg, ".html": mapping.html}
        if output.suffix not in pictures:
            raise UsageError(f"{output} is not a picture that nmc draws", "let its name end in .svg or .html")
        try:
            output.write_text(pictures[output.suffix](facts), encoding="utf-8")
        except OSError as error:
            raise ToolError(f"cannot write {output}: {error.strerror or error}", "check the path") from None
    if json:
        print_json(facts)
    elif output is not None:
        typer.echo(f"picture: {output}")
    else:
        mapping.print_mapping(facts)


def show_quantization(stages: list[tuple[str, Model]], target: str, json: bool) -> None:
    """Print what rounding did to every layer of a model that went through a target's passes."""
    from nmc.report.terminal import print_table

    errors = _errors(dict(stages), target)
    if json:
        print_json(errors.as_facts())
        return
    activity = {error.population: f"{100 * error.relative_rms:.2f} %" for error in errors.activity}
    print_table(
        ("synapses", "onto", "weights", "error (rms)", "largest error", "error of activity (rms)"),
        [
            (e.synapse, e.population, str(e.weights), f"{100 * e.relative_rms:.2f} %", f"{100 * e.largest:.2f} %",
             activity.get(e.population, "-"))
            for e in errors.synapses
        ],
    )  # fmt: skip
    typer.echo("errors of weights: over the root mean square and over the largest weight; of activity: on samples")


def _errors(stages: dict[str, Model], target: str) -> QuantizationErrors:
    from nmc.datasets import calibration
    from nmc.passes.quantization_errors import quantization_errors

    if "quantize_fixed_point" not in stages:
        raise UsageError(f"{target} does not round to fixed point", "give a target that does, such as loihi-sim")
    samples = calibration(stages["model"])
    return quantization_errors(
        stages["fuse_synapses"], stages["quantize_fixed_point"], None if samples is None else samples[:16]
    )
