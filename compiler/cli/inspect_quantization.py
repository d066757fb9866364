"""What nmc inspect says of rounding to integers, layer by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nmc.cli.output import print_json
from nmc.errors import UsageError
from nmc.report.printing import say

if TYPE_CHECKING:
    from nmc.model import Model
    from nmc.passes.quantization_errors import QuantizationErrors


def show_quantization(stages: list[tuple[str, Model]], target: str, json: bool) -> None:
    """Print what rounding did to every layer of a model that went through a target's passes.

    Raises UsageError where no pass rounds.
    """
    names = [name for name, _ in stages]
    if "quantize_fixed_point" in names:
        _fixed_point(dict(stages), json)
    elif "quantize-int8" in names:
        last = names.index("quantize-int8")
        _int8(stages[0][1], stages[last - 1][1], stages[last][1], json)
    else:
        raise UsageError(
            f"{target} does not round to integers here",
            "give a target that does, such as loihi-sim or tpu-sim, or the option precision=int8",
        )


def _int8(model: Model, before: Model, after: Model, json: bool) -> None:
    from nmc.report.int8 import int8_report, print_int8

    report = int8_report(model, before, after)
    if json:
        print_json(report)
    else:
        print_int8(report)


def _fixed_point(stages: dict[str, Model], json: bool) -> None:
    from nmc.report.terminal import print_table

    errors = _errors(stages)
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


def _errors(stages: dict[str, Model]) -> QuantizationErrors:
    from nmc.datasets import calibration
    from nmc.passes.quantization_errors import quantization_errors

    samples = calibration(stages["model"])
    return quantization_errors(
        stages["fuse_synapses"], stages["quantize_fixed_point"], None if samples is None else samples[:16]
    )
