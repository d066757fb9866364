"""Writes recordings of events, as the cameras' own programs would."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

import flatbuffers
import numpy as np

Recorded = Sequence[tuple[int, int, int, bool]]
"""x, y, microseconds, and whether it became brighter."""


def nmnist(events: Recorded) -> bytes:
    return b"".join(bytes([x, y, on << 7 | t >> 16 & 0x7F, t >> 8 & 0xFF, t & 0xFF]) for x, y, t, on in events)


def dvs128(events: Recorded) -> bytes:
    words = [(y << 8 | x << 1 | on, t) for x, y, t, on in events]
    return b"#!AER-DAT2.0\r\n# made for a test\r\n" + np.array(words, ">u4").tobytes()


def davis(events: Recorded) -> bytes:
    words = [(y << 22 | x << 12 | on << 11, t) for x, y, t, on in events]
    return b"#!AER-DAT2.0\r\n" + np.array([*words, (1 << 31, 5)], ">u4").tobytes()


def aedat4(events: Recorded, compression: int = 0, compress: Callable[[bytes], bytes] = bytes) -> bytes:
    """One packet of stream 1 without events of a camera, and two of stream 0."""
    half = len(events) // 2
    packets = [(1, _buffer(b"FRME", [])), (0, _buffer(b"EVTS", events[:half])), (0, _buffer(b"EVTS", events[half:]))]
    header = flatbuffers.Builder(0)
    header.StartObject(3)
    header.PrependInt32Slot(0, compression, 0)
    header.PrependInt64Slot(1, -1, 0)
    header.FinishSizePrefixed(header.EndObject(), b"IOHE")
    parts = [b"#!AER-DAT4.0\r\n", bytes(header.Output())]
    for stream, packet in packets:
        content = compress(packet)
        parts += [struct.pack("<ii", stream, len(content)), content]
    return b"".join(parts)


def _buffer(kind: bytes, events: Recorded) -> bytes:
    builder = flatbuffers.Builder(0)
    builder.StartVector(16, len(events), 8)
    for x, y, t, on in reversed(events):
        builder.Prep(8, 16)
        builder.Pad(3)
        builder.PrependBool(on)
        builder.PrependInt16(y)
        builder.PrependInt16(x)
        builder.PrependInt64(t)
    vector = builder.EndVector()
    builder.StartObject(1)
    builder.PrependUOffsetTRelativeSlot(0, vector, 0)
    builder.FinishSizePrefixed(builder.EndObject(), kind)
    return bytes(builder.Output())
