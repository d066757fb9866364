"""Random fixed-point networks that learn, by random rules."""

from __future__ import annotations

import numpy as np

from conformance.networks import Builder, Case
from nmc.graph import Graph, Ref
from nmc.model import Model
from nmc.nodes.fixed_point import FixedDense, FixedLIF, FixedPlasticDense
from nmc.nodes.fixed_point.plasticity import LoihiProduct
from nmc.nodes.learning_rule import Factor, Product, format_rule


class Rules:
    """Draws learning rules that Lava takes."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.gates = ["x0", "y0"] + ([f"u{rng.integers(0, 4)}"] if rng.random() < 0.4 else [])
        self.free = ["x1", "x2", "y1", "y2", "y3", "w", "t", "d", "x0", "y0"]

    def rule(self) -> str:
        """A sum of one to three products."""
        return format_rule(self.product() for _ in range(self.rng.integers(1, 4)))

    def product(self) -> Product:
        rng = self.rng
        while True:
            gate = Factor(str(rng.choice(self.gates)))
            factors = tuple(self.factor() for _ in range(rng.choice([0, 1, 1, 1, 2, 2, 3, 4])))
            exponent = int(rng.integers(-7, 9)) if rng.random() < 0.3 else int(rng.integers(-7, 0))
            product = Product(float(rng.choice([1, 1, -1, -1, 2, 3, -5, 7, -8, 16, -24])), exponent, (gate, *factors))
            try:
                LoihiProduct.of(product)
            except ValueError:
                continue
            return product

    def factor(self) -> Factor:
        rng = self.rng
        variable = str(rng.choice(self.free))
        constant = float(rng.choice([0, 0, 0, 1, -3, 40, -200, 600]))
        return Factor(variable, constant, variable in "wtd" and rng.random() < 0.2)


def plastic_network(seed: int) -> Case:
    """Neurons driven by a teacher and by one or two synapses that learn, perhaps one from themselves."""
    build = Builder(seed + 10_000)
    rng, pick = build.rng, build.pick
    inputs, features, steps = int(rng.integers(1, 7)), int(rng.integers(1, 6)), int(rng.integers(10, 30))
    sent = build.input((inputs,))
    build.array("teacher.w", rng.integers(-20, 120, (features, inputs)) * 2)
    build.add(FixedDense(name="teacher", inputs=(Ref(sent),), features=features, weight="teacher.w"), (features,))
    reads = [Ref("teacher", 1)]
    for source, count in ((sent, inputs), ("lif", features))[: pick(1, 1, 2)]:
        name, rules = f"learns_{source}", Rules(rng)
        mode, bits = pick("mixed", "excitatory", "inhibitory"), pick(8, 8, 8, 4)
        build.array(f"{name}.w", build.legal((features, count), mode, bits))
        traces = {f"{t}_impulse": pick(0.0, 16.0, 127.0, float(rng.integers(0, 600) / 7)) for t in rules.free[:5]}
        taus = {f"{t}_tau": int(pick(0, 1, 5, 20, rng.integers(1, 100))) for t in rules.free[:5]}
        build.add(
            FixedPlasticDense(
                name=name, inputs=(Ref(source), Ref("lif")), features=features, weight=f"{name}.w", sign_mode=mode,
                num_weight_bits=bits, weight_exp=pick(0, 0, 2, -3), dw=rules.rule(),
                dt=rules.rule() if rng.random() < 0.5 else "", dd=rules.rule() if rng.random() < 0.3 else "",
                **traces, **taus, epoch=int(pick(1, 1, 2, 4, rng.integers(1, 8))), seed=int(rng.integers(0, 10**6)),
            ),
            (features,),
        )  # fmt: skip
        reads.append(Ref(name, 1))
    build.add(
        FixedLIF(name="lif", inputs=tuple(reads), du=pick(4095, 2000), dv=int(rng.integers(0, 2000)),
                 vth=int(rng.integers(5, 400))),
        (features,),
    )  # fmt: skip
    model = Model(f"plastic{seed}", Graph(tuple(build.nodes), ("lif",), 1e-3), build.weights, steps).checked()
    return Case(model, (rng.random((2, steps, inputs)) < pick(0.1, 0.4, 0.8)).astype(np.float64))
