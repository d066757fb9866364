"""A chain of layers as a netx file: the HDF5 description that lava-dl turns into a network of Lava processes."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from nmc.backends.lava.processes import integers
from nmc.backends.loihi.on_chip import Chip
from nmc.errors import UnsupportedError
from nmc.graph import Node, Ref, Shape
from nmc.model import Model
from nmc.nodes.fixed_point import FixedConv2d, FixedDense, FixedLIF
from nmc.nodes.fixed_point.weights import IntArray
from nmc.nodes.tensor import Flatten

NETWORK = "network.net"
NOTE = "netx.txt"
BIAS_EXP = 6
"""netx gives every neuron this exponent of its bias."""


@dataclass(frozen=True, eq=False)
class Layer:
    """A synapse and the population it feeds. `flatten`: the population before it is an image, read as a vector."""

    synapse: FixedDense | FixedConv2d
    neuron: FixedLIF
    shape: Shape
    weight: IntArray
    bias: IntArray | None
    flatten: bool


@dataclass(frozen=True, eq=False)
class Chain:
    """A network as netx has it: what it reads, [C, H, W] or [features], and its layers in order."""

    input_shape: Shape
    layers: tuple[Layer, ...]

    def call(self) -> str:
        """The call in Python that builds the network with lava-dl; resets are its arguments, not in the file."""
        first = self.layers[0].neuron
        resets = f", reset_interval={first.reset_interval}, reset_offset={first.reset_offset - 1}"
        return f"hdf5.Network(net_config='{NETWORK}'{resets if first.reset_interval else ''})"


def netx_files(model: Model) -> dict[str, bytes]:
    """network.net and a note on how it is read; the note alone, with the reason, where there can be no network.net."""
    try:
        chain = chain_of(model)
        data = written(chain)
    except UnsupportedError as error:
        return {NOTE: f"{NETWORK} is left out: {error}\n".encode()}
    except ImportError:
        return {NOTE: f"{NETWORK} is left out: h5py is not installed\n  pip install 'nmc[lava]'\n".encode()}
    lines = [f"{NETWORK} is for lava-dl: from lava.lib.dl.netx import hdf5", f"net = {chain.call()}"]
    if chain.layers[-1].neuron.emits == "voltage":
        lines.append("The output is the voltage of the last layer: net.out_layer.neuron.v")
    return {NETWORK: data, NOTE: "".join(f"{line}\n" for line in lines).encode()}


def chain_of(model: Model) -> Chain:
    """The part of a model that runs on the chip, as layers one after the other.

    The model is one that Lava can mean (see `lowering.lower`). Raises UnsupportedError naming the node
    that netx has no means for.
    """
    chip = Chip(model)
    if len(chip.outputs) != 1:
        raise UnsupportedError(f"a netx file has one output, the last layer; there are {len(chip.outputs)}")
    graph = model.graph
    layers: list[Layer] = []
    name = chip.outputs[0]
    while name not in chip.inputs:
        neuron = graph[name]
        synapse = _only_source(model, neuron, 1)
        if not isinstance(neuron, FixedLIF) or type(synapse) not in (FixedDense, FixedConv2d):
            raise UnsupportedError(
                f"netx takes FixedDense or FixedConv2d, then FixedLIF; not {synapse.kind}, then {neuron.kind}",
                node=neuron.name,
            )
        assert isinstance(synapse, FixedDense | FixedConv2d)
        source = _only_source(model, synapse, 0)
        flatten = isinstance(source, Flatten) and source.name not in chip.inputs
        if flatten:
            flatten = len(graph.operand_shapes(source)[0]) > 1
            source = _only_source(model, source, 0)
        layers.append(_layer(model, synapse, neuron, flatten))
        name = source.name
    shape = graph.signals[name].shape
    if layers[-1].flatten:
        shape = (int(np.prod(shape)),)
        layers[-1] = replace(layers[-1], flatten=False)
    chain = Chain(shape, tuple(reversed(layers)))
    _check(chain, chip)
    return chain


def _only_source(model: Model, node: Node, delay: int) -> Node:
    if len(node.inputs) != 1:
        raise UnsupportedError(f"it reads {len(node.inputs)} nodes; in a netx file a layer reads one", node=node.name)
    ref: Ref = node.inputs[0]
    if ref.delay != delay:
        raise UnsupportedError(
            f"it reads {ref.node!r} {ref.delay} steps late; netx takes one step for each layer", node=node.name
        )
    return model.graph[ref.node]


def _check(chain: Chain, chip: Chip) -> None:
    """Raise UnsupportedError for what shows only when all layers are known: branches, readouts and resets."""
    names = {node.name for layer in chain.layers for node in (layer.synapse, layer.neuron)}
    for node in chip.nodes:
        if node.name not in names:
            raise UnsupportedError("it is not on the one path from input to output that netx takes", node=node.name)
    first = chain.layers[0].neuron
    for index, layer in enumerate(chain.layers):
        neuron = layer.neuron
        if neuron.emits == "voltage" and index < len(chain.layers) - 1:
            raise UnsupportedError("its voltage is read by another layer", node=neuron.name)
        if neuron.reset_interval != first.reset_interval or (
            first.reset_interval and neuron.reset_offset != first.reset_offset + index
        ):
            raise UnsupportedError("netx resets all layers at one interval, each a step later", node=neuron.name)


def _layer(model: Model, synapse: FixedDense | FixedConv2d, neuron: FixedLIF, flatten: bool) -> Layer:
    if synapse.num_message_bits:
        raise UnsupportedError("it reads graded values; a netx file's LIF layers pass on spikes", node=synapse.name)
    if isinstance(neuron.initial, str) or neuron.initial:
        raise UnsupportedError("it starts at a voltage; netx starts at 0", node=neuron.name)
    weight = integers(model, synapse, synapse.weight)
    if isinstance(synapse, FixedDense):
        weight = _matrix(synapse, weight)
    shape = model.graph.signals[neuron.name].shape
    return Layer(synapse, neuron, shape, weight, _bias(model, neuron, shape), flatten)


def _matrix(synapse: FixedDense, weight: IntArray) -> IntArray:
    """The weights with their exponent in them, as netx takes them: it finds exponent and bits by itself.

    netx shifts weights up to fill 8 bits and lets Lava shift the sums back, which changes nothing where they
    lie in the range of their sign. Without a positive one, -2^k would be shifted to -256, which Lava clips.
    """
    shift = synapse.weight_exp
    whole: IntArray = weight << shift if shift >= 0 else weight >> -shift
    if shift < 0 and np.any(whole << -shift != weight):
        raise UnsupportedError(f"its sums are shifted right by {-shift} bits, netx's are not", node=synapse.name)
    low, high = int(whole.min()), int(whole.max())
    if low == high == 0:
        raise UnsupportedError("its weights are all 0, for which netx finds no exponent", node=synapse.name)
    power_of_two = high <= 0 and (-low & (-low - 1)) == 0
    if low < -256 or high > (254 if low < 0 else 255) or power_of_two:
        raise UnsupportedError(
            f"netx would change its weights, {low} to {high} with the exponent {shift} in them", node=synapse.name
        )
    return whole


def _bias(model: Model, neuron: FixedLIF, shape: Shape) -> IntArray | None:
    """The bias in units of 2^6, [features], [C] or, where a channel's differ, [W, H, C]; None where all is 0."""
    mantissa = neuron.bias_mant
    values = integers(model, neuron, mantissa) if isinstance(mantissa, str) else np.asarray(mantissa, dtype=np.int64)
    shift = neuron.bias_exp
    bias: IntArray = np.broadcast_to(values << shift if shift >= 0 else values >> -shift, shape)
    if not bias.any():
        return None
    units = bias >> BIAS_EXP
    if np.any(units << BIAS_EXP != bias) or np.any(np.abs(units + 0.5) > 2**15):
        raise UnsupportedError(
            f"its bias is not in whole multiples of {2**BIAS_EXP} within 16 bits, which is all that netx has"
            " (neurons that spike at their threshold may have a bias of 1)",
            node=neuron.name,
        )
    if len(shape) == 3 and np.all(units == units[:, :1, :1]):
        return units[:, 0, 0]
    return units.T


