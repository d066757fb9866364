"""NengoLoihi: networks as nengo-loihi 1.1.0 puts them on Loihi 1, run by the native emulator or by its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from nmc.backends.target import Options, Target
from nmc.errors import UsageError
from nmc.model import FloatArray, Model

if TYPE_CHECKING:
    from nmc.backends.target import RunResult
    from nmc.estimates.estimate import Estimate
    from nmc.passes import Pass
    from nmc.program import Program


@dataclass(frozen=True)
class NengoLoihiOptions(Options):
    """What a user may choose when compiling for NengoLoihi.

    `encoding`: how an ordinary network's input reaches the chip, as evenly spaced spikes ("rate") or as the binary
    digits of its numbers at every step ("current"). `chips`: how many chips it may take at most; None: as many as
    the largest system has.
    """

    encoding: Literal["rate", "current"] = "rate"
    chips: int | None = None

    def __post_init__(self) -> None:
        if self.steps is not None and self.steps < 1:
            raise UsageError(f"steps is {self.steps}", "give 1 step or more")
        if self.chips is not None and self.chips < 1:
            raise UsageError(f"chips is {self.chips}", "give 1 chip or more")


def _passes(options: Options, calibration: FloatArray | None) -> tuple[Pass, ...]:
    from nmc.backends.nengo_loihi.place_on_chip import PlaceOnChip
    from nmc.passes.fuse_synapses import FuseSynapses
    from nmc.passes.to_spiking import ToSpiking

    chosen = options if isinstance(options, NengoLoihiOptions) else NengoLoihiOptions(options.steps)
    return (
        ToSpiking(steps=chosen.steps, encoding=chosen.encoding, calibration=calibration),
        FuseSynapses(),
        PlaceOnChip(calibration),
    )


def _executed() -> tuple[Pass, ...]:
    from nmc.backends.nengo_loihi.quantize import QuantizeNengoLoihi

    return (QuantizeNengoLoihi(),)


def _lower(model: Model, options: Options) -> Mapping[str, bytes]:
    from nmc.backends.nengo_loihi.lowering import lower

    return lower(model, "loihi1", options.chips if isinstance(options, NengoLoihiOptions) else None)


def _estimate(program: Program, result: RunResult) -> Estimate:
    from nmc.estimates.manycore import estimate_manycore

    return estimate_manycore(program, result)


NENGO_LOIHI = Target(
    name="nengo-loihi-sim",
    chip="loihi1",
    description="Intel Loihi, as NengoLoihi 1.1.0 puts a Nengo network on it, emulated bit for bit",
    passes=_passes,
    lower=_lower,
    executed=_executed,
    engines={"native": "nmc.backends.loihi.engine:run", "nengo-loihi": "nmc.backends.nengo_loihi.engine:run"},
    estimate=_estimate,
    options=NengoLoihiOptions,
    observed={"native": "nmc.backends.loihi.engine:run_observed"},
)
