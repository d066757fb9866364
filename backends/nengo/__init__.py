"""Nengo: networks of its ensembles and connections, run by its own simulator in a process of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from nmc.backends.conversion import ConversionOptions, spiking_passes
from nmc.backends.target import Engine, Target
from nmc.backends.toolchain import Toolchain
from nmc.model import Model

if TYPE_CHECKING:
    from nmc.passes import Pass


@dataclass(frozen=True)
class NengoOptions(ConversionOptions):
    """What a user may choose when compiling for Nengo.

    `neurons`: an ordinary network's activations as neurons that put out numbers ("rate"), or as spiking ones, which
    takes calibration data ("spiking"); the options of conversion are for the latter. `neuron_types`: whose
    spiking neurons, those of the program's own script, which compute exactly what the model says ("exact"), or
    Nengo's, which run on all of its backends ("nengo").
    """

    neurons: Literal["rate", "spiking"] = "rate"
    neuron_types: Literal["exact", "nengo"] = "exact"


def _passes(options: NengoOptions) -> tuple[Pass, ...]:
    from nmc.passes.fold_batchnorm import FoldBatchnorm
    from nmc.passes.set_steps import SetSteps

    if options.neurons == "spiking":
        return (FoldBatchnorm(), *spiking_passes(options))
    return (SetSteps(options.steps), FoldBatchnorm())


def _lower(model: Model, options: NengoOptions) -> Mapping[str, bytes]:
    from nmc.backends.nengo.files import program_files

    return program_files(model, options.neuron_types)


NENGO = Target(
    "nengo-sim",
    chip=None,
    description="a Nengo network in double precision, on Nengo's own simulator; no chip, so no prices",
    options=NengoOptions(),
    passes=_passes,
    lower=_lower,
    engines={
        "nengo": Engine(
            "nmc.backends.nengo.engine:run",
            learn="nmc.backends.nengo.engine:learn",
            verify="nmc.backends.nengo.verification:verify",
        )
    },
)
TOOLCHAIN = Toolchain("nengo", "nmc.backends.nengo", "nengo 4.1.0: runs Nengo programs on Nengo's own simulator")
