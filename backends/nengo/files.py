"""The files of a Nengo program: the network, samples to check it by, and the script that runs it."""

from __future__ import annotations

from importlib.resources import files

import numpy as np

from nmc import reference
from nmc.backends.golden import golden_feeds, golden_steps
from nmc.backends.nengo.lowering import NeuronTypes, lower
from nmc.backends.nengo.network import npz
from nmc.model import Model

FOLDER = "nengo"


def program_files(model: Model, neuron_types: NeuronTypes) -> dict[str, bytes]:
    """The files of a Nengo program by name. Raises UnsupportedError naming every node that Nengo cannot mean."""
    network = lower(model, neuron_types)
    feeds = golden_feeds(model)
    steps = golden_steps(model, feeds)
    golden = {
        "steps": np.array(steps),
        **{f"input/{name}": x for name, x in feeds.items()},
        **{f"output/{name}": y for name, y in reference.run(model, feeds, steps).items()},
    }
    contents = {
        "network.json": network.json(),
        "weights.npz": network.npz(),
        "golden.npz": npz(golden),
        **scripts(),
    }
    return {f"{FOLDER}/{name}": data for name, data in contents.items()}


def scripts() -> dict[str, bytes]:
    """The files that are the same in every program."""
    here = files("nmc.backends.nengo")
    return {
        "requirements.txt": (here / "requirements.lock").read_bytes(),
        "run.py": (here / "run.py").read_bytes(),
    }
