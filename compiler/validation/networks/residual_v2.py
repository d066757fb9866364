"""Residual networks of the second version: He et al., ECCV 2016, arXiv:1603.05027."""

from __future__ import annotations

from nmc.graph import Graph
from nmc.validation.networks.layers import Layers


def resnet_50_v2_299() -> Graph:
    """ResNet-50 v2 on images of 299 x 299: 25.6 million weights."""
    return _network((3, 4, 6, 3), 299)


def resnet_152_v2_299() -> Graph:
    """ResNet-152 v2 on images of 299 x 299: 60.3 million weights."""
    return _network((3, 8, 36, 3), 299)


def _network(depths: tuple[int, ...], size: int) -> Graph:
    """Bottlenecks that begin with normalization and rectifier; the 3 x 3 layer has the stride."""
    net = Layers(3, size, size)
    x = net.max_pool(net.conv(net.input, 64, 7, 2, relu=False), 3, 2, same=True)
    for stage, depth in enumerate(depths):
        width = 64 * 2**stage
        for block in range(depth):
            stride = 2 if stage and not block else 1
            ready = net.normalized(x)
            y = net.conv(net.conv(ready, width, 1), width, 3, stride)
            y = net.conv(y, 4 * width, 1, relu=False)
            x = net.add(y, x if block else net.conv(ready, 4 * width, 1, stride, relu=False), relu=False)
    return net.classified(net.normalized(x))
