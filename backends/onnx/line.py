"""Delay lines in ONNX: the last values of something, [N, age, ...], the newest first."""

from __future__ import annotations

from nmc.backends.onnx.emit import Emitter


def pushed(out: Emitter, newest: str, line: str) -> str:
    """The line with one more value at age 0."""
    return out.op("Concat", out.op("Unsqueeze", newest, out.integers(1)), line, axis=1)


def aged(out: Emitter, line: str) -> str:
    """The line without its oldest value."""
    return out.op("Slice", line, out.integers(0), out.integers(-1), out.integers(1))


def read(out: Emitter, line: str, age: int) -> str:
    """The value of this age."""
    return out.op("Gather", line, out.constant(age, "int64"), axis=1)
