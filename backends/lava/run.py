"""Runs this network on Lava 0.10.0.

    python run.py --check                            does it still give what is in golden.npz?
    python run.py --input x.npy --output y.npz       samples in, outputs of every step out

Beside this file lie graph.json (Lava's processes, their settings and connections), weights.npz (the arrays
it names), golden.npz (samples, and what the network puts out for them) and requirements.txt (what to install).

x.npy holds whole numbers [samples, steps, *shape], as the network's input takes them; for several inputs
give an .npz with one array for each. y.npz holds one array [samples, steps, *shape] for each output.
Arrays in these files are ordered [channel, height, width]; Lava's own order is the reverse, [width, height, channel].
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import os
import sys
from pathlib import Path

import numpy as np

PROCESSES = {
    "LIF": "lava.proc.lif.process",
    "LIFReset": "lava.proc.lif.process",
    "Dense": "lava.proc.dense.process",
    "DelayDense": "lava.proc.dense.process",
    "Conv": "lava.proc.conv.process",
}
STATE = {
    "LIF": ("u", "v"),
    "LIFReset": ("u", "v"),
    "Dense": ("a_buff",),
    "DelayDense": ("a_buff",),
    "Conv": ("a_buf",),
}
"""What each kind of process carries from step to step, and what is put back before each sample."""


def load_lava() -> None:
    """Import lava, and with it its process models, also on Python 3.11 and newer.

    There, `dataclasses` refuses a default of lava's that has no hash; it is made a default factory.
    """
    original = dataclasses._get_field  # type: ignore[attr-defined]

    def tolerant(cls, name, *rest):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN002, ANN202
        default = cls.__dict__.get(name)
        unhashable = type(default).__hash__ is None and not isinstance(default, (list, dict, set))
        if unhashable and not isinstance(default, dataclasses.Field):
            setattr(cls, name, dataclasses.field(default_factory=lambda: default))
        return original(cls, name, *rest)

    dataclasses._get_field = tolerant  # type: ignore[attr-defined]
    try:
        for module in sorted(set(PROCESSES.values())):
            importlib.import_module(module)
            importlib.import_module(module.replace(".process", ".models"))
    finally:
        dataclasses._get_field = original  # type: ignore[attr-defined]


def read_program(folder):  # noqa: ANN001, ANN201
    """The graph and the arrays it names."""
    graph = json.loads((folder / "graph.json").read_text())
    with np.load(folder / "weights.npz") as file:
        return graph, dict(file)


def build(graph, arrays):  # noqa: ANN001, ANN201
    """Lava's processes by name, connected with one another; inputs and outputs are left open."""
    processes = {}
    for entry in graph["processes"]:
        kind = getattr(importlib.import_module(PROCESSES[entry["kind"]]), entry["kind"])
        settings = {name: setting(value, arrays) for name, value in entry["settings"].items()}
        processes[entry["name"]] = kind(name=entry["name"], **settings)
    for link in graph["connections"]:
        connect(port(processes, link["from"]), port(processes, link["to"]), link["via"])
    return processes


def setting(value, arrays):  # noqa: ANN001, ANN201
    """A setting as Lava takes it: lists are tuples, {"array": name} is that array, {"sign_mode": name} its enum."""
    if isinstance(value, dict) and "array" in value:
        return arrays[value["array"]].astype(int)
    if isinstance(value, dict):
        from lava.utils.weightutils import SignMode

        return SignMode[value["sign_mode"].upper()]
    return tuple(value) if isinstance(value, list) else value


def port(processes, name):  # noqa: ANN001, ANN201
    """A port or variable by its name, "process.port"."""
    process, _, member = name.partition(".")
    return getattr(processes[process], member)


def connect(source, destination, via):  # noqa: ANN001, ANN201
    """Connect two ports, by way of reshapes and transposes."""
    for step in via:
        (name, numbers), = step.items()
        source = source.reshape(tuple(numbers)) if name == "reshape" else source.transpose(tuple(numbers))
    source.connect(destination)


