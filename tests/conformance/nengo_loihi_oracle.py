"""Runs programs on NengoLoihi's emulator, in its toolchain: where do spikes differ, and what do blocks use?

A network that NengoLoihi refuses gets its message instead.

    nengo_loihi_oracle.py FOLDER       with run.py and its builder, and programs as FOLDER/0, FOLDER/1...
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import numpy as np
from nengo.exceptions import BuildError

folder = Path(sys.argv[1])
sys.path.insert(0, str(folder))
warnings.simplefilter("ignore")

import run  # noqa: E402 - found on the path given

found = []
for place in sorted(folder.glob("[0-9]*"), key=lambda path: int(path.name)):
    description, golden = run.read_description(place), run.read_arrays(place / "golden.npz")
    names = [entry["name"] for entry in description["outputs"]]
    try:
        player = run.Player(description, run.read_arrays(place / "weights.npz"), names)
    except BuildError as error:
        found.append({"error": str(error)})
        continue
    results = player.run({entry["name"]: golden[f"input/{entry['name']}"] for entry in description["inputs"]})
    compartments = [block.compartment for block in player.blocks]
    found.append({
        "differences": {name: int(np.sum(value != golden[f"output/{name}"])) for name, value in results.items()},
        "spikes": int(sum(value.sum() for value in results.values())),
        "use": run.utilization(player),
        "integers": [
            {
                **{name: int(getattr(c, name)[0]) for name in ("decay_u", "decay_v", "vth", "refract_delay")},
                "vmin": int(c.vmin), "vmax": int(c.vmax), "bias": c.bias.tolist(),
                "weights": [[w.tolist() for w in synapse.weights] for synapse in block.synapses]
                if len(sys.argv) > 2 else [],
            }
            for block, c in zip(player.blocks, compartments, strict=True)
        ],
    })  # fmt: skip
(folder / "found.json").write_text(json.dumps(found))
