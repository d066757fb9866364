"""SqueezeNet 1.0: Iandola et al. 2016, arXiv:1602.07360, table 1."""

from __future__ import annotations

from nmc.graph import Graph
from nmc.validation.networks.layers import Layers


def squeezenet() -> Graph:
    """SqueezeNet 1.0: 1.25 million weights."""
    net = Layers(3, 224, 224)
    x = net.max_pool(net.conv(net.input, 96, 7, 2), 3, 2, same=True)
    for index, (squeeze, expand) in enumerate(
        ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))
    ):
        s = net.conv(x, squeeze, 1)
        x = net.concat(net.conv(s, expand, 1), net.conv(s, expand, 3))
        if index in (2, 6):
            x = net.max_pool(x, 3, 2, same=True)
    scores = net.conv(x, 1000, 1)
    return net.graph(net.avg_pool(scores, 14, 14))
