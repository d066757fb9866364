"""Random nodes, graphs and models for hypothesis: `from strategies import models, samples`."""

from __future__ import annotations

from strategies.draft import arrays
from strategies.facts import FACTS, graphs, names, nodes
from strategies.models import fixed_point_models, models, samples

__all__ = ["FACTS", "arrays", "fixed_point_models", "graphs", "models", "names", "nodes", "samples"]