def flow(samples, period):  # noqa: ANN001, ANN201
    """[samples, steps, *shape] as Lava's [*reversed shape, time], each sample filled up to `period` steps."""
    idle = np.zeros((len(samples), period - samples.shape[1], *samples.shape[2:]), dtype=np.int32)
    whole = np.concatenate([samples.astype(np.int32), idle], axis=1)
    return np.ascontiguousarray(whole.reshape(-1, *samples.shape[2:]).T)


def unflow(data, count, steps):  # noqa: ANN001, ANN201
    """The inverse of `flow`."""
    whole = data.T
    return whole.reshape(count, -1, *whole.shape[1:])[:, :steps]


class Simulator:
    """Lava on this machine: sources and sinks are ring buffers that hold the whole run."""

    def configuration(self):  # noqa: ANN201
        """The run configuration: Lava's fixed-point models."""
        from lava.magma.core.run_configs import Loihi2SimCfg

        return Loihi2SimCfg(select_tag="fixed_pt")

    def source(self, data):  # noqa: ANN001, ANN201
        """An output port that sends the columns of `data`, one a step."""
        from lava.proc.io.source import RingBuffer

        return RingBuffer(data=data).s_out

    def sink(self, source, length):  # noqa: ANN001, ANN201
        """A variable that keeps what the port sends, for `length` steps."""
        from lava.proc.io.sink import RingBuffer

        keep = RingBuffer(shape=tuple(source.shape), buffer=length)
        source.connect(keep.a_in)
        return keep.data

    def probe(self, variable, length):  # noqa: ANN001, ANN201
        """A variable that keeps another one's value at the end of each of `length` steps."""
        from lava.proc.io.sink import Read

        keep = Read(buffer=length)
        keep.connect_var(variable)
        return keep.data


class Loihi2(Simulator):
    """Loihi 2 through Intel's lava-loihi extension. A template: IT HAS NOT BEEN RUN ON SILICON.

    The extension (`lava.proc.embedded_io`) comes with membership of Intel's research community. A host with
    boards behind SLURM or Ethernet is chosen before the run with `lava.utils.loihi.use_slurm_host(...)` or
    `use_ethernet_host(...)`. The adapters add steps of their own between host and chip, so outputs come later
    than in golden.npz by that many steps; measure it once on your board.
    """

    def configuration(self):  # noqa: ANN201
        """The run configuration: models for neuro cores where there are some."""
        from lava.magma.core.run_configs import Loihi2HwCfg

        return Loihi2HwCfg()

    def source(self, data):  # noqa: ANN001, ANN201
        """A ring buffer on the host, and an adapter from host to chip."""
        from lava.proc import embedded_io as eio

        adapter = eio.spike.PyToNxAdapter(shape=data.shape[:-1])
        super().source(data).connect(adapter.inp)
        return adapter.out

    def sink(self, source, length):  # noqa: ANN001, ANN201
        """An adapter from chip to host, and a ring buffer there."""
        from lava.proc import embedded_io as eio

        adapter = eio.spike.NxToPyAdapter(shape=tuple(source.shape))
        source.connect(adapter.inp)
        return super().sink(adapter.out, length)

    def probe(self, variable, length):  # noqa: ANN001, ANN201
        """A reader of state on the chip, and a ring buffer on the host."""
        from lava.proc import embedded_io as eio

        reader = eio.state.Read(shape=tuple(variable.shape))
        reader.connect_var(variable)
        return super().sink(reader.out, length)


BACKENDS = {"sim": Simulator, "loihi2": Loihi2}


