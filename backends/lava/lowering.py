"""From a fixed-point graph to Lava's process graph, and to the files of a program."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files

import numpy as np

from nmc import reference
from nmc.backends.golden import golden_feeds, golden_steps
from nmc.backends.lava.netx import netx_files
from nmc.backends.lava.processes import NEURONS, SYNAPSES, Process, Synapse, longest_delay
from nmc.backends.loihi.on_chip import Chip
from nmc.errors import UnsupportedError
from nmc.graph import Node, Ref, Shape
from nmc.model import Array, FloatArray, Model
from nmc.nodes.fixed_point.weights import IntArray
from nmc.nodes.plasticity import Learning, driving
from nmc.nodes.spiking import Delay
from nmc.reference.interpreter import Feed, as_feeds

FOLDER = "lava"
LONGEST_DELAY = 63
"""Steps that Lava's delaying synapses can hold a spike beyond the one that every synapse takes."""
UNSUPPORTED = f"{FOLDER}/unsupported.txt"
Execution = Callable[[Model, Mapping[str, Array]], Mapping[str, FloatArray]]
"""Runs a model on inputs by name: its outputs by name, as `nmc.reference.run` does."""
Via = list[dict[str, list[int]]]
"""How a port's values are reshaped on their way: [{"transpose": axes}, {"reshape": shape}, ...]."""


@dataclass(frozen=True)
class Read:
    """A read with every Flatten and Reshape on its way followed: what is read, how late, how reshaped."""

    node: Node
    delay: int
    via: Via


@dataclass(frozen=True, eq=False)
class ProcessGraph:
    """Lava's processes with their connections, as written to graph.json and weights.npz."""

    processes: Mapping[str, Process]
    connections: list[dict[str, str | Via]]
    inputs: list[dict[str, object]]
    outputs: list[dict[str, object]]
    counters: list[dict[str, object]]

    @property
    def arrays(self) -> dict[str, IntArray]:
        """All arrays that settings name."""
        return {name: array for process in self.processes.values() for name, array in process.arrays.items()}

    def as_json(self, model: Model) -> dict[str, object]:
        """The content of graph.json."""
        processes = [process.as_json(name) for name, process in self.processes.items()]
        return {
            "format": "nmc-lava", "version": 3, "name": model.name, "inputs": self.inputs, "processes": processes,
            "connections": self.connections, "outputs": self.outputs, "counters": self.counters,
        }  # fmt: skip


def lower(model: Model) -> ProcessGraph:
    """Lava's process graph for the part of a fixed-point model that runs on the chip.

    Raises UnsupportedError or ModelError naming the node that Lava cannot mean.
    """
    chip = Chip(model)
    chip.check()
    return _Lowering(model, chip).graph()


