"""An ONNX file to a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike

from nmc.errors import Fault, Location, ModelError, NmcError, UsageError, closest
from nmc.frontends.onnx import file as files
from nmc.frontends.onnx import readings
from nmc.frontends.onnx.known import single_sample
from nmc.frontends.onnx.reader import Reader, Scope
from nmc.frontends.onnx.values import BATCH, Known, Refusal, Signal, element_of, sample_shape
from nmc.frontends.onnx.writer import Writer
from nmc.graph import Graph, Node, Ref, Shape
from nmc.model import Model
from nmc.nodes import elementwise, tensor
from nmc.nodes.names import identifier

if TYPE_CHECKING:
    from onnx import ModelProto, ValueInfoProto


@dataclass(frozen=True)
class Options:
    """What an ONNX file leaves open.

    `batch`: whether the first axis of every input counts samples ("first"), or a sample is all that an
    input takes ("none"); "auto" is "first" where every operation lets it. `shapes`: sizes of inputs by
    name, as the file has them, the batch included. `constants`: values of inputs that shall be inputs no more.
    """

    batch: Literal["auto", "first", "none"] = "auto"
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    constants: Mapping[str, ArrayLike] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.batch not in ("auto", "first", "none"):
            raise UsageError(f"batch is {self.batch!r}", "give auto, first or none")


@dataclass(frozen=True, eq=False)
class Imported:
    """A model, and what became of the values of its file: the node of each by name, where there is one.

    `dims` are the sizes that the import found for those values, None where an axis counts samples.
    """

    model: Model
    nodes: Mapping[str, str]
    dims: Mapping[str, tuple[int | None, ...]]


def load(path: Path, options: Options | None = None) -> Model:
    """The model that an ONNX file says, from opset 9 on.

    Raises UsageError where there is no such file or input, and ModelError with every operation that
    cannot be imported, and why.
    """
    return imported(path, options or Options()).model


def imported(path: Path, options: Options) -> Imported:
    """As `load`, with where each value of the file went."""
    return of_proto(files.read(path), path, options)


def of_proto(proto: ModelProto, path: Path, options: Options) -> Imported:
    """The model of a file's content; `path` is where external data and messages belong."""
    known = {value.name for value in _inputs(proto, {})}
    if unknown := {*options.shapes, *options.constants} - known:
        raise UsageError(f"{path} has no input {min(unknown)!r}", closest(min(unknown), known))
    failures: list[NmcError] = []
    for reading in _readings(proto, options):
        try:
            return _Import(proto, path, options, reading).result()
        except ModelError as error:
            failures.append(error)
    raise _explained(proto, path, options, failures) from None


def _readings(proto: ModelProto, options: Options) -> tuple[readings.Reading, ...]:
    """The readings to try, in order."""
    if options.batch != "auto":
        return (options.batch,)
    inputs = _inputs(proto, options.constants)
    named = bool(inputs) and readings.named_batch(_file_sizes(inputs[0])) is not None
    return ("named", "first", "none") if named else ("first", "none")


def _explained(proto: ModelProto, path: Path, options: Options, failures: list[NmcError]) -> NmcError:
    """The error to raise where no reading imports the file: its remedies get further where they are followed."""
    first = failures[0]
    in_a_file = path.suffix == ".onnx"  # and no module, which has no other reading
    if options.batch == "none" or not in_a_file or not readings.works_across(first):
        return first
    shapes = {
        value.name: readings.proposed(_file_sizes(value), None) for value in _inputs(proto, options.constants)
        if any(isinstance(size, str) for size in _file_sizes(value)) and value.name not in options.shapes
    }  # fmt: skip
    try:
        _Import(proto, path, replace(options, shapes={**options.shapes, **shapes}), "none").result()
    except ModelError as none:
        return readings.nearest(first, none) if options.batch == "auto" else first
    return readings.advised(first, {**options.shapes, **shapes})


def _inputs(proto: ModelProto, constants: Mapping[str, ArrayLike]) -> list[ValueInfoProto]:
    """The inputs that a user feeds: those without a value in the file or among the constants."""
    own = {*(tensor.name for tensor in proto.graph.initializer), *constants}
    return [value for value in proto.graph.input if value.name not in own]


