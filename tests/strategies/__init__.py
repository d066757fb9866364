"""Random nodes, graphs and models for hypothesis: `from strategies import models, samples`."""

from __future__ import annotations

from strategies.draft import arrays
from strategies.facts import FACTS, graphs, names, nodes
from strategies.models import fixed_point_models, models, samples
from strategies.spiking_networks import convolutional, feed_forward, network_samples, recurrent

__all__ = [
    "FACTS", "arrays", "convolutional", "feed_forward", "fixed_point_models", "graphs", "models", "names",
    "network_samples", "nodes", "recurrent", "samples",
]  # fmt: skip
