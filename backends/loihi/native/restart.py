"""Samples of a batch put back to before the first step: all of them, or some while the others go on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from nmc.backends.loihi.native.runner import Runner
from nmc.errors import UsageError
from nmc.graph import Node
from nmc.model import Array
from nmc.nodes.fixed_point import FixedLIF, FixedPlasticDense


def check_clocks(nodes: Iterable[Node], shared: Iterable[str]) -> None:
    """Raises UsageError where something goes by a clock that all samples have in common.

    `shared` are the signals that are kept once for all of them.
    """
    found = [node.name for node in nodes if isinstance(node, FixedPlasticDense) or _resets_itself(node)]
    if names := [*found, *sorted(shared)]:
        raise UsageError(
            f"{', '.join(names)}: works by a clock that all samples of a session share",
            "reset all samples together, or open a session for each",
        )


def carried(runner: Runner, fresh: Runner) -> Iterator[tuple[Array, Array]]:
    """What a runner holds of samples, its arrays [B, N...], each with what a fresh one of a single sample has.

    Arrays with one axis are room to work in.
    """
    for name, first in vars(fresh).items():
        held = getattr(runner, name)
        if isinstance(held, np.ndarray) and isinstance(first, np.ndarray) and held.ndim > 1 and held is not first:
            yield held, first


def reset(runner: Runner, fresh: Runner) -> None:
    """Put a runner back to what a fresh one of a single sample is, in the memory that it has."""
    for held, first in carried(runner, fresh):
        held[:] = first
    for name, value in vars(fresh).items():
        if (value is None or isinstance(value, int)) and getattr(runner, name) is not value:
            setattr(runner, name, value)


def restart(runner: Runner, fresh: Runner, samples: Sequence[int]) -> None:
    """Put some of a runner's samples to what a fresh one of a single sample is."""
    for name, held in vars(runner).items():
        first = getattr(fresh, name)
        if not isinstance(held, np.ndarray) or held.ndim < 2 or held is first:
            continue
        if first is None:  # what arrived last, of which there is nothing at first
            held = held.copy()
            held[list(samples)] = 0
            setattr(runner, name, held)
        else:
            held[list(samples)] = first


def _resets_itself(node: Node) -> bool:
    return isinstance(node, FixedLIF) and bool(node.reset_interval)
