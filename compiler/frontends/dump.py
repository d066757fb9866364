"""Models written as model.yaml, with their weights and data beside it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from io import StringIO
from pathlib import Path

from nmc.chips import is_chip_file
from nmc.data_source import Source
from nmc.errors import ModelError, ToolError, UsageError
from nmc.frontends import weights as arrays
from nmc.frontends.drafting import default_facts
from nmc.graph import Graph, Node
from nmc.model import Array, Budget, Model, Task
from nmc.nodes import KINDS
from nmc.nodes.build import FactsError, build
from nmc.nodes.tensor import Input
from nmc.side_by_side import parts_of
from nmc.units.parse import written

MODEL_FILE = "model.yaml"
WEIGHTS_FILE = "weights.safetensors"
SPLITS = ("test", "calibration", "train")


def dump(model: Model, directory: Path) -> Path:
    """Write a model as a folder that loads as an equal model; gives the path of its model.yaml.

    The folder must be absent or empty, and appears whole or not at all. Input nodes come first in the
    file, and so in the graph read back. Raises ModelError where the model is unsound or the format
    cannot say it, UsageError where the folder is taken, ToolError where the disk fails.
    """
    from nmc.frontends.yaml import load
    from nmc.program import replace_directory

    model.checked()
    require_free(directory)
    contents = _contents(model)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            for name, data in contents.items():
                (Path(scratch) / name).write_bytes(data)
            again = load(Path(scratch) / MODEL_FILE)
    except OSError as error:
        raise ToolError(f"cannot write {directory}: {error.strerror or error}", "check the path and the disk") from None
    if again.graph != inputs_first(model.graph):
        raise ModelError("model.yaml cannot say this graph", "keep it as the text of a graph instead")
    replace_directory(directory, contents)
    return directory / MODEL_FILE


def require_free(directory: Path) -> None:
    """Raises UsageError where anything is at `directory` but an empty folder, ToolError where that cannot be told."""
    try:
        if directory.exists() and not (directory.is_dir() and not any(directory.iterdir())):
            raise UsageError(f"{directory} is there already", "name another folder, or remove this one")
    except OSError as error:
        raise ToolError(f"cannot write {directory}: {error.strerror or error}", "check the path and the disk") from None


def inputs_first(graph: Graph) -> Graph:
    """The same graph with its input nodes before all others, as model files have them."""
    nodes = sorted(graph.nodes, key=lambda node: not isinstance(node, Input))
    return replace(graph, nodes=tuple(nodes))


def _contents(model: Model) -> Mapping[str, bytes]:
    """The folder's files by name."""
    contents: dict[str, bytes] = {}
    if model.weights:
        spread = {array: model.deviations[name] for name, array in _deviation_arrays(model).items()}
        contents[WEIGHTS_FILE] = arrays.as_bytes({**model.weights, **spread})
    data: dict[str, str] = {}
    if model.task is not None:
        for split in SPLITS:
            source: Source | None = getattr(model.task, split)
            if source is not None:
                data[split] = f"{split}{source.suffix if isinstance(source, Path) else '.npz'}"
                contents[data[split]] = _data(source) if isinstance(source, Path) else _arrays(model, split)
    contents[MODEL_FILE] = _text(_top(model, data)).encode()
    return contents


