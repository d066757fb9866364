"""The spikes into a chip and on it, as its emulators see them: [samples, steps, *shape]."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nmc.backends.loihi.host import Host
from nmc.backends.loihi.native import Emulator
from nmc.backends.loihi.native.layout import Layout
from nmc.backends.loihi.native.plan import Plan
from nmc.graph import Ref
from nmc.model import Array, FloatArray, Model


def sent(model: Model, names: Iterable[str], x: Mapping[str, FloatArray], steps: int) -> Mapping[str, Array]:
    """What nodes of the host put out for inputs x at each of so many steps of the chip."""
    return Host.of(model, names, ()).feed(x, steps)


def neurons_of(model: Model, ensembles: Iterable[str]) -> dict[str, str]:
    """The node that holds the neurons of each ensemble: that of its name, or what stands behind it in one row."""
    layout = Layout(model.graph)
    return {name: layout.root(Ref(name)).node for name in ensembles}


def sent_on(model: Model, ensembles: tuple[str, ...], x: Mapping[str, FloatArray], steps: int) -> dict[str, Array]:
    """The spikes of ensembles on the native emulator, for inputs x at so many steps of the chip."""
    plan = Plan.of(model)
    samples = len(next(iter(x.values())))
    nodes, signals = neurons_of(model, ensembles), model.graph.signals
    fed = sent(model, sorted(plan.fed), x, steps)
    shown = Emulator.of(plan, samples).advance(fed, steps, nodes.values())
    return {name: shown[node].reshape(samples, steps, *signals[name].shape) for name, node in nodes.items()}
