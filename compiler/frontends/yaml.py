"""Models from model.yaml: its nodes put together, its weights and data found beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np

from nmc.chips import is_chip_file
from nmc.data_source import Source
from nmc.errors import Fault, Location, ModelError, closest
from nmc.frontends import weights as arrays
from nmc.frontends.assembly import Draft, assemble
from nmc.frontends.document import Document, KeyPath, read
from nmc.frontends.drafting import draft
from nmc.graph import Graph
from nmc.metrics import METRICS, ScoreLimit, default_metric, metric_of, score_limit
from nmc.model import Array, Budget, Control, MetricName, Model, Task
from nmc.nodes.tensor import Input

if TYPE_CHECKING:
    from nmc.frontends.schema import BudgetSpec, InputSpec, ModelFile, SamplesSpec, TaskSpec

_ANY_STEP_S = 1e-12
"""Stands for a time step that is at fault itself: every time is a whole number of these."""


@dataclass(frozen=True)
class Options:
    """`untrained`: arrays that training sets may be missing, and hold zeros then; deviations are left out."""

    untrained: bool = False


def load(path: Path, options: Options | None = None) -> Model:
    """The model that a model.yaml says, sound in its graph, its weights and its task.

    Raises UsageError where there is no such file, and ModelError with every fault of it, each with
    line, node and remedy.
    """
    from nmc.frontends import schema

    document = read(path)
    file, faults = schema.validate(document)
    untrained = options is not None and options.untrained
    return _Loading(document, file, path.parent, untrained, [*document.faults, *faults]).model()


@dataclass
class _Loading:
    """One model on its way from a file, with the faults found so far."""

    document: Document
    file: ModelFile
    folder: Path
    untrained: bool
    faults: list[Fault] = field(default_factory=list)

    def model(self) -> Model:
        """The model. Raises ModelError with every fault."""
        drafts = [*self._inputs(), *self._nodes(self.file.dt or _ANY_STEP_S)]
        dt_s = self._dt_s(drafts)
        outputs = self._outputs()
        task = self._task(self.file.task) if self.file.task is not None else None
        weights = self._weights()
        sources = {draft.name: self._place(draft.name) for draft in drafts}
        if self.untrained and weights is not None:
            weights = {**self._fitted(drafts, outputs, dt_s), **weights}
        known = self._given("weights") or self.untrained
        assembly = assemble(drafts, outputs, dt_s, weights if known else None, sources)
        self._add_assembly_faults(assembly.faults, outputs)
        if assembly.arrays and not known:
            what = f"the nodes read arrays ({', '.join(assembly.arrays[:4])}), but the file names no weights"
            self._fault((), what, "add 'weights: weights.safetensors', a file beside this one")
        self._add_deviation_faults(weights)
        if self.faults or weights is None:
            raise ModelError.of(sorted(dict.fromkeys(self.faults), key=_position))
        graph = Graph(tuple(draft.node for draft in drafts if draft.node is not None), outputs, dt_s, sources)
        kept = {name: weights[name] for name in assembly.arrays}
        deviations = {} if self.untrained else {to: weights[array] for to, array in self.file.deviations.items()}
        model = Model(self.file.name, graph, kept, self.file.steps, task, self.file.description, deviations)
        if deviations and (faults := model.check()):
            raise ModelError.of(Fault(f.what, f.remedy, f.node, self.document.at("deviations")) for f in faults)
        return model

    def _fitted(self, drafts: Iterable[Draft], outputs: tuple[str, ...], dt_s: float | None) -> Mapping[str, Array]:
        """Zeros for every array that training sets; none where the graph is not sound."""
        from nmc.nodes.parameters import fitted_arrays

        graph = Graph(tuple(draft.node for draft in drafts if draft.node is not None), outputs, dt_s)
        specs = {} if graph.check() else fitted_arrays(graph)
        return {name: np.zeros(spec.shape, np.float32) for name, spec in specs.items()}

    def _fault(self, path: KeyPath, what: str, remedy: str) -> None:
        self.faults.append(self.document.fault(path, what, remedy))

    def _given(self, key: str) -> bool:
        return self.document.value.get(key) is not None

    def _dt_s(self, drafts: Iterable[Draft]) -> float | None:
        """The time step; some step where the one written is at fault, or lacks."""
        if self._given("dt"):
            return self.file.dt or _ANY_STEP_S
        produces = any(draft.node is not None and draft.node.produces for draft in drafts)
        if self._given("steps") or produces or any(ref.delay for draft in drafts for ref in draft.reads):
            what = "the model works in time, but has no time step"
            remedy = "add 'dt: 1 ms'; without one there are no steps, streams or states"
            self._fault(("steps",), what, remedy)
            return _ANY_STEP_S
        return None

    def _one_of(self, single: str, several: str, example: str) -> None:
        if self._given(single) and self._given(several):
            self._fault((several,), f"both {single!r} and {several!r} are given", "keep one of them")
        if not self._given(single) and not self._given(several):
            self._fault((), f"neither {single!r} nor {several!r} is given", f"add it, as in '{example}'")
        if self.document.value.get(several) in ([], {}):
            self._fault((several,), f"{several!r} is empty", f"name at least one, or write '{example}'")

    def _inputs(self) -> Iterable[Draft]:
        """The input nodes, first in the graph."""
        self._one_of("input", "inputs", "input: {shape: [64]}")
        specs: dict[str, InputSpec | None] = {"input": self.file.input} if self._given("input") else {}
        several = self.document.value.get("inputs")
        if isinstance(several, dict):
            specs.update({name: (self.file.inputs or {}).get(name) for name in several})
        for name, spec in specs.items():
            node = Input(name=name, shape=tuple(spec.shape), stream=spec.stream) if spec is not None else None
            yield Draft(name, (), node)

    def _nodes(self, dt_s: float) -> Iterable[Draft]:
        nodes = self.document.value.get("nodes")
        for name in nodes if isinstance(nodes, dict) else ():
            spec = self.file.nodes.get(name)
            if spec is None:
                yield Draft(name, (), None)
                continue
            node, faults = draft(self.document, name, spec, dt_s)
            self.faults += faults
            yield node

    def _outputs(self) -> tuple[str, ...]:
        self._one_of("output", "outputs", "output: logits")
        return tuple(self.file.outputs or ()) if self.file.output is None else (self.file.output,)

    def _add_assembly_faults(self, faults: Iterable[Fault], outputs: tuple[str, ...]) -> None:
        """Place the faults of the outputs, which carry no node; a missing output is told already."""
        place = self.document.at("output" if self.file.output is not None else "outputs")
        for fault in faults:
            if fault.node is not None:
                self.faults.append(fault)
            elif outputs:
                self.faults.append(Fault(fault.what, fault.remedy, None, place))

    def _add_deviation_faults(self, weights: Mapping[str, Array] | None) -> None:
        """A fault for every array of deviations that the weights do not have."""
        for name, array in self.file.deviations.items():
            if weights is not None and array not in weights and not self.untrained:
                what = f"the weights have no array {array!r}, the deviation of {name!r}"
                self._fault(("deviations", name), what, closest(array, weights))

    def _place(self, name: str) -> Location:
        """Where a node is written."""
        for path in (("nodes", name), ("inputs", name)):
            if path in self.document.places:
                return self.document.places[path]
        return self.document.at("input")

    def _weights(self) -> Mapping[str, Array] | None:
        """The arrays; None where they cannot be known."""
        if not self._given("weights"):
            return {}
        path = self._beside(("weights",), self.file.weights)
        if path is None:
            return None
        if self.untrained and not path.exists():
            return {}
        try:
            return arrays.read(path)
        except ModelError as error:
            for fault in error.faults:
                self._fault(("weights",), fault.what, fault.remedy or "")
            return None

    def _beside(self, path: KeyPath, name: str | None) -> Path | None:
        """The path of a file named at `path` of the document; None if it is no file of the model's folder."""
        if name is None:
            return None
        parts = re.split(r"[/\\]", name)
        if ".." in parts or not parts[0] or parts[0].endswith(":"):
            what = f"{name!r} points outside the model's folder"
            self._fault(path, what, "put the file beside the model file, and name it without '..' or a root")
            return None
        return self.folder / name

    def _task(self, spec: TaskSpec) -> Task:
        metric = spec.metric or default_metric(spec.kind)
        if metric_of(metric).kind != spec.kind:
            wanted = " or ".join(f"'metric: {name}'" for name, known in METRICS.items() if known.kind == spec.kind)
            self._fault(("task", "metric"), f"{metric} does not go with {spec.kind}", f"write {wanted}")
        budgets = {
            str(self.folder / target) if is_chip_file(target) else target: self._budget(target, budget, metric)
            for target, budget in spec.budgets.items()
        }
        data = spec.data
        return Task(
            spec.kind,
            metric,
            self._samples("test", data.test if data is not None else None),
            self._samples("calibration", data.calibration if data is not None else None),
            budgets,
            self._samples("train", data.train if data is not None else None),
            self._judge(spec),
            self._control(spec),
        )

    def _budget(self, target: str, spec: BudgetSpec, metric: MetricName) -> Budget:
        wanted = score_limit(metric)
        for key in get_args(ScoreLimit):
            if key != wanted and getattr(spec, key) is not None:
                place = ("task", "budgets", target, key)
                self._fault(place, f"{key} does not go with {metric}", f"write {wanted} in its place")
        return Budget(
            spec.min_accuracy, spec.max_energy, spec.max_latency, spec.min_score, spec.max_error, spec.hold,
            spec.allow_missing,
        )  # fmt: skip

    def _judge(self, spec: TaskSpec) -> str | None:
        """The model of the zoo that scores a generator."""
        from nmc import zoo

        if (spec.judge is not None) != (spec.kind == "generation"):
            if spec.judge is None:
                self._fault(("task",), "nothing says which model judges the samples", "add 'judge: digits-cnn'")
            else:
                self._fault(("task", "judge"), f"judge does not go with {spec.kind}", "remove it")
        elif spec.judge is not None and spec.judge not in zoo.names():
            what = f"there is no model {spec.judge!r} in the zoo"
            self._fault(("task", "judge"), what, closest(spec.judge, zoo.names()))
        return spec.judge

    def _control(self, spec: TaskSpec) -> Control | None:
        """Where a controller acts, and in how many episodes."""
        if spec.kind == "control":
            if spec.environment is None:
                what = "nothing says in which environment it acts"
                self._fault(("task",), what, "add its id in gymnasium: 'environment: CartPole-v1'")
                return None
            if spec.data is not None and (spec.data.test or spec.data.train):
                what = "test and train data do not go with control"
                self._fault(("task", "data"), what, "remove them: it is scored by the episodes of its environment")
            default = Control(spec.environment)
            episodes = default.episodes if spec.episodes is None else spec.episodes
            return Control(spec.environment, episodes, default.seed if spec.seed is None else spec.seed)
        for key in ("environment", "episodes", "seed"):
            if getattr(spec, key) is not None:
                self._fault(("task", key), f"{key} does not go with {spec.kind}", "remove it, or write 'kind: control'")
        return None

    def _samples(self, split: str, spec: SamplesSpec | None) -> Source | None:
        """Where the samples of a split come from; None where nothing says it, or it is at fault."""
        from nmc.frontends.samples import faults_of, source_of

        place: KeyPath = ("task", "data", split)
        if spec is None:
            return None
        if faults := faults_of(spec):
            for key, what, remedy in faults:
                self._fault((*place, key) if key else place, what, remedy)
            return None
        named = {key: name for key in ("file", "images", "events", "root") if (name := getattr(spec, key)) is not None}
        paths = {key: path for key, name in named.items() if (path := self._data(place, key, name)) is not None}
        return source_of(spec, paths) if len(paths) == len(named) else None

    def _data(self, place: KeyPath, key: str, name: str) -> Path | None:
        """A file or folder of data beside the model file, with a fault where it is not there."""
        path = self._beside((*place, key), name)
        kind = "file" if key == "file" else "folder"
        try:
            missing = path is not None and not (path.is_file() if kind == "file" else path.exists())
        except OSError:
            missing = True
        if missing:
            what = f"there is no {kind} {path}"
            self._fault((*place, key), what, "put the data beside the model file, or mend the name")
            return None
        return path


def _position(fault: Fault) -> tuple[int, int]:
    """Where in the file a fault is, to list them in order."""
    where = fault.where
    return (where.line or 0, where.column or 0) if where is not None else (0, 0)