class _Lowering:
    """Collects processes and connections. A synapse becomes one process for each delay it is read at."""

    def __init__(self, model: Model, chip: Chip) -> None:
        self.model = model
        self.chip = chip
        self.processes: dict[str, Process] = {}
        self.connections: list[dict[str, str | Via]] = []
        self.synapses: dict[str, str] = {}

    def graph(self) -> ProcessGraph:
        for node in self.chip.nodes:
            if type(node) in NEURONS:
                self._neuron(node)
        signals = self.model.graph.signals
        inputs: list[dict[str, object]] = [
            {"name": name, "shape": list(signals[name].shape)} for name in self.chip.inputs
        ]
        outputs = [self._output(name) for name in self.chip.outputs]
        return ProcessGraph(self.processes, self.connections, inputs, outputs, [*self._counters()])

    def _counters(self) -> Iterator[dict[str, object]]:
        """What events need: how often each neuron sends, and how often a synapse gets the sum of several sources."""
        for node in self.chip.nodes:
            if type(node) in NEURONS and NEURONS[type(node)].output(node) == "s_out":
                binary = self.model.graph.signals[node.name].dtype == "spike"
                reads: list[dict[str, str | Via]] = [{"source": f"{node.name}.s_out", "via": []}]
                yield {"name": node.name, "binary": binary, "reads": reads}
        for synapse, process in self.synapses.items():
            reads = [
                {"source": link["source"], "via": link["via"]}
                for link in self.connections if link["target"] == f"{process}.s_in"
            ]  # fmt: skip
            if len(reads) > 1:
                yield {"name": synapse, "binary": False, "reads": reads}

    def _neuron(self, node: Node) -> None:
        rule = NEURONS[type(node)]
        self.processes[node.name] = rule.lower(node, self.model, self._shape(node))
        for index, ref in enumerate(node.inputs):
            port = f"{node.name}.{rule.ports[0 if node.sums else index]}"
            for read in self._reads(ref):
                if type(read.node) in SYNAPSES:
                    self._connect(f"{self._synapse(read, node)}.a_out", port, read.via, node)
                elif read.delay:
                    raise UnsupportedError(
                        f"it reads {read.node.name!r} {read.delay} steps late, but not through a synapse",
                        "put a FixedDense between the two", node=node.name,
                    )
                else:
                    self._connect(self._source(read.node), port, read.via, node)

    def _synapse(self, read: Read, reader: Node) -> str:
        """The process of a synapse that is read so late; made where there is none yet."""
        node = read.node
        rule = SYNAPSES[type(node)]
        sources = [source for ref in driving(node) for source in self._reads(ref)]
        late = {source.delay for source in sources}
        if len(late) > 1:
            raise UnsupportedError("its inputs arrive at different delays", "use one synapse for each", node=node.name)
        delay = read.delay + late.pop() - 1
        if delay < 0:
            raise UnsupportedError(
                f"{reader.name!r} reads it in the same step, but a synapse takes one", f"read '{node.name}@1'",
                node=node.name,
            )
        most = LONGEST_DELAY - longest_delay(node) if rule.delays else 0
        if delay > most:
            raise UnsupportedError(
                f"it is read {delay + 1} steps late; {node.kind} takes at most {most + 1}",
                "shorten the delay", node=node.name,
            )
        name = f"{node.name}_late{delay}" if delay else node.name
        if name not in self.processes:
            shape = self.model.graph.operand_shapes(node)[0]
            self.processes[name] = rule.lower(node, self.model, shape, delay)
            self.synapses[node.name] = name
            for source in sources:
                if type(source.node) in SYNAPSES:
                    raise UnsupportedError(
                        f"it reads the synapse {source.node.name!r}; a synapse reads neurons", "join the two",
                        node=node.name,
                    )
                self._connect(self._source(source.node), f"{name}.{rule.ports[0]}", source.via, node)
            self._back(node, name, rule)
        return name

    def _back(self, node: Node, process: str, rule: Synapse) -> None:
        """What a synapse reads beside what drives it: the spikes of the neurons behind it, of the same step."""
        for ref, port in zip(node.inputs[len(driving(node)) :], rule.ports[1:], strict=True):
            for source in self._reads(ref):
                if source.delay:
                    raise UnsupportedError(
                        f"it reads {source.node.name!r} {source.delay} steps late, and Lava learns from the same step",
                        f"read {source.node.name!r} itself", node=node.name,
                    )
                self._connect(self._source(source.node), f"{process}.{port}", source.via, node)

    def _source(self, node: Node) -> str:
        """The port that sends a neuron's spikes, or the name of an input."""
        if type(node) not in NEURONS:
            return node.name
        port = NEURONS[type(node)].output(node)
        if port != "s_out":
            raise UnsupportedError("its voltage is read by another node; only the host can", node=node.name)
        return f"{node.name}.{port}"

    def _connect(self, source: str, port: str, via: Via, node: Node) -> None:
        link: dict[str, str | Via] = {"source": source, "target": port, "via": via}
        if link in self.connections:
            raise UnsupportedError(f"it reads {source.partition('.')[0]!r} twice", "read it once", node=node.name)
        self.connections.append(link)

    def _reads(self, ref: Ref) -> Iterator[Read]:
        node = self.model.graph[ref.node]
        if self.chip.origins(ref) == (ref,):
            yield Read(node, ref.delay, [])
            return
        (before,) = self.model.graph.operand_shapes(node)
        late, via = ref.delay, _reshaped(before, self._shape(node))
        if isinstance(node, Delay):
            if isinstance(node.steps, str):
                raise UnsupportedError(
                    "its delay differs from element to element", "use one delay for all", node=node.name
                )
            late, via = late + node.steps, []
        for inner in node.inputs:
            for read in self._reads(inner):
                yield replace(read, delay=read.delay + late, via=[*read.via, *via])

    def _output(self, name: str) -> dict[str, object]:
        node = self.model.graph[name]
        if type(node) not in NEURONS:
            raise UnsupportedError("the host reads a synapse; it can read neurons only", node=name)
        port = NEURONS[type(node)].output(node)
        return {
            "name": name, "shape": list(self._shape(node)), "read": f"{name}.{port}", "state": port != "s_out",
        }  # fmt: skip

    def _shape(self, node: Node) -> Shape:
        return self.model.graph.signals[node.name].shape


