"""Runs a network on SANA-FE 2.2.9.

    python run.py network.json counts.json

Beside network.json lies architecture.yaml. network.json holds the number of steps, groups of neurons (facts of their
model, their unit, and a core for each neuron, as tile and number) and edges (pairs of neurons, and a weight each).
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import sanafe


def build(description: dict[str, Any], architecture: sanafe.Architecture) -> sanafe.Network:
    """The network that a description says, each neuron on its core."""
    network, groups = sanafe.Network(), {}
    for group in description["groups"]:
        made = network.create_neuron_group(
            group["name"], len(group["neurons"]), default_synapse_hw_name=group["synapse"], log_spikes=True
        )
        for index, (neuron, facts) in enumerate(zip(made.neurons, group["neurons"], strict=True)):
            neuron.set_attributes(soma_hw_name=group["soma"].format(index), model_attributes=facts["model"])
            tile, core = facts["core"]
            neuron.map_to_core(architecture.tiles[tile].cores[core])
        groups[group["name"]] = made
    for edge in description["edges"]:
        pairs = list(zip(edge["from"], edge["to"], strict=True))
        groups[edge["source"]].connect_neurons_sparse(groups[edge["target"]], {"weight": edge["weight"]}, pairs)
    return network


def main() -> None:
    """Simulate, and write what happened."""
    if sys.argv[1:] == ["--version"]:
        print(f"sanafe {version('sanafe')}, Python {sys.version.split()[0]}")
        return
    source, counts = map(Path, sys.argv[1:])
    description = json.loads(source.read_text())
    architecture = sanafe.load_arch(str(source.with_name("architecture.yaml")))
    chip = sanafe.SpikingChip(architecture)
    chip.load(build(description, architecture))
    found = chip.sim(
        description["steps"], timing_model="simple", processing_threads=1, spike_trace=True, perf_trace=True
    )
    fired = {group["name"]: [0] * len(group["neurons"]) for group in description["groups"]}
    for step in found["spike_trace"]:
        for address in step:
            fired[address.group_name][address.neuron_offset] += 1
    counts.write_text(json.dumps({
        "synaptic_operations": found["spikes"], "messages": found["packets_sent"],
        "updates": found["neurons_updated"], "hops": sum(found["perf_trace"]["hops"]), "fired": fired,
        "energy_j": found["energy"],
    }))


if __name__ == "__main__":
    main()
