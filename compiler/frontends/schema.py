"""The form of model.yaml, version 1: what its keys are and take, checked by pydantic.

`python -m nmc.frontends.schema` writes it as JSON Schema, for editors, to `model.schema.json` beside this file.
"""

from __future__ import annotations

import json
import reprlib
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
)  # fmt: skip
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, ErrorDetails

from nmc.data_source import TimeUnit
from nmc.errors import Fault, closest
from nmc.frontends.document import Document, KeyPath
from nmc.frontends.learning import OWN, RULES, parameters
from nmc.frontends.timed import INTEGRATORS, STEP_COUNTS, TIME_CONSTANTS
from nmc.graph import Node
from nmc.model import MetricName, TaskKind
from nmc.nodes import KINDS
from nmc.nodes.build import FactType, facts_of
from nmc.nodes.tensor import Input, Linear
from nmc.units.parse import UnitError, energy_j, step_s, time_s

VERSION = 1

_QUANTITY = r"^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)? *[A-Za-zµμ]+$"


def quantity_schema(example: str) -> dict[str, object]:
    """The JSON Schema of a number with a unit."""
    return {"type": "string", "pattern": _QUANTITY, "examples": [example]}


def _step(value: object, info: ValidationInfo) -> float:
    return step_s(value, str(info.field_name))


def _time(value: object, info: ValidationInfo) -> float:
    return time_s(value, str(info.field_name))


def _energy(value: object, info: ValidationInfo) -> float:
    return energy_j(value, str(info.field_name))


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _as_numbers(value: object) -> object:
    return [value] if isinstance(value, int | float) else value


