"""nmc inspect: what a model or a program says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nmc.cli.output import JSON, OPTIONS, parse_options, print_json
from nmc.report.printing import say

if TYPE_CHECKING:
    from nmc.passes import Translated


def command(
    what: Annotated[str, typer.Argument(help="A model of the zoo, a model.yaml or its folder, or a program.")],
    target: Annotated[
        str | None, typer.Option("--target", "-t", help="Show the model after every pass for this target.")
    ] = None,
    after: Annotated[str | None, typer.Option(help="With --target: show only the graph after this pass.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="With --target: time steps of a run.")] = None,
    option: Annotated[list[str] | None, OPTIONS] = None,
    mapping: Annotated[bool, typer.Option("--mapping", help="Of a program: show where each neuron sits.")] = False,
    quantization: Annotated[
        bool, typer.Option("--quantization", help="With --target: show what rounding to integers does to each layer.")
    ] = False,
    neurobench: Annotated[
        bool, typer.Option("--neurobench", help="Run samples, and show NeuroBench's metrics.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="With --mapping: draw the cores to this .svg or .html file.")
    ] = None,
    json: Annotated[bool, JSON] = False,
) -> None:
    """Show the graph of a model, of a program, or of a model after each pass for a target."""
    from nmc.errors import UsageError
    from nmc.program import MANIFEST

    if (Path(what) / MANIFEST).is_file():
        if neurobench:
            raise UsageError(
                "a program has no data to run on", "inspect the model: nmc inspect MODEL --target TARGET --neurobench"
            )
        _program(what, mapping, quantization, output, json)
    elif mapping:
        raise UsageError(f"{what} is not a program", "compile it first, and give the program's directory")
    elif quantization and target is None:
        raise UsageError("--quantization needs a target", "give one, as in --target loihi-sim")
    elif after is not None and target is None:
        raise UsageError("--after needs a target", "give one, as in --target loihi-sim")
    else:
        _model(what, target, parse_options(option, steps), after, quantization, neurobench, json)


def _program(what: str, mapping: bool, quantization: bool, output: Path | None, json: bool) -> None:
    from nmc import api
    from nmc.cli.inspect_loihi import show_mapping
    from nmc.errors import UsageError
    from nmc.passes.dump import annotated
    from nmc.report.plain import model_facts

    program = api.load_program(what)
    manifest = program.manifest
    if quantization:
        raise UsageError(
            "a program no longer has the weights that were rounded",
            f"inspect the model instead: nmc inspect MODEL --target {program.target} --quantization",
        )
    if mapping:
        show_mapping(program, output, json)
    elif json:
        print_json({**vars(manifest), "graph": model_facts(program.model)})
    else:
        say(f"program {program.name} for {program.target} (chip {program.chip}), made by nmc {manifest.nmc}")
        found = manifest.verification
        say(f"verified: {manifest.verified}" + (f", on {found.data}" if found and found.checks else ""))
        for line in found.lines() if found else ():
            say(f"  {line}")
        say("options: " + ", ".join(f"{name}={value}" for name, value in program.manifest.options.items()))
        for name, record in manifest.files.items():
            say(f"  {name:24} {record.bytes:>10} bytes  sha256 {record.sha256[:12]}")
        say(annotated(program.model))


def _model(
    what: str,
    target: str | None,
    options: Mapping[str, object],
    after: str | None,
    quantization: bool,
    neurobench: bool,
    json: bool,
) -> None:
    from nmc import api, pipeline
    from nmc.backends import target_named
    from nmc.cli.inspect_neurobench import show_neurobench
    from nmc.cli.inspect_quantization import show_quantization
    from nmc.errors import UsageError, closest
    from nmc.passes.dump import Dump, annotated
    from nmc.report.plain import model_facts

    model = api.load(what)
    stages = Dump()
    steps: list[Translated] = []
    if target is None:
        stages.add("model", model.checked())
    else:
        chosen = target_named(target)
        prepared = pipeline.prepare(model, chosen, chosen.configured(options), stages.add, steps.append)
        pipeline.execute(prepared, chosen, stages.add, steps.append)
    if quantization and target is not None:
        show_quantization(steps, target, json)
        return
    if neurobench:
        show_neurobench(stages.stages, json)
        return
    shown = [stage for stage in stages.stages if after in (None, stage[0])]
    if not shown and after is not None:
        names = [name for name, _ in stages.stages]
        raise UsageError(f"no pass of {target} is called {after!r}", closest(after, names))
    if json:
        print_json({name: model_facts(result) for name, result in shown})
        return
    for name, result in shown:
        say(f"--- {name}" if target else f"--- {model.name}: {model.description}")
        say(annotated(result))
