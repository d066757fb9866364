"""The public API, as `nmc.load`, `nmc.compile` and so on: what the commands do, as functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, get_args

import numpy as np
from numpy.typing import ArrayLike

from nmc import backends, pipeline, program, zoo
from nmc.comparison import DEFAULT_TARGETS, Comparison, compare_targets
from nmc.datasets import Data, given_samples, with_test_data
from nmc.errors import UsageError
from nmc.model import Array, Control, Model
from nmc.side_by_side import joined
from nmc.sweeps.grid import merged_axes
from nmc.sweeps.sweep import LOCAL, NONE, Workers
from nmc.verification.record import Level

if TYPE_CHECKING:
    from torch import Tensor, nn

    from nmc.accuracy_losses import ConversionReport
    from nmc.backends.target import RunResult
    from nmc.bayes.uncertainty import Uncertainty
    from nmc.checks.check import Check
    from nmc.checks.regression import Tolerance
    from nmc.chips.chip import Chip
    from nmc.control.rollout import Rollout
    from nmc.control.session import Session
    from nmc.differences.result import Difference
    from nmc.estimates.estimate import Estimate
    from nmc.learned import Lesson
    from nmc.program import Program
    from nmc.reference.interpreter import Feed
    from nmc.training import Progress, Training, TrainingOptions


def load(model: str | Path, **options: object) -> Model:
    """A model: the name of one in the zoo, or the path of a model.yaml, of its folder, or of a file of another tool.

    `options` say what such a file leaves open (see `nmc import`). Raises UsageError where there is
    no such model or option, ModelError with every fault of the file.
    """
    return zoo.load(model, **options)


def from_torch(module: nn.Module, example: Tensor | Sequence[Tensor], name: str | None = None) -> Model:
    """The model that a PyTorch module is in evaluation, for any number of samples.

    `example` is what its forward takes: tensors whose first axis counts samples. Raises ToolError without
    torch, UsageError for an example that is none, and ModelError or UnsupportedError with everything
    that cannot be imported, each with the source line that torch gives.
    """
    from nmc.frontends import torch

    return torch.from_torch(module, example, name)


def compile(
    model: Model | str | Path,
    target: str,
    directory: str | Path | None = None,
    *,
    verify: Level = "brief",
    **options: object,
) -> Program:
    """Compile a model for a target; the program is written to `directory` (programs/MODEL/TARGET without).

    `options` are the target's, such as `steps=32` or `precision="int8"`. `verify` says how much of the program is run
    and compared with what the model means before it is written: "brief" within 2 seconds, "full" or "none". Raises
    UsageError, ModelError or UnsupportedError, and TranslationError where the program does not do what the model says;
    then nothing is written.
    """
    if verify not in get_args(Level):
        raise UsageError(f"verify is {verify!r}", f"give one of: {', '.join(get_args(Level))}")
    chosen, aim = _model(model), backends.target_named(target)
    place = Path(directory) if directory is not None else program_directory(chosen, aim.name)
    return pipeline.compile_model(chosen, aim, place, options, verify=verify)


def convert(
    model: Model | str | Path, target: str, directory: str | Path | None = None, **options: object
) -> Model:
    """An ordinary network as the one of neurons that the target would make of it, in real numbers.

    It is written to `directory` as a model folder, if one is given. `options` are the target's, such as
    `steps=32` or `charge=0.5`. Raises UsageError where the target converts nothing or the folder is taken, ModelError
    for a model that works in time already, UnsupportedError for what neurons cannot do.
    """
    from nmc.frontends.dump import dump

    chosen = backends.target_named(target)
    found = pipeline.convert(_model(model), chosen, chosen.configured(options)).converted.model
    if directory is not None:
        dump(found, Path(directory))
    return found


def conversion_report(
    model: Model | str | Path, target: str, *, samples: int | None = None, **options: object
) -> ConversionReport:
    """What the conversion of `convert` loses, layer by layer, and the score before and after it.

    `samples` limits the test set. Raises what `convert` raises, and ModelError for a model without calibration or
    test data.
    """
    from nmc.accuracy_losses import report

    chosen = backends.target_named(target)
    settings = chosen.configured(options)
    return report(pipeline.convert(_model(model), chosen, settings), chosen, options, samples)


def train(
    model: Model | str | Path,
    directory: str | Path,
    method: str = "backprop",
    *,
    options: TrainingOptions | None = None,
    progress: Progress | None = None,
) -> Training:
    """Train a model on its task's training data, and write it as a folder with its model.yaml, whole or not at all.

    The model of a model.yaml need not have weights yet. Raises UsageError for an unknown method or a folder that is
    taken, before training, ModelError without training data, UnsupportedError with every node that cannot be trained
    through, and ToolError without torch.
    """
    from nmc.frontends.dump import dump, require_free
    from nmc.training import train as trained

    place = Path(directory)
    require_free(place)
    done = trained(_untrained(model), method, options, progress)
    dump(done.model, place)
    return done


def export(
    model: Model | str | Path, path: str | Path, format: str = "onnx", **options: object
) -> tuple[str, ...]:
    """Write a model as a file of another tool; gives, in words, what of the model the file leaves out.

    `options` are the format's, such as `profile="norse"` for "nir". Raises UsageError for an unknown format
    or option, UnsupportedError where the format cannot say the model, ToolError where the disk fails.
    """
    from nmc.frontends.exports import export_file

    return export_file(_model(model), Path(path), format, options)


def run(
    compiled: Program | str | Path,
    x: ArrayLike | Mapping[str, ArrayLike] | None = None,
    *,
    data: Data | None = None,
    engine: str | None = None,
    steps: int | None = None,
    record: str | Path | None = None,
    strict: bool = False,
) -> RunResult:
    """Run a program on samples [B, *shape], or [B, T, *shape] where its input streams; by name, for several inputs.

    In place of `x`, `data` may be a function that returns x, or x and y; labels are left aside.
    `record` is a directory for a recording (see `nmc.recording`); `strict` asks for warnings where engine and chip
    may differ. Raises UsageError for a wrong input or engine, or one that cannot record, ToolError
    where the engine fails.
    """
    loaded = load_program(compiled) if isinstance(compiled, str | Path) else compiled
    place = None if record is None else Path(record)
    if (x is None) == (data is None):
        raise UsageError("a run takes samples from one place", "give either x or data")
    given = x if data is None else given_samples(data).x
    assert given is not None
    return pipeline.run_program(loaded, _samples(given), engine=engine, steps=steps, record=place, strict=strict)


def learn(
    compiled: Program | str | Path,
    x: ArrayLike | Mapping[str, ArrayLike],
    directory: str | Path,
    *,
    freeze: bool = False,
    engine: str | None = None,
    steps: int | None = None,
) -> Lesson:
    """Run a program on samples in sequence, each with the weights that the one before it left.

    The program with the weights that the last one leaves is written to `directory`, whole or not at all; with
    `freeze` it learns no more. The program that learned stays as it is, unless that is its directory. Raises
    UsageError where nothing in it learns, for an engine that cannot, or a wrong input, ToolError where the engine
    fails.
    """
    from nmc.learned import learn as learn_program

    loaded = load_program(compiled) if isinstance(compiled, str | Path) else compiled
    return learn_program(loaded, _samples(x), Path(directory), freeze=freeze, engine=engine, steps=steps)


def session(
    compiled: Program | Model | str | Path, batch: int = 1, *, engine: str | None = None
) -> Session:
    """Open a program on an engine that is fed step by step, with the state of `batch` samples held in between.

    A model in place of a program runs by the reference, as its nodes are meant. Raises UsageError for an engine
    that cannot be fed so.
    """
    from nmc.control.opening import open_session

    loaded = load_program(compiled) if isinstance(compiled, str | Path) else compiled
    return open_session(loaded, batch, engine)


def rollout(
    compiled: Program | Model | str | Path,
    environment: str | None = None,
    *,
    episodes: int = 100,
    seed: int = 0,
    engine: str | None = None,
) -> Rollout:
    """Let a program, or a model as its nodes are meant, act in episodes of an environment of gymnasium.

    Episode number i begins with the environment's seed `seed` + i. Without `environment`, a model acts in that of its
    task, in as many episodes as that says. Raises UsageError where there is none, and for an engine that cannot be fed
    step by step; ModelError where environment and model do not go together; ToolError without gymnasium.
    """
    from nmc.control.rollout import rollout as act

    loaded = load_program(compiled) if isinstance(compiled, str | Path) else compiled
    task = loaded.task if isinstance(loaded, Model) else None
    control = task.control if task is not None and environment is None else None
    if control is None:
        if environment is None:
            raise UsageError("nothing says in which environment to act", "name one, as in environment='CartPole-v1'")
        control = Control(environment, episodes, seed)
    return act(loaded, control, engine)


def raster(
    compiled: Program | str | Path,
    x: ArrayLike | Mapping[str, ArrayLike],
    path: str | Path,
    *,
    sample: int = 0,
    engine: str | None = None,
    steps: int | None = None,
) -> None:
    """Draw the spikes of one of the samples x, a panel for each population, as .svg or .html.

    Raises UsageError for another kind of file, a sample that is not there, or an engine that cannot record.
    """
    from nmc.recording import Recording
    from nmc.report.raster import check_name, write_raster

    place = Path(path)
    samples = _side_by_side(x) if isinstance(x, Mapping) else np.asarray(_samples(x))
    check_name(place)
    if not 0 <= sample < len(samples):
        raise UsageError(f"there is no sample {sample}", f"give 0 to {len(samples) - 1}")
    loaded = load_program(compiled) if isinstance(compiled, str | Path) else compiled
    with TemporaryDirectory(prefix="nmc-") as scratch:
        run(loaded, samples[sample : sample + 1], engine=engine, steps=steps, record=Path(scratch) / "r")
        title = f"{loaded.name} on {loaded.target}, sample {sample}"
        write_raster(Recording.load(Path(scratch) / "r"), 0, place, title)


def estimate(compiled: Program, result: RunResult) -> Estimate:
    """Energy and latency of one inference of this run on the program's chip. Raises UsageError where it has none."""
    from nmc.estimates.pricing import price_program

    return price_program(compiled, chip_of(compiled), result)


