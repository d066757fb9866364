"""nmc uncertainty: how sure a model is of its answers on each target, and whether it may be."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nmc.cli.output import (
    JSON,
    MODEL,
    OPTIONS,
    SEED,
    TARGETS,
    parse_options,
    print_json,
    progress,
    target_names,
)


def command(
    model: Annotated[str, MODEL],
    targets: Annotated[str | None, TARGETS] = None,
    draws: Annotated[int, typer.Option(min=1, help="How many sets of weights to draw.")] = 16,
    seed: Annotated[int, SEED] = 0,
    samples: Annotated[int | None, typer.Option(min=1, help="Use only the first samples of the test set.")] = None,
    ood: Annotated[Path | None, typer.Option(help="An .npz or .npy of samples that no class is right for.")] = None,
    fit_temperature: Annotated[
        bool, typer.Option("--fit-temperature", help="Scale scores on calibration data, which must have labels.")
    ] = False,
    option: Annotated[list[str] | None, OPTIONS] = None,
    engine: Annotated[str | None, typer.Option(help="The engine; the default one of each target without.")] = None,
    json: Annotated[bool, JSON] = False,
) -> None:
    """Draw a model's weights from their distributions, many times; compare its doubt to the point network's."""
    from nmc import api
    from nmc.bayes.uncertainty import measure_uncertainty
    from nmc.comparison import DEFAULT_TARGETS
    from nmc.report.uncertainty import print_uncertainty, uncertainty_facts

    chosen = api.load(model)
    with progress(f"drawing {chosen.name}") as tell:
        found = measure_uncertainty(
            chosen,
            target_names(targets) or DEFAULT_TARGETS,
            draws=draws,
            seed=seed,
            samples=samples,
            unknown=ood,
            fit_temperature=fit_temperature,
            options=parse_options(option),
            engine=engine,
            progress=tell,
        )
    if json:
        print_json(uncertainty_facts(found))
    else:
        print_uncertainty(found)
