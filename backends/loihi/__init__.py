"""Loihi: spiking networks in the chip's integers, run by the native emulator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Literal

from nmc.backends.conversion import ConversionOptions, ordinary_passes, spiking_passes
from nmc.backends.target import Options, Target, applies
from nmc.errors import UsageError
from nmc.estimates.estimate import Baseline
from nmc.model import Model

if TYPE_CHECKING:
    from nmc.backends.target import RunResult
    from nmc.estimates.estimate import Estimate
    from nmc.passes import Pass
    from nmc.program import Program


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


def _passes(options: Options) -> tuple[Pass, ...]:
    from nmc.passes.element_maps import FactorsAsNorms
    from nmc.passes.fuse_synapses import FuseSynapses
    from nmc.passes.quantize_fixed_point import QuantizeFixedPoint
    from nmc.passes.spike_logic import SpikeLogic
    from nmc.passes.to_sigma_delta import ToSigmaDelta

    chosen = options if isinstance(options, LoihiOptions) else LoihiOptions(options.steps)
    second = isinstance(chosen, Loihi2Options)
    conversion = spiking_passes(chosen)
    if isinstance(chosen, Loihi2Options) and chosen.neurons == "sigma-delta":
        changes = ToSigmaDelta(chosen.steps, chosen.threshold)
        conversion = (*ordinary_passes(chosen), FactorsAsNorms(), changes)
    quantize = QuantizeFixedPoint(chosen.weight_bits, graded=second)
    return SpikeLogic(), *conversion, FuseSynapses(), quantize


def _lower(chip: str, model: Model, options: Options) -> Mapping[str, bytes]:
    """The mapping onto a chip's cores, and the Lava program. Raises UnsupportedError where the model does not fit."""
    from nmc.backends.lava.lowering import lower_program
    from nmc.mapping.file import MAPPING, map_model, written

    if isinstance(options, LoihiOptions):
        check_choices(chip, options)
    chips = options.chips if isinstance(options, LoihiOptions) else None
    return {MAPPING: written(map_model(model, chip, chips)), **lower_program(model)}


def check_choices(chip: str, options: ManycoreOptions) -> None:
    """Raises UsageError for a price profile or way of I/O that the chip lacks, before anything is written."""
    from nmc.chips import chip_of
    from nmc.chips.chip import ManycoreChip
    from nmc.estimates.manycore import choose

    described = chip_of(chip, ManycoreChip)
    choose(described.prices, options.prices, "price profile", described.title)
    choose(described.io, options.io, "way of I/O", described.title)


def _estimate(program: Program, result: RunResult) -> Estimate:
    from nmc.estimates.manycore import estimate_manycore

    return estimate_manycore(program, result)


LOIHI1 = Target(
    name="loihi-sim",
    chip="loihi1",
    description="Intel Loihi, emulated bit for bit as Lava 0.10.0 does it",
    passes=_passes,
    lower=partial(_lower, "loihi1"),
    engines={"native": "nmc.backends.loihi.engine:run", "lava": "nmc.backends.lava.engine:run"},
    estimate=_estimate,
    options=LoihiOptions,
    observed={"native": "nmc.backends.loihi.engine:run_observed"},
    variants={"native": "nmc.backends.loihi.variants:variants"},
    learners={"native": "nmc.backends.loihi.learning:learn", "lava": "nmc.backends.lava.engine:learn"},
    tracers={"native": "nmc.backends.loihi.tracing:trace"},
    stepping={"native": "nmc.backends.loihi.stepping:EmulatorStepping"},
    verifier="nmc.backends.loihi.verification:verify",
)
LOIHI2 = replace(
    LOIHI1,
    name="loihi2-sim",
    chip="loihi2",
    description="Intel Loihi 2 with Loihi 1's integers, as Lava 0.10.0 has them; prices extrapolated from Loihi 1",
    lower=partial(_lower, "loihi2"),
    options=Loihi2Options,
)
