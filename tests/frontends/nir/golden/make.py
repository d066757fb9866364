"""Makes the golden files: NIR files of other tools, and the spikes of their networks in those tools.

Run with a Python that has torch and the tools, as in
    pip install torch && pip install --no-deps -r tools.lock
    python make.py FOLDER
Each case writes NAME.nir and adds `NAME.x` [steps, 1, *shape] and `NAME.y` to golden.npz; `versions` says
which tools made them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path

import nir
import numpy as np
import torch
from torch import nn

STEPS = 40
Made = tuple[nir.NIRGraph, np.ndarray, np.ndarray]
"""A graph, its input [steps, 1, *shape], and what the tool's network puts out [steps, 1, *shape]."""


def drive(*shape: int, rate: float = 0.5) -> torch.Tensor:
    """Random spikes [STEPS, 1, *shape]."""
    return (torch.rand(STEPS, 1, *shape) < rate).float()


def linear(inputs: int, outputs: int, bias: bool = True, scale: float = 1.0) -> nn.Linear:
    """Weights that let neurons with thresholds about 1 spike now and then."""
    layer = nn.Linear(inputs, outputs, bias=bias)
    layer.weight.data = torch.randn(outputs, inputs) * scale
    if bias:
        layer.bias.data = torch.randn(outputs) * 0.1
    return layer


def stepped(net: Callable[..., object], x: torch.Tensor, stateful: bool = False) -> np.ndarray:
    """What a network puts out step by step; with `stateful`, it takes and gives its state."""
    outputs, state = [], None
    with torch.no_grad():
        for frame in x:
            y = net(frame, state) if stateful else net(frame)
            y, state = y if stateful else (y, None)
            outputs.append((y[0] if isinstance(y, tuple) else y).numpy())
    return np.stack(outputs)


def snntorch_dense() -> Made:
    import snntorch as snn
    from snntorch.export_nir import export_to_nir

    beta, threshold = torch.rand(8) * 0.5 + 0.4, torch.ones(8)
    net = nn.Sequential(
        linear(6, 8), snn.Leaky(beta=beta, threshold=threshold, init_hidden=True),
        linear(8, 4, bias=False), snn.Leaky(beta=torch.full((4,), 0.8), threshold=torch.full((4,), 1.5),
                                            init_hidden=True),
    )  # fmt: skip
    x = drive(6)
    graph = export_to_nir(net, x[0], ignore_dims=[0])
    return graph, x.numpy(), _fresh(net, x)


def _fresh(net: nn.Module, x: torch.Tensor) -> np.ndarray:
    """What a snnTorch network with hidden states puts out from the start."""
    import snntorch as snn
    from snntorch import utils

    utils.reset(net)
    for module in net.modules():
        if isinstance(module, snn.SpikingNeuron):
            module.reset_mem()
    return stepped(net, x)


def snntorch_synaptic() -> Made:
    import snntorch as snn
    from snntorch.export_nir import export_to_nir

    neuron = snn.Synaptic(
        alpha=torch.rand(8) * 0.5 + 0.3, beta=torch.rand(8) * 0.5 + 0.3, threshold=torch.full((8,), 2.0),
        init_hidden=True,
    )  # fmt: skip
    net = nn.Sequential(linear(6, 8), neuron)
    x = drive(6)
    return export_to_nir(net, x[0], ignore_dims=[0]), x.numpy(), _fresh(net, x)


def snntorch_recurrent() -> Made:
    import snntorch as snn
    from snntorch.export_nir import export_to_nir

    neuron = snn.RLeaky(beta=0.7, linear_features=8, threshold=torch.tensor(1.0), init_hidden=True)
    net = nn.Sequential(linear(6, 8), neuron, linear(8, 3), snn.Leaky(
        beta=torch.full((3,), 0.9), threshold=torch.ones(3), init_hidden=True))  # fmt: skip
    x = drive(6)
    return export_to_nir(net, x[0], ignore_dims=[0]), x.numpy(), _fresh(net, x)


def snntorch_rsynaptic() -> Made:
    import snntorch as snn
    from snntorch.export_nir import export_to_nir

    neuron = snn.RSynaptic(alpha=0.5, beta=0.7, linear_features=8, threshold=torch.tensor(2.0), init_hidden=True)
    net = nn.Sequential(linear(6, 8), neuron)
    x = drive(6)
    return export_to_nir(net, x[0], ignore_dims=[0]), x.numpy(), _fresh(net, x)


