"""The dense synapse that learns, in the integers of Loihi's learning engine as Lava has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from nmc.graph import ArraySpec, DType, Shape, State, Timing
from nmc.nodes.facts import require
from nmc.nodes.fixed_point.basic import FixedDense
from nmc.nodes.learning_rule import TRACES, Factor, Product, decimation
from nmc.nodes.plasticity import TARGETS, Learning

WIDTHS: Mapping[str, int] = {"x0": 1, "y0": 1, **dict.fromkeys(TRACES, 7), "w": 9, "t": 9, "d": 9}
"""Bits of each variable of a rule; source: lava/magma/core/learning/constants.py."""
_ACCUMULATOR_BITS = 15
_MANTISSA_BITS = 4


@dataclass(frozen=True)
class LoihiProduct:
    """mantissa 2^exponent times the dependency and the factors; it counts where the dependency is 1.

    `dependency`: x0, y0 or u. Traces are those at the dependency's spike, or at the end of the epoch for u.
    """

    dependency: str
    mantissa: int
    exponent: int
    factors: tuple[Factor, ...]

    @classmethod
    def of(cls, product: Product) -> LoihiProduct:
        """The same product. Raises ValueError where the learning engine has no such form."""
        gates = [v for v in product.variables if v in ("x0", "y0") or decimation(v) is not None]
        decimated = [v for v in gates if decimation(v) is not None]
        if not gates:
            raise ValueError(f"{product} has none of x0, y0 and u0 to u9, one of which says when it counts")
        if decimated not in ([], gates[:1]):
            raise ValueError(f"{product} takes one u, before any x0 and y0")
        if "r" in product.variables:
            raise ValueError(f"{product} has a third factor, which Lava's two-factor rules lack")
        left = list(product.factors)
        left.remove(Factor(gates[0]))
        for factor in left:
            if factor.constant != int(factor.constant):
                raise ValueError(f"{factor} has a constant that is not a whole number")
        mantissa, exponent = normalized(product.mantissa, product.exponent)
        return cls("u" if decimated else gates[0], mantissa, exponent, tuple(left))

    @property
    def shift(self) -> int:
        """By how much the product of all factors goes right, to be left with 15 bits."""
        return max(0, sum(WIDTHS[factor.variable] for factor in self.factors) + _MANTISSA_BITS - _ACCUMULATOR_BITS)


def normalized(mantissa: float, exponent: int) -> tuple[int, int]:
    """A coefficient as Lava's parser holds it. Raises ValueError for one that it does not hold.

    Source: lava/magma/core/learning/product_series.py, _generate_product.
    """
    if mantissa != int(mantissa):
        raise ValueError(f"{mantissa:g} is no whole number: write coefficients as in 3*2^-4")
    whole = int(mantissa)
    while abs(whole) > 7 and whole % 2 == 0 and exponent < 8:
        whole, exponent = whole // 2, exponent + 1
    if not (-8 <= whole < 8 and -7 <= exponent < 9):
        raise ValueError(f"{whole}*2^{exponent} is out of range: mantissas go from -8 to 7, exponents from -7 to 8")
    return whole, exponent


@dataclass(frozen=True, kw_only=True)
class FixedPlasticDense(Learning, FixedDense):
    """Lava's LearningDense with a two-factor rule: y as FixedDense, of what arrives, while W, t and d learn in epochs.

    Reads spikes, and those of the neurons behind it, of the same step. An epoch lasts `epoch` steps.

    Traces are whole numbers up to 127 that keep exp(-1 / tau) a step, rounded at random by one number for all; a spike
    adds the impulse, whose fraction is rounded likewise. A second spike in an epoch adds at once, and the last one
    counts as x0 or y0. At the end of an epoch each product is multiplied in 32 bits, factors saturated to their width;
    >> to 15 bits; << exponent + 7; saturated; added to the variable << 7. That is rounded at random to the variable's
    bits; w saturates as sign_mode says, t at -257 and 255, d at 0 and 255. Random numbers are those of NumPy's PCG64
    with the seeds `seed` to `seed` + 3, and 2 for w, t and d.
    """

    epoch: int = 1
    seed: int = 0
    x1_tau: int = 0
    x2_tau: int = 0
    y1_tau: int = 0
    y2_tau: int = 0
    y3_tau: int = 0

    operands: ClassVar[tuple[int, int | None]] = (2, 2)
    produces: ClassVar[Timing | None] = None

    def __post_init__(self) -> None:
        Learning.__post_init__(self)
        FixedDense.__post_init__(self)
        require(self.num_message_bits == 0, f"num_message_bits is {self.num_message_bits}: it learns from spikes alone")
        require(1 <= self.epoch <= 63, f"epoch is {self.epoch}: it takes 1 to 63 steps")
        require(0 <= self.seed < 2**31 - 3, f"seed is {self.seed}: it is 0 or more")
        for variable, fact in TARGETS.items():
            try:
                for product in self.rules[variable]:
                    LoihiProduct.of(product)
            except ValueError as error:
                raise ValueError(f"{fact}: {error}") from None
        require(len(self._decimations) < 2, f"dw, dt and dd name {', '.join(self._decimations)}: they may share one u")

    def output_dtype(self, *xs: DType) -> DType:
        return "integer"

    def arrays(self, *xs: Shape) -> Mapping[str, ArraySpec]:
        return {self.weight: ArraySpec((self.features, xs[0][0]), whole=True, low=-256, high=255)}

    def state(self, *xs: Shape) -> Mapping[str, State]:
        shape = (self.features, *xs[0])
        traces = {name: State(self.trace_shape(name, *xs)) for name in TRACES}
        spikes = {"tx": State(xs[0]), "ty": State((self.features,))}
        tags = {name: State(shape) for name in ("t", "d")}
        return {"w": State(shape, self.weight), **tags, **traces, **spikes, "n": State(())}

    @cached_property
    def products(self) -> Mapping[str, tuple[LoihiProduct, ...]]:
        """What is added to each variable of a synapse."""
        return {variable: tuple(map(LoihiProduct.of, rule)) for variable, rule in self.rules.items()}

    @property
    def decimation(self) -> int | None:
        """k where products count in every 2^k-th epoch; None where none does."""
        return next((decimation(variable) for variable in self._decimations), None)

    @property
    def period(self) -> int:
        """After how many steps epochs and decimation begin again."""
        return self.epoch << (self.decimation or 0)

    @property
    def _decimations(self) -> tuple[str, ...]:
        return tuple(sorted(variable for variable in self.variables if decimation(variable) is not None))
