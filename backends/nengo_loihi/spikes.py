"""The spikes into a chip and on it, as its emulators see them: [samples, steps, *shape]."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from nmc.backends.loihi.host import Host
from nmc.backends.loihi.native import Emulator
from nmc.backends.loihi.native.layout import Layout
from nmc.backends.loihi.native.plan import Plan
from nmc.graph import Ref
from nmc.model import Array, FloatArray, Model
from nmc.nodes import tensor
from nmc.passes.fuse_synapses import pruned
from nmc.reference import run


def sent(model: Model, names: Iterable[str], x: Mapping[str, FloatArray], steps: int) -> dict[str, FloatArray]:
    """What nodes of the host put out for inputs x at each of so many steps of the chip."""
    graph = pruned(replace(model.graph, outputs=tuple(names), lag=0))
    feeds = {}
    for node in graph:
        if isinstance(node, tensor.Input):
            value = x[node.name]
            missing = max(0, steps - value.shape[1]) if node.stream else 0
            feeds[node.name] = np.pad(value, [(0, 0), (0, missing), *[(0, 0)] * len(node.shape)]) if missing else value
    values = run(model.with_(graph), feeds, steps) if graph.outputs else {}
    return {
        name: value if graph.signals[name].timing == "stream" else np.repeat(value[:, None], steps, axis=1)
        for name, value in values.items()
    }


def neurons_of(model: Model, ensembles: Iterable[str]) -> dict[str, str]:
    """The node that holds the neurons of each ensemble: that of its name, or what stands behind it in one row."""
    layout = Layout(model.graph)
    return {name: layout.root(Ref(name)).node for name in ensembles}


def sent_on(model: Model, ensembles: tuple[str, ...], x: Mapping[str, FloatArray], steps: int) -> dict[str, Array]:
    """The spikes of ensembles on the native emulator, for inputs x at so many steps of the chip."""
    plan = Plan.of(model)
    samples = len(next(iter(x.values())))
    fed = Host.of(plan).feed(x, steps)
    nodes, signals = neurons_of(model, ensembles), model.graph.signals
    shown = Emulator.of(plan, samples).advance(fed, steps, nodes.values())
    return {name: shown[node].reshape(samples, steps, *signals[name].shape) for name, node in nodes.items()}
