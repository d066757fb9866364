"""Whether passes that round did no more than that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nmc.model import Model
from nmc.nodes import FAMILIES
from nmc.passes import Translated
from nmc.passes.bias_axons import with_bias_axons
from nmc.passes.populations import populations
from nmc.passes.quantize_fixed_point import QuantizeFixedPoint
from nmc.passes.quantize_int8 import QuantizeInt8
from nmc.passes.value_ranges import RangeMethod
from nmc.reference import run
from nmc.verification.difference import Difference
from nmc.verification.kept_meaning import EXACT, changed_meaning
from nmc.verification.outcome import Fault, LeftOut, Outcome
from nmc.verification.record import Check
from nmc.verification.rounded_chip import rounded_chip
from nmc.verification.rounded_int8 import grids_parting, rounded_weights, without_rounding
from nmc.verification.tolerance import Tolerance, parting
from nmc.verification.trial import Trial

SATURATED = Tolerance(0.25, 1e-12)
"""Of 8-bit grids: they need not hold what their readers hardly tell from what they do hold."""


def rounded(steps: Sequence[Translated], trial: Trial) -> Iterator[Outcome]:
    """For each pass that rounds a check, the fault of one that did more, or that nothing is known of it."""
    for step in steps:
        if step.step.keeps == "rounds" and step.changed:
            match step.step:
                case QuantizeFixedPoint(weight_bits=bits):
                    yield from _chip(step, bits, trial)
                case QuantizeInt8(ranges=method):
                    yield from _int8(step, method, trial)
                case _:
                    yield from _equal_outputs(step, trial)


def _chip(step: Translated, weight_bits: int, trial: Trial) -> Iterator[Outcome]:
    """Biases that become axons must mean the same, and all integers be roundings of one scale each."""
    name, before = step.step.name, step.before
    with_axons = with_bias_axons(before, populations(before))
    if with_axons is not before:
        found = _parting(before, trial, with_axons, EXACT)
        if found is not None:
            yield Fault(f"the biases that {name} makes axons do not mean the same", found)
            return
    yield from _numbers(name, rounded_chip(with_axons, step.after, weight_bits))


def _int8(step: Translated, method: RangeMethod, trial: Trial) -> Iterator[Outcome]:
    """Weights within half a step, grids that agree and reach far enough, and without any of them the model before."""
    name, before, after = step.step.name, step.before, step.after
    found = rounded_weights(before, after) or grids_parting(after)
    if found is None:
        found = _parting(before, trial, without_rounding(before, after), EXACT)
    measured = method == "min-max" and trial.real and before.graph.dt_s is None
    if found is None and measured:
        found = _parting(before, trial, without_rounding(before, after, saturating=True), SATURATED)
    yield from _numbers(name, found)


def _equal_outputs(step: Translated, trial: Trial) -> Iterator[Outcome]:
    """Where a pass found nothing to round, the outputs must be equal; of what others round nothing is known."""
    if any(isinstance(node, (*FAMILIES["quantized"], *FAMILIES["fixed-point"])) for node in step.after.graph):
        yield LeftOut(f"pass {step.step.name}: what it rounds is not compared number by number")
        return
    found = _parting(step.before, trial, step.after, EXACT)
    if found is not None:
        yield Fault(changed_meaning(step.step.name), found)
    else:
        yield Check(f"pass {step.step.name}", trial.samples, trial.steps, EXACT.words)


def _numbers(name: str, found: Difference | None) -> Iterator[Outcome]:
    if found is not None:
        yield Fault(changed_meaning(name) + " by more than rounding", found)
    else:
        yield Check(f"pass {name}", 0, None, "every number within its rounding")


def _parting(before: Model, trial: Trial, after: Model, tolerance: Tolerance) -> Difference | None:
    want, have = (run(model, trial.feeds, trial.steps) for model in (before, after))
    return parting(before, trial, tolerance, want, dict(zip(want, have.values(), strict=True)))
