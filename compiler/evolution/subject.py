"""What evolves: a program in a chip's integers, and the network of neurons in real numbers that it came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nmc import passes, pipeline
from nmc.backends import able
from nmc.backends.target import VARIANTS
from nmc.errors import UsageError
from nmc.passes.quantize_fixed_point import QuantizeFixedPoint

if TYPE_CHECKING:
    from nmc.backends.target import Options, Target
    from nmc.model import Model


@dataclass(frozen=True, eq=False)
class Subject:
    """The network of neurons just before it is rounded, and the program after that, with weights of `weight_bits`."""

    neurons: Model
    program: Model
    weight_bits: int

    @classmethod
    def of(cls, model: Model, target: Target[Options], options: Options) -> Subject:
        """What the target makes of a model. Raises UsageError for a target that runs no variants, and as passes do."""
        able(target, VARIANTS)
        model = model.checked()
        before: list[passes.Pass] = []
        samples = pipeline.samples_of(model)
        for step in target.passes(options):
            if isinstance(step, QuantizeFixedPoint):
                neurons = passes.apply(before, model, samples)
                program = pipeline.execute(passes.apply([step], neurons, samples), target)
                return cls(neurons, program, step.weight_bits)
            before.append(step)
        raise UsageError(f"{target.name} has no weights in integers to evolve", "take loihi-sim or loihi2-sim")
