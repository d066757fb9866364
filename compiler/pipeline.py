"""From a model to a program, and from a program to what it puts out and costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from nmc import passes, program
from nmc.backends import able, resolve, target_named, target_of
from nmc.backends.target import CHIP, OBSERVE, RUN, Chosen
from nmc.errors import ModelError, UsageError
from nmc.model import FloatArray, Model
from nmc.passes.pipelines import Pipeline
from nmc.program import Program

if TYPE_CHECKING:
    from nmc.backends.target import Options, RunResult, Target
    from nmc.estimates.estimate import Estimate
    from nmc.passes.conversion import Converted
    from nmc.reference.interpreter import Feed
    from nmc.verification.record import Level

Watch = Callable[[str, Model], None]
Keep = Callable[[passes.Translated], None]


def compile_model(
    model: Model,
    target: str | Target[Options],
    directory: Path,
    options: Mapping[str, object] | None = None,
    watch: Watch | None = None,
    verify: Level = "brief",
    keep: Keep | None = None,
) -> Program:
    """Compile a model for a target, verify the program, and write it to `directory`.

    `options` are the target's own, by name (see `nmc targets`); `watch` sees the model after every
    pass, `keep` each pass with the models before and after it; `verify` says how much is run before anything is
    written (see `nmc.verification`). Raises UsageError for an unknown target or option, ModelError or
    UnsupportedError for a model that is unsound or that the target cannot mean, TranslationError where the program
    does not do what the model says.
    """
    from nmc.verification.verify import verified

    chosen = target_named(target) if isinstance(target, str) else target
    settings = chosen.configured(options or {})
    steps: list[passes.Translated] = []
    samples = samples_of(model)
    lowered = prepare(model, chosen, settings, watch, steps.append, samples)
    files = program_files(chosen, lowered, settings)
    executed = execute(lowered, chosen, watch, steps.append)
    draft = program.draft(
        directory, executed, target=chosen.name, chip=chosen.chip_name, options=asdict(settings), files=files
    )
    if keep is not None:
        for step in steps:
            keep(step)
    return draft.write(verified(draft.program, executed, chosen, settings, steps, samples, verify))


def samples_of(model: Model, file: Path | None = None) -> passes.Samples:
    """The model's calibration samples, or those of a file: read when first asked for, and once."""
    from nmc.datasets import calibration, read_samples

    return cache(partial(calibration, model) if file is None else lambda: cast(FloatArray, read_samples(file, model).x))


def pipeline_of(target: Target[Chosen], options: Chosen) -> Pipeline:
    """All passes from a user's model to what the target's chip computes."""
    return Pipeline((*target.passes(options), *target.executed()))


def prepare(
    model: Model,
    target: Target[Chosen],
    options: Chosen,
    watch: Watch | None = None,
    keep: Keep | None = None,
    samples: passes.Samples | None = None,
) -> Model:
    """The model after all of the target's passes, each of them checked; `keep` sees each pass with both models.

    `samples` are the model's own unless given.
    """
    model = model.checked()
    if watch is not None:
        watch("model", model)
    return passes.apply(target.passes(options), model, samples or samples_of(model), watch, keep)


@dataclass(frozen=True, eq=False)
class Conversion:
    """An ordinary network, what it is just before it becomes one of neurons, and that one."""

    given: Model
    ordinary: Model
    converted: Converted


def convert(model: Model, target: Target[Chosen], options: Chosen) -> Conversion:
    """What the target's passes make of an ordinary network, as far as the model of neurons in real numbers.

    That is a model of its own, with a name of its own. Raises ModelError where the model is unsound or works in time
    already, UsageError where the target leaves it as it is, and UnsupportedError.
    """
    from nmc.passes.to_sigma_delta import ToSigmaDelta
    from nmc.passes.to_spiking import ToSpiking

    model = model.checked()
    if model.graph.dt_s is not None:
        raise ModelError(f"{model.name} works in time already: there is nothing to convert", "compile it as it is")
    before: list[passes.Pass] = []
    samples = samples_of(model)
    for step in target.passes(options):
        if isinstance(step, ToSpiking | ToSigmaDelta):
            ordinary = passes.apply(before, model, samples)
            found = step.converted(ordinary, samples)
            kind = {"mean": "spiking", "sum": "sigma-delta"}[found.reading]
            named = replace(
                found.model.checked(), name=f"{model.name}-{kind}",
                description=f"{model.name}, converted to {kind} neurons for runs of {found.model.steps} steps",
            )
            return Conversion(model, ordinary, replace(found, model=named))
        before.append(step)
    raise UsageError(
        f"{target.name} takes ordinary networks as they are: it converts none",
        "give a target of neurons, such as loihi-sim, or an option that asks for them: form=spiking for a processor,"
        " neurons=spiking for Nengo",
    )


def execute(model: Model, target: Target[Chosen], watch: Watch | None = None, keep: Keep | None = None) -> Model:
    """A prepared model in the form in which the target's chip computes it."""
    return passes.apply(target.executed(), model, passes.no_samples, watch, keep)


def program_files(target: Target[Chosen], model: Model, options: Chosen) -> Mapping[str, bytes]:
    """A program's files beside graph and weights: of the lowering, of each engine, and of a chip of the user's own."""
    files = dict(target.lower(model, options))
    for engine in target.engines.values():
        if engine.files is not None:
            files |= resolve(engine.files)(model)
    return files if target.chip_file is None else {**files, CHIP: target.chip_file.text.encode()}


def run_program(
    compiled: Program,
    x: Feed,
    *,
    engine: str | None = None,
    steps: int | None = None,
    record: Path | None = None,
    strict: bool = False,
) -> RunResult:
    """Run a program on samples [B, *shape], or [B, T, *shape] where its input streams; by name, for several inputs.

    `record` is a directory for a recording of all steps; `strict` asks for warnings where engine and chip may differ.
    Raises UsageError for an unknown engine or a wrong input, ToolError where the engine fails, ModelError where it puts
    out what is not finite though the model does not.
    """
    from nmc.finite import require_finite

    if steps is not None and steps < 1:
        raise UsageError(f"a run of {steps} steps", "run for 1 step or more")
    target = target_of(compiled)
    if record is not None or strict:
        result = able(target, OBSERVE, engine)(compiled, x, steps=steps, record=record, strict=strict)
    else:
        result = able(target, RUN, engine)(compiled, x, steps=steps)
    require_finite(compiled, x, result.outputs, steps or compiled.options.steps)
    return result


def estimate_run(compiled: Program, result: RunResult) -> Estimate | None:
    """What one inference of this run would cost on the program's chip; None where the target has no chip."""
    from nmc.estimates.pricing import price_program

    chip = target_of(compiled).chip
    return None if chip is None else price_program(compiled, chip, result)
