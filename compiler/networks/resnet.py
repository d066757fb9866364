"""Residual networks: He et al., CVPR 2016, arXiv:1512.03385 (v1), and ECCV 2016, arXiv:1603.05027 (v2)."""

from __future__ import annotations

from nmc.graph import Graph
from nmc.networks.layers import Layers


def resnet_50() -> Graph:
    """ResNet-50 v1 on images of 224 x 224: 25.6 million weights, 3.9 billion multiply-accumulates."""
    return _v1((3, 4, 6, 3), 224)


def resnet_50_299() -> Graph:
    """ResNet-50 v1 on images of 299 x 299."""
    return _v1((3, 4, 6, 3), 299)


def resnet_50_v2_299() -> Graph:
    """ResNet-50 v2 on images of 299 x 299."""
    return _v2((3, 4, 6, 3), 299)


def resnet_152_v2_299() -> Graph:
    """ResNet-152 v2 on images of 299 x 299: 60.2 million weights."""
    return _v2((3, 8, 36, 3), 299)


def _v1(depths: tuple[int, ...], size: int) -> Graph:
    """Bottlenecks whose first layer has the stride; each ends in a sum and a rectifier."""
    net = Layers((3, size, size))
    x = net.max_pool(net.conv(net.input, 64, 7, 2))
    for stage, depth in enumerate(depths):
        width = 64 * 2**stage
        for block in range(depth):
            stride = 2 if stage and not block else 1
            y = net.conv(net.conv(x, width, 1, stride), width)
            y = net.conv(y, 4 * width, 1, activation="none")
            short = x if block else net.conv(x, 4 * width, 1, stride, activation="none")
            x = net.activate(net.add(y, short), "relu")
    return net.classify(x)


def _v2(depths: tuple[int, ...], size: int) -> Graph:
    """Bottlenecks that begin with normalization and rectifier; the 3 x 3 layer has the stride."""
    net = Layers((3, size, size))
    x = net.max_pool(net.conv(net.input, 64, 7, 2, activation="none"))
    for stage, depth in enumerate(depths):
        width = 64 * 2**stage
        for block in range(depth):
            stride = 2 if stage and not block else 1
            ready = net.normalize(x)
            y = net.conv(net.conv(ready, width, 1), width, 3, stride)
            y = net.conv(y, 4 * width, 1, activation="none")
            x = net.add(y, x if block else net.conv(ready, 4 * width, 1, stride, activation="none"))
    return net.classify(net.normalize(x))
