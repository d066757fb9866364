"""What the samples of a task in model.yaml say: where they come from, and whether their keys go together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from nmc.data_source import (
    EVERYTHING,
    ArrayFile,
    EventRecordings,
    ImageFolder,
    Scaling,
    Selection,
    Source,
    TorchvisionSet,
)  # fmt: skip
from nmc.frontends.schema import SamplesSpec

_KEYS: Mapping[str, frozenset[str]] = {
    "file": frozenset(),
    "images": frozenset({"size", "mean", "std"}),
    "events": frozenset({"size", "bins", "bin", "binary", "unit"}),
    "torchvision": frozenset({"root", "train", "size", "mean", "std"}),
}
"""What else goes with each kind of source, beside the keys that select."""
_SELECTING = frozenset({"share", "samples", "seed"})


def faults_of(spec: SamplesSpec) -> list[tuple[str | None, str, str]]:
    """Every key that does not go with the others: the key, what is wrong, and the remedy."""
    given = {key for key in SamplesSpec.model_fields if getattr(spec, key) is not None}
    kinds = [kind for kind in _KEYS if kind in given]
    if len(kinds) != 1:
        what = f"the samples come from {' and '.join(kinds) or 'nowhere'}"
        return [(None, what, f"give one of {', '.join(_KEYS)}")]
    (kind,) = kinds
    strange = sorted(given - _KEYS[kind] - _SELECTING - {kind})
    faults: list[tuple[str | None, str, str]] = [
        (key, f"{key} does not go with {kind}", "remove it") for key in strange
    ]
    if kind == "torchvision" and spec.root is None:
        faults.append((kind, "the key 'root' is missing", "name the folder that the data set was downloaded to"))
    if spec.share is not None and not spec.share[0] < spec.share[1]:
        faults.append(("share", f"share goes from {spec.share[0]} to {spec.share[1]}", "write the smaller end first"))
    if spec.std is not None and min(spec.std, default=0.0) <= 0:
        faults.append(("std", "std must be positive", "give the spread of the pixels"))
    return faults


def source_of(spec: SamplesSpec, paths: Mapping[str, Path]) -> Source:
    """The source that a spec without faults means, given the paths of the files and folders that it names."""
    selection = Selection((spec.share[0], spec.share[1]) if spec.share else (0.0, 1.0), spec.samples, spec.seed)
    size = (spec.size[0], spec.size[1]) if spec.size else None
    scaling = Scaling(size=size, mean=tuple(spec.mean or (0.0,)), std=tuple(spec.std or (1.0,)))
    if spec.images is not None:
        return ImageFolder(path=paths["images"], scaling=scaling, selection=selection)
    if spec.events is not None:
        return EventRecordings(
            path=paths["events"], size=size, bins=spec.bins, bin_s=spec.bin, binary=bool(spec.binary), unit=spec.unit,
            selection=selection,
        )  # fmt: skip
    if spec.torchvision is not None:
        return TorchvisionSet(
            dataset=spec.torchvision, root=paths["root"], train=bool(spec.train), scaling=scaling, selection=selection
        )
    path = paths["file"]
    return path if selection == EVERYTHING else ArrayFile(path=path, selection=selection)
