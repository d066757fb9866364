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
    """How a tool runs the neurons of its NIR files.

    `time`: what the file's time constants are in: "seconds" (or the unit told otherwise), "steps", or
    "seconds x dt", as an exporter may have it. `late`: what is read a step late even outside of
    loops. `starts_at`: the voltage before the first step.
    """

    tool: str
    integrator: Literal["euler", "exact"] = "euler"
    time: Literal["seconds", "steps", "seconds x dt"] = "seconds"
    compare: Compare = ">"
    reset: Literal["value", "subtract"] = "value"
    reset_at: Literal["spike", "next"] = "spike"
    cuba_reset_at: Literal["spike", "next"] = "spike"
    starts_at: Literal["zero", "leak", "reset"] = "zero"
    lif_gain: Gain = "equation"
    li_gain: Gain = "equation"
    if_gain: Gain = "equation"
    current_gain: Gain = "equation"
    late: Literal["nothing", "neurons", "synapses"] = "nothing"
    note: str = ""


PROFILES: Mapping[str, Conventions] = {
    "nir": Conventions(
        "the equations of NIR 1.0.8 by forward Euler steps",
        note="for files whose origin you do not know, or that were written by hand",
    ),
    "nir-exact": Conventions(
        "the equations of NIR 1.0.8, exact for an input that is constant through a step",
        integrator="exact", note="the same with exponential decays",
    ),
    "norse": Conventions(
        "Norse 1.1.0, as norse.torch.from_nir reads files", if_gain="jump", starts_at="leak",
        note="v_reset is taken from the file; Norse itself takes 0",
    ),
    "norse-to-nir": Conventions(
        "Norse 1.1.0, as norse.torch.to_nir writes files", if_gain="jump", starts_at="leak",
        time="seconds x dt", current_gain="jump",
        note="its time constants are multiplied by its dt: give the same dt as to to_nir (0.001 s by default)",
    ),
    "snntorch": Conventions(
        "snnTorch 1.0.0, as export_to_nir writes networks of default neurons", reset="subtract",
        reset_at="next", cuba_reset_at="next", lif_gain="one", li_gain="one", current_gain="one",
        note="the file does not say how a neuron resets: this is for reset_mechanism='subtract' with its delay",
    ),
    "snntorch-zero": Conventions(
        "snnTorch 1.0.0 with reset_mechanism='zero', as import_from_nir reads files, too",
        note="for Leaky with either reset_delay, and for Synaptic, RLeaky and RSynaptic with reset_delay=False",
    ),
    "spikingjelly": Conventions(
        "SpikingJelly 2.0.0, both ways", compare=">=", starts_at="reset",
    ),
    "sinabs": Conventions(
        "Sinabs 2.0.3, as sinabs.nir.to_nir writes files", integrator="exact", time="steps", compare=">=",
        reset="subtract", if_gain="jump", li_gain="jump",
        note="for spike_fn=SingleSpike, norm_input as by default, and no lower bound of the voltage",
    ),
    "spyx": Conventions(
        "Spyx 1.0.0, both ways", reset="subtract", reset_at="next", lif_gain="ignored", li_gain="ignored",
        if_gain="jump", current_gain="ignored", late="neurons",
        note="its neurons put out what the voltage of the step before says; its own dt is 1 by default",
    ),
    "rockpool": Conventions(
        "Rockpool 3.1.0, as rockpool.nn.modules.to_nir writes files", integrator="exact", compare=">=",
        reset="subtract", lif_gain="ignored", li_gain="decayed", current_gain="decayed",
        note="for max_spikes_per_dt=1; its exporter leaves out biases, and its LI ignores r",
    ),
    "lava": Conventions(
        "Lava 0.10.0 in floating point", late="synapses",
        note="a synapse takes a step",
    ),
}
"""Every profile by name."""