def _file_sizes(value: ValueInfoProto) -> tuple[int | str, ...]:
    """The sizes of an input as the file has them; a name where there is no number."""
    return tuple(
        axis.dim_value if axis.HasField("dim_value") and axis.dim_value > 0 else axis.dim_param or "?"
        for axis in value.type.tensor_type.shape.dim
    )


@dataclass(eq=False)
class _Import:
    """One file on its way to a model, under one reading of its batch axis."""

    proto: ModelProto
    path: Path
    options: Options
    reading: readings.Reading
    writer: Writer = field(default_factory=Writer)
    faults: list[Fault] = field(default_factory=list)
    scope: Scope = field(default_factory=dict)

    def result(self) -> Imported:
        """The model. Raises ModelError with every fault."""
        self._feed()
        functions = {(function.domain, function.name): function for function in self.proto.functions}
        reader = Reader(self.writer, files.opset(self.proto), self.path.parent, functions)
        outputs: list[Signal] = []
        if not self.faults:
            try:
                reader.graph(self.proto.graph, self.scope)
            except Refusal as refusal:
                self.faults.append(Fault(refusal.what, refusal.remedy))
            outputs = self._outputs(bool(reader.faults or self.faults))
        if faults := [*self.faults, *reader.faults]:
            place = Location(str(self.path))
            raise ModelError.of(Fault(fault.what, fault.remedy, fault.node, place) for fault in faults)
        return self._written(outputs)

    def _feed(self) -> None:
        """An Input node for each input of the file."""
        from onnx import helper

        inputs = _inputs(self.proto, self.options.constants)
        types = {value.name: value.type.tensor_type.elem_type for value in self.proto.graph.input}
        for name, given in self.options.constants.items():
            self.scope[name] = Known(np.asarray(given, helper.tensor_dtype_to_np_dtype(types[name])), name)
        if not inputs:
            self.faults.append(Fault("the file has no input, so there is nothing to run it on", "export it with one"))
            return
        declared = {value.name: self._declared(value) for value in inputs}
        batch = self._batch(declared[inputs[0].name])
        self.writer.file_batch = batch if isinstance(batch, int) else None
        for value in inputs:
            dims = self._dims(value.name, declared[value.name], batch)
            if dims is not None:
                try:
                    self.scope[value.name] = self._input(value, dims)
                except Refusal as refusal:
                    self._fault(value.name, refusal.what, refusal.remedy)

    def _batch(self, sizes: tuple[int | str, ...]) -> int | str | None:
        """How many samples the first input says that there are: a number, or a symbol."""
        return readings.named_batch(sizes) if self.reading == "named" else sizes[0] if sizes else None

    def _input(self, value: ValueInfoProto, dims: Shape) -> Signal:
        """The Input node of an input. Raises Refusal for sizes that no sample has."""
        own = Signal("", dims).shape
        if any(size < 1 for size in own):
            raise Refusal(f"the input has shape {list(own)}", "give every axis a size")
        signal = self.writer.node(tensor.Input, (), dims, shape=own)
        return replace(signal, element=element_of(value.type.tensor_type.elem_type))

    def _declared(self, value: ValueInfoProto) -> tuple[int | str, ...]:
        """The sizes of an input as the file, or the user, gives them; a name where there is no number."""
        tensor_type = value.type.tensor_type
        if not value.type.HasField("tensor_type") or not tensor_type.HasField("shape"):
            if value.name not in self.options.shapes:
                what = "the input is no tensor" if not value.type.HasField("tensor_type") else "the input has no shape"
                self._fault(value.name, what, f"give its sizes, as in --shape {value.name}=1,3,32,32")
            return tuple(self.options.shapes.get(value.name, ()))
        sizes = _file_sizes(value)
        given = self.options.shapes.get(value.name)
        if given is None:
            return sizes
        if len(given) != len(sizes):
            what = f"the input has {len(sizes)} axes, and the shape given {len(given)}"
            self._fault(value.name, what, f"give {readings.shape_options({value.name: readings.proposed(sizes, 0)})}")
            return sizes
        for axis, size in enumerate(given):
            if isinstance(sizes[axis], int) and sizes[axis] != size:
                what = f"axis {axis} of the input has size {sizes[axis]}, and the shape given {size}"
                example = {value.name: readings.proposed(sizes, 0)}
                self._fault(value.name, what, f"give {readings.shape_options(example)}")
        return tuple(
            old if isinstance(old, str) and self._counts(axis, old) else new
            for axis, (old, new) in enumerate(zip(sizes, given, strict=True))
        )

    def _counts(self, axis: int, symbol: str) -> bool:
        """Whether an axis without a number counts samples whatever size it is given."""
        return axis == 0 if self.reading == "first" else self.reading == "named" and readings.names_batch(symbol)

    def _dims(self, name: str, sizes: tuple[int | str, ...], batch: int | str | None) -> Shape | None:
        """The dims of an input, with BATCH for the axis that counts samples."""
        counts = readings.samples_axis(sizes, batch, self.reading)
        dims = [BATCH if axis == counts else size for axis, size in enumerate(sizes)]
        for axis, size in enumerate(dims):
            if isinstance(size, str):
                what = f"axis {axis} of the input {name!r} ({size}) has no size"
                example = readings.shape_options({name: readings.proposed(sizes, counts)})
                self._fault(name, what, f"give it, as in nmc import FILE {example}")
        return None if any(isinstance(size, str) for size in dims) else tuple(int(size) for size in dims)

    def _outputs(self, faulty: bool) -> list[Signal]:
        """The outputs as signals, no node twice."""
        found: list[Signal] = []
        for value in self.proto.graph.output:
            made = self.scope.get(value.name)
            if made is None:
                if not faulty:
                    self._fault(value.name, "nothing gives this output", "export the model again")
                continue
            self.writer.label = value.name
            try:
                if isinstance(made, Known):  # where it repeats for each sample, that axis is no part of one
                    made = Known(single_sample(made).reshape(sample_shape(made.dims)), made.name)
                signal = self.writer.signal(made)
            except Refusal as refusal:
                self._fault(value.name, f"the output cannot be given: {refusal.what}", refusal.remedy)
                continue
            if any(other.node == signal.node for other in found):
                signal = self.writer.node(elementwise.Affine, (signal,), signal.dims, signal.element)
            self.scope[value.name] = signal
            found.append(signal)
        return found

    def _written(self, outputs: list[Signal]) -> Imported:
        """The nodes that the outputs need, under names from the file."""
        whole = Graph(tuple(self.writer.nodes.values()), tuple(signal.node for signal in outputs))
        live = set(whole.pruned().by_name)
        names = self._names(live, outputs)
        nodes = [
            replace(node, name=names[name], inputs=tuple(Ref(names[ref.node]) for ref in node.inputs))
            for name, node in self.writer.nodes.items() if name in live
        ]  # fmt: skip
        place = Location(str(self.path))
        graph = Graph(
            tuple(nodes), tuple(names[signal.node] for signal in outputs), None, dict.fromkeys(names.values(), place)
        )
        name = identifier(self.path.stem, ())
        description = " ".join(self.proto.doc_string.split())[:200]
        model = Model(name, graph, self.writer.arrays, description=description)
        graph.raise_faults(graph.check())
        values = {
            name: value for name, value in self.scope.items() if isinstance(value, Signal) and value.node in live
        }
        dims = {name: tuple(None if n % BATCH == 0 else n for n in value.dims) for name, value in values.items()}
        return Imported(model.with_(graph).checked(), {name: names[v.node] for name, v in values.items()}, dims)

    def _names(self, live: set[str], outputs: list[Signal]) -> Mapping[str, str]:
        """A name for each node: that of an input, an output or a value of the file, or made from the operation's."""
        wanted: dict[str, str] = {}
        chosen = [*_inputs(self.proto, self.options.constants), *self.proto.graph.output]
        for name in [*(value.name for value in chosen), *self.scope]:
            value = self.scope.get(name)
            if isinstance(value, Signal) and value.node in live:
                wanted.setdefault(value.node, name)
        names: dict[str, str] = {}
        taken: set[str] = set()
        counts: dict[str, int] = {}
        for own in [*wanted, *(name for name in self.writer.nodes if name in live and name not in wanted)]:
            node: Node = self.writer.nodes[own]
            text = wanted.get(own) or f"{self.writer.origins[own]}_{node.kind.lower()}"
            base = identifier(text, ())
            count = counts.get(base, 0)
            made = base if base not in taken else f"{base}_{count + 1}"
            while made in taken:
                count += 1
                made = f"{base}_{count + 1}"
            counts[base] = count + 1
            names[own] = made
            taken.add(made)
        return names

    def _fault(self, node: str, what: str, remedy: str) -> None:
        self.faults.append(Fault(what, remedy, identifier(node, ())))
