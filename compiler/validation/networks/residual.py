"""Residual networks."""

from __future__ import annotations

from nmc.graph import Graph
from nmc.validation.networks.layers import Layers


def resnet_50(size: int = 224, *, stride_in_3x3: bool = True) -> Graph:
    """ResNet-50 (He et al., CVPR 2016), batch normalization folded: 25.5 million weights.

    Version 1.5 halves the size in the 3 x 3 convolutions of a stage's first block, version 1 in the 1 x 1
    convolutions before them.
    """
    net = Layers(3, size, size)
    last = net.max_pool(net.conv(net.input, 64, 7, 2), 3, 2, same=True)
    for stage, blocks in enumerate((3, 4, 6, 3)):
        width = 64 * 2**stage
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            early, late = (1, stride) if stride_in_3x3 else (stride, 1)
            inner = net.conv(net.conv(last, width, 1, early), width, 3, late)
            shortcut = last if block else net.conv(last, 4 * width, 1, stride, relu=False)
            last = net.add(net.conv(inner, 4 * width, 1, relu=False), shortcut)
    return net.classified(last)


def resnet_50_v1_299() -> Graph:
    """Version 1 on images of 299 x 299."""
    return resnet_50(299, stride_in_3x3=False)