def chip_of(compiled: Program) -> Chip:
    """The chip that a program is priced on. Raises UsageError where it has none."""
    found = backends.target_of(compiled).chip
    if found is None:
        raise UsageError(
            f"{compiled.target} is a simulator with no chip behind it, so a run there has no energy and no latency",
            "estimate the model on a target with a chip, as 'nmc targets' lists them",
        )
    return found


def compare(
    model: Model | str | Path,
    targets: Iterable[str] = DEFAULT_TARGETS,
    *,
    data: Data | None = None,
    samples: int | None = None,
    directory: str | Path | None = None,
    options: Mapping[str, object] | None = None,
    sweep: Mapping[str, Sequence[object]] | None = None,
    seed: int = 0,
    results: str | Path | None = None,
    workers: int | None = None,
    cluster: str | None = None,
) -> Comparison:
    """Run a model's test set on several targets, at one setting or at many: accuracy, energy and latency of each.

    `data`, a pair (x, y) or a function that returns one, takes the place of the test set, x being one array or, for
    several inputs, an array for each by its name; a model without a task is scored by accuracy where y is [samples]
    whole numbers. `samples` limits the test set.
    `options` go to every target that has them. `sweep` gives values for options, as {"steps": [8, 16]}: every
    combination is measured, and kept in the file `results` (results/MODEL.duckdb without), from where it
    is taken the next time. Programs are written below `directory`; without, those of a sweep are not kept, others
    are in programs/MODEL. `workers` processes measure side by side, or those of a Dask scheduler at the address
    `cluster`. A target that cannot hold the model gives a row with the reason.
    """
    loaded = _model(model)
    chosen = loaded if data is None else with_test_data(loaded, data)
    programs = program_directory(chosen) if sweep is None else None
    kept = None if sweep is None else results_file(chosen)
    return compare_targets(
        chosen,
        tuple(targets),
        merged_axes(options or {}, sweep or {}),
        samples=samples,
        seed=seed,
        source=None if isinstance(model, Model) else str(model),
        programs=programs if directory is None else Path(directory),
        results=kept if results is None else Path(results),
        workers=Workers(cluster or (NONE if workers is None else LOCAL), workers),
    )


