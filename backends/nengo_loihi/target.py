"""The target of networks that NengoLoihi puts on Loihi 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nmc.backends.conversion import spiking_passes
from nmc.backends.loihi import NATIVE, ManycoreOptions
from nmc.backends.target import Engine, Target
from nmc.chips import load_chip
from nmc.chips.chip import ManycoreChip
from nmc.model import Model

if TYPE_CHECKING:
    from nmc.passes import Pass

_CHIP = load_chip("loihi1")


def _passes(options: ManycoreOptions) -> tuple[Pass, ...]:
    from nmc.backends.nengo_loihi.place_on_chip import PlaceOnChip
    from nmc.passes.fuse_synapses import FuseSynapses

    return *spiking_passes(options), FuseSynapses(), PlaceOnChip()


def _executed() -> tuple[Pass, ...]:
    from nmc.backends.nengo_loihi.quantize import QuantizeNengoLoihi

    return (QuantizeNengoLoihi(),)


def _lower(model: Model, options: ManycoreOptions) -> Mapping[str, bytes]:
    from nmc.backends.nengo_loihi.lowering import lower

    assert isinstance(_CHIP, ManycoreChip)
    return lower(model, _CHIP, options.chips)


NENGO_LOIHI = Target(
    "nengo-loihi-sim",
    _CHIP,
    "Intel Loihi, as NengoLoihi 1.1.0 puts a Nengo network on it, emulated bit for bit",
    ManycoreOptions(),
    _passes,
    _lower,
    {
        "native": NATIVE,
        "nengo-loihi": Engine(
            "nmc.backends.nengo_loihi.engine:run", verify="nmc.backends.nengo_loihi.verification:verify"
        ),
    },
    executed=_executed,
)
