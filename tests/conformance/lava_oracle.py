"""Lava's own process models, run in one process without its runtime. Runs inside the toolchain.

    python lava_oracle.py RUN_PY FOLDER

FOLDER holds cases.json, a list of {"graph": as in a program's graph.json, "samples", "steps"}, and cases.npz
with the arrays "CASE/weights/NAME" and "CASE/input/NAME". It writes traces.npz there: "CASE/PROCESS/VARIABLE",
what each neuron sends ("s_out") and carries, and what synapses that learn do, at every step, [samples, steps, *shape],
axes as in the graph.
"""

import importlib
import importlib.util
import json
import sys
from functools import reduce
from pathlib import Path

import numpy as np

LEARNED = ("weights", "tag_1", "tag_2", "x1", "x2", "y1", "y2", "y3", "tx", "ty")


class Wire:
    """What an output port sent last, in the type that the port declares."""

    def __init__(self, shape, dtype):
        self.value = np.zeros(shape, dtype)

    def send(self, data):
        self.value[:] = data


class Reader:
    """An input port: the sum of what its wires hold, as PyInPortVectorDense.recv has it."""

    def __init__(self, shape, dtype):
        self.zeros = np.zeros(shape, dtype)
        self.sources = []

    def recv(self):
        return reduce(lambda total, source: total + reshaped(*source), self.sources, self.zeros)


def reshaped(wire, via):
    data = wire.value
    for step in via:
        (name, numbers), = step.items()
        data = np.reshape(data, numbers) if name == "reshape" else np.transpose(data, numbers)
    return data


def model_of(process):
    """Lava's fixed-point model of a process, with its variables and ports as the builder would make them."""
    from scipy.sparse import csr_matrix

    module = importlib.import_module(type(process).__module__.replace(".process", ".models"))
    (kind,) = (
        item for item in vars(module).values()
        if isinstance(item, type) and getattr(item, "implements_process", None) is type(process)
        and "fixed_pt" in item.tags
    )
    model = kind(process.proc_params)
    for port in process.in_ports:
        setattr(model, port.name, Reader(port.shape, getattr(kind, port.name).d_type))
    for port in process.out_ports:
        setattr(model, port.name, Wire(port.shape, getattr(kind, port.name).d_type))
    for variable in process.vars:
        declared = getattr(kind, variable.name)
        value = variable.init
        if issubclass(declared.cls, np.ndarray):
            array = np.ndarray(variable.shape, declared.d_type)
            array[:] = value
            value = array
        elif issubclass(declared.cls, csr_matrix):
            value = value.copy()
        setattr(model, variable.name, value)
    if hasattr(model, "delays"):
        model.get_delay_wgts_mat = remembered(model.get_delay_wgts_mat)
    return model


def remembered(split_by_delay):
    """The matrices that Lava makes of constant weights and delays anew at every step, made once."""
    made = {}

    def lookup(weights, delays, longest):
        if id(weights) not in made:
            made[id(weights)] = weights, split_by_delay(weights, delays, longest)
        return made[id(weights)][1]

    return lookup


def buffered(model):
    """What a synapse is about to send."""
    held = model.a_buf if hasattr(model, "a_buf") else model.a_buff
    return held[:, 0] if hasattr(model, "delays") else held


class Network:
    """One case's models, connected, for one sample."""

    def __init__(self, graph, processes):
        self.models = {name: model_of(process) for name, process in processes.items()}
        self.inputs = {entry["name"]: Wire(tuple(reversed(entry["shape"])), np.int32) for entry in graph["inputs"]}
        feeds = {name: set() for name in self.models}
        for link in graph["connections"]:
            source, _, out = link["source"].partition(".")
            self.connect(getattr(self.models[source], out) if out else self.inputs[source], link["target"], link["via"])
            if out == "s_out":
                feeds[link["target"].partition(".")[0]].add(source)
        self.synapses = [model for model in self.models.values() if "a_out" in vars(model)]
        self.neurons = in_order({n: feeds[n] for n, model in self.models.items() if "a_out" not in vars(model)})

    def connect(self, wire, to, via):
        process, _, port = to.partition(".")
        getattr(self.models[process], port).sources.append((wire, via))

    def step(self, t):
        """A synapse sends what it computed a step ago, so it is sent first; then neurons run, then synapses."""
        for model in self.models.values():
            model.time_step = t
        for synapse in self.synapses:
            synapse.a_out.send(buffered(synapse))
        for name in self.neurons:
            self.models[name].run_spk()
        for synapse in self.synapses:
            announced = synapse.a_out.value.copy()
            synapse.run_spk()
            assert np.array_equal(announced, synapse.a_out.value)
            if hasattr(synapse, "lrn_guard") and synapse.lrn_guard():
                synapse.run_lrn()


def in_order(feeds):
    from graphlib import TopologicalSorter

    return list(TopologicalSorter(feeds).static_order())


def trace(program, graph, arrays, inputs, samples, steps):
    processes = program.build(graph, arrays)
    kept = {}
    for sample in range(samples):
        network = Network(graph, processes)
        state = {entry["name"]: entry["state"] for entry in graph["processes"]}
        learning = [entry["name"] for entry in graph["processes"] if entry["learns"]]
        for t in range(steps):
            for name, wire in network.inputs.items():
                wire.send(inputs[name][sample, t].T)
            network.step(t + 1)
            for name in network.neurons:
                model = network.models[name]
                kept.setdefault(f"{name}/s_out", []).append(model.s_out.value.T.copy())
                for variable in state[name]:
                    kept.setdefault(f"{name}/{variable}", []).append(getattr(model, variable).T.copy())
            for name in learning:
                for variable in LEARNED:
                    kept.setdefault(f"{name}/{variable}", []).append(getattr(network.models[name], variable).copy())
    return {name: np.stack(v).reshape(samples, steps, *v[0].shape).astype(np.int64) for name, v in kept.items()}


def main(run_py, folder):
    specification = importlib.util.spec_from_file_location("program", run_py)
    program = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(program)
    program.load_lava()
    arrays = {}
    with np.load(folder / "cases.npz") as file:
        for key, value in file.items():
            number, role, name = key.split("/", 2)
            arrays.setdefault((int(number), role), {})[name] = value
    traces = {}
    for number, case in enumerate(json.loads((folder / "cases.json").read_text())):
        weights, inputs = arrays.get((number, "weights"), {}), arrays[number, "input"]
        kept = trace(program, case["graph"], weights, inputs, case["samples"], case["steps"])
        traces.update({f"{number}/{name}": value for name, value in kept.items()})
    np.savez(folder / "traces.npz", **traces)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
