"""ONNX's own conformance cases, run through nmc: import, the reference, and export to ONNX Runtime."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.loader import load_model_tests

from nmc.errors import ModelError, NmcError
from nmc.frontends.onnx.control import CONTROL
from nmc.frontends.onnx.load import Imported, Options, of_proto
from nmc.frontends.onnx.ops import OPERATIONS
from nmc.model import Array, Model
from nmc.reference import run as reference

KINDS = ("node", "pytorch-converted", "pytorch-operator", "simple")
CONSTANT_OPERANDS: Mapping[str, tuple[int, ...]] = {
    "Conv": (1, 2), "ConvTranspose": (1, 2), "ConvInteger": (1, 2, 3), "Gemm": (2,), "BatchNormalization": (1, 2, 3, 4),
    "Reshape": (1,), "Slice": (1, 2, 3, 4), "Squeeze": (1,), "Unsqueeze": (1,), "Expand": (1,), "Tile": (1,),
    "Pad": (1, 2, 3), "Split": (1,), "OneHot": (1, 2), "CumSum": (1,), "Trilu": (1,), "Resize": (1, 2, 3),
    "Upsample": (1,), "Gather": (1,), "Clip": (1, 2), "Dropout": (1, 2), "TopK": (1,), "ConstantOfShape": (0,),
    "LSTM": (1, 2, 3, 4, 7), "GRU": (1, 2, 3, 4), "RNN": (1, 2, 3, 4), "InstanceNormalization": (1, 2),
    "GroupNormalization": (1, 2), "MatMulInteger": (2, 3), "QLinearConv": (1, 2, 3, 4, 5, 6, 7, 8),
    "QLinearMatMul": (1, 2, 4, 5, 6, 7), "QuantizeLinear": (1, 2), "DequantizeLinear": (1, 2), "Range": (0, 1, 2),
    "If": (0,), "Loop": (0, 1), "GatherND": (1,), "GatherElements": (1,), "ScatterND": (1,), "ScatterElements": (1,),
    "Compress": (1,),
    **{f"Reduce{kind}": (1,) for kind in (
        "L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare",
    )},
}  # fmt: skip
"""Operands that must be known when a model is imported. A case that feeds them is imported with their values."""


@dataclass(frozen=True, eq=False)
class Case:
    """A conformance case: a model, and sets of inputs with the outputs that they must give."""

    name: str
    kind: str
    proto: onnx.ModelProto
    data: tuple[tuple[tuple[Array, ...], tuple[Array, ...]], ...]
    rtol: float
    atol: float


def cases(kind: str) -> list[Case]:
    """The cases of one kind, without those that hold anything but numbers that 32-bit floats hold."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if kind == "node":
            from onnx.backend.test.case.node import collect_testcases

            found = collect_testcases(None)
        else:
            found = load_model_tests(kind=kind)
    return [case for test in found if (case := _case(test, kind)) is not None]


def _case(test: object, kind: str) -> Case | None:
    proto = test.model
    sets = test.data_sets
    if proto is None:
        folder = Path(test.model_dir)
        proto = onnx.load(folder / "model.onnx")
        sets = [
            tuple(
                [_tensor(data / f"{side}_{index}.pb") for index in range(len(list(data.glob(f"{side}_*.pb"))))]
                for side in ("input", "output")
            )
            for data in sorted(folder.glob("test_data_set_*"))
        ]
    read = []
    for inputs, outputs in sets:
        arrays = [[_array(value) for value in side] for side in (inputs, outputs)]
        if any(array is None for side in arrays for array in side):
            return None
        read.append((tuple(arrays[0]), tuple(arrays[1])))
    return Case(test.name, kind, proto, tuple(read), test.rtol, test.atol)


def _tensor(path: Path) -> object:
    tensor = onnx.TensorProto()
    tensor.ParseFromString(path.read_bytes())
    return tensor


def _array(value: object) -> Array | None:
    """A value of a case as numbers; None where it is a sequence, a text, nothing, or beyond 32-bit floats."""
    if isinstance(value, onnx.TensorProto):
        value = numpy_helper.to_array(value)
    if not isinstance(value, np.ndarray | np.generic):
        return None
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        return None
    with np.errstate(over="ignore"):
        small = array.dtype.kind != "f" or not np.any(np.isfinite(array) & ~np.isfinite(array.astype(np.float32)))
    return array if small else None


