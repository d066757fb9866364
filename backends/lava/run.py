"""Runs this network on Lava 0.10.0.

    python run.py --check                            does it still give what is in golden.npz?
    python run.py --input x.npy --output y.npz       samples in, outputs of every step out
    python run.py --input x.npy --output y.npz --learn      weights that learn go from sample to sample

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
import sys
from math import lcm
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Union

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lava.magma.core.process.ports.ports import InPort, OutPort
    from lava.magma.core.process.process import AbstractProcess
    from lava.magma.core.process.variable import Var
    from numpy.typing import NDArray

    Array = NDArray[np.int64]
    Processes = dict[str, AbstractProcess]

CLASSES = frozenset((
    *(
        f"lava.proc.{module}.process:{name}"
        for module, names in {
            "lif": ("LIF", "LIFReset", "TernaryLIF"), "rf": ("RF",), "rf_iz": ("RF_IZ",),
            "sdn": ("Delta", "Sigma", "SigmaDelta", "ActivationMode"),
            "graded": ("GradedVec", "GradedReluVec", "NormVecDelay"), "prodneuron": ("ProdNeuron",),
            "dense": ("Dense", "LearningDense", "DelayDense"),
            "sparse": ("Sparse", "DelaySparse"), "conv": ("Conv",),
        }.items()
        for name in names
    ),
    "lava.utils.weightutils:SignMode",
    "lava.magma.core.learning.learning_rule:Loihi2FLearningRule",
))  # fmt: skip
"""All that graph.json may name."""
Setting = Union[int, str, bool, "list[int]", "dict[str, Any]"]
"""A number, a list that becomes a tuple, {"array": name}, {"csr": name} for the four arrays of a sparse matrix, or
{"enum": "module:Class.MEMBER"}, or {"make": "module:Class", "with": {...}}."""


class Input(TypedDict):
    """What is sent to the network at every step."""

    name: str
    shape: list[int]


class Process(TypedDict):
    """One of Lava's processes; `kind` is "module:Class".

    With reset = [interval, offset] its state is cleared at steps t (from 1) with t = offset modulo interval.
    Variables get the values in `variables` in place of those that the process gives them. `state` names what it
    carries from step to step, and what is put back before each sample. `learns`: for a process that learns, after
    how many steps it is at the beginning of an epoch again, else 0.
    """

    name: str
    kind: str
    settings: dict[str, Setting]
    reset: list[int] | None
    variables: dict[str, int]
    state: list[str]
    learns: int


class Read(TypedDict):
    """An input or a port "process.port" by way of [{"transpose": axes}, {"reshape": shape}, ...]."""

    source: str
    via: list[dict[str, list[int]]]


class Connection(Read):
    """A read by the port `target`."""

    target: str


class Counter(TypedDict):
    """What can be counted: messages other than 0 in a sum of reads. `binary`: there are only 0 and 1."""

    name: str
    binary: bool
    reads: list[Read]


class Output(TypedDict):
    """What is kept of every step: what a port sends or, for a state, a variable at the end of the step."""

    name: str
    shape: list[int]
    read: str
    state: bool


class Graph(TypedDict):
    """The content of graph.json."""

    name: str
    inputs: list[Input]
    processes: list[Process]
    connections: list[Connection]
    outputs: list[Output]
    counters: list[Counter]


def load_lava() -> None:
    """Import what of lava does not import by itself on Python 3.11 and newer.

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
        importlib.import_module("lava.magma.compiler.var_model")
    finally:
        dataclasses._get_field = original  # type: ignore[attr-defined]


def read_program(folder: Path) -> tuple[Graph, dict[str, Array]]:
    """The graph and the arrays it names."""
    graph: Graph = json.loads((folder / "graph.json").read_text())
    with np.load(folder / "weights.npz") as file:
        return graph, {name: file[name] for name in file.files}


def named(place: str) -> type:
    """The class "module:Class", one of CLASSES: graph.json is data, and must not say what is called."""
    if place not in CLASSES:
        sys.exit(f"run.py: graph.json names {place!r}, which is no part of a program")
    module, _, name = place.partition(":")
    kind: type = getattr(importlib.import_module(module), name)
    return kind


def build(graph: Graph, arrays: dict[str, Array]) -> Processes:
    """Lava's processes by name, not yet connected."""
    processes = {}
    for entry in graph["processes"]:
        settings = {name: setting(value, arrays) for name, value in entry["settings"].items()}
        if entry["reset"]:
            settings["reset_interval"], settings["reset_offset"] = entry["reset"]
        processes[entry["name"]] = process = named(entry["kind"])(**settings)
        for name, value in entry["variables"].items():
            getattr(process, name).init = value
    return processes


