"""Targets: one table of names, imported on first use; an entry-point group serves third parties."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from nmc.errors import UsageError, closest

if TYPE_CHECKING:
    from nmc.backends.target import Engine, Learner, Observed, Opening, Target, Tracer, Variants, Verifier

TARGETS: Mapping[str, str] = {
    "cpu": "nmc.backends.onnx:CPU",
    "gpu-sim": "nmc.backends.onnx:GPU",
    "h100-sim": "nmc.backends.onnx:H100",
    "rtx-4090-sim": "nmc.backends.onnx:RTX_4090",
    "jetson-orin-sim": "nmc.backends.onnx:JETSON_ORIN",
    "jetson-orin-nano-sim": "nmc.backends.onnx:JETSON_ORIN_NANO",
    "jetson-tx1-sim": "nmc.backends.onnx:JETSON_TX1",
    "quadro-k4000-sim": "nmc.backends.onnx:QUADRO_K4000",
    "tpu-sim": "nmc.backends.onnx:TPU",
    "edge-tpu-dev-board-sim": "nmc.backends.onnx:EDGE_TPU_DEV_BOARD",
    "tpu-v1-sim": "nmc.backends.onnx:TPU_V1",
    "tpu-v4-sim": "nmc.backends.onnx:TPU_V4",
    "tpu-v5e-sim": "nmc.backends.onnx:TPU_V5E",
    "loihi-sim": "nmc.backends.loihi:LOIHI1",
    "loihi2-sim": "nmc.backends.loihi:LOIHI2",
    "nengo-sim": "nmc.backends.nengo:NENGO",
    "nengo-loihi-sim": "nmc.backends.nengo_loihi:NENGO_LOIHI",
}
ENTRY_POINTS = "nmc.targets"


def targets() -> Mapping[str, str]:
    """Every target by name, as "module:CONSTANT": nmc's own, then those that installed packages offer."""
    return {**_offered(), **TARGETS}


@cache
def _offered() -> Mapping[str, str]:
    from importlib.metadata import entry_points

    return {point.name: point.value for point in entry_points(group=ENTRY_POINTS)}


def target_named(name: str) -> Target:
    """The target with this name. Raises UsageError with the names there are."""
    known = targets()
    if name not in known:
        raise UsageError(f"{name!r} is not a target", closest(name, known))
    target: Target = _resolve(known[name])
    return target


def engine_of(target: Target, name: str | None = None) -> Engine:
    """A target's engine by name, its first one without. Raises UsageError with the names there are."""
    name = name or next(iter(target.engines))
    if name not in target.engines:
        raise UsageError(f"{target.name} has no engine {name!r}", f"its engines are: {', '.join(target.engines)}")
    engine: Engine = _resolve(target.engines[name])
    return engine


def observed_engine_of(target: Target, name: str | None = None) -> Observed:
    """A target's engine as one that records and checks. Raises UsageError where it cannot."""
    engine_of(target, name)
    name = name or next(iter(target.engines))
    if name not in target.observed:
        raise UsageError(
            f"the engine {name!r} of {target.name} can neither record nor check a run",
            "the engine 'native' of loihi-sim can: compile for it, and run without --engine",
        )
    engine: Observed = _resolve(target.observed[name])
    return engine


def learner_of(target: Target, name: str | None = None) -> Learner:
    """A target's engine as one that learns from samples in sequence. Raises UsageError where it cannot."""
    engine_of(target, name)
    name = name or next(iter(target.engines))
    if name not in target.learners:
        able = ", ".join(target.learners)
        raise UsageError(
            f"the engine {name!r} of {target.name} cannot learn from samples in sequence",
            f"its engines that can: {able}" if able else "compile the model for loihi-sim, nengo-sim or gpu-sim",
        )
    learner: Learner = _resolve(target.learners[name])
    return learner


def opening_of(target: Target, name: str | None = None) -> Opening:
    """A target's engine as one that is fed step by step: the first that can without a name.

    Raises UsageError where it cannot.
    """
    if name is not None:
        engine_of(target, name)
    chosen = name or next(iter(target.stepping), "")
    if chosen not in target.stepping:
        able = ", ".join(target.stepping)
        raise UsageError(
            f"{f'the engine {name!r} of ' if name else ''}{target.name} takes a run as a whole, and cannot be fed step"
            " by step",
            f"its engines that can: {able}" if able else "compile the model for loihi-sim, nengo-loihi-sim or gpu-sim",
        )
    opening: Opening = _resolve(target.stepping[chosen])
    return opening


def variants_of(target: Target) -> Variants:
    """What runs variants of a target's programs. Raises UsageError where nothing does."""
    if not target.variants:
        raise UsageError(
            f"no engine of {target.name} runs variants of a program", "take one that does: loihi-sim or loihi2-sim"
        )
    variants: Variants = _resolve(next(iter(target.variants.values())))
    return variants


def verifier_of(target: Target) -> Verifier | None:
    """What compiling runs a target's programs by before they are written; None where there is nothing."""
    if target.verifier is None:
        return None
    verifier: Verifier = _resolve(target.verifier)
    return verifier


def tracer_of(target: Target, name: str | None = None) -> Tracer | None:
    """What shows the nodes inside a program on a target's engine; None where that shows outputs alone.

    Raises UsageError for an engine that there is not.
    """
    engine_of(target, name)
    place = target.tracers.get(name or next(iter(target.engines)))
    if place is None:
        return None
    tracer: Tracer = _resolve(place)
    return tracer


def _resolve(place: str):  # type: ignore[no-untyped-def]  # noqa: ANN202 - whatever the table names
    module, constant = place.split(":")
    return getattr(import_module(module), constant)
