"""What users may choose wherever an ordinary network becomes one of neurons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from nmc.backends.target import Options, applies
from nmc.passes.bounds import require_bounds

if TYPE_CHECKING:
    from nmc.passes import Pass


@dataclass(frozen=True)
class ConversionOptions(Options):
    """How an ordinary network becomes a spiking one, on a target that does that.

    `encoding`: how its input comes, as evenly spaced spikes ("rate") or as its values at every step ("current").
    `reset`: what a spike leaves of a neuron's charge, nothing ("zero") or what was above the threshold
    ("subtract"). `charge`: how full the encoder is at the start, and neurons at most, as a fraction of what
    a spike takes. `threshold_scale`: a factor on the thresholds of its neurons, which are those that stand for its
    activations best; above 1 there are fewer spikes. `max_pool`: what becomes of max pooling between layers; it is
    refused ("refuse"), or replaced by averages that are fitted to it ("average"), or by neurons that compare in
    pairs ("pairwise").
    """

    encoding: Literal["rate", "current"] = applies("rate", converted=True, neurons="spiking", form="spiking")
    reset: Literal["zero", "subtract"] = applies("zero", converted=True, neurons="spiking", form="spiking")
    charge: float = applies(0.0, converted=True, neurons="spiking", form="spiking")
    threshold_scale: float = applies(1.0, converted=True, neurons="spiking", form="spiking")
    max_pool: Literal["refuse", "average", "pairwise"] = applies("refuse", converted=True, form="spiking")

    def __post_init__(self) -> None:
        require_bounds(self)


def spiking_passes(options: ConversionOptions) -> tuple[Pass, ...]:
    """The passes from an ordinary network to a spiking one."""
    from nmc.passes.element_maps import FactorsAsNorms
    from nmc.passes.to_spiking import ToSpiking

    return *ordinary_passes(options), FactorsAsNorms(), ToSpiking(
        options.steps, options.encoding, options.reset, options.charge, options.threshold_scale
    )  # fmt: skip


def ordinary_passes(options: ConversionOptions) -> tuple[Pass, ...]:
    """The passes before the conversion: off the grids of quantized files, and max pooling replaced, if it is to be."""
    from nmc.passes.dequantize import Dequantize
    from nmc.passes.replace_max_pools import ReplaceMaxPools

    return (Dequantize(),) if options.max_pool == "refuse" else (Dequantize(), ReplaceMaxPools(options.max_pool))
