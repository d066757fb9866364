"""NengoLoihi: networks as nengo-loihi 1.1.0 puts them on Loihi 1, run by the native emulator or by its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nmc.backends.conversion import spiking_passes
from nmc.backends.loihi import ManycoreOptions, check_choices
from nmc.backends.target import Options, Target
from nmc.model import Model

if TYPE_CHECKING:
    from nmc.backends.target import RunResult
    from nmc.estimates.estimate import Estimate
    from nmc.passes import Pass
    from nmc.program import Program


def _passes(options: Options) -> tuple[Pass, ...]:
    from nmc.backends.nengo_loihi.place_on_chip import PlaceOnChip
    from nmc.passes.fuse_synapses import FuseSynapses

    chosen = options if isinstance(options, ManycoreOptions) else ManycoreOptions(options.steps)
    return *spiking_passes(chosen), FuseSynapses(), PlaceOnChip()


def _executed() -> tuple[Pass, ...]:
    from nmc.backends.nengo_loihi.quantize import QuantizeNengoLoihi

    return (QuantizeNengoLoihi(),)


def _lower(model: Model, options: Options) -> Mapping[str, bytes]:
    from nmc.backends.nengo_loihi.lowering import lower

    if isinstance(options, ManycoreOptions):
        check_choices("loihi1", options)
    return lower(model, "loihi1", options.chips if isinstance(options, ManycoreOptions) else None)


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
    options=ManycoreOptions,
    observed={"native": "nmc.backends.loihi.engine:run_observed"},
    tracers={"native": "nmc.backends.loihi.tracing:trace"},
    stepping={"native": "nmc.backends.loihi.stepping:EmulatorStepping"},
    verifier="nmc.backends.loihi.verification:verify",
)
