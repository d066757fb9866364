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
    "cnn0": "nmc.validation.networks.tpu_paper:cnn0",
    "densenet-121": "nmc.validation.networks.densenet:densenet_121",
    "efficientnet-edgetpu-l": "nmc.validation.networks.efficientnet:efficientnet_edgetpu_l",
    "efficientnet-edgetpu-m": "nmc.validation.networks.efficientnet:efficientnet_edgetpu_m",
    "efficientnet-edgetpu-s": "nmc.validation.networks.efficientnet:efficientnet_edgetpu_s",
    "inception-resnet-v2": "nmc.validation.networks.inception_resnet:inception_resnet_v2",
    "inception-v1": "nmc.validation.networks.inception:inception_v1",
    "inception-v4": "nmc.validation.networks.inception:inception_v4",
    "kws": "nmc.validation.networks.perceptrons:kws",
    "kws-2-branches": "nmc.validation.networks.perceptrons:kws_2_branches",
    "kws-6-branches": "nmc.validation.networks.perceptrons:kws_6_branches",
    "lstm0": "nmc.validation.networks.tpu_paper:lstm0",
    "mlp0": "nmc.validation.networks.tpu_paper:mlp0",
    "mobilenet-v1": "nmc.validation.networks.mobilenet:mobilenet_v1",
    "mobilenet-v1-ssd": "nmc.validation.networks.ssd:mobilenet_v1_ssd",
    "mobilenet-v2": "nmc.validation.networks.mobilenet:mobilenet_v2",
    "mobilenet-v2-ssd": "nmc.validation.networks.ssd:mobilenet_v2_ssd",
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
    "resnet-50-v1-299": "nmc.validation.networks.residual:resnet_50_v1_299",
    "resnet-50-v2-299": "nmc.validation.networks.residual_v2:resnet_50_v2_299",
    "resnet-152-v2-299": "nmc.validation.networks.residual_v2:resnet_152_v2_299",
    "squeezenet": "nmc.validation.networks.squeezenet:squeezenet",
    "vgg16": "nmc.validation.networks.vgg:vgg16",
    "vgg19": "nmc.validation.networks.vgg:vgg19",
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
