"""What nmc inspect says of a model in NeuroBench's terms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nmc.cli.output import print_json
from nmc.errors import UsageError
from nmc.report.printing import say

if TYPE_CHECKING:
    from nmc.model import FloatArray, Model

SAMPLES = 64
"""Samples that are run: the reference is written to be read, not to be fast."""


def show_neurobench(stages: list[tuple[str, Model]], json: bool) -> None:
    """Print the metrics of a model and, where it went through a target's passes, of what came out of them."""
    from nmc.estimates.neurobench import neurobench
    from nmc.report.terminal import print_table

    x = _samples(stages[0][1])
    measured = {name: neurobench(model, x) for name, model in dict([stages[0], stages[-1]]).items()}
    if json:
        print_json(measured)
        return
    first = next(iter(measured.values()))
    columns = [vars(one) for one in measured.values()]
    print_table(
        ("metric", *(f"after {name}" if name != "model" else name for name in measured)),
        [
            (metric.replace("_", " "), *(f"{column[metric]:,.6g}" for column in columns))
            for metric in columns[0]
            if metric != "samples"
        ],
    )
    say(f"operations and updates are means over {first.samples} samples")


def _samples(model: Model) -> FloatArray:
    from nmc.datasets import calibration, test_data

    if model.task is not None and model.task.test is not None:
        return test_data(model, SAMPLES).x
    samples = calibration(model)
    if samples is None:
        raise UsageError(
            f"the model {model.name} has no data to run on", "give its task test or calibration data in model.yaml"
        )
    return samples[:SAMPLES]
