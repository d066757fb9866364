"""Results of sweeps: made by hand at any size, and measured by compiling and running a model."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

import nmc
from nmc import pipeline, reference
from nmc.data_source import DataRecord
from nmc.datasets import score, test_data
from nmc.estimates.estimate import Component, Estimate
from nmc.mapping.slices import Use
from nmc.program import OptionValue, nmc_version
from nmc.sweeps.result import CoreResult, Cost, LayerResult, PointResult, Raster
from nmc.units.interval import Grade, Interval

DATA = DataRecord("digits/test.npz", "c0ffee" * 10, 360)


def cost(
    energy_j: float, latency_s: float, grade: Grade = "datasheet", missing: tuple[str, ...] = (), parts: int = 2
) -> Cost:
    """A cost of equal parts, with the spread of its grade."""
    estimate = Estimate(
        tuple(
            Component(
                f"part {i}", "compute", Interval.graded(energy_j / parts, grade),
                Interval.graded(latency_s / parts, grade), grade, f"the vendor's page {i}",
            )
            for i in range(parts)
        ),
        missing=missing,
    )  # fmt: skip
    return cost_of(estimate)


def cost_of(estimate: Estimate) -> Cost:
    """An estimate as a row keeps it."""
    return Cost(
        estimate.energy_j, estimate.latency_s, estimate.baseline, estimate.grade, estimate.components,
        estimate.missing, estimate.measured,
    )  # fmt: skip


PLAIN = PointResult(
    key="0", model="digits", model_digest="d1" * 32, target="gpu-sim", chip="a100", options={"precision": "fp16"},
    given={}, data=DATA, calibration=None, seed=0, nmc="0.1.0", metric="accuracy", reference_score=0.98,
    command="nmc compare digits --targets gpu-sim", score=0.98, score_interval=(0.965, 0.99), agreement=0.99,
    cost=cost(1e-3, 1e-3),
)  # fmt: skip


def point(target: str, score: float | None, energy_j: float, latency_s: float = 1e-3, **facts: object) -> PointResult:
    """A point that is told apart by its target, score and price. `facts` are those of PointResult, and of `cost`."""
    priced = {name: facts.pop(name) for name in ("grade", "missing") if name in facts}
    given = facts.get("given", {})
    command = f"nmc compare digits --targets {target}"
    made = replace(
        PLAIN, target=target, chip=target.removesuffix("-sim"), score=score, command=command,
        key=f"{target}{given}{energy_j}", cost=cost(energy_j, latency_s, **priced),  # type: ignore[arg-type]
    )  # fmt: skip
    return replace(made, **facts)  # type: ignore[arg-type]


def many(count: int, seed: int = 0) -> tuple[PointResult, ...]:
    """Points over five targets with all that a page can draw: layers, cores and spikes as of a real program."""
    draw = random.Random(seed)
    return tuple(_rich(number, draw) for number in range(count))


def _rich(number: int, draw: random.Random) -> PointResult:
    targets: tuple[tuple[str, Grade], ...] = (
        ("cpu", "assumed"), ("gpu-sim", "datasheet"), ("tpu-sim", "extrapolated"), ("loihi-sim", "silicon"),
        ("loihi2-sim", "extrapolated"),
    )  # fmt: skip
    target, grade = targets[number % 5]
    spiking = target.startswith("loihi")
    given: Mapping[str, OptionValue] = {"steps": 8 + number} if spiking else {"batch": 1 + number}
    effort = 1 - 0.9 ** (1 + number / 5)
    made = point(
        target, round(0.90 + 0.085 * effort + draw.uniform(-0.01, 0.005), 4),
        10.0 ** (-3 - 0.7 * (number % 5) + effort + draw.uniform(-0.3, 0.3)), 10.0 ** draw.uniform(-4, -2),
        grade=grade, missing=("energy of barriers",) if spiking else (), given=given,
    )  # fmt: skip
    made = replace(made, score_interval=((made.score or 0) - 0.012, min(1.0, (made.score or 0) + 0.009)))
    layers = tuple(
        LayerResult(
            f"layer{i}", "Gemm", (16, 8, 8), Interval.graded(draw.uniform(1e-7, 1e-5), grade),
            draw.uniform(10, 2000) if spiking else None, draw.uniform(0, 0.3) if spiking else None,
            draw.uniform(1e3, 1e6), 1024.0 * 16, draw.uniform(0, 0.05),
        )
        for i in range(20)
    )  # fmt: skip
    cores = tuple(
        CoreResult(
            i // 128, i % 128, i % 128 % 16, i % 128 // 16, f"layer{i % 20}",
            {"neurons": Use(draw.randrange(1025), 1024), "synapse memory words": Use(draw.randrange(4097), 4096)},
            draw.uniform(0, 500), draw.uniform(0, 500),
        )
        for i in range(160)
    )  # fmt: skip
    spikes = tuple((draw.randrange(128), draw.randrange(64)) for _ in range(4000))
    raster = Raster(128, {"layer0": spikes, "layer1": spikes[:500]}, {"layer0": 1024, "layer1": 64})
    return replace(made, layers=layers, cores=cores, raster=raster) if spiking else replace(made, layers=layers)


def measured(model: str, target: str, directory: Path, samples: int, options: Mapping[str, OptionValue]) -> PointResult:
    """A point that was compiled, run and priced."""
    loaded = nmc.load(model)
    data = test_data(loaded, samples)
    assert loaded.task is not None
    assert data.record is not None
    program = pipeline.compile_model(loaded, target, directory, options)
    result = pipeline.run_program(program, data.x)
    estimate = pipeline.estimate_run(program, result)
    outputs = result.outputs[program.model.graph.outputs[0]]
    expected = reference.run(loaded, data.x)[loaded.graph.outputs[0]]
    by_node = {} if estimate is None else estimate.by_node
    events = result.events.nodes
    layers = tuple(
        LayerResult(
            node.name, node.kind, program.model.graph.signals[node.name].shape, by_node.get(node.name),
            events[node.name].total_spikes if node.name in events else None,
            synaptic_operations=events[node.name].synaptic_operations if node.name in events else 0.0,
            neuron_updates=events[node.name].neuron_updates if node.name in events else 0.0,
        )
        for node in program.model.graph
    )  # fmt: skip
    given = " ".join(f"-O {name}={value}" for name, value in options.items())
    return PointResult(
        key=f"{model}-{target}-{options}", model=model, model_digest="00" * 32, target=target, chip=program.chip,
        options=program.options, given=options, data=data.record, calibration=None, seed=0, nmc=nmc_version(),
        metric=loaded.task.metric, reference_score=score(loaded.task, expected, data.y),
        command=f"nmc compare {model} --targets {target} --samples {samples} {given}".rstrip(),
        score=score(loaded.task, outputs, data.y),
        agreement=float(np.mean(outputs.argmax(axis=-1) == expected.argmax(axis=-1))), steps=program.steps,
        cost=None if estimate is None else cost_of(estimate), layers=layers,
    )  # fmt: skip
