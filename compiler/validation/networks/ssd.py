"""Single shot detectors on MobileNets, as in the TensorFlow Object Detection API: Huang et al., CVPR 2017,
arXiv:1611.10012, and Sandler et al. 2018 (SSDLite, whose heads are separable, is not what is measured here).

Boxes are decoded and thinned out on the host; that is no part of the graph.
"""

from __future__ import annotations

from nmc.graph import Graph
from nmc.validation.networks.layers import Layers
from nmc.validation.networks.mobilenet import v1_features, v2_features

CLASSES = 91
"""Those of COCO, and background."""


def mobilenet_v1_ssd() -> Graph:
    """SSD on MobileNet v1, images of 300 x 300: 6.8 million weights."""
    net = Layers(3, 300, 300)
    features = v1_features(net)
    return _heads(net, features[10], features[-1])


def mobilenet_v2_ssd() -> Graph:
    """SSD on MobileNet v2, images of 300 x 300: reads the expansion of the 14th bottleneck and the last layer."""
    net = Layers(3, 300, 300)
    features = v2_features(net)
    return _heads(net, features[13], features[-1])


def _heads(net: Layers, first: str, second: str) -> Graph:
    """Four further maps of half the size each; on every map, boxes and classes for 3 or 6 anchors a position."""
    maps = [first, second]
    for channels in (512, 256, 256, 128):
        narrow = net.conv(maps[-1], channels // 2, 1)
        maps.append(net.conv(narrow, channels, 3, 2))
    outputs = []
    for index, x in enumerate(maps):
        anchors = 6 if index else 3
        outputs += [net.conv(x, anchors * size, 1, relu=False) for size in (4, CLASSES)]
    return net.graph(*outputs)