Step = Annotated[float, BeforeValidator(_step), WithJsonSchema(quantity_schema("1 ms"))]
Time = Annotated[float, BeforeValidator(_time), WithJsonSchema(quantity_schema("5 ms"))]
Energy = Annotated[float, BeforeValidator(_energy), WithJsonSchema(quantity_schema("50 uJ"))]
Count = Annotated[int, Field(gt=0)]
ModelName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=80)]
FileName = Annotated[str, Field(min_length=1, max_length=255)]
Share = Annotated[float, Field(ge=0, le=1)]
_NUMBERS_SCHEMA = {"anyOf": [{"type": "number"}, {"type": "array", "items": {"type": "number"}}]}
Numbers = Annotated[list[float], BeforeValidator(_as_numbers), WithJsonSchema(_NUMBERS_SCHEMA)]
_NAMES_SCHEMA = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
Names = Annotated[list[str], BeforeValidator(_as_list), WithJsonSchema(_NAMES_SCHEMA)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class InputSpec(_Strict):
    """What is fed to the graph."""

    shape: list[Count] = Field(description="Shape of a sample, or of one step of it.", examples=["[64]"])
    stream: bool = Field(False, description="Whether there is a value for each time step.", examples=["true"])


class SamplesSpec(_Strict):
    """Samples: from one of `file`, `images`, `events` and `torchvision`, and which of them."""

    file: FileName | None = Field(None, description="An .npz with x and y, or an .npy.", examples=["test.npz"])
    images: FileName | None = Field(
        None, description="A folder with a folder of PNG or JPEG images for each class.", examples=["test"]
    )
    events: FileName | None = Field(
        None, description="A folder with a folder of event recordings for each class, or an HDF5 file.",
        examples=["test"],
    )  # fmt: skip
    torchvision: str | None = Field(None, description="A data set of torchvision, by name.", examples=["MNIST"])
    root: FileName | None = Field(
        None, description="With torchvision: the folder that it was downloaded to.", examples=["data"]
    )
    train: bool | None = Field(None, description="With torchvision: the training part.", examples=["true"])
    size: Annotated[list[Count], Field(min_length=2, max_length=2)] | None = Field(
        None, description="Height and width that images are resized to; of events, those of the sensor.",
        examples=["[28, 28]"],
    )  # fmt: skip
    mean: Numbers | None = Field(
        None, description="Of images, what is taken off pixels of 0 to 1, in all or each channel.", examples=["0.5"]
    )
    std: Numbers | None = Field(
        None, description="Of images, what pixels are divided by after that.", examples=["[0.5, 0.5, 0.5]"]
    )
    bins: Count | None = Field(
        None, description="Of events, the number of time bins; the model's steps without.", examples=["50"]
    )
    bin: Time | None = Field(
        None, description="Of events, the width of a bin; equal parts of each recording without.", examples=["1 ms"]
    )
    binary: bool | None = Field(
        None, description="Of events: whether a bin holds 1 instead of their number.", examples=["true"]
    )
    unit: TimeUnit | None = Field(
        None, description="Of events in HDF5, the unit of their times: s, ms, us or ns.", examples=["us"]
    )
    share: Annotated[list[Share], Field(min_length=2, max_length=2)] | None = Field(
        None, description="Which part of all samples, from 0 to 1.", examples=["[0.8, 1.0]"]
    )
    samples: Count | None = Field(None, description="How many samples at most.", examples=["1000"])
    seed: Annotated[int, Field(ge=0)] | None = Field(
        None, description="Shuffles the samples, before a part is taken.", examples=["1"]
    )


class _OrFile:
    """In JSON Schema: the name of a file, or the mapping."""

    @staticmethod
    def __get_pydantic_json_schema__(core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [{"type": "string"}, handler(core)]}


def _as_file(value: object) -> object:
    return {"file": value} if isinstance(value, str) else value


SamplesOrFile = Annotated[SamplesSpec, BeforeValidator(_as_file), _OrFile]


class DataSpec(_Strict):
    """The data, beside the model file."""

    test: SamplesOrFile | None = Field(
        None, description="Samples x and labels y to score on.", examples=["test.npz"]
    )
    calibration: SamplesOrFile | None = Field(
        None, description="Samples x to measure ranges on.", examples=["calibration.npz"]
    )
    train: SamplesOrFile | None = Field(
        None, description="Samples x and labels y to train on.", examples=["train.npz"]
    )


class BudgetSpec(_Strict):
    """What the model may cost, and must achieve, on a target."""

    min_accuracy: Annotated[float, Field(ge=0, le=1)] | None = Field(
        None, description="Least share of samples classified rightly.", examples=["0.96"]
    )
    min_score: Annotated[float, Field(allow_inf_nan=False)] | None = Field(
        None, description="Least score, by another metric of which more is better.", examples=["0.9"]
    )
    max_error: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = Field(
        None, description="Largest score, by a metric that is an error.", examples=["0.05"]
    )
    max_energy: Energy | None = Field(None, description="Most energy for an inference.", examples=["50 uJ"])
    max_latency: Time | None = Field(None, description="Longest time for an inference.", examples=["5 ms"])
    hold: Literal["best", "high"] = Field(
        "best", description="Which value of an estimate is held to the limits.", examples=["high"]
    )
    allow_missing: bool = Field(
        False, description="Whether an energy will do that leaves out prices never published.", examples=["true"]
    )


class TaskSpec(_Strict):
    """What the model is for."""

    kind: TaskKind = Field(
        description="What the outputs mean: scores of classes, values, how anomalous a sample is, samples made up, or"
        " what to do next.",
        examples=["classification"],
    )
    data: DataSpec | None = Field(None, description="The data files.", examples=["{test: test.npz}"])
    metric: MetricName | None = Field(
        None, description="How it is scored; follows from the kind.", examples=["accuracy"]
    )
    judge: str | None = Field(
        None, description="For generation: the model of the zoo that classifies samples.", examples=["digits-cnn"]
    )
    environment: Annotated[str, Field(pattern=r"^[\w./-]+$")] | None = Field(
        None, description="For control: the environment's id in gymnasium.", examples=["CartPole-v1"]
    )
    episodes: Count | None = Field(
        None, description="For control: in how many episodes it is scored; 100 without.", examples=["100"]
    )
    seed: Annotated[int, Field(ge=0)] | None = Field(
        None, description="For control: the seed of the first episode, from which they count up.", examples=["0"]
    )
    budgets: dict[str, BudgetSpec] = Field(
        {}, description="By target; '*' for all.", examples=["{loihi-sim: {max_energy: 50 uJ}}"]
    )


class NodeSpec(BaseModel):
    """A node: its kind, what it reads, and the facts of that kind."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    kind: str = Field(description="The kind of node.", examples=["Linear"])
    reads: Names = Field([], alias="from", description="The nodes that it reads.", examples=["[fc1, rec@1]"])

    @property
    def facts(self) -> Mapping[str, object]:
        """The facts, as they stand in the file."""
        return self.model_extra or {}


class ModelFile(_Strict):
    """A model for nmc: its graph, where its weights are, and its task."""

    nmc: Literal[1] = Field(description="Version of the format.", examples=["1"])
    name: ModelName = Field(description="Name of the model.", examples=["digits-snn"])
    description: str = Field("", description="What it is, in a line.", examples=["reads handwritten digits"])
    weights: FileName | None = Field(
        None, description="The safetensors file with the arrays, beside this one.", examples=["weights.safetensors"]
    )
    deviations: dict[str, str] = Field(
        {}, description="Of arrays that are distributions, the array with their standard deviations.",
        examples=["{fc1.weight: fc1.weight.std}"],
    )  # fmt: skip
    dt: Step | None = Field(None, description="The time step, for networks in time.", examples=["1 ms"])
    steps: Count | None = Field(None, description="How many steps a run lasts.", examples=["20"])
    input: InputSpec | None = Field(
        None, description="The only input, a node named 'input'.", examples=["{shape: [64]}"]
    )
    inputs: dict[str, InputSpec] | None = Field(
        None, description="Several inputs, by name.", examples=["{left: {shape: [8]}, right: {shape: [8]}}"]
    )
    nodes: dict[str, NodeSpec] = Field(
        description="The nodes by name, in order.", examples=["{out: {kind: Linear, from: input, features: 10}}"]
    )
    output: str | None = Field(None, description="The node whose value is the result.", examples=["logits"])
    outputs: list[str] | None = Field(None, description="Several results.", examples=["[left, right]"])
    task: TaskSpec | None = Field(None, description="What the model is for.", examples=["{kind: classification}"])


_PLACEHOLDERS: Mapping[str, object] = {"nmc": VERSION, "name": "model", "nodes": {}}


def validate(document: Document) -> tuple[ModelFile, list[Fault]]:
    """The file in its form, and every fault of form. What is at fault is left out of the form."""
    try:
        return ModelFile.model_validate(document.value), []
    except ValidationError as error:
        details = error.errors(include_url=False)
    faults = list(dict.fromkeys(_fault(document, detail) for detail in details))
    sound: dict[str, object] = deepcopy(dict(document.value))
    while True:
        for detail in details:
            _leave_out(sound, detail["loc"][:-1] if detail["type"] == "missing" else detail["loc"])
        try:
            return ModelFile.model_validate({**_PLACEHOLDERS, **sound}), faults
        except ValidationError as error:  # what is left lacks something now
            details = error.errors(include_url=False)


def _leave_out(value: dict[str, object], path: KeyPath) -> None:
    """Remove the entry at `path`, or the innermost mapping's entry around it; of nodes and inputs, the whole one."""
    if path[:1] in (("nodes",), ("inputs",)):
        path = path[:2]
    for index, part in enumerate(path):
        inner = value.get(str(part))
        if index == len(path) - 1 or not isinstance(inner, dict):
            value.pop(str(part), None)
            return
        value = inner


def _fault(document: Document, detail: ErrorDetails) -> Fault:
    path = detail["loc"]
    key = next((str(part) for part in reversed(path) if isinstance(part, str)), "the file")
    got = reprlib.repr(detail["input"])
    field = _fields(path[:-1]).get(key)
    example = f"{key}: {field.examples[0]}" if field is not None and field.examples else None
    cause = detail.get("ctx", {}).get("error")
    if detail["type"] == "extra_forbidden":
        what, remedy = f"unknown key {reprlib.repr(key)}", closest(key, _fields(path[:-1]))
    elif detail["type"] == "missing":
        what, remedy = f"the key {key!r} is missing", f"add it, as in '{example}'"
    elif detail["type"] == "string_pattern_mismatch":
        what = f"{key} is made of letters, digits, '.', '_' and '-', got {got}"
        remedy = f"write it as in '{example}'"
    elif path == ("nmc",):
        what = f"version {got} of the format is not known"
        remedy = f"this nmc reads version {VERSION}: write 'nmc: {VERSION}', or update nmc"
    elif isinstance(cause, UnitError):
        what, remedy = str(cause), cause.remedy
    else:
        problem = detail["msg"].replace("Input", key, 1).replace("dictionary", "mapping of 'key: value'")
        what = f"{problem if key in problem else f'{key}: {problem}'}, got {got}"
        remedy = f"write it as in '{example}'" if example else "see the description of the format, docs/model-yaml.md"
    return document.fault(path, what, remedy)


def _fields(path: KeyPath) -> Mapping[str, FieldInfo]:
    """The keys of the mapping at a path, by the name they have in files."""
    match path:
        case ():
            model: type[BaseModel] = ModelFile
        case ("input",) | ("inputs", _):
            model = InputSpec
        case ("nodes", _):
            model = NodeSpec
        case ("task",):
            model = TaskSpec
        case ("task", "data"):
            model = DataSpec
        case ("task", "data", _):
            model = SamplesSpec
        case ("task", "budgets", _):
            model = BudgetSpec
        case _:
            return {}
    return {field.alias or name: field for name, field in model.model_fields.items()}


def json_schema() -> dict[str, object]:
    """The JSON Schema of model.yaml, with every kind of node and its facts."""
    schema: dict[str, object] = ModelFile.model_json_schema()
    definitions = schema["$defs"]
    assert isinstance(definitions, dict)
    del definitions["NodeSpec"]
    kinds = {name: kind for name, kind in KINDS.items() if kind is not Input}
    definitions.update({name: _kind_schema(kind) for name, kind in kinds.items()})
    definitions["Node"] = {"oneOf": [{"$ref": f"#/$defs/{name}"} for name in kinds]}
    properties = schema["properties"]
    assert isinstance(properties, dict)
    properties["nodes"]["additionalProperties"] = {"$ref": "#/$defs/Node"}
    schema["oneOf"] = [{"required": ["input"]}, {"required": ["inputs"]}]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _kind_schema(kind: type[Node]) -> dict[str, object]:
    """The facts of one kind of node; what has a time form need not be given."""
    table = facts_of(kind)
    name = kind.__name__
    constants = TIME_CONSTANTS.get(name, ())
    timed = {constant.decay for constant in constants}
    facts = {fact: _fact_schema(name, fact, kind_of) for fact, kind_of in table.items()}
    for constant in constants:
        facts[constant.tau] = quantity_schema("10 ms")
        facts[constant.factor] = {"type": "number"}
        facts["integrator"] = {"enum": list(INTEGRATORS)}
    reads = {"from": _NAMES_SCHEMA} if kind.operands[1] != 0 else {}
    required = [fact for fact, kind_of in table.items() if kind_of.required and fact not in {"weight", *timed}]
    schema: dict[str, object] = {
        "type": "object",
        "description": " ".join((kind.__doc__ or "").split()),
        "properties": {"kind": {"const": name}, **reads, **facts},
        "required": ["kind", *reads, *required],
        "additionalProperties": False,
    }
    if kind is Linear:
        facts["learn"] = _learn_schema()
    if constants:
        schema["allOf"] = [
            {"oneOf": [{"required": [c.decay]}, {"required": [c.tau, "integrator"]}]} for c in constants
        ]
    return schema


def _learn_schema() -> dict[str, object]:
    """What may stand under `learn`."""
    texts = {key: {"type": "string"} for key in ("post", "third", "reward", "error", "dw", "dt", "dd")}
    numbers = {"anyOf": [{"type": "number"}, quantity_schema("20 ms")]}
    return {
        "type": "object",
        "description": "Lets the weights learn, by a rule by name or as sums of products.",
        "properties": {**dict.fromkeys(parameters(), numbers), **texts, "rule": {"enum": [*RULES, OWN]}},
        "required": ["rule", "post"],
        "additionalProperties": False,
    }


def _fact_schema(kind: str, fact: str, fact_type: FactType) -> dict[str, object]:
    schema = fact_type.adapter.json_schema()
    if fact_type.marker is not None:
        schema = {"anyOf": [{"type": "integer"}, schema]}
    if fact in STEP_COUNTS.get(kind, ()):
        schema = {"anyOf": [schema, quantity_schema("2 ms")]}
    default = fact_type.default
    shown = not fact_type.required and default != () and default not in (float("inf"), float("-inf"))
    return {**schema, "description": f"Takes {fact_type.takes}."} | ({"default": default} if shown else {})


if __name__ == "__main__":
    path = Path(__file__).resolve().with_name("model.schema.json")
    path.write_text(json.dumps(json_schema(), indent=1) + "\n", encoding="utf-8")
