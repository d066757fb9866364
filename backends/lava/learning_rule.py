"""A node's learning rule as Lava's."""

from __future__ import annotations

from collections.abc import Iterable

from nmc.nodes.fixed_point import FixedPlasticDense
from nmc.nodes.fixed_point.plasticity import LoihiProduct
from nmc.nodes.learning_rule import TRACES
from nmc.nodes.plasticity import TARGETS


def learning_rule(node: FixedPlasticDense) -> dict[str, object]:
    """Lava's learning rule of a node."""
    rules = {
        fact: _text(node.products[variable], node.decimation)
        for variable, fact in TARGETS.items() if node.products[variable]
    }
    traces = {f"{trace}_{fact}": getattr(node, f"{trace}_{fact}") for trace in TRACES for fact in ("impulse", "tau")}
    settings: dict[str, object] = {**rules, **traces, "t_epoch": node.epoch, "rng_seed": node.seed}
    return {"make": "lava.magma.core.learning.learning_rule:Loihi2FLearningRule", "with": settings}


def _text(products: Iterable[LoihiProduct], decimation: int | None) -> str:
    """Products as text that Lava's parser reads as the same."""
    said = []
    for product in products:
        gate = f"u{decimation}" if product.dependency == "u" else product.dependency
        factors = (gate, *map(str, product.factors))
        sign = "-" if product.mantissa < 0 else "+"
        said.append(f"{sign} {abs(product.mantissa)} * 2 ^ {product.exponent} * {' * '.join(factors)}")
    return " ".join(said).removeprefix("+ ")
