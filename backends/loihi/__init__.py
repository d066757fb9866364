"""Loihi: spiking networks in the chip's integers, run by the native emulator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Literal

from nmc.backends.conversion import ConversionOptions, ordinary_passes, spiking_passes
from nmc.backends.target import Engine, Target, applies
from nmc.errors import UsageError
from nmc.estimates.estimate import Baseline
from nmc.model import Model

if TYPE_CHECKING:
    from nmc.chips.chip import ManycoreChip
    from nmc.estimates.pricing import Pricing
    from nmc.passes import Pass


@dataclass(frozen=True)
class ManycoreOptions(ConversionOptions):
    """What a user may choose for any chip of many neuron cores, and how an ordinary network gets there.

    `chips`: how many chips it may take at most; None: as many as the largest system
    has. For the estimate: `prices` and `io` name a price profile and a way of feeding the chip (None: the first
    in the chip's file), `baseline` what energy is counted above.
    """

    chips: int | None = None
    prices: str | None = None
    io: str | None = None
    baseline: Baseline = "total"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.chips is not None and self.chips < 1:
            raise UsageError(f"chips is {self.chips}", "give 1 chip or more")

    @property
    def pricing(self) -> Pricing:
        from nmc.estimates.pricing import Pricing

        return Pricing(prices=self.prices, io=self.io, baseline=self.baseline)


@dataclass(frozen=True)
class LoihiOptions(ManycoreOptions):
    """The same for Loihi in Lava's integers. `weight_bits`: bits of a synapse's weight with its sign, 4 to 8."""

    weight_bits: int = 8


@dataclass(frozen=True)
class Loihi2Options(LoihiOptions):
    """The same for Loihi 2, whose neurons can send numbers, too.

    `neurons`: what an ordinary network becomes, neurons that spike at a rate ("spiking"), or that send their value
    when it changes ("sigma-delta"). `threshold`: changes that sigma-delta neurons keep back, as a fraction of the
    largest activation of their layer.
    """

    neurons: Literal["spiking", "sigma-delta"] = applies("spiking", converted=True)
    threshold: float = applies(0.0, converted=True, neurons="sigma-delta")


def _passes(options: LoihiOptions) -> tuple[Pass, ...]:
    return _integers(spiking_passes(options), options)


def _graded_passes(options: Loihi2Options) -> tuple[Pass, ...]:
    from nmc.passes.element_maps import FactorsAsNorms
    from nmc.passes.to_sigma_delta import ToSigmaDelta

    conversion = spiking_passes(options)
    if options.neurons == "sigma-delta":
        changes = ToSigmaDelta(options.steps, options.threshold)
        conversion = (*ordinary_passes(options), FactorsAsNorms(), changes)
    return _integers(conversion, options, graded=True)


def _integers(conversion: tuple[Pass, ...], options: LoihiOptions, graded: bool = False) -> tuple[Pass, ...]:
    from nmc.passes.fuse_synapses import FuseSynapses
    from nmc.passes.quantize_fixed_point import QuantizeFixedPoint
    from nmc.passes.spike_logic import SpikeLogic

    quantize = QuantizeFixedPoint(options.weight_bits, graded=graded)
    return SpikeLogic(), *conversion, FuseSynapses(), quantize


def _lower(chip: ManycoreChip, model: Model, options: LoihiOptions) -> Mapping[str, bytes]:
    """The mapping onto a chip's cores. Raises UnsupportedError where the model does not fit."""
    from nmc.mapping.file import MAPPING, map_model, written

    return {MAPPING: written(map_model(model, chip, options.chips))}


NATIVE = Engine(
    "nmc.backends.loihi.engine:run",
    observe="nmc.backends.loihi.engine:run_observed",
    trace="nmc.backends.loihi.tracing:trace",
    open="nmc.backends.loihi.stepping:EmulatorStepping",
    verify="nmc.backends.loihi.verification:verify",
)
"""The native emulator, for fixed-point graphs of whichever lowering."""
_ENGINES = {
    "native": replace(
        NATIVE, learn="nmc.backends.loihi.learning:learn", variants="nmc.backends.loihi.variants:variants"
    )
}


def loihi(chip: ManycoreChip) -> Target[LoihiOptions] | Target[Loihi2Options]:
    """A chip of many cores that compute with Loihi's integers."""
    described = f"{chip.title}, in Loihi's integers, emulated bit for bit as Lava 0.10.0 does it"
    lower = partial(_lower, chip)
    if chip.graded:
        return Target(chip.name, chip, described, Loihi2Options(), _graded_passes, lower, _ENGINES)
    return Target(chip.name, chip, described, LoihiOptions(), _passes, lower, _ENGINES)