def _data(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot read the data {path}: {error.strerror or error}", "mend the task's paths") from None


def _arrays(model: Model, split: str) -> bytes:
    """The samples of a split that come from anything but one whole file, as an .npz."""
    from nmc import datasets
    from nmc.datasets.arrays import packed
    from nmc.datasets.fitting import labels_name

    if split != "calibration":
        labelled = datasets.test_data(model) if split == "test" else datasets.train_data(model)
        return packed({**_named(labelled.x), labels_name(model): labelled.y})
    calibration = datasets.calibration_data(model)
    assert calibration is not None  # the task has one
    return packed(_named(calibration.x))


def _named(x: Array) -> Mapping[str, Array]:
    """Samples as the arrays of a file: 'x' of one input, each of several by its name."""
    return {part or "x": array.astype("float32") for part, array in parts_of(x).items()}


def _top(model: Model, data: Mapping[str, str]) -> dict[str, object]:
    graph = model.graph
    inputs = {node.name: _input(node) for node in graph if isinstance(node, Input)}
    top: dict[str, object] = {"nmc": 1, "name": model.name}
    if model.description:
        top["description"] = model.description
    if model.weights:
        top["weights"] = WEIGHTS_FILE
    if model.deviations:
        top["deviations"] = dict(_deviation_arrays(model))
    if graph.dt_s is not None:
        top["dt"] = written(graph.dt_s, "time")
    if model.steps is not None:
        top["steps"] = model.steps
    top |= {"input": inputs["input"]} if inputs.keys() == {"input"} else {"inputs": inputs}
    top["nodes"] = {node.name: _node(node) for node in graph if not isinstance(node, Input)}
    top |= {"output": graph.outputs[0]} if len(graph.outputs) == 1 else {"outputs": list(graph.outputs)}
    if model.task is not None:
        top["task"] = _task(model.task, data)
    return top


def _deviation_arrays(model: Model) -> Mapping[str, str]:
    """What the arrays with the deviations are called in the file, by the arrays that they are of."""
    names: dict[str, str] = {}
    for name in model.deviations:
        free = f"{name}.std"
        while free in model.weights or free in names.values():
            free += ".std"
        names[name] = free
    return names


def _input(node: Input) -> dict[str, object]:
    return {"shape": list(node.shape), **({"stream": True} if node.stream else {})}


def _node(node: Node) -> dict[str, object]:
    reads = [str(ref) for ref in node.inputs]
    source: object = reads[0] if len(reads) == 1 else reads
    return {"kind": node.kind, **({"from": source} if reads else {}), **_facts(node)}


def _facts(node: Node) -> dict[str, object]:
    """The fewest facts that make an equal node, in plain values."""
    kind = KINDS[node.kind]
    facts = {f.name: getattr(node, f.name) for f in fields(node) if f.name not in ("name", "inputs")}
    defaults = default_facts(kind, node.name)
    for fact in list(facts):
        fewer = {name: value for name, value in facts.items() if name != fact}
        try:
            if build(kind, node.name, node.inputs, {**defaults, **fewer}) == node:
                facts = fewer
        except FactsError:
            continue
    return facts


def _task(task: Task, data: Mapping[str, str]) -> dict[str, object]:
    budgets = {
        str(Path(target).absolute()) if is_chip_file(target) else target: _budget(budget)
        for target, budget in task.budgets.items()
    }
    facts: dict[str, object] = {"kind": task.kind, "metric": task.metric}
    if task.judge is not None:
        facts["judge"] = task.judge
    if task.control is not None:
        facts |= asdict(task.control)
    if data:
        facts["data"] = dict(data)
    return {**facts, "budgets": budgets} if budgets else facts


def _budget(budget: Budget) -> dict[str, object]:
    """The limits that are not the defaults."""
    limits: dict[str, object] = {
        f.name: value for f in fields(budget) if (value := getattr(budget, f.name)) != f.default
    }
    for field, key, dimension in (("max_energy_j", "max_energy", "energy"), ("max_latency_s", "max_latency", "time")):
        if isinstance(value := limits.pop(field, None), float):
            limits[key] = written(value, dimension)
    return limits


def _text(top: Mapping[str, object]) -> str:
    """YAML with a line to each node, and short values in flow style."""
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap, CommentedSeq
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    def styled(value: object, depth: int) -> object:
        if isinstance(value, dict):
            mapping = CommentedMap((styled(key, depth), styled(item, depth + 1)) for key, item in value.items())
            if depth >= 2 or "shape" in value:
                mapping.fa.set_flow_style()
            return mapping
        if isinstance(value, list | tuple):
            sequence = CommentedSeq(styled(item, depth + 1) for item in value)
            sequence.fa.set_flow_style()
            return sequence
        if isinstance(value, str) and not value.isprintable():
            return DoubleQuotedScalarString(value)
        return value

    yaml = YAML()
    yaml.width = 1 << 20
    stream = StringIO()
    yaml.dump(styled(dict(top), 0), stream)
    return stream.getvalue()
