"""Published networks by their layers, without weights: for estimates, and to hold these against measurements."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from nmc.errors import UsageError, closest

if TYPE_CHECKING:
    from nmc.graph import Graph

NETWORKS: Mapping[str, str] = {
    "cnn0": "tpu_paper:cnn0",
    "densenet-121": "densenet:densenet_121",
    "efficientnet-edgetpu-l": "efficientnet:efficientnet_edgetpu_l",
    "efficientnet-edgetpu-m": "efficientnet:efficientnet_edgetpu_m",
    "efficientnet-edgetpu-s": "efficientnet:efficientnet_edgetpu_s",
    "inception-resnet-v2": "inception_resnet:inception_resnet_v2",
    "inception-v1": "inception:inception_v1",
    "inception-v4": "inception:inception_v4",
    "lstm0": "tpu_paper:lstm0",
    "mlp0": "tpu_paper:mlp0",
    "mobilenet-v1": "mobilenet:mobilenet_v1",
    "mobilenet-v1-ssd": "ssd:mobilenet_v1_ssd",
    "mobilenet-v2": "mobilenet:mobilenet_v2",
    "mobilenet-v2-ssd": "ssd:mobilenet_v2_ssd",
    "resnet-50": "resnet:resnet_50",
    "resnet-50-299": "resnet:resnet_50_299",
    "resnet-50-v2-299": "resnet:resnet_50_v2_299",
    "resnet-152-v2-299": "resnet:resnet_152_v2_299",
    "squeezenet": "squeezenet:squeezenet",
    "vgg16": "vgg:vgg16",
    "vgg19": "vgg:vgg19",
}
"""Every network, as "module:function" of this package; the function takes nothing and gives the graph."""


def network(name: str) -> Graph:
    """The network of this name. Its graph names arrays that nobody has. Raises UsageError where there is none."""
    if name not in NETWORKS:
        raise UsageError(f"{name!r} is not a published network that nmc knows", closest(name, NETWORKS))
    module, function = NETWORKS[name].split(":")
    graph: Graph = getattr(import_module(f"nmc.networks.{module}"), function)()
    return graph
