"""A module of PyTorch to a model, through `torch.export` and the operations of ONNX."""

from __future__ import annotations

import inspect
import operator
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from nmc.errors import Fault, Location, ModelError, NmcError, ToolError, UnsupportedError, UsageError
from nmc.frontends.onnx.load import Options, of_proto
from nmc.frontends.torch.agreement import require_agreement
from nmc.frontends.torch.aten import MOVING, OPERATIONS
from nmc.frontends.torch.call import Call
from nmc.frontends.torch.graph import OnnxGraph
from nmc.frontends.torch.merging import keep_samples_apart
from nmc.model import Array, Model
from nmc.nodes.names import identifier

if TYPE_CHECKING:
    from onnx import ValueInfoProto
    from torch import Tensor, fx, nn
    from torch.export import ExportedProgram

_FRAME = re.compile(r'File "([^"]+)", line (\d+)')
_SAMPLES = re.compile(r"\bs\d+\b")
"""What torch calls the number of samples."""
_FIXED = re.compile("specialized|not all values|Constraint", re.IGNORECASE)
_SILENT = ("_assert_tensor_metadata", "_assert_scalar", "sym_constrain_range", "sym_constrain_range_for_size")
"""Operations that only check, and put out nothing."""


def from_torch(module: nn.Module, example: Tensor | Sequence[Tensor], name: str | None = None) -> Model:
    """The model that a PyTorch module is in evaluation: its forward without control flow, on any number of samples.

    `example` is what forward takes: tensors whose first axis counts samples. The module itself is left as
    it is. Raises ToolError without torch, UsageError for an example that is none, and ModelError or
    UnsupportedError with everything that cannot be imported, each with the source line that torch gives.
    """
    torch = _torch()
    examples = (example,) if isinstance(example, torch.Tensor) else tuple(example)
    for index, tensor in enumerate(examples):
        if not isinstance(tensor, torch.Tensor) or not tensor.ndim or not tensor.shape[0]:
            raise UsageError(f"argument {index} of the example is no batch", "give tensors, their first axis the batch")
    if len({tensor.shape[0] for tensor in examples}) > 1:
        raise UsageError("the tensors of the example are batches of different sizes", "give one size to all")
    chosen = identifier(name or type(module).__name__, ())
    program = _exported(module, examples)
    reading = _Reading(program, torch)
    model = reading.model(chosen)
    with _evaluating(module):
        require_agreement(model, reading.inputs, module, examples, program.graph)
    return model


def _torch() -> ModuleType:
    try:
        return import_module("torch")
    except ImportError:
        raise ToolError("PyTorch is not installed", "pip install 'nmc[torch]'") from None


def _exported(module: nn.Module, examples: tuple[Tensor, ...]) -> ExportedProgram:
    """The module's graph for batches of any size, without effects, composite operations only where they are known."""
    torch = _torch()
    batch = torch.export.Dim("batch", min=1)
    doubled = tuple(torch.cat((tensor, tensor)) for tensor in examples)  # of one sample alone, torch takes 1 as fixed
    with _evaluating(module), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            shapes = tuple({0: batch} for _ in examples)
            program = torch.export.export(module, doubled, dynamic_shapes=_dynamic(module, shapes))
            decomposed: ExportedProgram = program if _is_plain(program) else program.run_decompositions(_table())
        except NmcError:
            raise
        except Exception as error:  # torch raises many kinds, of its own and of the module's code
            raise _refusal(error, _raised(module, examples), _raised(module, doubled)) from None
    return decomposed


def _is_plain(program: ExportedProgram) -> bool:
    """Whether all operations are known and none changes an operand: then nothing is left to decompose."""
    targets = [node.target for node in program.graph.nodes if node.op == "call_function"]
    return all(
        target is operator.getitem
        or _plain_name(target) in _SILENT
        or (_plain_name(target) in OPERATIONS and not getattr(getattr(target, "_schema", None), "is_mutable", False))
        for target in targets
    )


@cache
def _table() -> dict[object, Callable[..., object]]:
    """PyTorch's decompositions but those of operations that are known."""
    table = _torch().export.default_decompositions()
    for overload in list(table):
        if _plain_name(overload) in OPERATIONS:
            del table[overload]
    decompositions: dict[object, Callable[..., object]] = table
    return decompositions