def check(
    model: Model | str | Path,
    targets: Iterable[str] | None = None,
    *,
    samples: int | None = None,
    baseline: str | Path | None = None,
    tolerance: Tolerance | None = None,
) -> Check:
    """Hold a model to the budgets of its task, on emulators: its `faults` are the limits that it breaks.

    Checked are the `targets`, or else all that have a budget; `samples` limits the test set; `baseline` is a file of
    earlier results to hold it to as well. Raises UsageError where a budget or the baseline is missing or no good.
    """
    from nmc.checks.check import check_model

    chosen = None if targets is None else tuple(targets)
    place = None if baseline is None else Path(baseline)
    return check_model(_model(model), chosen, samples=samples, baseline=place, tolerance=tolerance)


def uncertainty(
    model: Model | str | Path,
    targets: Iterable[str] = DEFAULT_TARGETS,
    *,
    draws: int = 16,
    seed: int = 0,
    samples: int | None = None,
    ood: str | Path | None = None,
    fit_temperature: bool = False,
    options: Mapping[str, object] | None = None,
    engine: str | None = None,
) -> Uncertainty:
    """Run `draws` sets of weights, drawn from a model's distributions, on each target, beside the mean weights.

    Each row says how good the mean of the draws' class probabilities is, how unsure on test data and on unknown
    samples (permuted pixels, noise, and those of the file `ood`), and what an answer costs. `samples` limits the test
    set. With `fit_temperature`, that mean is tempered to suit the labels of the task's calibration data. `options`
    and `engine` go to every target. Raises UsageError for a model without deviations or classes, ModelError for data
    that do not fit.
    """
    from nmc.bayes.uncertainty import measure_uncertainty

    place = None if ood is None else Path(ood)
    return measure_uncertainty(
        _model(model), targets, draws=draws, seed=seed, samples=samples, unknown=place,
        fit_temperature=fit_temperature, options=options, engine=engine,
    )  # fmt: skip


