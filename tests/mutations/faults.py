"""Faults to be put into engines, lowerings and passes one by one: what they are, where they show, what explains them.

A `Fault` is one entry; `compiled` makes its program. At the stage "fixed-point" the network is what the chip computes
itself, else it is a model that is compiled. Seeds in a lowering or a pass act while the program is compiled, those in
an engine while it runs: `with fault.seed(): ...` around both is right for all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from mutations.changes import arrays, facts, later, reads, spread, twice, without
from mutations.networks import network
from mutations.seeds import (
    Seed,
    after_pass,
    in_code,
    in_emulator,
    in_host,
    in_lava,
    in_nengo,
    in_onnx,
    rounding_of_host,
    set_to,
    together,
)
from nmc import backends, pipeline, program
from nmc.backends.lava import lowering as lava_lowering
from nmc.backends.lava import processes
from nmc.backends.loihi import chips
from nmc.backends.loihi.native import compartment_kernels, convolution, kernels, layout, lif, repeater
from nmc.backends.loihi.native.emulator import Emulator
from nmc.backends.nengo import lowering as nengo_lowering
from nmc.backends.nengo import transforms
from nmc.backends.nengo_loihi.place_on_chip import PlaceOnChip
from nmc.backends.onnx import coding as onnx_coding
from nmc.backends.onnx import spiking, tensor
from nmc.model import Array, Model
from nmc.nodes.coding import Mean
from nmc.passes import element_maps, retiming
from nmc.passes.fuse_synapses import FuseSynapses
from nmc.passes.quantize_fixed_point import QuantizeFixedPoint
from nmc.passes.quantize_int8 import QuantizeInt8
from nmc.program import Program

Part = Literal["engine", "lowering", "pass"]


@dataclass(frozen=True, eq=False)
class Fault:
    """A fault in one part of the compiler, and the network and target that show it.

    `layer` is the node, of the graph that the target executes, at which runs first part; for a fault in a pass, that
    of the model. `rule` is what explains it, by the name that `nmc diff` has for it.
    """

    name: str
    part: Part
    target: str
    network: str
    seed: Seed
    layer: str
    rule: str
    stage: Literal["model", "fixed-point"] = "model"
    options: Mapping[str, object] = field(default_factory=dict)

    def model(self) -> Model:
        """The network, as it is given to the compiler."""
        return network(self.network)


def compiled(fault: Fault, directory: Path) -> Program:
    """The fault's network as a program."""
    model = fault.model()
    if fault.stage == "model":
        return pipeline.compile_model(model, fault.target, directory, fault.options, verify="none")
    target = backends.target_named(fault.target)
    settings = target.configured(fault.options)
    files: Mapping[str, bytes] = {}
    return program.write(
        directory, model, target=target.name, chip=target.chip_name, options=asdict(settings), files=files
    )


def _reversed(run: Callable[..., Mapping[str, Array]]) -> Callable[..., Mapping[str, Array]]:
    """A run whose samples come in the opposite order."""
    return lambda *given: {name: value[::-1] for name, value in run(*given).items()}


def _in_engine(name: str, net: str, seed: Seed, layer: str, rule: str, target: str = "loihi-sim") -> Fault:
    stage = "fixed-point" if net in ("integers", "wraps") else "model"
    return Fault(name, "engine", target, net, seed, layer, rule, stage)


_LIF, _CURRENT = kernels.lif_without_current, kernels.lif
_COMPARTMENTS = compartment_kernels.forgetful_compartments
_ONE_BY_ONE = together(set_to(chips, "threads", lambda: 1), set_to(chips, "_LEAST", 1))
"""Samples go through machine code one after another, however few there are."""

