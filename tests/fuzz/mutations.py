"""Damage to files: of their bytes, and of what their format says."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO

import numpy as np
import onnx
from google.protobuf.message import Message

WHOLE = (0, 1, -1, 2, 3, 7, 255, 65536, 2**31 - 1, -(2**31), 2**32, 2**40, 2**62, 2**63 - 1, -(2**63))
REAL = (0.0, -0.0, 1.0, -1.0, 1e-300, 1e300, 3.4e38, float("inf"), float("-inf"), float("nan"))
TEXTS = (
    "", "x", "input", "0", "-1", "1e999", ".inf", ".nan", "~", "true", "[", "]", "{}", "[]", "[1, 2]", "&a", "*a",
    "!!python/object:os.system", "a" * 5000, "../../etc/passwd", "/etc/passwd", "\u0000", "\U0001f600", "1 ms", "-1 ms",
    "0 s", "1e30 s", "10 mV", "nan s", "lif@1", "lif@-1", "x@99999999999", "99999999999999999999", "1" * 400, "Conv2d",
    "LIF", "Concat", "Gather", "Embedding", "Delay", "float32", "same", "loihi-sim", "[" * 20, '"', "'",
    "#", ": :", "- -", "\t", "%",
)  # fmt: skip


def mutated(kind: str, chosen: random.Random, files: Sequence[bytes]) -> bytes:
    """One of the files, damaged; the choices say how."""
    data = chosen.choice(files)
    if chosen.random() < 0.65:
        data = _FORMATS[kind](data, chosen)
        if chosen.random() < 0.8:
            return data
    for _ in range(chosen.choice((1, 1, 1, 2, 4, 16))):
        data = chosen.choice(_BYTES)(data, chosen, files)
    return data


def _place(data: bytes, chosen: random.Random) -> int:
    return chosen.randrange(len(data)) if data else 0


def _flip(data: bytes, chosen: random.Random, _: Sequence[bytes]) -> bytes:
    place = _place(data, chosen)
    return data[:place] + bytes(byte ^ 1 << chosen.randrange(8) for byte in data[place : place + 1]) + data[place + 1 :]


def _overwrite(data: bytes, chosen: random.Random, _: Sequence[bytes]) -> bytes:
    """A number of one of the usual widths, or a varint, in place of as many bytes."""
    width = chosen.choice((1, 2, 4, 8))
    number = (chosen.choice(WHOLE) % (1 << 8 * width)).to_bytes(width, chosen.choice(("little", "big")))
    new = chosen.choice((number, b"\xff" * chosen.randrange(1, 10) + b"\x01", bytes(chosen.randrange(1, 64))))
    place = _place(data, chosen)
    return data[:place] + new + data[place + len(new) :]


def _insert(data: bytes, chosen: random.Random, _: Sequence[bytes]) -> bytes:
    place = _place(data, chosen)
    return data[:place] + chosen.randbytes(chosen.choice((1, 2, 4, 100))) + data[place:]


def _delete(data: bytes, chosen: random.Random, _: Sequence[bytes]) -> bytes:
    place = _place(data, chosen)
    return data[:place] + data[place + chosen.choice((1, 2, 8, 100)) :]


def _truncate(data: bytes, chosen: random.Random, _: Sequence[bytes]) -> bytes:
    return data[: _place(data, chosen)]


def _repeat(data: bytes, chosen: random.Random, _: Sequence[bytes]) -> bytes:
    place, length = _place(data, chosen), chosen.choice((2, 16, 200))
    return data[:place] + data[place : place + length] * chosen.choice((2, 3, 100)) + data[place + length :]


def _splice(data: bytes, chosen: random.Random, files: Sequence[bytes]) -> bytes:
    other = chosen.choice(files)
    return data[: _place(data, chosen)] + other[_place(other, chosen) :]


_BYTES: tuple[Callable[[bytes, random.Random, Sequence[bytes]], bytes], ...] = (
    _flip, _flip, _overwrite, _overwrite, _insert, _delete, _truncate, _repeat, _splice
)  # fmt: skip


def _onnx(data: bytes, chosen: random.Random) -> bytes:
    """Fields of the file set to other values, entries removed, doubled and exchanged."""
    proto = onnx.load_from_string(data)
    for _ in range(chosen.choice((1, 1, 2, 4))):
        messages = _messages(proto)
        message = chosen.choice(messages)
        fields = [entry for entry, _ in message.ListFields()]
        if not fields:
            continue
        entry = chosen.choice(fields)
        values = getattr(message, entry.name)
        if not entry.is_repeated:
            if entry.type != entry.TYPE_MESSAGE:
                setattr(message, entry.name, _other(values, entry.name, proto, chosen))
            elif chosen.random() < 0.3:
                message.ClearField(entry.name)
            continue
        place = chosen.randrange(len(values))
        action = chosen.randrange(3)
        if action == 0:
            del values[place]
        elif entry.type == entry.TYPE_MESSAGE:
            if action == 1:
                values.add().CopyFrom(values[place])
            else:
                values[place].CopyFrom(chosen.choice(values))
        elif action == 1:
            values.append(values[place])
        else:
            values[place] = _other(values[place], entry.name, proto, chosen)
    return bytes(proto.SerializeToString())


def _messages(proto: Message) -> list[Message]:
    found, left = [], [proto]
    while left:
        message = left.pop()
        found.append(message)
        for entry, value in message.ListFields():
            if entry.type == entry.TYPE_MESSAGE:
                left += value if entry.is_repeated else [value]
    return found


def _other(value: object, name: str, proto: onnx.ModelProto, chosen: random.Random) -> object:
    """Another value for a field that holds this one."""
    if name == "op_type":
        return chosen.choice(_operations())
    if name in ("data_type", "elem_type"):
        return chosen.randrange(0, 25)
    if name in ("type", "data_location"):
        return chosen.randrange(0, 2)
    if isinstance(value, str):
        values = [text for node in proto.graph.node for text in (*node.input, *node.output)]
        return chosen.choice((*values, "", "../w", "é"))
    if isinstance(value, bytes):
        return chosen.choice((b"", value[: len(value) // 2], value * 2, chosen.randbytes(len(value))))
    if isinstance(value, float):
        return chosen.choice((0.0, 1.0, -1.0, 1e30, float("inf"), float("nan")))
    number = chosen.choice((*WHOLE, int(value) + 1, int(value) - 1, int(value) * 2))
    return number if name in ("dims", "ints", "i", "dim_value", "version", "ir_version", "int64_data") else number % 200


def _operations() -> list[str]:
    return sorted({schema.name for schema in onnx.defs.get_all_schemas() if not schema.domain})


def _nir(data: bytes, chosen: random.Random) -> bytes:
    """Datasets replaced, removed and renamed."""
    import h5py

    stream = BytesIO(data)
    with h5py.File(stream, "r+") as file:
        names: list[str] = []
        file.visit(names.append)
        for _ in range(chosen.choice((1, 1, 2, 3))):
            name = chosen.choice(names)
            if name not in file:
                continue
            member = file[name]
            action = chosen.randrange(4)
            if action == 0:
                del file[name]
            elif action == 1:
                other = chosen.choice(names)
                if other in file and not other.startswith(name) and not name.startswith(other):
                    del file[name]
                    file[name] = file[other]
            elif isinstance(member, h5py.Dataset):
                new = _other_array(member[()], chosen)
                del file[name]
                try:
                    file[name] = new
                except (TypeError, ValueError):  # HDF5 has no such text
                    file[name] = 0
    return stream.getvalue()


def _other_array(value: object, chosen: random.Random) -> object:
    if isinstance(value, bytes | str) or getattr(value, "dtype", np.dtype(float)).kind == "O":
        if isinstance(value, np.ndarray) and value.size and chosen.random() < 0.7:
            value = value.copy()
            flat = value.reshape(-1)
            flat[chosen.randrange(flat.size)] = chosen.choice((*flat, "", "x"))
            return value
        kinds = ("LIF", "Conv1d", "Conv2d", "Flatten", "NIRGraph", "Input", "Output", "Delay", "CubaLIF", "", "x")
        return chosen.choice(kinds)
    array = np.asarray(value)
    match chosen.randrange(5):
        case 0:
            return np.full(array.shape, chosen.choice(REAL))
        case 1:
            return np.full(array.shape, chosen.choice(WHOLE[:-1]), np.int64)
        case 2:
            return array.reshape(-1)[: chosen.randrange(array.size + 1)]
        case 3:
            return array[None] if array.ndim < 6 else array.ravel()
    return array.astype(chosen.choice(("i1", "u8", "f2", "f8", "c8", "?")))


def _yaml(data: bytes, chosen: random.Random) -> bytes:
    """Words of the text exchanged, lines removed, doubled and moved."""
    text = data.decode()
    for _ in range(chosen.choice((1, 1, 2, 4))):
        words = list(re.finditer(r"[^\s,:{}\[\]]+", text))
        lines = text.splitlines(keepends=True)
        if not words:
            break
        line = chosen.randrange(len(lines))
        match chosen.randrange(6):
            case 0:
                del lines[line]
                text = "".join(lines)
            case 1:
                lines.insert(chosen.randrange(len(lines)), lines[line])
                text = "".join(lines)
            case 2:
                lines[line] = " " * chosen.randrange(6) + lines[line]
                text = "".join(lines)
            case _:
                word, other = chosen.choice(words), chosen.choice((*TEXTS, *map(str, WHOLE), chosen.choice(words)[0]))
                text = text[: word.start()] + other + text[word.end() :]
    return text.encode("utf-8", "surrogatepass")


def _safetensors(data: bytes, chosen: random.Random) -> bytes:
    """Entries of the header changed."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    name = chosen.choice(list(header))
    entry = header[name]
    match chosen.randrange(5):
        case 0:
            entry["dtype"] = chosen.choice(("F64", "F16", "BF16", "I8", "U64", "BOOL", "F8_E4M3", "C64", "X", 3))
        case 1:
            entry["shape"] = [chosen.choice(WHOLE) for _ in range(chosen.randrange(5))]
        case 2:
            entry["data_offsets"] = [chosen.choice(WHOLE), chosen.choice(WHOLE)]
        case 3:
            header[chosen.choice(TEXTS)] = header.pop(name)
        case 4:
            entry["shape"] = [*entry["shape"], 1]
    head = json.dumps(header).encode()
    return len(head).to_bytes(8, "little") + head + data[8 + length :]


def _npz(data: bytes, chosen: random.Random) -> bytes:
    """Other arrays under the names."""
    with np.load(BytesIO(data)) as loaded:
        arrays: dict[str, object] = dict(loaded)
    name = chosen.choice(list(arrays))
    arrays[name] = _other_array(arrays[name], chosen)
    stream = BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


_FORMATS: Mapping[str, Callable[[bytes, random.Random], bytes]] = {
    "onnx": _onnx, "nir": _nir, "yaml": _yaml, "safetensors": _safetensors, "npz": _npz
}  # fmt: skip
