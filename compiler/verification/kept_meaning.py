"""Whether passes that claim to keep a model's meaning did: each is run in the reference before and after it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from nmc.model import FloatArray, Model
from nmc.passes import Translated
from nmc.reference import run
from nmc.verification.difference import Difference, earliest, first_difference
from nmc.verification.outcome import Fault
from nmc.verification.record import Check
from nmc.verification.tolerance import Tolerance, parting
from nmc.verification.trial import Trial

EXACT = Tolerance(1e-9, 1e-12)
"""Of a pass that is exact in real numbers: what double precision and another order of sums may change."""


def exact_steps(steps: Sequence[Translated]) -> tuple[Translated, ...]:
    """Those whose passes claim to be exact, and that changed something."""
    return tuple(step for step in steps if step.step.keeps == "exact" and step.changed)


def kept_meaning(steps: Sequence[Translated], trial: Trial) -> Iterator[Check | Fault]:
    """A check for each such pass, or the fault of the first that did not keep its model's meaning."""
    known: dict[int, Mapping[str, FloatArray]] = {}

    def outputs(model: Model) -> Mapping[str, FloatArray]:
        if id(model) not in known:
            known[id(model)] = run(model, trial.feeds, trial.steps)
        return known[id(model)]

    for step in exact_steps(steps):
        want, have = outputs(step.before), _named_as(step, outputs(step.after))
        found = parting(step.before, trial, EXACT, want, have)
        if found is not None:
            yield Fault(changed_meaning(step.step.name), _within(step, trial) or found)
            return
        yield Check(f"pass {step.step.name}", trial.samples, trial.steps, EXACT.words)


def changed_meaning(name: str) -> str:
    """What is said of a pass that did not keep what it claims to."""
    return f"the pass {name} changed what the model means"


def _named_as(step: Translated, outputs: Mapping[str, FloatArray]) -> Mapping[str, FloatArray]:
    """The outputs after a pass by the names that they had before it."""
    pairs = zip(step.before.graph.outputs, step.after.graph.outputs, strict=True)
    return {before: outputs[after] for before, after in pairs}


def _within(step: Translated, trial: Trial) -> Difference | None:
    """Where spikes of nodes that the pass left their names part first."""
    before, after = step.before.graph, step.after.graph
    names = [
        name for name in before.order
        if name in after and before.signals[name] == after.signals[name] and before.signals[name].dtype == "spike"
    ]  # fmt: skip
    if not names:
        return None
    want, have = (run(model, trial.feeds, trial.steps, names) for model in (step.before, step.after))
    streams = [name for name in names if before.signals[name].timing == "stream"]
    return earliest(before, (first_difference(name, want[name], have[name], True) for name in streams))