KERNELS = (
    _in_engine("fires at the threshold", "counts", in_code(_LIF, "moved > threshold", "moved >= threshold"),
               "hidden_on_chip", "comparison"),
    _in_engine("subtracts the threshold", "dense", in_code(_LIF, "np.int32(0) if spike", "moved - threshold if spike"),
               "out", "reset"),
    _in_engine("does not reset", "conv", in_code(_LIF, "np.int32(0) if spike else moved", "moved"),
               "first_on_chip", "reset"),
    _in_engine("subtracts, with a current", "dense",
               in_code(_CURRENT, "np.int32(0) if spike", "moved - threshold if spike"), "hidden_on_chip", "reset"),
    _in_engine("decays by half as much", "late", in_code(_LIF, "4096 - dv", "4096 - (dv >> 1)"), "hidden", "decay"),
    _in_engine("decays by one more", "dense", in_code(_CURRENT, "4096 - dv", "3800 - dv"), "hidden_on_chip", "decay"),
    _in_engine("forgets no current", "dense", in_code(_CURRENT, "4095 - du", "4095"),
               "hidden_on_chip", "current-decay"),
    _in_engine("keeps 24 bits beyond", "integers", in_code(_CURRENT, "wrapped24(np.int32(c))", "np.int32(c)"),
               "wide", "wrap"),
    _in_engine("does not clip the voltage", "integers",
               in_code(_CURRENT, "within(moved, np.int32(8388607))", "moved"), "wide", "saturation"),
    _in_engine("rounds currents down", "integers",
               in_code(_CURRENT, "kept = (abs(old) * current_factor) >> 12",
                       "kept = abs((old * current_factor) >> 12)"), "wide", "rounding"),
    _in_engine("shifts sums towards zero", "integers",
               in_code(kernels.shifted, "return np.int32(np.int64(x) >> -shift)",
                       "return np.int32(-(-np.int64(x) >> -shift) if x < 0 else np.int64(x) >> -shift)"),
               "b", "rounding"),
    _in_engine("shifts by a bit less", "conv", in_code(lif.LifWithoutCurrentRunner.advance, "6 + exponent",
                                                       "5 + exponent"), "first_on_chip", "scale"),
    _in_engine("shifts by a bit more", "dense", in_code(lif.LifRunner.advance, "6 + exponent", "7 + exponent"),
               "hidden_on_chip", "scale"),
    _in_engine("forgets the bias", "conv", in_code(_LIF, " + bias[n]", ""), "first_on_chip", "bias-missing"),
    _in_engine("adds the bias twice", "conv", in_code(_LIF, "+ bias[n]", "+ bias[n] + bias[n]"),
               "first_on_chip", "bias"),
    _in_engine("threshold one higher", "integers", in_emulator(facts("fine", vth=lambda node: node.vth + 1)),
               "fine", "threshold"),
    _in_engine("threshold lower by a quarter", "dense", in_code(_CURRENT, "np.int32(vth << 6)", "np.int32(vth * 48)"),
               "hidden_on_chip", "threshold"),
    _in_engine("reads the second synapse twice", "late",
               in_code(kernels.summed, "mac(mac(0, one[n], x_scale), two[n], y_scale)",
                       "mac(mac(mac(0, one[n], x_scale), two[n], y_scale), two[n], y_scale)"),
               "hidden", "synapse-doubled"),
    _in_engine("loses the second synapse", "late",
               in_code(kernels.summed, "mac(mac(0, one[n], x_scale), two[n], y_scale)", "mac(0, one[n], x_scale)"),
               "hidden", "synapse-missing"),
    _in_engine("keeps convolutions beyond 24 bits", "wraps",
               in_code(kernels.conv_graded, "wrap24(np.int32(total[j]) << shift)", "np.int32(total[j]) << shift"),
               "a", "wrap"),
    _in_engine("compartments subtract the threshold", "conv",
               in_code(_COMPARTMENTS, "np.int32(0) if moved > vth[n]", "moved - vth[n] if moved > vth[n]"),
               "first", "reset", "nengo-loihi-sim"),
    _in_engine("compartments decay too little", "late",
               in_code(_COMPARTMENTS, "4096 - decay_v", "4096 - (decay_v >> 1)"), "hidden", "decay",
               "nengo-loihi-sim"),
)
"""Faults in the inner loops of the native emulator."""

