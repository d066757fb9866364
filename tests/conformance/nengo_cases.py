"""Asks Nengo, through its toolchain, what networks do: many of them in one process."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from nmc import reference
from nmc.backends import toolchain
from nmc.backends.nengo.lowering import NeuronTypes, lower
from nmc.model import Array, FloatArray, Model
from nmc.reference.interpreter import as_feeds

Results = Mapping[str, Array]


@dataclass(frozen=True, eq=False)
class Case:
    """A model, and samples for it."""

    model: Model
    x: FloatArray


def collected(
    networks: st.SearchStrategy[Model], inputs: Callable[[Model], st.SearchStrategy[FloatArray]], count: int
) -> list[Case]:
    """Many draws of a strategy, the same ones every time, to be run together."""
    cases: list[Case] = []

    @settings(
        max_examples=count, derandomize=True, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.data())
    def collect(data: st.DataObject) -> None:
        model = data.draw(networks)
        cases.append(Case(model, data.draw(inputs(model))))

    collect()
    return cases


def nengo_results(cases: Iterable[Case], folder: Path, neuron_types: NeuronTypes = "exact") -> list[Results]:
    """The outputs of each case, as Nengo's simulator gives them."""
    described, arrays = [], {}
    for number, case in enumerate(cases):
        network = lower(case.model, neuron_types)
        described.append({"network": json.loads(network.json()), "steps": case.model.steps})
        with np.load(io.BytesIO(network.npz())) as file:
            arrays |= {f"{number}/weights/{name}": array for name, array in file.items()}
        arrays |= {f"{number}/input/{name}": x for name, x in as_feeds(case.model.graph, case.x).items()}
    (folder / "cases.json").write_text(json.dumps(described))
    np.savez(folder / "cases.npz", **arrays)
    with as_file(files("nmc.backends.nengo") / "run.py") as run_py:
        script = Path(__file__).with_name("nengo_oracle.py")
        toolchain.run(toolchain.toolchain_named("nengo"), script, [str(run_py), str(folder)], timeout_s=600)
    results: list[dict[str, Array]] = [{} for _ in described]
    with np.load(folder / "results.npz") as file:
        for key, value in file.items():
            number, _, name = key.partition("/")
            results[int(number)][name] = value
    return list(results)


def difference(case: Case, found: Results) -> str:
    """Where Nengo's outputs first differ from the reference's, in words; empty if nowhere.

    Spikes and whole numbers must be equal, real numbers within 1e-9 of the largest.
    """
    for name, expected in reference.run(case.model, case.x).items():
        real = case.model.graph.signals[name].dtype == "real"
        room = 1e-9 * np.max(np.abs(expected), initial=1.0) if real else 0.0
        if found[name].shape != expected.shape:
            return f"{name} has shape {found[name].shape}, not {expected.shape}\n{case.model.graph}"
        wrong = np.argwhere(~(np.abs(found[name] - expected) <= room))
        if len(wrong):
            place = tuple(wrong[0].tolist())
            said = f"{name} at {place}: {found[name][place]}, the reference has {expected[place]}"
            return f"{len(wrong)} values differ, first {said}\n{case.model.graph}"
    return ""


def spikes(case: Case, found: Results) -> int:
    """How many spikes are in the outputs."""
    signals = case.model.graph.signals
    return int(sum(found[name].sum() for name in found if signals[name].dtype == "spike"))