def _dynamic(module: nn.Module, shapes: tuple[object, ...]) -> object:
    """The shapes as torch.export takes them; those of *args belong together."""
    parameters = list(inspect.signature(module.forward).parameters.values())
    variadic = next((i for i, p in enumerate(parameters) if p.kind is p.VAR_POSITIONAL), None)
    return shapes if variadic is None else (*shapes[:variadic], shapes[variadic:])


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """The module in evaluation mode meanwhile, each of its parts back in its own mode afterwards."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


def _raised(module: nn.Module, inputs: tuple[Tensor, ...]) -> Exception | None:
    """What a module raises of its inputs."""
    try:
        with _torch().no_grad():
            module(*inputs)
    except Exception as error:
        return error
    return None


def _refusal(error: Exception, once: Exception | None, twice: Exception | None) -> NmcError:
    """What torch says of a module that it cannot export, in short, given what the example raises, and twice of it."""
    if once is not None:
        remedy = "give an example on which module(example), in evaluation, gives a result"
        return UsageError(f"the module does not take its example: {type(once).__name__}: {_first_line(once)}", remedy)
    text, what = str(error), _first_line(error)
    if twice is not None or _SAMPLES.search(what) or ("batch" in text and _FIXED.search(text)):
        what = _SAMPLES.sub("batch", what)
        what = f"it computes with the number of samples as if that were fixed: {what}"
        remedy = "let forward work for every batch size: use -1 or x.shape[0] where it shapes its input"
    else:
        remedy = "let forward be free of control flow that depends on values; see docs/pytorch.md"
    return UnsupportedError(f"torch.export cannot export the module: {what}", remedy, where=_user_frame(text))


def _first_line(error: Exception) -> str:
    return next((line.strip()[:300] for line in str(error).splitlines() if line.strip()), type(error).__name__)


def _user_frame(text: str) -> Location | None:
    """The innermost line of the user's own code in a traceback."""
    found = [(file, int(line)) for file, line in _FRAME.findall(text)]
    own = [(file, line) for file, line in found if "/torch/" not in file.replace("\\", "/")]
    file, line = (own or found or [("", 0)])[-1]
    return Location(file, line) if file else None


def _narrow(node: fx.Node) -> str:
    """The type of the numbers that an operation puts out, where these are whole and of few bits."""
    name = str(getattr(node.meta.get("val"), "dtype", "")).removeprefix("torch.")
    return name if name in ("int8", "uint8", "int16", "uint16", "uint32") else ""