EMULATOR = (
    _in_engine("takes weights from columns", "dense", in_emulator(arrays("b", "weight", np.transpose)),
               "b", "weights-transposed"),
    _in_engine("takes weights as unsigned", "dense",
               in_emulator(arrays("b", "weight", lambda w: np.where(w < 0, w + 256, w))), "b", "weights-unsigned"),
    _in_engine("turns kernels around", "conv", in_emulator(arrays("a", "weight", lambda w: w[:, :, ::-1, ::-1])),
               "a", "kernel-flipped"),
    _in_engine("swaps the axes of kernels", "conv",
               in_emulator(arrays("a", "weight", lambda w: w.swapaxes(2, 3))), "a", "kernel-transposed"),
    _in_engine("forgets the holes of kernels", "conv",
               in_emulator(arrays("b", "weight", spread, kernel=(3, 3), dilation=(1, 1))), "b", "dilation"),
    _in_engine("pads at the end alone", "conv", in_emulator(facts("a", padding=(0, 0, 2, 2))), "a", "padding"),
    _in_engine("takes every pixel", "conv",
               in_code(convolution.axis_runs, "node.stride[axis]", "1"), "a", "stride"),
    _in_engine("swaps the groups", "conv", in_emulator(arrays("b", "weight", lambda w: np.roll(w, 2, axis=0))),
               "b", "channels"),
    _in_engine("exponent of weights off by one", "dense", in_emulator(facts("a", weight_exp=0)), "a", "scale"),
    _in_engine("reads the input a step late", "dense", in_emulator(reads("a", later(1))), "a", "time-shift"),
    _in_engine("delay off by one", "late", in_emulator(facts("hidden_late_1", steps=2, longest=2)),
               "hidden_late_1", "delay"),
    _in_engine("views delay by less", "late",
               in_code(layout.Layout._root, "node.longest if", "node.longest - 1 if"), "hidden_late_1", "delay"),
    _in_engine("loses a synapse", "late", in_emulator(reads("out_on_chip", without(1))),
               "out_on_chip", "synapse-missing"),
    _in_engine("doubles a synapse", "late", in_emulator(reads("out_on_chip", twice(0))),
               "out_on_chip", "synapse-doubled"),
    _in_engine("a dead threshold", "late", in_emulator(facts("hidden", vth=lambda node: node.vth + 64)),
               "hidden", "threshold"),
    _in_engine("starts from where the last sample ended", "rates",
               together(_ONE_BY_ONE, in_code(repeater._beginning, "chip.runners.items() for", "() for")),
               "hidden_on_chip", "state-kept"),
    _in_engine("gives samples back in another order", "dense",
               set_to(chips.SideBySide, "run", _reversed(chips.SideBySide.run)), "a", "sample-order"),
    _in_engine("counts half the updates", "dense",
               in_code(Emulator.events, "float(updates)", "float(updates) / 2"), "hidden_on_chip", "events"),
    _in_engine("sums what the lag leaves out", "dense", in_host(reads("total", later(1))), "total", "time-shift"),
    _in_engine("rounds the input down", "integers", rounding_of_host(np.floor), "sent", "rounding"),
    _in_engine("kernel of synapses transposed", "late", in_emulator(arrays("loop", "weight", np.transpose)),
               "loop", "weights-transposed", "nengo-loihi-sim"),
)
"""Faults in how the native emulator, or the host beside it, takes a program."""


def _in_onnx_file(name: str, net: str, seed: Seed, layer: str, rule: str, target: str = "gpu-sim") -> Fault:
    return Fault(name, "lowering", target, net, seed, layer, rule)


_RESET = "case \"subtract\":\n            return "