def snntorch_conv() -> Made:
    import snntorch as snn
    from snntorch.export_nir import export_to_nir

    conv = nn.Conv2d(2, 4, 3, stride=1, padding=1)
    net = nn.Sequential(
        conv, snn.Leaky(beta=torch.full((4, 6, 6), 0.8), threshold=torch.full((4, 6, 6), 0.5), init_hidden=True),
        nn.AvgPool2d(2), nn.Flatten(), linear(36, 5, scale=2.0),
        snn.Leaky(beta=torch.full((5,), 0.9), threshold=torch.ones(5), init_hidden=True),
    )  # fmt: skip
    x = drive(2, 6, 6)
    return export_to_nir(net, x[0], ignore_dims=[0]), x.numpy(), _fresh(net, x)


def snntorch_conv_recurrent() -> Made:
    import snntorch as snn
    from snntorch.export_nir import export_to_nir

    net = nn.Sequential(
        nn.Conv2d(1, 3, 3, stride=2, padding=1), nn.Flatten(), linear(27, 8),
        snn.RLeaky(beta=0.8, linear_features=8, threshold=torch.tensor(1.0), init_hidden=True),
        linear(8, 4, scale=2.0), snn.Leaky(beta=torch.full((4,), 0.7), threshold=torch.ones(4), init_hidden=True),
    )  # fmt: skip
    x = drive(1, 6, 6)
    return export_to_nir(net, x[0], ignore_dims=[0]), x.numpy(), _fresh(net, x)


def snntorch_zero() -> Made:
    """A file that snnTorch reads: there, neurons reset to zero at once."""
    from snntorch.import_nir import import_from_nir

    n = np.ones(8, np.float32)
    graph = nir.NIRGraph.from_list(
        nir.Affine(np.random.randn(8, 6).astype(np.float32), 0.1 * np.random.randn(8).astype(np.float32)),
        nir.LIF(tau=4e-4 * n, r=4 * n, v_leak=0 * n, v_threshold=n, v_reset=0 * n),
    )
    x = drive(6)
    return graph, x.numpy(), stepped(import_from_nir(graph), x, stateful=True)


def _norse(graph: nir.NIRGraph, x: torch.Tensor) -> Made:
    import norse.torch as norse

    return graph, x.numpy(), stepped(norse.from_nir(graph, dt=0.001, ignore_warnings=True), x, stateful=True)


def _neuron(kind: type[nir.NIRNode], n: int, **values: float) -> nir.NIRNode:
    """A neuron whose parameters vary by up to a tenth from neuron to neuron."""
    return kind(**{
        name: (value * (0.9 + 0.2 * np.random.rand(n))).astype(np.float32) for name, value in values.items()
    })


def _affine(inputs: int, outputs: int, scale: float = 1.0) -> nir.NIRNode:
    return nir.Affine(
        (scale * np.random.randn(outputs, inputs)).astype(np.float32), np.random.randn(outputs).astype(np.float32)
    )


def norse_lif() -> Made:
    layers = (
        _affine(6, 8, 4.0), _neuron(nir.LIF, 8, tau=0.01, r=1.0, v_leak=0.2, v_threshold=1.0),
        _affine(8, 4, 4.0), _neuron(nir.LIF, 4, tau=0.005, r=1.0, v_leak=0.0, v_threshold=0.7),
    )  # fmt: skip
    for layer in layers[1::2]:
        layer.r = np.ones_like(layer.r)
    return _norse(nir.NIRGraph.from_list(*layers), drive(6))


def norse_cuba() -> Made:
    neuron = _neuron(
        nir.CubaLIF, 8, tau_mem=0.01, tau_syn=0.004, r=1.3, v_leak=0.0, v_threshold=0.6, w_in=2.0
    )  # fmt: skip
    return _norse(nir.NIRGraph.from_list(_affine(6, 8, 3.0), neuron), drive(6))


def norse_if() -> Made:
    neuron = _neuron(nir.IF, 8, r=1.0, v_threshold=2.0)
    neuron.r = np.ones_like(neuron.r)
    return _norse(nir.NIRGraph.from_list(_affine(6, 8), neuron), drive(6))


