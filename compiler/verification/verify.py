"""Translation validation: what compiling runs before it writes, so that a fault of nmc is an error, not an answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nmc.backends import resolve
from nmc.backends.target import Chosen, Target, Verifier
from nmc.model import Model
from nmc.passes import Samples, Translated
from nmc.program import Program, nmc_version
from nmc.verification.difference import TranslationError
from nmc.verification.kept_meaning import exact_steps, kept_meaning
from nmc.verification.outcome import Fault, LeftOut, Outcome
from nmc.verification.record import Check, Level, Verification
from nmc.verification.rounding import rounded
from nmc.verification.trial import Trial, trial


def verified(
    program: Program,
    executed: Model,
    target: Target[Chosen],
    options: Chosen,
    steps: Sequence[Translated],
    calibration: Samples,
    level: Level,
) -> Verification:
    """Run a program that is not written yet against the reference, and every pass against what it claims.

    `executed` is the model as the target's chip computes it, `steps` are the passes that led there. Raises
    TranslationError at the first difference.
    """
    if level == "none":
        return Verification("none", "nothing", (), ("everything, since --verify none was asked for",))
    exact = exact_steps(steps)
    models = [executed, *(step.before for step in exact), *(step.after for step in exact)]
    samples = trial(executed, calibration(), models, level)
    if samples is None:
        return Verification(level, "nothing", (), ("everything, since a model without an input cannot be run",))
    checks, left_out = [], [samples.cut] if samples.cut else []
    for outcome in _outcomes(program, executed, target, steps, samples, level):
        match outcome:
            case Fault():
                report = f"nmc {nmc_version()}, {target.name}, {options}, {samples.data}"
                raise TranslationError.at(outcome.at, outcome.what, report)
            case LeftOut():
                left_out.append(outcome.why)
            case Check():
                checks.append(outcome)
    return Verification(level, samples.data, tuple(checks), tuple(left_out))


def _outcomes(
    program: Program, executed: Model, target: Target[Chosen], steps: Sequence[Translated], samples: Trial, level: Level
) -> Iterator[Outcome]:
    verifiers = [engine.verify for engine in target.engines.values() if engine.verify is not None]
    if not verifiers:
        yield LeftOut(f"the program, since the target {target.name} has no way to")
    for place in verifiers:
        verifier: Verifier = resolve(place)
        yield from verifier(program, executed, samples, level)
    yield from kept_meaning(steps, samples)
    yield from rounded(steps, samples)
