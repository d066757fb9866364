"""What nmc inspect says of rounding to integers, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nmc.cli.output import print_json
from nmc.errors import UsageError
from nmc.report.printing import say

if TYPE_CHECKING:
    from nmc.model import Model
    from nmc.passes import Translated
    from nmc.passes.quantization_errors import QuantizationErrors


def show_quantization(steps: Sequence[Translated], target: str, json: bool) -> None:
    """Print what rounding did to every layer of a model that went through a target's passes.

    Raises UsageError where no pass rounds.
    """
    from nmc.passes import on_chip, rounding

    rounded = rounding(steps)
    if rounded is None:
        raise UsageError(
            f"{target} does not round to integers here",
            "give a target that does, such as loihi-sim or tpu-sim, or the option precision=int8",
        )
    model = steps[0].before
    if on_chip(rounded.after):
        _fixed_point(model, rounded, json)
    else:
        _int8(model, rounded.before, rounded.after, json)


def _int8(model: Model, before: Model, after: Model, json: bool) -> None:
    from nmc.report.int8 import int8_report, print_int8

    report = int8_report(model, before, after)
    if json:
        print_json(report)
    else:
        print_int8(report)


def _fixed_point(model: Model, rounded: Translated, json: bool) -> None:
    from nmc.report.terminal import print_table

    errors = _errors(model, rounded)
    if json:
        print_json(errors.as_facts())
        return
    activity = {error.population: f"{100 * error.relative_rms:.2f} %" for error in errors.activity}
    thresholds = {error.population: f"{100 * error.relative:+.2f} %" for error in errors.thresholds}
    print_table(
        ("synapses", "onto", "weights", "error (rms)", "largest error", "threshold", "error of activity (rms)"),
        [
            (e.synapse, e.population, str(e.weights), f"{100 * e.relative_rms:.2f} %", f"{100 * e.largest:.2f} %",
             thresholds.get(e.population, "-"), activity.get(e.population, "-"))
            for e in errors.synapses
        ],
    )  # fmt: skip
    say("errors of weights: over the root mean square and over the largest weight; of activity: on samples")
    say("threshold: where neurons begin to spike, against where the model's do")


def _errors(model: Model, rounded: Translated) -> QuantizationErrors:
    from nmc.datasets import calibration
    from nmc.passes.quantization_errors import quantization_errors

    samples = calibration(model)
    return quantization_errors(rounded.before, rounded.after, None if samples is None else samples[:16])