LOWERINGS = (
    _in_onnx_file("resets to zero", "rules", in_code(spiking._reset, _RESET, _RESET.replace(
        "return ", "return body.where(fired, body.constant(0.0), v)\n            return ")), "hidden", "reset"),
    _in_onnx_file("resets to zero, not to a value", "rules",
                  in_code(spiking._reset, 'body.param("reset_value", node.reset_value)', "body.constant(0.0)"),
                  "out", "reset"),
    _in_onnx_file("fires from the threshold on", "counts", set_to(spiking._GREATER, ">", "GreaterOrEqual"),
                  "hidden", "comparison"),
    _in_onnx_file("does not decay", "rules", in_code(spiking._leaky, 'kept = body.op("Mul", decay, v)', "kept = v"),
                  "hidden", "decay"),
    _in_onnx_file("takes the new current", "rules",
                  in_code(spiking._cuba_lif, 'node.current == "new"', 'node.current == "old"'),
                  "rest", "current-order"),
    _in_onnx_file("rests a step less", "rules",
                  in_code(spiking._fire, "float(node.refractory)", "float(node.refractory - 1)"),
                  "rest", "refractory"),
    _in_onnx_file("has no leak", "rules", in_code(spiking._leaky, "node.leak == 0.0", "True"), "rest", "leak"),
    _in_onnx_file("forgets no current", "rules",
                  in_onnx(facts("rest", current_decay=1.0)), "rest", "current-decay"),
    _in_onnx_file("ages by one less", "rules",
                  in_onnx(arrays("d", "steps", lambda ages: np.maximum(ages - 1, 0))), "d", "delay"),
    _in_onnx_file("loses biases", "rules", in_onnx(facts("a", bias=None)),
                  "a", "bias-missing"),
    _in_onnx_file("reads matrices by columns", "rules", in_code(tensor._linear, "transB=1", "transB=0"),
                  "a", "weights-transposed"),
    _in_onnx_file("reads the input late", "rules", in_onnx(reads("b", later(1))), "b", "time-shift"),
    _in_onnx_file("does not divide the mean", "rules",
                  set_to(onnx_coding.RESULTS, Mean, lambda site: site.state["sum"]), "mean", "readout"),
    _in_onnx_file("threshold off by a tenth", "rules",
                  in_onnx(facts("out", threshold=lambda node: 1.1 * node.threshold)), "out", "threshold"),
    _in_onnx_file("lays images out with channels last", "images",
                  in_code(tensor._reshape, '"Reshape", site.x,',
                          '"Reshape", site.out.op("Transpose", site.x, perm=(0, 2, 3, 1)),'), "f", "layout"),
    _in_onnx_file("pads the wrong side", "images",
                  in_code(tensor._avg_pool, "node.padding", "(*node.padding[1::-1], *node.padding[:1:-1])"),
                  "p", "padding"),
    _in_onnx_file("counts what is padded", "images",
                  in_code(tensor._avg_pool, "int(node.count_include_pad)", "1"), "p", "padding-counted"),
    _in_onnx_file("does not clip", "images", in_code(tensor._clip, "if low or high", "if False"), "s", "clip"),
    _in_onnx_file("turns kernels around", "images",
                  in_onnx(arrays("a", "weight", lambda w: w[:, :, ::-1, ::-1])), "a", "kernel-flipped"),
    _in_onnx_file("swaps the groups", "images",
                  in_onnx(arrays("b", "weight", lambda w: np.roll(w, 2, axis=0))), "b", "channels"),
    _in_onnx_file("zero point off by one", "images",
                  in_onnx(facts("r_rounded", zero_point=lambda node: node.zero_point + 1)),
                  "r_rounded", "zero-point", "tpu-sim"),
    _in_onnx_file("scales of rows for columns", "images",
                  in_code(tensor._weight, "axis=1 if transposed else 0",
                          "axis=int(array.shape[0] == array.shape[1])"), "d", "channel-axis", "tpu-sim"),
    _in_onnx_file("rounds down to 8 bits", "images",
                  in_code(tensor._quantize, '"QuantizeLinear", x,',
                          '"QuantizeLinear", out.op("Sub", x, out.constant(node.scale / 2)),'),
                  "x_int8", "rounding", "tpu-sim"),
    _in_onnx_file("scale of weights off by two", "images",
                  in_onnx(arrays("b", "weight_scale", lambda scale: 2 * scale)), "b", "scale", "tpu-sim"),
)
"""Faults in what is written as ONNX."""


