"""Functions of single elements, and of elements of several operands in the same place."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import ClassVar

from nmc.graph import DType, Node, Shape, widest
from nmc.nodes.facts import broadcast_shape


@dataclass(frozen=True, kw_only=True)
class Affine(Node):
    """y = gain x + offset."""

    gain: float = 1.0
    offset: float = 0.0

    per_element: ClassVar[float] = 2

    def output_dtype(self, *xs: DType) -> DType:
        if self.gain == 1 and self.offset == 0:
            return xs[0]
        whole = float(self.gain).is_integer() and float(self.offset).is_integer()
        return widest("integer", *xs) if whole else "real"


@dataclass(frozen=True, kw_only=True)
class Abs(Node):
    """y = |x|."""

    per_element: ClassVar[float] = 1

    def output_dtype(self, *xs: DType) -> DType:
        return xs[0]


@dataclass(frozen=True, kw_only=True)
class Exp(Node):
    """y = exp(x)."""

    per_element: ClassVar[float] = 4


@dataclass(frozen=True, kw_only=True)
class Log(Node):
    """y = ln(x)."""

    per_element: ClassVar[float] = 4


@dataclass(frozen=True, kw_only=True)
class Sqrt(Node):
    """y = sqrt(x)."""

    per_element: ClassVar[float] = 4


@dataclass(frozen=True, kw_only=True)
class Erf(Node):
    """y = erf(x), the error function 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x."""

    per_element: ClassVar[float] = 8


@dataclass(frozen=True, kw_only=True)
class Sin(Node):
    """y = sin(x)."""

    per_element: ClassVar[float] = 4


@dataclass(frozen=True, kw_only=True)
class Cos(Node):
    """y = cos(x)."""

    per_element: ClassVar[float] = 4


@dataclass(frozen=True, kw_only=True)
class Atan(Node):
    """y = arctan(x), between -pi / 2 and pi / 2."""

    per_element: ClassVar[float] = 8


@dataclass(frozen=True, kw_only=True)
class _Whole(Node):
    """A function whose values are whole numbers."""

    per_element: ClassVar[float] = 1

    def output_dtype(self, *xs: DType) -> DType:
        return "integer"


@dataclass(frozen=True, kw_only=True)
class Floor(_Whole):
    """The largest whole number that is not above x."""


@dataclass(frozen=True, kw_only=True)
class Round(_Whole):
    """The whole number nearest to x; a half goes to the even one."""


@dataclass(frozen=True, kw_only=True)
class Sign(_Whole):
    """y = 1 for x > 0, -1 for x < 0, and 0 for 0."""


@dataclass(frozen=True, kw_only=True)
class _Broadcast(Node):
    """A function of several operands, which broadcast."""

    sums: ClassVar[bool] = False
    operands: ClassVar[tuple[int, int | None]] = (2, 2)

    def output_shape(self, *xs: Shape) -> Shape:
        return broadcast_shape(self.kind, *xs)


@dataclass(frozen=True, kw_only=True)
class Sub(_Broadcast):
    """y = x0 - x1; operands of one rank broadcast."""

    per_element: ClassVar[float] = 1

    def output_dtype(self, *xs: DType) -> DType:
        return widest("integer", *xs)


@dataclass(frozen=True, kw_only=True)
class Div(_Broadcast):
    """y = x0 / x1; operands of one rank broadcast."""

    per_element: ClassVar[float] = 4


@dataclass(frozen=True, kw_only=True)
class Pow(_Broadcast):
    """y = x0 to the power x1; operands of one rank broadcast."""

    per_element: ClassVar[float] = 8


@dataclass(frozen=True, kw_only=True)
class _Choice(_Broadcast):
    """A function whose value is that of one of its operands."""

    operands: ClassVar[tuple[int, int | None]] = (1, None)

    def operations(self, *xs: Shape) -> float:
        return float((len(xs) - 1) * prod(self.output_shape(*xs)))

    def output_dtype(self, *xs: DType) -> DType:
        return widest(*xs)


@dataclass(frozen=True, kw_only=True)
class Maximum(_Choice):
    """The largest operand at each place; operands of one rank broadcast."""


@dataclass(frozen=True, kw_only=True)
class Minimum(_Choice):
    """The smallest operand at each place; operands of one rank broadcast."""


@dataclass(frozen=True, kw_only=True)
class _Comparison(_Broadcast):
    """Whether something holds: 1 or 0."""

    per_element: ClassVar[float] = 1

    def output_dtype(self, *xs: DType) -> DType:
        return "spike"


@dataclass(frozen=True, kw_only=True)
class Equal(_Comparison):
    """y = 1 where x0 = x1, else 0; operands of one rank broadcast."""


@dataclass(frozen=True, kw_only=True)
class Greater(_Comparison):
    """y = 1 where x0 > x1, else 0; operands of one rank broadcast."""


@dataclass(frozen=True, kw_only=True)
class GreaterOrEqual(_Comparison):
    """y = 1 where x0 >= x1, else 0; operands of one rank broadcast."""


@dataclass(frozen=True, kw_only=True)
class Where(_Broadcast):
    """y = x1 where x0 is not 0, else x2; operands of one rank broadcast."""

    operands: ClassVar[tuple[int, int | None]] = (3, 3)
    per_element: ClassVar[float] = 1

    def output_dtype(self, *xs: DType) -> DType:
        return widest(*xs[1:])


KINDS: tuple[type[Node], ...] = (
    Affine, Abs, Exp, Log, Sqrt, Erf, Sin, Cos, Atan, Floor, Round, Sign,
    Sub, Div, Pow, Maximum, Minimum, Equal, Greater, GreaterOrEqual, Where,
)
