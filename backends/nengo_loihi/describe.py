"""A network for NengoLoihi as Nengo's own: what network.json and weights.npz hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from nmc.backends.nengo import network as nengo
from nmc.backends.nengo_loihi.blocks import Block
from nmc.backends.nengo_loihi.network import ChipNetwork, Convolution, Dense, Ensemble, Leaky, Neurons, Transform
from nmc.graph import Shape
from nmc.model import Array

SENDER = "_sender"
"""What follows a source's name in that of the neurons on the host that send its spikes."""


def described(
    network: ChipNetwork, blocks: Iterable[Block], name: str, shapes: Mapping[str, Shape], outputs: Iterable[str],
    steps: int | None = None,
) -> nengo.Network:
    """The network in Nengo's words; `shapes` are those of its signals, `outputs` the ensembles that are read out."""
    share: dict[str, int] = {}
    for block in blocks:
        share.setdefault(block.ensemble, len(block.neurons))
    arrays: dict[str, Array] = {}
    inputs = tuple(nengo.Input(source.name, shapes[source.name], stream=True) for source in network.sources)
    relay = nengo.Part("Threshold", {"threshold": 0.5, "compare": ">"})
    senders = tuple(
        nengo.Ensemble(f"{source.name}{SENDER}", shapes[source.name], relay, on_chip=False)
        for source in network.sources
    )
    fed = tuple(nengo.Connection(source.name, f"{source.name}{SENDER}") for source in network.sources)
    sent = {source.name: f"{source.name}{SENDER}" for source in network.sources}
    synapses = tuple(
        nengo.Connection(
            sent.get(c.source, c.source), ensemble.name, _transform(c.name, c.transform, arrays),
            ensemble.tau_s or None,
        )
        for ensemble in network.ensembles
        for c in ensemble.connections
    )
    ensembles = tuple(_ensemble(ensemble, share.get(ensemble.name), shapes, arrays) for ensemble in network.ensembles)
    return nengo.Network(
        name, network.dt_s, steps, 0, inputs, (), (*senders, *ensembles),
        (*fed, *synapses), tuple(nengo.Output(o, shapes[o], "spike", "stream") for o in outputs),
        tuple(ensemble.name for ensemble in network.ensembles), arrays,
    )


def _ensemble(
    ensemble: Ensemble, share: int | None, shapes: Mapping[str, Shape], arrays: dict[str, Array]
) -> nengo.Ensemble:
    shape = shapes[ensemble.name]
    bias: float | nengo.Stored = 0.0
    if np.any(ensemble.bias):
        bias = nengo.Stored(f"{ensemble.name}.bias")
        arrays[bias.array] = ensemble.bias.reshape(shape)
    return nengo.Ensemble(
        ensemble.name, shape, _neurons(ensemble.neurons), bias=bias, initial={"voltage": 0.0}, on_chip=True,
        neurons_per_core=share,
    )


def _neurons(neurons: Neurons) -> nengo.Part:
    if isinstance(neurons, Leaky):
        return nengo.Part("nengo.LIF", {
            "tau_rc": neurons.tau_rc_s, "tau_ref": neurons.refractory_s, "min_voltage": neurons.min_voltage,
        })
    return nengo.Part("nengo.SpikingRectifiedLinear")


def _transform(name: str, transform: Transform, arrays: dict[str, Array]) -> nengo.Transform:
    stored = nengo.Stored(f"{name}.weight")
    match transform:
        case Dense():
            arrays[stored.array] = transform.weight
            return nengo.Dense(stored)
        case Convolution():
            arrays[stored.array] = np.ascontiguousarray(np.moveaxis(transform.weight, (0, 1), (-1, -2)))
            return nengo.Convolution(
                transform.input_shape, len(transform.weight), stored, transform.stride,
                "same" if transform.same else "valid",
            )
    indices = nengo.Stored(f"{name}.indices")
    arrays[stored.array] = transform.values
    arrays[indices.array] = np.stack([transform.rows, transform.columns], axis=1)
    return nengo.Sparse(transform.shape, indices, stored)