@dataclass
class _Reading:
    """One exported program on its way to ONNX, with the faults found so far."""

    program: ExportedProgram
    torch: ModuleType
    graph: OnnxGraph = field(default_factory=OnnxGraph)
    names: dict[fx.Node, str | tuple[str, ...]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    inputs: tuple[str, ...] = ()

    def model(self, name: str) -> Model:
        """The model. Raises ModelError or UnsupportedError with every fault."""
        self._check_effects()
        keep_samples_apart(self.program.graph)
        declared = self._inputs()
        outputs: list[str] = []
        for node in self.program.graph.nodes:
            self.graph.label = node.name
            if node.op == "call_function":
                self._operation(node)
            elif node.op == "output":
                outputs = [self._output(value) for value in node.args[0]]
        if self.faults:
            raise UnsupportedError.of(dict.fromkeys(self.faults))
        proto = self.graph.model(name, declared, outputs)
        try:
            imported = of_proto(proto, Path(name), Options(batch="first"))
        except ModelError as error:
            raise ModelError.of(self._placed(fault) for fault in error.faults) from None
        self.inputs = tuple(imported.nodes[value.name] for value in declared)
        return imported.model

    def _check_effects(self) -> None:
        signature = self.program.graph_signature
        for changed in signature.buffers_to_mutate.values():
            remedy = "keep state in the model's inputs and outputs; import spiking networks through NIR"
            self.faults.append(Fault(f"forward changes {changed!r}, which a model does not", remedy))
        for changed in signature.user_inputs_to_mutate.values():
            remedy = "leave out inplace=True where the input is read, or give x.clone() there"
            self.faults.append(Fault(f"forward changes its input {changed!r}, which a model does not", remedy))

    def _inputs(self) -> list[ValueInfoProto]:
        """Name the parameters, buffers and constants, and the inputs; the latter as ONNX declares them."""
        from onnx import TensorProto, helper

        signature = self.program.graph_signature
        arrays = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
        arrays |= signature.inputs_to_lifted_tensor_constants
        declared = []
        for node in self.program.graph.nodes:
            if node.op != "placeholder":
                continue
            self.names[node] = node.name
            if node.name in arrays:
                key = arrays[node.name]
                self.names[node] = key
                value = self.program.state_dict.get(key, self.program.constants.get(key))
                if key not in {constant.name for constant in self.graph.constants}:
                    self.graph.keep(key, self._array(value))
                continue
            value = node.meta["val"]
            dims: list[int | str | None] = ["batch", *(int(size) for size in value.shape[1:])]
            kind = {np.float32: TensorProto.FLOAT, np.bool_: TensorProto.BOOL}.get(_kind(value), TensorProto.INT64)
            declared.append(helper.make_tensor_value_info(node.name, kind, dims))
        return declared

    def _array(self, tensor: Tensor) -> Array:
        array: Array = tensor.detach().cpu().to(self.torch.float64).numpy()
        return array.astype(_kind(tensor))

    def _output(self, value: object) -> str:
        """The name of an output; an empty one where it, or what it depends on, has a fault."""
        if isinstance(value, self.torch.fx.Node) and value not in self.names:
            return ""
        name = self.names.get(value) if isinstance(value, self.torch.fx.Node) else None
        tensor = isinstance(name, str) and hasattr(value.meta["val"], "shape")  # type: ignore[attr-defined]
        if not tensor or not isinstance(name, str):
            self.faults.append(Fault(f"forward gives {value!r}, which is no tensor", "let it give tensors"))
            return ""
        if unlike := self._without_samples_first(value):
            self._fault(value, *unlike)
            return ""
        made = any(name in node.output for node in self.graph.nodes)
        return name if made else self.graph.node("Identity", name)

    def _without_samples_first(self, value: object) -> tuple[str, str] | None:
        """What is wrong with an output whose first axis does not count samples, and nothing else, with the remedy."""
        inputs = self.program.graph_signature.user_inputs
        first = next(node for node in self.program.graph.nodes if node.name in inputs)
        samples = str(first.meta["val"].shape[0])
        sizes = [str(size) for size in value.meta["val"].shape]  # type: ignore[attr-defined]
        if sizes and sizes[0] == samples:
            return None
        sizes = [size.replace(samples, "batch") for size in sizes]
        what = f"forward gives {value} of shape [{', '.join(sizes)}], "
        if not any("batch" in size for size in sizes):
            return f"{what}which has no axis of samples", "let forward give a result for each sample, on the first axis"
        what = f"{what}whose first axis does not count samples (batch), or not them alone"
        return what, "let forward put samples on the first axis, as in h.transpose(0, 1), and join them with no other"

    def _operation(self, node: fx.Node) -> None:
        kind = _plain_name(node.target)
        if kind in _SILENT:
            return
        lost = [arg for arg in node.all_input_nodes if arg not in self.names]
        if lost:
            self.names.pop(node, None)
            return
        if node.target is operator.getitem:
            source, index = self.names[node.args[0]], int(node.args[1])
            if isinstance(source, tuple) and source[index]:
                self.names[node] = source[index]
            elif node.users:
                what = f"output {index} of {node.args[0]} cannot be imported"
                self._fault(node, what, "use its first output only")
            return
        if kind not in OPERATIONS:
            self._fault(node, f"{kind} cannot be imported", "say it in other operations (docs/pytorch.md)")
            return
        if kind not in MOVING and (narrow := _narrow(node)):
            self._fault(node, f"{kind} of {narrow} cannot be imported: its numbers wrap around", "use .long() before")
            return
        try:
            call = Call(node, self.graph, self.names)
            made = OPERATIONS[kind](call)
        except ValueError as error:
            said, *remedies = error.args or ("",)
            remedy = str(remedies[0]) if remedies else "say it in other operations"
            self._fault(node, f"{kind} cannot be imported: {said}", remedy)
            return
        if left := call.leftover():
            name, value = left
            what = f"{kind} cannot be imported with {name}={value!r}"
            self._fault(node, what, f"leave {name} at its default, and say what it does in other operations")
            return
        first, *rest = (made,) if isinstance(made, str) else made
        if first not in self.names.values():
            self.graph.rename(first, node.name)
            first = node.name
        self.names[node] = first if isinstance(made, str) else (first, *rest)

    def _fault(self, node: fx.Node, what: str, remedy: str) -> None:
        self.faults.append(Fault(what, remedy, node.name, _user_frame(node.meta.get("stack_trace") or "")))

    def _placed(self, fault: Fault) -> Fault:
        """A fault of an operation, with the source line of what it was made of."""
        lines = {identifier(node.name, ()): node.meta.get("stack_trace") or "" for node in self.program.graph.nodes}
        own = [name for name in lines if f"{fault.node}_".startswith(f"{name}_")]
        where = _user_frame(lines[max(own, key=len)]) if own else None
        return Fault(fault.what, fault.remedy, fault.node, where)


def _kind(tensor: Tensor) -> type[np.generic]:
    """The type that a tensor's elements have in ONNX: there is one of real, one of whole numbers, and truth values."""
    if tensor.dtype.is_floating_point:
        return np.float32
    return np.bool_ if str(tensor.dtype) == "torch.bool" else np.int64


def _plain_name(target: object) -> str:
    """An operation's name without namespace and overload: 'conv2d' of aten.conv2d.default."""
    return str(getattr(target, "_opname", None) or getattr(target, "__name__", None) or target)
