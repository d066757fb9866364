"""nmc tune --method es: a program evolved on the emulator."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from nmc.cli.output import print_json, progress
from nmc.errors import UsageError

if TYPE_CHECKING:
    from nmc.evolution.generations import EvolutionOptions


EVOLVES = "es"
"""The method of tuning that evolves a program, where the others search settings."""


def evolution_options(
    generations: int | None,
    population: int | None,
    batch: int | None,
    sigma: float | None,
    genes: str | None,
    seconds: float | None,
    seed: int,
    workers: int | None,
) -> EvolutionOptions:
    """What was given, and for the rest what is usual. Raises UsageError."""
    from nmc.evolution.generations import EvolutionOptions
    from nmc.evolution.genome import genes_named
    from nmc.evolution.search import Strategy

    usual, strategy = EvolutionOptions(), Strategy()
    return EvolutionOptions(
        generations or usual.generations,
        batch or usual.batch,
        usual.genes if genes is None else genes_named(genes),
        Strategy(population or strategy.population, strategy.sigma if sigma is None else sigma, seed),
        seconds,
        workers,
    )


def refuse_given(method: str, options: Mapping[str, object]) -> None:
    """Raises UsageError for options that were given, and mean nothing with the method."""
    names = [name for name, value in options.items() if value is not None]
    if names:
        raise UsageError(f"{', '.join(names)} means nothing with --method {method}", "leave it out, or see --help")


def run_evolution(
    model: str,
    targets: tuple[str, ...] | None,
    target_options: Mapping[str, object],
    options: EvolutionOptions,
    *,
    output: list[Path],
    as_model: Path | None,
    samples: int | None,
    json: bool,
) -> None:
    """Evolve, write and print. Raises UsageError where there is not one target and one directory to write to."""
    from nmc import api
    from nmc.evolution.evolve import evolve
    from nmc.frontends.dump import dump, require_free
    from nmc.report.evolution import evolution_facts, print_evolution

    chosen = targets or ("loihi-sim",)
    if len(chosen) != 1:
        raise UsageError(f"{len(chosen)} targets to evolve for", "name one with --target")
    if len(output) != 1:
        raise UsageError("an evolution writes one program", "name its folder, as in '-o evolved'")
    if as_model is not None:
        require_free(as_model)
    given = api.load(model)
    with progress(f"evolving {given.name}") as tell:
        done = evolve(
            given, chosen[0], output[0], options, target_options=target_options, samples=samples, progress=tell
        )
    if as_model is not None:
        dump(done.model(), as_model)
    if json:
        print_json(evolution_facts(done))
    else:
        print_evolution(done)
