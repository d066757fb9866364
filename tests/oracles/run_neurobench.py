"""Prints what neurobench 2.3.0 says of the networks beside this file, as JSON.

`python run_neurobench.py > neurobench.json`; needs torch, snntorch and neurobench, and nothing of nmc.
"""

import json
from importlib.metadata import version

import neurobench_networks as networks
import snntorch as snn
import torch
from neurobench.metrics.static import ConnectionSparsity, Footprint, ParameterCount
from neurobench.metrics.workload import ActivationSparsity, MembraneUpdates, SynapticOperations
from neurobench.models import SNNTorchModel, TorchModel
from torch import nn


def loaded(layer, weight, bias=None):
    layer.weight.data = torch.from_numpy(weight)
    if bias is not None:
        layer.bias.data = torch.from_numpy(bias)
    return layer


def leaky():
    return snn.Leaky(beta=0.5, threshold=0.5, reset_mechanism="subtract", init_hidden=True)


def convolutional(w):
    return nn.Sequential(
        loaded(nn.Conv2d(2, 6, 3, stride=2, padding=1), w["a"], w["a.bias"]),
        nn.ReLU(),
        loaded(nn.Conv2d(6, 4, 3, groups=2, bias=False), w["b"]),
        nn.ReLU(),
        nn.Flatten(),
        loaded(nn.Linear(36, 5), w["c"], w["c.bias"]),
        nn.Sigmoid(),
    )


class Spiking(nn.Module):
    def __init__(self, w):
        super().__init__()
        self.a, self.b = loaded(nn.Linear(20, 16, bias=False), w["a"]), loaded(nn.Linear(16, 4, bias=False), w["b"])
        self.hidden, self.out = leaky(), leaky()

    def forward(self, x):
        return self.out(self.b(self.hidden(self.a(x)))), None


class Recurrent(nn.Module):
    def __init__(self, w):
        super().__init__()
        self.a = loaded(nn.Conv1d(1, 4, 3, bias=False), w["a"])
        self.b = loaded(nn.Linear(32, 8, bias=False), w["b"])
        self.r = loaded(nn.Linear(8, 8, bias=False), w["r"])
        self.first, self.second = leaky(), leaky()
        self.before = None

    def reset(self):
        snn.utils.reset(self)
        self.before = None

    def forward(self, x):
        b = self.b(self.first(self.a(x)).flatten(1))
        before = torch.zeros_like(b) if self.before is None else self.before
        self.before = self.second(b + self.r(before))
        return self.before, None


def metrics(model, x):
    model.register_hooks()
    with torch.no_grad():
        predictions = model(x)
    data = (x, None)
    operations = SynapticOperations()(model, predictions, data)
    spiking = any(hook.spiking for hook in model.activation_hooks)
    return {
        "parameters": ParameterCount()(model),
        "footprint_bytes": Footprint()(model) - sum(b.numel() * b.element_size() for b in model.__net__().buffers()),
        "connection_sparsity": ConnectionSparsity()(model),
        "activation_sparsity": ActivationSparsity()(model, predictions, data),
        "effective_macs": operations["Effective_MACs"],
        "effective_acs": operations["Effective_ACs"],
        "dense_operations": operations["Dense"],
        "membrane_updates": MembraneUpdates()(model, predictions, data) if spiking else 0,
    }


def main():
    found = {"made with": {name: version(name) for name in ("neurobench", "snntorch", "torch")}}
    for name, wrap, make in (
        ("convolutional", TorchModel, convolutional),
        ("spiking", SNNTorchModel, Spiking),
        ("recurrent", SNNTorchModel, Recurrent),
    ):
        arrays = getattr(networks, name)()
        found[name] = metrics(wrap(make(arrays)), torch.from_numpy(arrays["x"]))
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
