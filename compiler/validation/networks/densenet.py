"""DenseNet: Huang et al., CVPR 2017, arXiv:1608.06993, table 1."""

from __future__ import annotations

from nmc.graph import Graph
from nmc.validation.networks.layers import Layers


def densenet_121() -> Graph:
    """DenseNet-121, growth rate 32: 8.0 million weights, 2.8 billion multiply-accumulates."""
    net = Layers(3, 224, 224)
    x = net.max_pool(net.conv(net.input, 64, 7, 2), 3, 2, same=True)
    for block, depth in enumerate((6, 12, 24, 16)):
        if block:
            x = net.conv(net.normalized(x), net.shape(x)[0] // 2, 1, relu=False)
            x = net.avg_pool(x, 2, 2)
        for _ in range(depth):
            y = net.conv(net.conv(net.normalized(x), 128, 1), 32, 3, relu=False)
            x = net.concat(x, y)
    return net.classified(net.normalized(x))
