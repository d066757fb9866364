"""Nengo: networks of its ensembles and connections, run by its own simulator in a process of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from nmc.backends.conversion import ConversionOptions, spiking_passes
from nmc.backends.target import Options, Target
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


def _passes(options: Options) -> tuple[Pass, ...]:
    from nmc.passes.fold_batchnorm import FoldBatchnorm
    from nmc.passes.set_steps import SetSteps

    if isinstance(options, NengoOptions) and options.neurons == "spiking":
        return (FoldBatchnorm(), *spiking_passes(options))
    return (SetSteps(options.steps), FoldBatchnorm())


def _lower(model: Model, options: Options) -> Mapping[str, bytes]:
    from nmc.backends.nengo.files import program_files

    return program_files(model, options.neuron_types if isinstance(options, NengoOptions) else "exact")


NENGO = Target(
    name="nengo-sim",
    chip="reference",
    description="a Nengo network in double precision, on Nengo's own simulator; no chip, so no prices",
    passes=_passes,
    lower=_lower,
    engines={"nengo": "nmc.backends.nengo.engine:run"},
    learners={"nengo": "nmc.backends.nengo.engine:learn"},
    estimate=None,
    verifier="nmc.backends.nengo.verification:verify",
    options=NengoOptions,
)
