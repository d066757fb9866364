"""Reads ONNX files: whole, within limits, and with nothing outside their folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nmc.errors import Fault, Location, ModelError, UsageError
from nmc.model import Array

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, TensorProto

OLDEST_OPSET = 6
LIMIT_BYTES = 2 << 30
"""Of a file: more than protobuf can hold."""
LIMIT_ELEMENTS = 1 << 29
"""Of all arrays together, and of a signal for one sample: 2 GiB of 32-bit floats."""
LIMIT_COMPUTED = 1 << 27
"""Of constants that follow from others, all together."""
LIMIT_PLACES = 1 << 20
"""Of indices along an axis, and of what is written out for each of them."""
LIMIT_NODES = 50_000
LIMIT_DEPTH = 8

_FOREIGN = (
    (b"\x80", "a Python pickle, as older torch.save writes"),
    (b"PK\x03\x04", "a zip archive, such as a PyTorch checkpoint (.pt)"),
    (b"\x89HDF", "an HDF5 file, such as Keras and NIR write"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x1f\x8b", "compressed by gzip"),
    (b"version https://git-lfs", "a pointer of git lfs: 'git lfs pull' gets the file"),
)
_EXPORT = "write it again, as in torch.onnx.export(module, example, 'model.onnx')"


def read(path: Path) -> ModelProto:
    """The file's content. Raises UsageError where there is no such file, ModelError where it is no sound ONNX file."""
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from onnx import ModelProto

    data = _bytes(path)
    for magic, what in _FOREIGN:
        if data.startswith(magic):
            raise ModelError(f"this is {what}, not an ONNX file", _EXPORT, where=Location(str(path)))
    model = ModelProto()
    try:
        model.ParseFromString(data)
    except (DecodeError, RecursionError, ValueError, MemoryError) as error:
        what = f"this is not a whole ONNX file: {error}"
        raise ModelError(what, f"copy it again, or {_EXPORT}", where=Location(str(path))) from None
    if faults := list(_faults(model)):
        raise ModelError.of(Fault(f.what, f.remedy, f.node, Location(str(path))) for f in faults)
    return model


def _bytes(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise UsageError(f"there is no file {path}", "check the path")
        if path.stat().st_size > LIMIT_BYTES:
            what = f"the file is larger than {LIMIT_BYTES >> 30} GiB"
            raise ModelError(what, "keep the weights as external data beside it", where=Location(str(path)))
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"cannot read {str(path)!r}: {reason}", "check the path and its permissions") from None


def opset(model: ModelProto) -> int:
    """The version of ONNX's own operations that the file uses; 0 where it does not say."""
    return max((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), default=0)


def _faults(model: ModelProto) -> Iterator[Fault]:
    """What is wrong with a file as a whole."""
    from onnx import defs

    if not _is_text(model):
        yield Fault("it holds names that are not UTF-8 text", _EXPORT)
        return
    newest = defs.onnx_opset_version()
    if not model.HasField("graph") or not (model.graph.node or model.graph.output):
        yield Fault("this is not an ONNX file, or an empty one: it holds no graph", _EXPORT)
        return
    if not OLDEST_OPSET <= opset(model) <= newest:
        yield Fault(
            f"the file uses opset {opset(model) or 'of no version'}, and this can read {OLDEST_OPSET} to {newest}",
            "export it again, or convert it with onnx.version_converter",
        )
    count = sum(1 for _ in _all_nodes(model.graph, 0))
    if count > LIMIT_NODES:
        yield Fault(f"the graph has more than {LIMIT_NODES:,} operations", "export a part of it")
    total = 0
    for tensor in model.graph.initializer:
        if any(size < 0 for size in tensor.dims):
            yield Fault(f"the array {tensor.name!r} has a negative size", _EXPORT)
        total += _elements(tensor)
    if total > LIMIT_ELEMENTS:
        what = f"the arrays hold {total:,} elements, and at most {LIMIT_ELEMENTS:,} are read"
        yield Fault(what, "export a part of it")


def _is_text(model: ModelProto) -> bool:
    """Whether all names and texts are UTF-8; protobuf gives others as bytes."""
    from google.protobuf.message import Message

    waiting: list[Message] = [model]
    while waiting:
        for entry, value in waiting.pop().ListFields():
            values = [value] if isinstance(value, str | bytes | Message) else value
            if entry.type == entry.TYPE_MESSAGE:
                waiting += values
            elif entry.type == entry.TYPE_STRING and not all(isinstance(text, str) for text in values):
                return False
    return True


def _all_nodes(graph: GraphProto, depth: int) -> Iterator[None]:
    if depth > LIMIT_DEPTH:
        raise ModelError(f"the graph nests deeper than {LIMIT_DEPTH} levels", "flatten its control flow")
    for node in graph.node:
        yield None
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _all_nodes(attribute.g, depth + 1)


def _elements(tensor: TensorProto) -> int:
    total = 1
    for size in tensor.dims:
        total *= max(size, 0)
    return total


def array_of(tensor: TensorProto, folder: Path) -> Array:
    """The elements of a tensor, external ones from a file in the folder. Raises ValueError with what is wrong."""
    from onnx import TensorProto, helper, numpy_helper

    known = helper.get_all_tensor_dtypes()
    if tensor.data_type not in known or tensor.data_type == TensorProto.STRING:
        raise ValueError("it holds no numbers")
    if _elements(tensor) > LIMIT_ELEMENTS:
        raise ValueError(f"it declares {_elements(tensor):,} elements, and at most {LIMIT_ELEMENTS:,} are read")
    if tensor.data_location == TensorProto.EXTERNAL:
        tensor = _loaded(tensor, folder)
    try:
        array = np.asarray(numpy_helper.to_array(tensor))
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise ValueError(f"its elements do not fit its shape: {error}") from None
    if array.dtype.kind not in "biuf":  # 8-bit floats and the like, which NumPy knows from a package
        array = array.astype(np.float32)
    return array


def _loaded(tensor: TensorProto, folder: Path) -> TensorProto:
    """The tensor with its external data inside; only from a plain file in the folder of the model."""
    from onnx import TensorProto, helper

    facts = {entry.key: entry.value for entry in tensor.external_data}
    place = folder / facts.get("location", "")
    outside = "keep the file in the folder of the model, and name it without '..' or a root"
    if not facts.get("location") or ".." in Path(facts["location"]).parts or Path(facts["location"]).is_absolute():
        raise ValueError(f"its data lie in {facts.get('location')!r}, outside the model's folder: {outside}")
    try:
        if place.is_symlink() or folder.resolve() not in place.resolve().parents:
            raise ValueError(f"its data lie in {facts['location']!r}, which leads elsewhere: {outside}")
        if not place.is_file():
            raise ValueError(f"its data lie in {facts['location']!r}, and there is no such file")
        size = helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize * _elements(tensor)
        offset, length = int(facts.get("offset", 0)), int(facts.get("length", size))
        if offset < 0 or length != size or offset + length > place.stat().st_size:
            raise ValueError(f"its data lie in {facts['location']!r}, which does not hold {size} bytes of them")
        with place.open("rb") as file:
            file.seek(offset)
            data = file.read(length)
    except OSError as error:
        raise ValueError(f"its data cannot be read: {error.strerror or error}") from None
    return TensorProto(dims=tensor.dims, data_type=tensor.data_type, name=tensor.name, raw_data=data)
