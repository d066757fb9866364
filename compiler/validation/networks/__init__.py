"""The networks of published measurements, by their layers: their weights were not released, and are not needed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from nmc.errors import UsageError, closest

if TYPE_CHECKING:
    from collections.abc import Callable

    from nmc.graph import Graph

NETWORKS: Mapping[str, str] = {
    "kws": "nmc.validation.networks.perceptrons:kws",
    "kws-2-branches": "nmc.validation.networks.perceptrons:kws_2_branches",
    "kws-6-branches": "nmc.validation.networks.perceptrons:kws_6_branches",
    "mnist-cnn": "nmc.validation.networks.spiking:mnist_cnn",
    "nmnist-cnn": "nmc.validation.networks.spiking:nmnist_cnn",
    "gesture-cnn": "nmc.validation.networks.spiking:gesture_cnn",
    "mnist-dbn": "nmc.validation.networks.spiking:mnist_dbn",
    "xylo-kws": "nmc.validation.networks.spiking:xylo_kws",
    "shd": "nmc.validation.networks.spiking:shd",
    "olfactory-bulb": "nmc.validation.networks.spiking:olfactory_bulb",
    "truenorth-recurrent": "nmc.validation.networks.spiking:truenorth_recurrent",
    "spinnaker-random": "nmc.validation.networks.spiking:spinnaker_random",
    "resnet-50": "nmc.validation.networks.residual:resnet_50",
}
"""Each network by name, as "module:function" of a function that gives its graph."""


@cache
def network_named(name: str) -> Graph:
    """The graph of a published network. Raises UsageError with the names there are."""
    if name not in NETWORKS:
        raise UsageError(f"{name!r} is not a published network", closest(name, NETWORKS))
    module, function = NETWORKS[name].split(":")
    made: Callable[[], Graph] = getattr(import_module(module), function)
    return made()
