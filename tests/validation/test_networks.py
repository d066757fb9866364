"""Networks written down by layers have the weights and the work that their papers publish."""

import pytest

from nmc.errors import UsageError
from nmc.estimates.workload import workload
from nmc.validation.networks import NETWORKS, network_named

# millions of weights, billions of multiply-accumulates (None: not published for this size of image)
PUBLISHED = {
    "densenet-121": (8.0, 2.87),  # arXiv:1608.06993, figure 3
    "efficientnet-edgetpu-l": (10.6, 9.68),  # models/official/efficientnet/edgetpu of github.com/tensorflow/tpu
    "efficientnet-edgetpu-m": (6.9, 3.67),
    "efficientnet-edgetpu-s": (5.44, 2.36),
    "inception-resnet-v2": (55.8, 13.2),  # keras.io/api/applications
    "inception-v1": (7.0, 1.6),  # arXiv:1409.4842
    "inception-v4": (42.7, 12.3),  # arXiv:1602.07261, weights of its released code
    "mlp0": (20, None),  # Jouppi et al., ISCA 2017, table 1
    "lstm0": (52, None),
    "cnn0": (8, None),
    "mobilenet-v1": (4.2, 0.569),  # arXiv:1704.04861, table 4
    "mobilenet-v1-ssd": (6.8, 1.2),  # arXiv:1704.04861, table 13
    "mobilenet-v2": (3.4, 0.300),  # arXiv:1801.04381, table 4
    "resnet-50-v1-299": (25.6, None),  # arXiv:1512.03385, table 1
    "resnet-50": (25.6, 4.1),  # torchvision.models, version 1.5
    "resnet-50-v2-299": (25.6, None),  # keras.io/api/applications
    "resnet-152-v2-299": (60.4, None),
    "squeezenet": (1.25, None),  # arXiv:1602.07360, table 1
    "vgg16": (138.4, 15.5),  # arXiv:1409.1556, table 2
    "vgg19": (143.7, 19.6),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_weights_and_work_are_those_published(name):
    weights, macs = PUBLISHED[name]
    work = workload(network_named(name))
    assert work.weights / 1e6 == pytest.approx(weights, rel=0.03)
    assert macs is None or work.macs / 1e9 == pytest.approx(macs, rel=0.05)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_is_sound(name):
    assert network_named(name).check() == []


def test_shapes_are_those_of_the_paper():
    signals = network_named("inception-v4").signals
    shapes = {signal.shape for signal in signals.values()}
    assert {(384, 35, 35), (1024, 17, 17), (1536, 8, 8)} <= shapes


def test_a_use_counts_each_weight_as_often_as_published():
    """2888 operations for each byte of weights: CNN0 at batch 8, counted as multiply-accumulates."""
    work = workload(network_named("cnn0"), batch=8)
    assert work.macs / work.weights == pytest.approx(2888, rel=0.01)


def test_a_network_that_is_not_known():
    with pytest.raises(UsageError, match="did you mean 'vgg16'"):
        network_named("vgg-16")