def norse_recurrent() -> Made:
    """A loop: what neurons read of one another is of the step before, in the executor of NIRTorch too."""
    lif = _neuron(nir.LIF, 8, tau=0.01, r=1.0, v_leak=0.1, v_threshold=0.5)
    lif.r = np.ones_like(lif.r)
    nodes = {
        "input": nir.Input(np.array([6])), "w_in": _affine(6, 8, 4.0), "lif": lif,
        "w_rec": nir.Linear((6 * np.random.randn(8, 8)).astype(np.float32)), "output": nir.Output(np.array([8])),
    }  # fmt: skip
    edges = [("input", "w_in"), ("w_in", "lif"), ("lif", "w_rec"), ("w_rec", "lif"), ("lif", "output")]
    return _norse(nir.NIRGraph(nodes, edges), drive(6))


def norse_conv() -> Made:
    def lif(*shape: int) -> nir.NIRNode:
        n = np.ones(shape, np.float32)
        threshold = (0.2 + 0.2 * np.random.rand(*shape)).astype(np.float32)
        return nir.LIF(tau=0.01 * n, r=n, v_leak=0 * n, v_threshold=threshold)

    weight, bias = 2 * np.random.randn(4, 2, 3, 3).astype(np.float32), np.random.randn(4).astype(np.float32)
    layers = (
        nir.Conv2d((6, 6), weight, 1, 1, 1, 1, bias), lif(4, 6, 6),
        nir.SumPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])),
        nir.Flatten({"input": np.array([4, 3, 3])}, 0, -1), _affine(36, 5, 2.0), lif(5),
    )  # fmt: skip
    graph, x, y = _norse(nir.NIRGraph.from_list(*layers), drive(2, 6, 6))
    return graph, x, y.reshape(STEPS, 1, 5)  # Norse's Flatten takes away the axis of the one sample, too


def norse_written() -> Made:
    """A file that Norse writes: its time constants are off by the time step."""
    import norse.torch as norse

    def lif(n: int) -> norse.LIFCell:
        return norse.LIFCell(norse.LIFParameters(
            tau_syn_inv=torch.full((n,), 200.0), tau_mem_inv=torch.full((n,), 100.0), v_th=torch.full((n,), 0.5),
            v_leak=torch.zeros(n), v_reset=torch.zeros(n)))  # fmt: skip

    def box(n: int) -> norse.LIFBoxCell:
        return norse.LIFBoxCell(norse.LIFBoxParameters(
            tau_mem_inv=torch.full((n,), 150.0), v_th=torch.full((n,), 0.4), v_leak=torch.zeros(n)))  # fmt: skip

    net = norse.SequentialState(linear(6, 8, scale=0.5), lif(8), linear(8, 4, scale=4.0), box(4))
    x = drive(6)
    graph = _numpy(norse.to_nir(net, x[0, 0]))
    return graph, x.numpy(), stepped(net, x, stateful=True)


def _numpy(graph: nir.NIRGraph) -> nir.NIRGraph:
    """The graph with arrays in place of tensors, which files cannot hold."""
    for node in graph.nodes.values():
        for name, value in vars(node).items():
            if isinstance(value, torch.Tensor):
                setattr(node, name, value.detach().numpy())
    return graph


def spikingjelly_lif() -> Made:
    from spikingjelly.activation_based import functional, layer, neuron, nir_exchange

    net = nn.Sequential(
        layer.Linear(6, 8), neuron.LIFNode(tau=3.0, v_threshold=0.5, v_reset=-0.1),
        layer.Linear(8, 8, bias=False), neuron.LIFNode(tau=2.0, decay_input=False, v_threshold=0.6, v_reset=0.0),
        layer.Linear(8, 4), neuron.IFNode(v_threshold=1.0, v_reset=0.0),
    )  # fmt: skip
    for module in net[::2]:
        module.weight.data = torch.randn_like(module.weight) * 1.5
    x = drive(6)
    graph = nir_exchange.export_to_nir(net, x[0], dt=1e-3)
    functional.reset_net(net)
    return graph, x.numpy(), stepped(net, x)