def setting(value: Setting, arrays: dict[str, Array]) -> object:
    """A setting as Lava takes it."""
    if isinstance(value, dict) and "array" in value:
        return arrays[value["array"]].astype(int)
    if isinstance(value, dict) and "csr" in value:
        from scipy.sparse import csr_matrix

        parts = [arrays[f"{value['csr']}.{part}"] for part in ("data", "indices", "indptr", "shape")]
        return csr_matrix((parts[0].astype(int), parts[1], parts[2]), shape=tuple(parts[3]))
    if isinstance(value, dict) and "make" in value:
        return named(value["make"])(**value["with"])
    if isinstance(value, dict):
        kind, _, name = value["enum"].rpartition(".")
        return getattr(named(kind), name)
    return tuple(value) if isinstance(value, list) else value


def member(processes: Processes, name: str) -> OutPort | InPort | Var:
    """A port or variable by its name, "process.port"."""
    process, _, inside = name.partition(".")
    return getattr(processes[process], inside)


def source_of(read: Read, processes: Processes, inputs: dict[str, OutPort]) -> OutPort:
    """The port that a read comes from, reshaped as it says; `inputs` send what goes into the network."""
    port = inputs[read["source"]] if read["source"] in inputs else member(processes, read["source"])
    for step in read["via"]:
        ((name, numbers),) = step.items()
        port = port.reshape(tuple(numbers)) if name == "reshape" else port.transpose(tuple(numbers))
    return port