def operations(proto: onnx.ModelProto) -> set[str]:
    """The kinds of operation in a model, those in branches and functions included."""
    return {node.op_type for node in proto.graph.node}


def is_listed(case: Case) -> bool:
    """Whether all operations of a case are among those that are listed as supported."""
    return operations(case.proto) <= {*OPERATIONS, *CONTROL, "Constant"}


def known_inputs(case: Case) -> set[str]:
    """The names of inputs that operations need to know."""
    own = {tensor.name for tensor in case.proto.graph.initializer}
    return {
        node.input[index]
        for node in case.proto.graph.node
        if not (node.op_type == "Gather" and node.input[0] in own)
        for index in CONSTANT_OPERANDS.get(node.op_type, ())
        if index < len(node.input)
    }


def check(case: Case) -> Model:
    """Run a case through import, reference, export and ONNX Runtime. Raises NmcError or AssertionError."""
    assert case.data
    model = None
    for inputs, outputs in case.data:
        names = [value.name for value in case.proto.graph.input]
        feeds = dict(zip(names, inputs, strict=False))
        bound = {name: feeds.pop(name) for name in known_inputs(case) & feeds.keys()}
        if not feeds:
            raise ModelError("nothing but constants")
        shapes = {name: array.shape for name, array in feeds.items()}
        model = _check(case, bound, feeds, shapes, outputs)
    return model


def _check(
    case: Case, bound: Mapping[str, Array], feeds: Mapping[str, Array], shapes: Mapping[str, tuple[int, ...]],
    outputs: tuple[Array, ...],
) -> Model:  # fmt: skip
    first: Exception | None = None
    for batch in ("first", "none"):
        try:
            if batch == "first" and len({shape[:1] for shape in shapes.values()}) > 1:
                raise ModelError("the inputs differ in their first axis")
            imported = of_proto(case.proto, Path(f"{case.name}.onnx"), Options(batch, shapes, bound))
        except NmcError as error:
            first = error
            continue
        if batch == "first" and not _keeps_samples_first(case, imported):
            continue
        _compare(case, imported, feeds, outputs, batch)
        return imported.model
    raise first or ModelError("no reading of the batch axis fits")


def _keeps_samples_first(case: Case, imported: Imported) -> bool:
    """Whether each output has samples along its first axis, and nothing else there."""
    signals = imported.model.graph.signals
    return all(
        dims[:1] == (None,) and len(dims) == len(signals[imported.nodes[name]].shape) + 1
        for name in (value.name for value in case.proto.graph.output)
        for dims in (imported.dims.get(name, ()),)
    )


def _compare(
    case: Case, imported: Imported, feeds: Mapping[str, Array], outputs: tuple[Array, ...], batch: str
) -> None:
    from conformance.onnx_files import check_files
    from nmc.backends.onnx.lowering import lower

    model = imported.model
    fed = {
        imported.nodes[name]: np.asarray(array, np.float64) if batch == "first" else np.asarray(array, np.float64)[None]
        for name, array in feeds.items()
    }
    files = lower(model)
    check_files(files)
    for given in (reference(model, fed), _onnxruntime(files["model.onnx"], fed, model)):
        for name, wanted in zip(model.graph.outputs, outputs, strict=True):
            got = given[name] if batch == "first" else given[name][0]
            assert got.shape == wanted.shape, (case.name, name, got.shape, wanted.shape)
            limits = {"rtol": max(case.rtol, 1e-3), "atol": max(case.atol, 1e-5)}
            np.testing.assert_allclose(got, wanted.astype(np.float64), **limits, err_msg=case.name)


def _onnxruntime(data: bytes, feeds: Mapping[str, Array], model: Model) -> Mapping[str, Array]:
    from nmc.backends.onnx.names import output_name
    from nmc.backends.onnx.session import Session

    session = Session(data, "case", threads=1, exact=True)
    names = [output_name(model.graph, name) for name in model.graph.outputs]
    given = {name: array.astype(np.float32) for name, array in feeds.items()}
    return dict(zip(model.graph.outputs, session.run(names, given), strict=True))
