"""The report of a conversion as a table for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nmc.report.printing import say
from nmc.report.scores import shown
from nmc.report.terminal import print_table
from nmc.units.text import percent

if TYPE_CHECKING:
    from nmc.accuracy_losses import ConversionReport, LayerReport

_HEADER = (
    "layer", "neurons", "error (rms)", "bias", "saturated", "spikes / step", "spikes / run", "rounding", "score so far",
)  # fmt: skip


def print_conversion(report: ConversionReport) -> None:
    """Print a line to each layer, and the scores from stage to stage."""
    print_table(_HEADER, [_cells(report, layer) for layer in report.layers])
    say("error, bias: of activations, over their root mean square, on calibration data; rounding: by integers")
    say("score so far: with this layer and all before it as neurons, the others as they were")
    for pool, off in report.pools.items():
        say(f"max pooling {pool}: what took its place is off by {percent(off)} (rms)")
    stages = (
        ("the network", report.network),
        ("max pooling replaced", report.replaced),
        ("as neurons, in real numbers", report.converted),
        (f"in the integers of {report.target}", report.integers),
    )
    scores = ", ".join(f"{what} {_score(report, value)}" for what, value in stages if value is not None)
    say(f"{report.metric} on {report.samples} samples, {report.steps} steps: {scores}")


def _cells(report: ConversionReport, layer: LayerReport) -> tuple[str, ...]:
    error = layer.error
    return (
        error.layer,
        str(error.neurons or "-"),
        f"{100 * error.relative_rms:.1f} %",
        f"{100 * error.bias:+.1f} %",
        percent(error.saturated),
        "-" if error.rate is None else f"{error.rate:.3f}",
        "-" if error.spikes is None else f"{error.spikes:.0f}",
        percent(layer.rounding),
        _score(report, layer.score),
    )


def _score(report: ConversionReport, value: float) -> str:
    return shown(report.metric, value)