def run(graph, arrays, inputs, backend):  # noqa: ANN001, ANN201
    """The outputs by name, [samples, steps, *shape], for inputs by name of the same form.

    The network is built once. Samples follow one another in time, and state is put back between them;
    each lasts a whole number of reset intervals, so that periodic resets fall alike in all of them.
    """
    from lava.magma.core.run_conditions import RunSteps

    count, steps = next(iter(inputs.values())).shape[:2]
    period = -(-steps // graph["reset_period"]) * graph["reset_period"]
    processes = build(graph, arrays)
    for entry in graph["inputs"]:
        source = backend.source(flow(inputs[entry["name"]], period))
        for link in entry["to"]:
            connect(source, port(processes, link["port"]), link["via"])
    kept = {}
    for entry in graph["outputs"]:
        read = port(processes, entry["from"])
        keep = backend.probe if entry["state"] else backend.sink
        kept[entry["name"]] = keep(read, count * period)
    initial = [
        (getattr(processes[entry["name"]], name), getattr(processes[entry["name"]], name).init)
        for entry in graph["processes"]
        for name in STATE[entry["kind"]]
    ]
    first = processes[graph["processes"][0]["name"]]
    configuration = backend.configuration()
    try:
        for sample in range(count):
            if sample:
                for variable, value in initial:
                    variable.set(np.broadcast_to(value, variable.shape).astype(np.int32))
            first.run(condition=RunSteps(num_steps=period), run_cfg=configuration)
        return {name: unflow(data.get().astype(np.int64), count, steps) for name, data in kept.items()}
    finally:
        first.stop()


def check(folder, backend) -> int:  # noqa: ANN001
    """Compare a run with golden.npz; 0 if they are identical."""
    graph, arrays = read_program(folder)
    with np.load(folder / "golden.npz") as file:
        golden = dict(file)
    inputs = {entry["name"]: golden["input/" + entry["name"]] for entry in graph["inputs"]}
    differing = 0
    for name, values in run(graph, arrays, inputs, backend).items():
        expected = golden["output/" + name]
        wrong = np.argwhere(values != expected)
        differing += len(wrong)
        print(f"{name}: {values.size - len(wrong)} of {values.size} values are as expected")
        if len(wrong):
            sample, step, *element = (int(i) for i in wrong[0])
            print(f"  first difference at sample {sample}, step {step + 1}, element {element}: "
                  f"{values[tuple(wrong[0])]} instead of {expected[tuple(wrong[0])]}")
    return 1 if differing else 0


def read_inputs(path, graph):  # noqa: ANN001, ANN201
    """The network's inputs by name, from an .npy or .npz file."""
    loaded = np.load(path)
    if isinstance(loaded, np.ndarray):
        loaded = {graph["inputs"][0]["name"]: loaded}
    inputs = {}
    for entry in graph["inputs"]:
        if entry["name"] not in loaded:
            sys.exit(f"run.py: {path} has no array for the input {entry['name']!r}")
        array = loaded[entry["name"]]
        if list(array.shape[2:]) != entry["shape"] or array.ndim < 2 or not array.size:
            sys.exit(f"run.py: the input {entry['name']!r} takes [samples, steps, *{entry['shape']}], "
                     f"got {list(array.shape)}")
        if not np.array_equal(array, array.astype(np.int32)):
            sys.exit(f"run.py: the input {entry['name']!r} takes whole numbers of 32 bits")
        inputs[entry["name"]] = array
    if len({array.shape[:2] for array in inputs.values()}) > 1:
        sys.exit("run.py: the inputs differ in their number of samples or steps")
    return inputs


def write_outputs(path, outputs) -> None:  # noqa: ANN001
    """Write an .npz, whole or not at all."""
    unfinished = path.with_name(path.name + ".part")
    with unfinished.open("wb") as file:
        np.savez(file, **outputs)
    os.replace(unfinished, path)


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="run golden.npz and compare")
    parser.add_argument("--input", type=Path, help="samples, .npy or .npz")
    parser.add_argument("--output", type=Path, help="where outputs go, .npz")
    parser.add_argument("--backend", choices=sorted(BACKENDS), default="sim", help="loihi2 is a template, never run")
    parser.add_argument("--version", action="store_true", help="print the versions of what this runs on")
    options = parser.parse_args()
    if not (options.check or options.version or (options.input and options.output)):
        parser.error("give --check, or --input and --output")
    folder = Path(__file__).resolve().parent
    load_lava()
    if options.version:
        from importlib.metadata import version

        print(f"lava-nc {version('lava-nc')}, numpy {np.__version__}, Python {sys.version.split()[0]}")
        return 0
    backend = BACKENDS[options.backend]()
    if options.check:
        return check(folder, backend)
    graph, arrays = read_program(folder)
    write_outputs(options.output, run(graph, arrays, read_inputs(options.input, graph), backend))
    return 0


if __name__ == "__main__":
    sys.exit(main())
