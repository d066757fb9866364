"""AEDAT 4 recordings, as iniVation's DV writes them: packets of FlatBuffers, compressed by LZ4, Zstandard or not."""

from __future__ import annotations

import importlib
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nmc.datasets.event import LIMIT_BYTES, Events
from nmc.errors import ToolError

_VERSION = b"#!AER-DAT4.0\r\n"
_PACKAGES = {1: "lz4", 2: "lz4", 3: "zstandard", 4: "zstandard"}
"""The package that undoes each compression of a header; 0 is none."""
_EVENT = np.dtype([("t", "<i8"), ("x", "<i2"), ("y", "<i2"), ("on", "?"), ("padding", "V3")])


def read(path: Path) -> Events:
    """The events of the stream of the lowest number that has any.

    After the version line come a header and packets, each with a stream and a size in front; sizes, tables and
    vectors lie as FlatBuffers has them. Raises ValueError, or ToolError where a package that decompresses is missing.
    """
    data = path.read_bytes()
    if not data.startswith(_VERSION):
        raise ValueError(f"it does not start with {_VERSION.decode().strip()}")
    try:
        streams: dict[int, list[bytes]] = {}
        for stream, packet in _packets(data):
            streams.setdefault(stream, []).append(_elements(packet))
    except struct.error:
        raise ValueError("it is cut off, or a part of it points outside") from None
    if not streams:
        raise ValueError("it has no stream of events")
    events = np.frombuffer(b"".join(streams[min(streams)]), _EVENT)
    x, y, t_us = (events[part].astype(np.int64) for part in ("x", "y", "t"))
    return Events(x, y, t_us, events["on"])


def _packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The stream and the content of every packet of events. Raises ValueError beyond the limit of memory."""
    at = len(_VERSION)
    (length,) = struct.unpack_from("<I", data, at)
    header = data[at : at + 4 + length]
    compression = _field(header, 0)
    method = 0 if compression is None else _unpacked("<i", header, compression)
    table = _field(header, 1)
    end = -1 if table is None else _unpacked("<q", header, table)
    end = len(data) if end < 0 else min(end, len(data))
    at += 4 + length
    left = LIMIT_BYTES
    while at < end:
        stream, size = struct.unpack_from("<ii", data, at)
        if not 0 <= size <= end - at - 8:
            raise ValueError("it is cut off in a packet")
        packet = _decompressed(data[at + 8 : at + 8 + size], method, left)
        at += 8 + size
        if packet[8:12] == b"EVTS":
            left -= len(packet)
            yield stream, packet


def _decompressed(packet: bytes, method: int, left: int) -> bytes:
    """A packet's content, of at most `left` bytes."""
    if method not in (0, *_PACKAGES):
        raise ValueError(f"its compression {method} is not known")
    try:
        if method == 0:
            content = packet
        elif _PACKAGES[method] == "lz4":
            content = importlib.import_module("lz4.frame").LZ4FrameDecompressor().decompress(packet, left + 1)
        else:
            reader = importlib.import_module("zstandard").ZstdDecompressor().stream_reader(packet)
            content = reader.read(left + 1)
    except ImportError:
        what = f"AEDAT 4 with this compression is read by the package {_PACKAGES[method]}, which is not installed"
        raise ToolError(what, "pip install 'nmc[events]'") from None
    except Exception as error:  # each package fails with errors of its own
        raise ValueError(f"a packet does not decompress: {error}") from None
    if len(content) > left:
        raise ValueError(f"its events take more than {LIMIT_BYTES >> 20} MiB")
    return bytes(content)


def _elements(packet: bytes) -> bytes:
    """The events of a packet, the first field of its table: a vector of 16-byte structs."""
    field = _field(packet, 0)
    if field is None:
        return b""
    vector = field + _unpacked("<I", packet, field)
    first = vector + 4
    last = first + _EVENT.itemsize * _unpacked("<I", packet, vector)
    if last > len(packet):
        raise ValueError("a packet has fewer events than it says")
    return packet[first:last]


def _field(buffer: bytes, index: int) -> int | None:
    """Where a field of the root table of a size-prefixed buffer lies; None where it has its default."""
    table = 4 + _unpacked("<I", buffer, 4)
    entries = table - _unpacked("<i", buffer, table)
    entry = 4 + 2 * index
    if entry >= _unpacked("<H", buffer, entries):
        return None
    offset = _unpacked("<H", buffer, entries + entry)
    return table + offset if offset else None


def _unpacked(form: str, buffer: bytes, at: int) -> int:
    """A number at a place that a file names, which may be anything. Raises ValueError outside the buffer."""
    if not 0 <= at <= len(buffer) - struct.calcsize(form):
        raise ValueError("a part of it points outside")
    (number,) = struct.unpack_from(form, buffer, at)
    return int(number)