def spikingjelly_cuba() -> Made:
    from spikingjelly.activation_based import functional, layer, neuron, nir_exchange

    net = nn.Sequential(layer.Linear(6, 8), neuron.CUBALIFNode(c_decay=0.4, v_decay=0.7, v_threshold=2.0, v_reset=0.0))
    net[0].weight.data = torch.randn_like(net[0].weight)
    x = drive(6)
    graph = nir_exchange.export_to_nir(net, x[0], dt=1e-3)
    functional.reset_net(net)
    return graph, x.numpy(), stepped(net, x)


def sinabs_dense() -> Made:
    import sinabs.layers as sl
    from sinabs.activation import SingleSpike
    from sinabs.nir import to_nir

    net = nn.Sequential(
        linear(6, 8), sl.LIFSqueeze(tau_mem=torch.rand(8) * 10 + 5, spike_threshold=torch.full((8,), 0.3), batch_size=1,
                                    spike_fn=SingleSpike),
        linear(8, 4), sl.IAFSqueeze(spike_threshold=torch.full((4,), 1.0), batch_size=1, spike_fn=SingleSpike),
    )  # fmt: skip
    x = drive(6)
    with torch.no_grad():
        graph = to_nir(net, x[:, 0])
        sinabs_reset(net)
        y = net(x[:, 0]).numpy()[:, None]
    return _numpy(graph), x.numpy(), y


def sinabs_multi() -> Made:
    """As by default: a neuron spikes as often in a step as its threshold goes into its voltage."""
    import sinabs.layers as sl
    from sinabs.nir import to_nir

    net = nn.Sequential(
        linear(6, 8),
        sl.LIFSqueeze(tau_mem=torch.rand(8) * 10 + 5, spike_threshold=torch.full((8,), 0.1), batch_size=1),
        linear(8, 4), sl.IAFSqueeze(spike_threshold=torch.full((4,), 1.0), batch_size=1),
    )  # fmt: skip
    x = drive(6)
    with torch.no_grad():
        graph = to_nir(net, x[:, 0])
        sinabs_reset(net)
        y = net(x[:, 0]).numpy()[:, None]
    return _numpy(graph), x.numpy(), y


def snntorch_readout() -> Made:
    """The last neurons never reset, as readouts are often set; the file does not say so."""
    import snntorch as snn
    from snntorch.export_nir import export_to_nir

    net = nn.Sequential(
        linear(6, 8), snn.Leaky(beta=torch.full((8,), 0.7), threshold=torch.ones(8), init_hidden=True),
        linear(8, 4), snn.Leaky(beta=torch.full((4,), 0.8), threshold=torch.ones(4), init_hidden=True,
                                reset_mechanism="none"),
    )  # fmt: skip
    x = drive(6)
    graph = export_to_nir(net, x[0], ignore_dims=[0])
    return graph, x.numpy(), _fresh(net, x)


def sinabs_reset(net: nn.Module) -> None:
    """Set all states of a Sinabs network to zero."""
    for module in net.modules():
        if hasattr(module, "reset_states"):
            module.reset_states()


CASES: Mapping[str, Callable[[], Made]] = {
    case.__name__: case
    for case in (
        snntorch_dense, snntorch_synaptic, snntorch_recurrent, snntorch_rsynaptic, snntorch_conv, snntorch_zero,
        norse_lif, norse_cuba, norse_if, norse_written, spikingjelly_lif, spikingjelly_cuba, sinabs_dense,
        norse_recurrent, norse_conv, snntorch_conv_recurrent, sinabs_multi, snntorch_readout,
    )
}  # fmt: skip
TOOLS = ("nir", "nirtorch", "torch", "snntorch", "norse", "spikingjelly", "sinabs")


def main(folder: Path) -> None:
    arrays: dict[str, np.ndarray] = {"versions": np.array([f"{tool} {version(tool)}" for tool in TOOLS])}
    for seed, (name, case) in enumerate(CASES.items()):
        torch.manual_seed(seed)
        np.random.seed(seed)
        graph, x, y = case()
        nir.write(folder / f"{name}.nir", graph)
        arrays |= {f"{name}.x": x.astype(np.int8), f"{name}.y": y.astype(np.int8)}
        assert np.array_equal(y, np.rint(y)), f"{name} puts out more than spikes"
        print(f"{name}: {y.mean():.2f} spikes a step and neuron, {int(y.max())} at most")
    np.savez_compressed(folder / "golden.npz", **arrays)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