def diff(
    a: Model | Program | str | Path | Mapping[str, ArrayLike],
    b: Model | Program | str | Path | Mapping[str, ArrayLike] | None = None,
    x: ArrayLike | Mapping[str, ArrayLike] | None = None,
    *,
    target: str | None = None,
    engine_a: str | None = None,
    engine_b: str | None = None,
    steps: int | None = None,
    samples: int | None = None,
    options: Mapping[str, object] | None = None,
) -> Difference:
    """Where two runs part on the same samples: the first layer, step and element, and the rule that explains it.

    A model is what it means; a program is run on an engine, the first of its target unless one is named ("reference":
    what its graph means), and a recording is an .npz of arrays by the names of layers, such arrays, or a directory of
    `nmc.recording`. One program alone is held against its own reference. With `target`, the model `a` is compiled for
    it with `options`, and that program is `b`; `a` is what `convert` makes of an ordinary network, where it does.
    Without x, it is the calibration data of a model, or made up. Raises UsageError where the sides have no layer in
    common, or what is given does not fit.
    """
    from nmc.differences.opening import diff_sides, sides

    given = None if x is None else _samples(x)
    with TemporaryDirectory(prefix="nmc-") as scratch:
        if target is None:
            one, other = sides(_named(a), None if b is None else _named(b), engine_a, engine_b)
        elif b is None and not isinstance(a, program.Program | Mapping):
            model = _model(a)
            aim = backends.target_named(target)
            compiled = pipeline.compile_model(model, aim, Path(scratch) / "program", options, verify="none")
            label = f"{model.name} on {aim.name}"
            if model.graph.dt_s is None and compiled.model.graph.dt_s is not None:
                model = pipeline.convert(model, aim, aim.configured(options or {})).converted.model
            one, other = sides(model, compiled, None, engine_b, label)
        else:
            raise UsageError("a target compiles a model, to be held against it", "give a model and no second run")
        return diff_sides(one, other, given, steps, samples)


def _named(
    given: Model | Program | str | Path | Mapping[str, ArrayLike],
) -> Model | Program | str | Path | Mapping[str, Array]:
    return {name: np.asarray(array) for name, array in given.items()} if isinstance(given, Mapping) else given


def load_program(directory: str | Path) -> Program:
    """A compiled program, every file checked. Raises UsageError or ProgramError."""
    return program.load(Path(directory))


def targets() -> Mapping[str, str]:
    """Every target by name, with where it is defined."""
    return backends.targets()


def program_directory(model: Model, target: str = "") -> Path:
    """Where programs go unless told otherwise: programs/MODEL/TARGET below the working directory."""
    return Path("programs") / model.name / target


def results_file(model: Model) -> Path:
    """Where the results of sweeps go unless told otherwise: results/MODEL.duckdb below the working directory."""
    return Path("results") / f"{model.name}.duckdb"


def _untrained(model: Model | str | Path) -> Model:
    """The model, without its weights if need be; only a model.yaml can be read so."""
    if isinstance(model, Model):
        return model
    foreign = Path(model).suffix.lower() in (".onnx", ".nir")
    return load(model) if foreign else load(model, untrained=True)


def _samples(x: ArrayLike | Mapping[str, ArrayLike]) -> Feed:
    if isinstance(x, Mapping):
        return {name: np.asarray(array, dtype=np.float64) for name, array in x.items()}
    if isinstance(x, np.ndarray) and x.dtype.names is not None:
        return x
    return np.asarray(x, dtype=np.float64)


def _side_by_side(x: Mapping[str, ArrayLike]) -> Array:
    return joined("x", {name: np.asarray(array) for name, array in x.items()})


def _model(model: Model | str | Path) -> Model:
    return model if isinstance(model, Model) else load(model)
