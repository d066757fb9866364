"""What NIR leaves open, by the tool that a file comes from.

NIR writes a neuron as a differential equation with a threshold. A raster also depends on how a tool
steps the equation, when and how it resets, how it compares, and what its own exporter and importer make
of the parameters. One entry each, read from the tool's source at the version given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from nmc.nodes.facts import Compare

Gain = Literal["equation", "jump", "one", "ignored", "decayed"]
"""How much of its input a state takes in at each step, given the factor r (or w_in) and the decay k:
equation: as the differential equation says, r dt / tau (euler) or r (1 - k) (exact), and r dt without leak;
jump: r; one: 1, and the tool writes r so that the equation says 1 too, which is checked;
ignored: 1, whatever r says; decayed: r k, since the tool lets the new input decay at once."""


@dataclass(frozen=True)
class Conventions:
    """How a tool runs the neurons of its NIR files; `scope` says of which files this holds.

    `time`: what the file's time constants are in: "seconds" (or the unit told otherwise), "steps", or
    "seconds x dt", as an exporter may have it. `late`: what is read a step late even outside of
    loops. `starts_at`: the voltage before the first step. `granted`: settings of the tool that no file states, and that
    change its spikes: what is taken for granted, and what to do otherwise.
    """

    tool: str
    scope: str
    granted: str
    integrator: Literal["euler", "exact"] = "euler"
    time: Literal["seconds", "steps", "seconds x dt"] = "seconds"
    compare: Compare = ">"
    reset: Literal["value", "subtract", "none"] = "value"
    reset_at: Literal["spike", "next"] = "spike"
    cuba_reset_at: Literal["spike", "next"] = "spike"
    starts_at: Literal["zero", "leak", "reset"] = "zero"
    lif_gain: Gain = "equation"
    li_gain: Gain = "equation"
    if_gain: Gain = "equation"
    current_gain: Gain = "equation"
    late: Literal["nothing", "neurons", "synapses"] = "nothing"
    multispike: bool = False


_EQUATIONS = (
    "a reset to v_reset in the step of the spike, one spike in a step, no rest after it, no lower bound of the voltage"
)
_NORSE = "reset_method=reset_value and no rest after a spike (a reset by subtraction is not in the file)"
_SNNTORCH = "no inhibition, graded_spikes_factor=1, and a threshold that does not learn on"
_SINABS = "a reset by subtraction, min_v_mem=None (no lower bound of the voltage), norm_input as by default, no tau_syn"

PROFILES: Mapping[str, Conventions] = {
    "nir": Conventions(
        "NIR 1.0.8", "its own equations, by forward Euler steps: for files of unknown origin, or written by hand",
        _EQUATIONS,
    ),
    "nir-exact": Conventions(
        "NIR 1.0.8", "its own equations, exact where the input is constant through a step", _EQUATIONS,
        integrator="exact",
    ),
    "norse": Conventions(
        "Norse 1.1.0", "files as from_nir reads them; but v_reset is the file's, where Norse has 0", _NORSE,
        if_gain="jump", starts_at="leak",
    ),
    "norse-to-nir": Conventions(
        "Norse 1.1.0", "files that to_nir wrote: their time constants are multiplied by its dt, by default 1 ms; "
        "give that dt here", _NORSE, if_gain="jump", starts_at="leak", time="seconds x dt", current_gain="jump",
    ),
    "snntorch": Conventions(
        "snnTorch 1.0.0", "files that export_to_nir wrote of neurons that reset as by default, by subtraction with a "
        "delay (no file says how they reset); its dt is 0.1 ms",
        "reset_mechanism='subtract' and reset_delay=True, the tool's defaults (others: --profile snntorch-zero, "
        f"snntorch-none); {_SNNTORCH}",
        reset="subtract", reset_at="next", cuba_reset_at="next", lif_gain="one", li_gain="one", current_gain="one",
    ),
    "snntorch-none": Conventions(
        "snnTorch 1.0.0", "files that export_to_nir wrote of neurons with reset_mechanism='none'; its dt is 0.1 ms",
        f"reset_mechanism='none'; {_SNNTORCH}",
        reset="none", lif_gain="one", li_gain="one", current_gain="one",
    ),
    "snntorch-zero": Conventions(
        "snnTorch 1.0.0", "files as import_from_nir reads them; also of Leaky with reset_mechanism='zero', and of "
        "Synaptic, RLeaky and RSynaptic with that and reset_delay=False; its dt is 0.1 ms",
        f"reset_mechanism='zero' (others: --profile snntorch, snntorch-none); {_SNNTORCH}",
    ),
    "spikingjelly": Conventions(
        "SpikingJelly 2.0.0", "files both ways; its dt is 0.1 ms by default",
        "a hard reset to v_reset (v_reset=None, a soft reset, is not in the file: train with a number)",
        compare=">=", starts_at="reset",
    ),
    "sinabs": Conventions(
        "Sinabs 2.0.3", "files that to_nir wrote, with settings as by default; its times are steps",
        "spike_fn=MultiSpike, several spikes in a step, as by default (with SingleSpike: --profile sinabs-single); "
        f"{_SINABS}", integrator="exact", time="steps", compare=">=", reset="subtract", if_gain="jump",
        li_gain="jump", multispike=True,
    ),
    "sinabs-single": Conventions(
        "Sinabs 2.0.3", "files that to_nir wrote, with spike_fn=SingleSpike; its times are steps",
        f"spike_fn=SingleSpike, one spike in a step (with MultiSpike, the default: --profile sinabs); {_SINABS}",
        integrator="exact", time="steps", compare=">=", reset="subtract", if_gain="jump", li_gain="jump",
    ),
    "spyx": Conventions(
        "Spyx 1.0.0", "files both ways; its neurons put out what the voltage of the step before says; its dt is 1 s "
        "by default", "reset by subtraction in the step after a spike, and factors of 1 on all inputs",
        reset="subtract", reset_at="next", lif_gain="ignored", li_gain="ignored", if_gain="jump",
        current_gain="ignored", late="neurons",
    ),
    "rockpool": Conventions(
        "Rockpool 3.1.0", "files that to_nir wrote, with max_spikes_per_dt=1; it leaves out biases",
        "max_spikes_per_dt=1 (its default has no bound: train with 1), no biases of neurons, and no noise",
        integrator="exact", compare=">=", reset="subtract", lif_gain="ignored", li_gain="decayed",
        current_gain="decayed",
    ),
    "lava": Conventions(
        "Lava 0.10.0", "its LIF in floating point, where each synapse takes a step",
        "bias_mant=0, a reset to v_reset, and delays of one step alone", late="synapses",
    ),
}  # fmt: skip
"""Every profile by name."""