def written(chain: Chain) -> bytes:
    """The chain as the bytes of an HDF5 file, equal for equal chains. Raises ImportError where h5py is missing."""
    import h5py

    contents: list[Mapping[str, IntArray | str]] = [{"type": "input", "shape": np.asarray(chain.input_shape)}]
    for layer in chain.layers:
        if layer.flatten:
            contents.append({"type": "flatten"})
        contents.append(_entries(layer))
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for index, entries in enumerate(contents):
            for key, value in entries.items():
                data = np.asarray([value.encode()], dtype="S10") if isinstance(value, str) else value.astype(np.int32)
                file.create_dataset(f"layer/{index}/{key}", data=data, track_times=False)
    return buffer.getvalue()


def _entries(layer: Layer) -> dict[str, IntArray | str]:
    """The datasets of a layer, by name. Images are [C, H, W] here; netx reverses that by itself."""
    synapse, neuron = layer.synapse, layer.neuron
    entries: dict[str, IntArray | str] = {
        "type": "dense" if isinstance(synapse, FixedDense) else "conv",
        "shape": np.asarray(layer.shape),
        "weight": layer.weight,
        "neuron/type": "CUBA",
        "neuron/iDecay": np.asarray(neuron.du + 1),
        "neuron/vDecay": np.asarray(neuron.dv),
        "neuron/vThMant": np.asarray(neuron.vth),
        "neuron/refDelay": np.asarray(1),
        "neuron/gradedSpike": np.asarray(0),
    }
    if layer.bias is not None:
        entries["bias"] = layer.bias
    if isinstance(synapse, FixedConv2d):
        entries |= {
            "stride": np.asarray(synapse.stride), "padding": np.asarray(synapse.padding[:2]),
            "dilation": np.asarray(synapse.dilation), "groups": np.asarray(synapse.groups),
        }  # fmt: skip
    return entries