def with_resets(graph: Graph, steps: int) -> tuple[Graph, int]:
    """The graph with periodic resets fit for samples that follow one another, and how long each sample takes.

    Lava's clock does not go back between samples. So each lasts a whole number of reset intervals, and of epochs of
    what learns; an interval longer than a sample becomes that length, with its reset in the idle steps if it fell in
    none.
    """
    intervals = [entry["reset"][0] if entry["reset"] else 1 for entry in graph["processes"]]
    epochs = lcm(*(entry["learns"] or 1 for entry in graph["processes"]))
    unit = lcm(epochs, *(interval for interval in intervals if interval <= steps))
    period = -(-steps // unit) * unit if max(intervals) <= steps else (steps // unit + 1) * unit
    processes: list[Process] = []
    for entry in graph["processes"]:
        if entry["reset"] and entry["reset"][0] > steps:
            offset = entry["reset"][1]
            entry = {**entry, "reset": [period, offset if offset <= steps else 0]}
        processes.append(entry)
    return {**graph, "processes": processes}, period


def flow(samples: Array, period: int) -> Array:
    """[samples, steps, *shape] as Lava's [*reversed shape, time], each sample filled up to `period` steps."""
    idle = np.zeros((len(samples), period - samples.shape[1], *samples.shape[2:]), dtype=int)
    whole = np.concatenate([samples.astype(int), idle], axis=1)
    return np.ascontiguousarray(whole.reshape(-1, *samples.shape[2:]).T)


def unflow(data: Array, count: int, steps: int, late: int) -> Array:
    """The inverse of `flow`, for data that comes late by so many steps."""
    whole = data.T.astype(int)
    return whole.reshape(count, -1, *whole.shape[1:])[:, late : late + steps]


class Simulator:
    """Lava on this machine: sources and sinks are ring buffers that hold the whole run."""

    def configuration(self) -> object:
        """The run configuration: Lava's fixed-point models."""
        from lava.magma.core.run_configs import Loihi2SimCfg

        return Loihi2SimCfg(select_tag="fixed_pt")

    def source(self, data: Array) -> OutPort:
        """An output port that sends the columns of `data`, one a step."""
        from lava.proc.io.source import RingBuffer

        return RingBuffer(data=data).s_out

    def sink(self, source: OutPort, length: int) -> Var:
        """A variable that keeps what the port sends, for `length` steps."""
        from lava.proc.io.sink import RingBuffer

        keep = RingBuffer(shape=tuple(source.shape), buffer=length)
        source.connect(keep.a_in)
        return keep.data

    def probe(self, variable: Var, length: int) -> Var:
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
    than in golden.npz by that many steps; measure it once on your board, and give it as --late.
    """

    def __init__(self) -> None:
        """Ends the program with a message where the extension is missing."""
        try:
            importlib.import_module("lava.proc.embedded_io")
        except ImportError:
            sys.exit("run.py: --backend loihi2 needs Intel's lava-loihi extension, which is not installed here\n"
                     "  it comes with membership of Intel's research community; without it, leave --backend out")

    def configuration(self) -> object:
        """The run configuration: models for neuro cores where there are some."""
        from lava.magma.core.run_configs import Loihi2HwCfg

        return Loihi2HwCfg()

    def source(self, data: Array) -> OutPort:
        """A ring buffer on the host, and an adapter from host to chip."""
        from lava.proc import embedded_io as eio

        adapter = eio.spike.PyToNxAdapter(shape=data.shape[:-1])
        super().source(data).connect(adapter.inp)
        return adapter.out

    def sink(self, source: OutPort, length: int) -> Var:
        """An adapter from chip to host, and a ring buffer there."""
        from lava.proc import embedded_io as eio

        adapter = eio.spike.NxToPyAdapter(shape=tuple(source.shape))
        source.connect(adapter.inp)
        return super().sink(adapter.out, length)

    def probe(self, variable: Var, length: int) -> Var:
        """A reader of state on the chip, and a ring buffer on the host."""
        from lava.proc import embedded_io as eio

        reader = eio.state.Read(shape=tuple(variable.shape))
        reader.connect_var(variable)
        return super().sink(reader.out, length)


BACKENDS = {"sim": Simulator, "loihi2": Loihi2}


def run(
    graph: Graph, arrays: dict[str, Array], inputs: dict[str, Array], backend: Simulator,
    late: int = 0, count: Sequence[int] = (), learn: bool = False,
) -> dict[str, Array]:  # fmt: skip
    """The outputs by name, [samples, steps, *shape], for inputs by name of the same form; they come `late` steps late.

    With `count` also "count/NAME" for each counter, how many messages there were in each sample up to and with
    these steps, [samples, len(count), *shape]. With processes that learn also "weights/NAME", the weights that each
    sample leaves behind, [samples, targets, inputs]. Then each sample has a network of its own, so that it begins
    with the program's weights, and with the same random numbers; but with `learn` the weights of one sample are those
    that the next one begins with, and random numbers go on.
    """
    if learn or not any(entry["learns"] for entry in graph["processes"]):
        return run_together(graph, arrays, inputs, backend, late, count, learn)
    samples = range(len(next(iter(inputs.values()))))
    each = [
        run_together(graph, arrays, {name: x[i : i + 1] for name, x in inputs.items()}, backend, late, count)
        for i in samples
    ]
    return {name: np.concatenate([results[name] for results in each]) for name in each[0]}


def run_together(
    graph: Graph, arrays: dict[str, Array], inputs: dict[str, Array], backend: Simulator,
    late: int = 0, count: Sequence[int] = (), learn: bool = False,
) -> dict[str, Array]:  # fmt: skip
    """The same, with a network that is built once.

    Samples follow one another in time, and all state is put back between them, but for weights.
    """
    from lava.magma.core.run_conditions import RunSteps

    samples, steps = next(iter(inputs.values())).shape[:2]
    if samples > 1 and any(entry["learns"] and fractional(entry) for entry in graph["processes"]):
        sys.exit("run.py: Lava drops the fractions of a trace's impulses once variables are put back between samples\n"
                 "  use whole impulses, or learn from one sample at a time")
    graph, period = with_resets(graph, steps + late)
    processes = build(graph, arrays)
    sources = {name: backend.source(flow(array, period)) for name, array in inputs.items()}
    for link in graph["connections"]:
        source_of(link, processes, sources).connect(member(processes, link["target"]))
    kept = {}
    for output in graph["outputs"]:
        keep = backend.probe if output["state"] else backend.sink
        kept[output["name"]] = keep(member(processes, output["read"]), samples * period)
    tallies = {entry["name"]: Tally(entry, processes, sources) for entry in graph["counters"] if count}
    initial = initial_state(graph, processes)
    initial += [(part, np.zeros(part.shape, int)) for tally in tallies.values() for part in tally.parts]
    counts: dict[str, list[Array]] = {name: [] for name in tallies}
    weights: dict[str, list[Array]] = {entry["name"]: [] for entry in graph["processes"] if entry["learns"]}
    first = processes[graph["processes"][0]["name"]]
    configuration = backend.configuration()
    try:
        for sample in range(samples):
            for variable, value in initial if sample else ():
                variable.set(value)
            done = 0
            for stop in sorted({*count, steps, period}):
                first.run(condition=RunSteps(num_steps=stop - done), run_cfg=configuration)
                done = stop
                for name, tally in tallies.items() if stop in count else ():
                    counts[name].append(tally.read())
                for name in weights if stop == (period if learn else steps) else ():
                    weights[name].append(processes[name].weights.get().astype(int))
        results = {name: unflow(data.get(), samples, steps, late) for name, data in kept.items()}
    finally:
        first.stop()
    for name, values in counts.items():
        results[f"count/{name}"] = np.stack(values).reshape(samples, -1, *values[0].shape)
    return results | {f"weights/{name}": np.stack(values) for name, values in weights.items()}


def fractional(process: Process) -> bool:
    """Whether the rule of a process that learns has impulses with a fraction."""
    rule = process["settings"]["learning_rule"]
    assert isinstance(rule, dict)
    return any(name.endswith("_impulse") and value != int(value) for name, value in rule["with"].items())


def initial_state(graph: Graph, processes: Processes) -> list[tuple[Var, Array]]:
    """Every variable that is put back between samples, with its value before the first step."""
    variables = [
        getattr(processes[entry["name"]], name) for entry in graph["processes"] for name in entry["state"]
        if not (entry["learns"] and name == "weights")
    ]
    return [(variable, np.broadcast_to(variable.init, variable.shape).astype(int)) for variable in variables]


class Tally:
    """Counts messages other than 0, with processes of Lava's own.

    Zeros and ones are added up as they are. Of other messages, synapses of weight 1 make ones; these are a step
    late, so that the last of them are still in the synapses' buffer.
    """

    def __init__(self, counter: Counter, processes: Processes, inputs: dict[str, OutPort]) -> None:
        from lava.proc.sdn.process import Sigma
        from lava.proc.sparse.process import Sparse
        from scipy.sparse import identity

        ports = [source_of(read, processes, inputs) for read in counter["reads"]]
        self.shape = tuple(ports[0].shape)
        size = int(np.prod(self.shape))
        total = Sigma(shape=(size,))
        self.parts = [total.sigma]
        target = total.a_in
        if not counter["binary"]:
            ones = Sparse(weights=identity(size, dtype=int, format="csr"), num_message_bits=0)
            ones.a_out.connect(target)
            self.parts.append(ones.a_buff)
            target = ones.s_in
        for port in ports:
            port.reshape((size,)).connect(target)

    def read(self) -> Array:
        """How many messages there were since the state was put back, as in the graph's arrays."""
        total: Array = sum(part.get().astype(int) for part in self.parts).reshape(self.shape)
        return total.T


def check(folder: Path, backend: Simulator, late: int) -> int:
    """Compare a run with golden.npz; 0 if they are identical."""
    graph, arrays = read_program(folder)
    with np.load(folder / "golden.npz") as file:
        golden = dict(file)
    inputs = {entry["name"]: golden["input/" + entry["name"]] for entry in graph["inputs"]}
    differing = 0
    for name, values in run(graph, arrays, inputs, backend, late).items():
        expected = golden[name if name.startswith("weights/") else "output/" + name]
        wrong = np.argwhere(values != expected)
        differing += len(wrong)
        print(f"{name}: {values.size - len(wrong)} of {values.size} values are as expected")
        if len(wrong):
            sample, step, *element = (int(i) for i in wrong[0])
            weight = name.startswith("weights/")
            place = f"element {[step, *element]}" if weight else f"step {step + 1}, element {element}"
            print(f"  first difference at sample {sample}, {place}: "
                  f"{values[tuple(wrong[0])]} instead of {expected[tuple(wrong[0])]}")
    return 1 if differing else 0


def read_inputs(path: Path, graph: Graph) -> dict[str, Array]:
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


def write_outputs(path: Path, outputs: dict[str, Array]) -> None:
    """Write an .npz, whole or not at all."""
    unfinished = path.with_name(path.name + ".part")
    with unfinished.open("wb") as file:
        np.savez(file, **outputs)  # type: ignore[arg-type]
    unfinished.replace(path)


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="run golden.npz and compare")
    parser.add_argument("--input", type=Path, help="samples, .npy or .npz")
    parser.add_argument("--output", type=Path, help="where outputs go, .npz")
    parser.add_argument("--backend", choices=sorted(BACKENDS), default="sim", help="loihi2 is a template, never run")
    parser.add_argument("--late", type=int, default=0, metavar="STEPS", help="steps that the backend adds")
    parser.add_argument("--count", type=int, nargs="+", default=[], metavar="STEP",
                        help="also give how many messages there were up to these steps")
    parser.add_argument("--learn", action="store_true",
                        help="let each sample begin with the weights that the one before it left")
    parser.add_argument("--version", action="store_true", help="print the versions of what this runs on")
    options = parser.parse_args()
    if not (options.check or options.version or (options.input and options.output)):
        parser.error("give --check, or --input and --output")
    if options.late < 0 or any(step < 1 for step in options.count):
        parser.error("steps are counted from 1, and nothing comes early")
    folder = Path(__file__).resolve().parent
    load_lava()
    if options.version:
        from importlib.metadata import version

        print(f"lava-nc {version('lava-nc')}, numpy {np.__version__}, Python {sys.version.split()[0]}")
        return 0
    backend = BACKENDS[options.backend]()
    if options.check:
        return check(folder, backend, options.late)
    graph, arrays = read_program(folder)
    outputs = run(graph, arrays, read_inputs(options.input, graph), backend, options.late, options.count,
                  options.learn)
    write_outputs(options.output, outputs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
