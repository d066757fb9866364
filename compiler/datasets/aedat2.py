"""AEDAT 2 recordings of event cameras, as jAER writes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nmc.datasets.event import Events
from nmc.datasets.event_times import unwrapped

_VERSION = b"#!AER-DAT2.0"
_HEADER_END = b"#End Of ASCII Header"
_DVS128_BITS = 16
_CLOCK_BITS = 32


def read(path: Path) -> Events:
    """Pairs of address and time in microseconds, 32 bits each and big-endian, behind lines that start with '#'.

    Addresses below 2^16 are those of a DVS128 (y in bits 14-8, x in 7-1, polarity in 0; bit 15 marks other
    events), larger ones of a DAVIS (y in bits 30-22, x in 21-12, polarity in 11; bits 31 and 10 mark other
    events), as iniVation's description of AEDAT 2.0 has them; rows count from below. The clock begins again after
    2^32 microseconds, an hour and twelve minutes, and is counted on. Raises ValueError.
    """
    data = path.read_bytes()
    body = data[_header_bytes(data) :]
    if len(body) % 8:
        raise ValueError(f"{len(body)} bytes after the header are no whole number of 8-byte events")
    address, t_us = np.frombuffer(body, ">u4").reshape(-1, 2).T.astype(np.int64)
    t_us = unwrapped(t_us, _CLOCK_BITS)
    if address.max(initial=0) < 1 << _DVS128_BITS:
        pixel = address >> 15 == 0
        return _of(address >> 1 & 0x7F, address >> 8 & 0x7F, t_us, address & 1, pixel)
    pixel = address & (1 << 31 | 1 << 10) == 0
    return _of(address >> 12 & 0x3FF, address >> 22 & 0x1FF, t_us, address >> 11 & 1, pixel)


def _header_bytes(data: bytes) -> int:
    """Where the header ends. Raises ValueError for another version."""
    if not data.startswith(_VERSION):
        raise ValueError(f"it does not start with {_VERSION.decode()}")
    at = 0
    while data[at : at + 1] == b"#":
        end = data.find(b"\n", at) + 1
        if not end:
            raise ValueError("its header is cut off")
        last = data.startswith(_HEADER_END, at)
        at = end
        if last:
            break
    return at


def _of(
    x: NDArray[np.int64], y: NDArray[np.int64], t_us: NDArray[np.int64], on: NDArray[np.int64], kept: NDArray[np.bool_]
) -> Events:
    return Events(x[kept], y[kept], t_us[kept], on[kept] == 1)
