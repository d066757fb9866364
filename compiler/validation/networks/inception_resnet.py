"""Inception-ResNet v2: Szegedy et al., AAAI 2017, arXiv:1602.07261, with the widths of its released code."""

from __future__ import annotations

from nmc.graph import Graph
from nmc.validation.networks.inception import reduction_a
from nmc.validation.networks.layers import Layers


def inception_resnet_v2() -> Graph:
    """Inception-ResNet v2, images of 299 x 299: 55.8 million weights, 13.2 billion multiply-accumulates."""
    net = Layers(3, 299, 299)
    x = _stem(net)
    for _ in range(10):
        x = _residual(net, x, net.conv(x, 32, 1), net.conv(net.conv(x, 32, 1), 32),
                      net.conv(net.conv(net.conv(x, 32, 1), 48), 64))  # fmt: skip
    x = reduction_a(net, x, 256, 256, 384, 384)
    for _ in range(20):
        long = net.conv(net.conv(net.conv(x, 128, 1), 160, (1, 7)), 192, (7, 1))
        x = _residual(net, x, net.conv(x, 192, 1), long)
    x = net.concat(
        net.max_pool(x, 3, 2),
        net.conv(net.conv(x, 256, 1), 384, 3, 2, same=False),
        net.conv(net.conv(x, 256, 1), 288, 3, 2, same=False),
        net.conv(net.conv(net.conv(x, 256, 1), 288), 320, 3, 2, same=False),
    )
    for _ in range(10):
        long = net.conv(net.conv(net.conv(x, 192, 1), 224, (1, 3)), 256, (3, 1))
        x = _residual(net, x, net.conv(x, 192, 1), long)
    return net.classified(net.conv(x, 1536, 1))


def _stem(net: Layers) -> str:
    x = net.conv(net.input, 32, 3, 2, same=False)
    x = net.max_pool(net.conv(net.conv(x, 32, 3, same=False), 64), 3, 2)
    x = net.max_pool(net.conv(net.conv(x, 80, 1), 192, 3, same=False), 3, 2)
    return net.concat(
        net.conv(x, 96, 1),
        net.conv(net.conv(x, 48, 1), 64, 5),
        net.conv(net.conv(net.conv(x, 64, 1), 96), 96),
        net.conv(net.avg_pool(x, 3, 1, same=True), 64, 1),
    )


def _residual(net: Layers, x: str, *branches: str) -> str:
    return net.add(x, net.conv(net.concat(*branches), net.shape(x)[0], 1, relu=False))