def _in_pass(name: str, net: str, seed: Seed, layer: str, rule: str, target: str = "loihi-sim") -> Fault:
    return Fault(name, "pass", target, net, seed, layer, rule)


PASSES = (
    _in_pass("fuses a synapse twice", "late", after_pass(FuseSynapses, arrays("loop", "weight", lambda w: 2 * w)),
             "hidden", "synapse-doubled"),
    _in_pass("fuses away a synapse", "late", after_pass(FuseSynapses, reads("out", without(1))),
             "out", "synapse-missing"),
    _in_pass("fuses a matrix by columns", "late", after_pass(FuseSynapses, arrays("b", "weight", np.transpose)),
             "out", "weights-transposed"),
    _in_pass("folds the mean with the wrong sign", "normed",
             in_code(element_maps._single, "shift - gain * mean", "shift + gain * mean"),
             "n", "normalization", "gpu-sim"),
    _in_pass("decays in integers by half", "late",
             after_pass(QuantizeFixedPoint, facts("hidden", dv=lambda node: node.dv // 2)), "hidden", "decay"),
    _in_pass("thresholds of another scale", "dense",
             after_pass(QuantizeFixedPoint, facts("hidden_on_chip", vth=lambda node: node.vth // 2)),
             "hidden", "threshold"),
    _in_pass("retimes by a step too many", "late",
             in_code(retiming.chip_delay, "return edge.delay", "return 1 + edge.delay"), "hidden", "time-shift"),
    _in_pass("int8 zero point off", "images",
             after_pass(QuantizeInt8, facts("r_rounded", zero_point=lambda node: node.zero_point + 20)),
             "r", "zero-point", "tpu-sim"),
)
"""Faults in passes: the program and its own reference agree, and both are wrong of the model."""

FAULTS = (*KERNELS, *EMULATOR, *LOWERINGS, *PASSES)
"""All of them; their names differ within a part."""


def _in_files(name: str, net: str, seed: Seed, layer: str, rule: str, target: str = "loihi-sim") -> Fault:
    return Fault(name, "lowering", target, net, seed, layer, rule)


FILES = (
    _in_files("Lava: turns kernels around", "conv",
              in_code(processes._conv, "weight[:, :, ::-1, ::-1]", "weight"), "a", "kernel-flipped"),
    _in_files("Lava: swaps the axes of kernels", "conv",
              in_code(processes._conv, ".transpose(0, 3, 2, 1)", ".transpose(0, 2, 3, 1)"), "a", "kernel-transposed"),
    _in_files("Lava: currents last", "dense", in_lava(facts("hidden_on_chip", du=lambda node: node.du // 2)),
              "hidden_on_chip", "current-decay"),
    _in_files("Lava: forgets to reverse a shape", "conv",
              in_code(lava_lowering._reshaped, "if len(before) > 1:", "if False:"), "c", "layout"),
    _in_files("Lava: a delay less", "late",
              in_code(lava_lowering._Lowering._synapse, "+ late.pop() - 1", "+ max(late.pop() - 1, 1) - 1"),
              "loop", "delay"),
    _in_files("Lava: threshold one higher", "late", in_lava(facts("hidden", vth=lambda node: node.vth + 1)),
              "hidden", "threshold"),
    _in_files("Lava: loses the bias", "conv", in_lava(facts("first_on_chip", bias_mant=0)), "first", "bias-missing"),
    _in_files("Lava: a synapse less", "late", in_lava(reads("hidden", without(1))), "hidden", "synapse-missing"),
    _in_files("Nengo: reads a step late", "late", in_nengo(reads("a", later(1))), "a", "time-shift", "nengo-sim"),
    _in_files("Nengo: a delay more", "late",
              in_code(nengo_lowering._Lowering._late, 'Part("Delay", {"shapes": (shape,), "steps": steps})',
                      'Part("Delay", {"shapes": (shape,), "steps": steps + 1})'), "hidden", "delay", "nengo-sim"),
    _in_files("Nengo: loses biases", "conv", set_to(nengo_lowering, "constant", lambda model, node: None),
              "a", "bias-missing", "nengo-sim"),
    _in_files("Nengo: matrices by columns", "dense",
              in_code(transforms.transform, 'keep("weight", scaled(model, node))',
                      'keep("weight", scaled(model, node).T)'),
              "a", "weights-transposed", "nengo-sim"),
    _in_files("Nengo: decays as currents do", "dense",
              in_nengo(facts("hidden", decay=lambda node: node.current_decay)), "hidden", "decay", "nengo-sim"),
    _in_files("Nengo: resets to zero", "rules", in_nengo(facts("hidden", reset="zero")),
              "hidden", "reset", "nengo-sim"),
    _in_files("Nengo: a synapse twice", "late", in_nengo(reads("hidden", twice(1))),
              "hidden", "synapse-doubled", "nengo-sim"),
)
"""Faults in files that no default engine reads, but the vendors' tools."""

MORE_PASSES = (
    _in_pass("loses a bias on the chip", "dense", after_pass(PlaceOnChip, reads("out", without(1))), "out",
             "bias-missing", "nengo-loihi-sim"),
    _in_pass("places a delay too short", "late",
             after_pass(PlaceOnChip, reads("loop", later(1))), "hidden", "delay", "nengo-loihi-sim"),
    _in_pass("loses a bias", "normed", after_pass(FuseSynapses, reads("hidden", without(1))), "hidden", "bias-missing"),
    _in_pass("reads a step too late", "late", after_pass(FuseSynapses, reads("loop", later(1))), "hidden", "delay"),
    _in_pass("currents decay by half", "dense",
             after_pass(QuantizeFixedPoint, facts("hidden_on_chip", du=lambda node: node.du // 2)),
             "hidden", "current-decay"),
    _in_pass("weights in integers by columns", "dense",
             after_pass(QuantizeFixedPoint, arrays("b", "weight", np.transpose)), "out", "weights-transposed"),
    _in_pass("exponent of one matrix of two", "late",
             after_pass(QuantizeFixedPoint, facts("loop", weight_exp=lambda node: node.weight_exp + 1)),
             "hidden", "scale"),
    _in_pass("threshold ten higher", "dense",
             after_pass(QuantizeFixedPoint, facts("out", vth=lambda node: node.vth + 10)), "out", "threshold"),
    _in_pass("bias in integers halved", "conv",
             after_pass(QuantizeFixedPoint, arrays("first_on_chip", "bias_mant", lambda mantissa: mantissa // 2)),
             "first", "bias"),
    _in_pass("holds a result too long", "dense",
             after_pass(QuantizeFixedPoint, facts("hidden", steps=lambda node: node.steps + 1,
                                                  longest=lambda node: node.longest + 1)), "hidden", "time-shift"),
    _in_pass("folds without the deviation", "normed",
             in_code(element_maps._single, "np.sqrt(variance + node.epsilon)", "1.0"), "n", "scale", "gpu-sim"),
    _in_pass("int8 weights by rows", "images",
             after_pass(QuantizeInt8, arrays("d", "weight", np.transpose)), "d", "weights-transposed", "tpu-sim"),
    _in_pass("int8 scales of other channels", "images",
             after_pass(QuantizeInt8, arrays("b", "weight_scale", lambda scale: scale[::-1])),
             "b", "channel-axis", "tpu-sim"),
    _in_pass("int8 scale of another node", "images",
             after_pass(QuantizeInt8, facts("r_int8", scale=lambda node: node.scale / 2)), "r", "scale", "tpu-sim"),
    _in_pass("int8 loses a bias", "images", after_pass(QuantizeInt8, facts("c", bias=None)), "c", "bias-missing",
             "tpu-sim"),
)
"""More faults in passes, which show where every pass is compared with what it was given."""