def _reshaped(before: Shape, after: Shape) -> Via:
    """Steps from one shape to another, both in Lava's reversed order; elements keep the graph's order."""
    via: Via = []
    if len(before) > 1:
        via.append({"transpose": list(reversed(range(len(before))))})
    via.append({"reshape": list(after)})
    if len(after) > 1:
        via.append({"transpose": list(reversed(range(len(after))))})
    return via


def program_files(
    model: Model, graph: ProcessGraph, sent: Mapping[str, Array], received: Mapping[str, FloatArray]
) -> dict[str, bytes]:
    """The files of a Lava program, by name, for a model and its process graph (see `lower`).

    `sent` and `received` are the golden samples (see `golden`): what goes into the chip and what
    comes out of it, by node name, [samples, steps, *shape]. Weights that learn are there, too, as each sample leaves
    them.
    """
    arrays: dict[str, Array] = {
        **{f"input/{name}": value.astype(np.int32) for name, value in sent.items()},
        **{f"output/{name}": value.astype(np.int64) for name, value in received.items()},
        **{f"weights/{name}": value.astype(np.int64) for name, value in learned(Chip(model).as_model, sent).items()},
    }
    contents = {
        "graph.json": (json.dumps(graph.as_json(model), indent=1) + "\n").encode(),
        "weights.npz": _npz({name: array.astype(np.int32) for name, array in graph.arrays.items()}),
        "golden.npz": _npz(arrays),
        **scripts(),
        **netx_files(model),
    }
    return {f"{FOLDER}/{name}": data for name, data in contents.items()}


def scripts() -> dict[str, bytes]:
    """The files that are the same in every program."""
    here = files("nmc.backends.lava")
    return {
        "requirements.txt": (here / "requirements.lock").read_bytes(),
        "run.py": (here / "run.py").read_bytes(),
    }


def lower_program(model: Model, execution: Execution = reference.run) -> dict[str, bytes]:
    """The files of a Lava program, with golden samples from the model's calibration data, or from a fixed seed.

    A model that runs on the chip but that Lava 0.10.0 has no means for gets one file that says why.
    """
    try:
        graph = lower(model)
    except UnsupportedError as error:
        return {UNSUPPORTED: f"{error}\n".encode()}
    feeds = golden_feeds(model)
    return program_files(model, graph, *golden(model, feeds, golden_steps(model, feeds), execution))


def golden(
    model: Model, x: Feed, steps: int, execution: Execution = reference.run
) -> tuple[Mapping[str, Array], Mapping[str, FloatArray]]:
    """What the host sends the chip for samples x, and what an execution of the chip's part answers."""
    chip = Chip(model)
    sent = chip.host.feed(as_feeds(model.graph, x), steps + model.graph.lag)
    return sent, execution(chip.as_model, sent)


def learned(model: Model, x: Mapping[str, Array]) -> Mapping[str, FloatArray]:
    """The weights that each sample leaves behind, [samples, features, inputs], by the nodes that learn."""
    names = [node.name for node in model.graph if isinstance(node, Learning)]
    if not names:
        return {}
    for _, state in reference.each_step(model, x):
        last = {name: state[name]["w"] for name in names}
    return last


def _npz(arrays: Mapping[str, Array]) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **dict(arrays))  # type: ignore[arg-type]
    return buffer.getvalue()
