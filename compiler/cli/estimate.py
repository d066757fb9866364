"""nmc estimate: what a network would cost of which only the layers are known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nmc.cli.output import JSON, print_json
from nmc.report.printing import say

if TYPE_CHECKING:
    from nmc.graph import Graph


def command(
    network: Annotated[str, typer.Argument(help="A published network, a file with a graph as text, or a model.")],
    chip: Annotated[str, typer.Option("--chip", "-c", help="A chip of nmc, or the YAML file of one.")],
    steps: Annotated[int, typer.Option(min=1, help="Time steps of an inference.")] = 1,
    batch: Annotated[int, typer.Option(min=1, help="Samples in a call (GPU, TPU).")] = 1,
    precision: Annotated[str | None, typer.Option(help="fp32, fp16, bf16 or int8 (GPU, TPU).")] = None,
    mode: Annotated[str | None, typer.Option(help="The power mode (GPU).")] = None,
    io: Annotated[str | None, typer.Option(help="How the chip is fed (many-core chips).")] = None,
    prices: Annotated[str | None, typer.Option(help="The price profile (many-core chips).")] = None,
    rate: Annotated[float | None, typer.Option(min=0, help="Spikes of a neuron in a step (many-core chips).")] = None,
    baseline: Annotated[str, typer.Option(help="total, dynamic or active.")] = "total",
    json: Annotated[bool, JSON] = False,
) -> None:
    """Estimate energy and latency from layers alone: no weights, nothing is run."""
    from nmc.chips import load_chip
    from nmc.estimates.estimate import baseline_named
    from nmc.estimates.weightless import conditions_of, estimate_network
    from nmc.report.terminal import estimate_lines

    chosen = conditions_of(steps=steps, batch=batch, precision=precision, mode=mode, io=io, prices=prices, rate=rate)
    estimate = estimate_network(_graph(network), load_chip(chip), chosen).above(baseline_named(baseline))
    if json:
        print_json(estimate.to_json())
    else:
        say("\n".join(estimate_lines(estimate)))


def _graph(network: str) -> Graph:
    """The graph of a published network, of a file of text, or of a model."""
    from nmc import api, text
    from nmc.errors import ToolError
    from nmc.validation.networks import NETWORKS, network_named

    if network in NETWORKS:
        return network_named(network)
    path = Path(network)
    if path.suffix in (".graph", ".txt") and path.is_file():
        try:
            graph = text.parse(path.read_text(encoding="utf-8"), network)
        except (OSError, UnicodeDecodeError) as error:
            raise ToolError(f"cannot read {network}: {error}") from None
        graph.raise_faults(graph.check())
        return graph
    return api.load(network).graph
