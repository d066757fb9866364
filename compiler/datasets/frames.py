"""How pixels of [height, width] fill an input, and in how many channels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from nmc.errors import ModelError
from nmc.graph import Shape


@dataclass(frozen=True)
class Frame:
    """Pixels [channels, height, width], which take the form of the input's shape."""

    channels: int
    height: int
    width: int
    shape: Shape


def frame_of(name: str, shape: Shape, size: tuple[int, int] | None, channels: Mapping[int, str]) -> Frame:
    """The frame that fills an input of this shape: [channels, height, width], [height, width], or flat.

    `channels` are the numbers of channels that the data can give, with what each means. Raises ModelError
    where none of them fits.
    """
    if size is None and len(shape) < 2:
        raise ModelError(
            f"{name}: the size of the pictures does not follow from an input of shape {list(shape)}",
            "give 'size: [height, width]'",
        )
    height, width = size if size is not None else (shape[-2], shape[-1])
    count, rest = divmod(prod(shape), height * width)
    if rest or count not in channels or (len(shape) >= 2 and shape[-2:] != (height, width)):
        forms = " or ".join(f"[{number}, {height}, {width}] ({what})" for number, what in channels.items())
        what = f"{name} gives {forms}, but the input takes {list(shape)}"
        raise ModelError(what, "mend 'size', or the input's shape")
    return Frame(count, height, width, shape)
