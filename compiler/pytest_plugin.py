"""The pytest plugin: the fixture `nmc_model`, a model that a test holds to its budgets.

    @pytest.mark.nmc("model.yaml", target="loihi-sim")
    def test_budget(nmc_model):
        nmc_model.check()

It imports nothing heavy until a test asks for the fixture.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from nmc.model import Model
    from nmc.testing import ModelUnderTest, Runs

_MARKER = "nmc(model, target=None, samples=None, baseline=None): the model that the fixture nmc_model is"


@dataclass(frozen=True)
class _Asked:
    """What a test asks for: paths are relative to `folder`, that of the file that names them."""

    folder: Path
    model: str | None = None
    target: str | None = None
    samples: int | None = None
    baseline: str | None = None

    def path(self, name: str) -> str:
        """A path from the folder; a name, as of the zoo, where there is no such file."""
        place = self.folder / name
        return str(place) if place.exists() else name


_LOADED = pytest.StashKey[dict[str, "tuple[Model, Runs]"]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The settings in pyproject.toml or pytest.ini, for tests without a marker."""
    parser.addini("nmc_model", "the model of the fixture nmc_model: a model.yaml, its folder, or a name of nmc's zoo")
    parser.addini("nmc_target", "the target it is checked on; all that have a budget without")
    parser.addini("nmc_samples", "use only that many samples of the test set")
    parser.addini("nmc_baseline", "a file of 'nmc check --update-baseline' that it is held to as well")


def pytest_configure(config: pytest.Config) -> None:
    """Name the marker, so that --strict-markers knows it."""
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture
def nmc_model(request: pytest.FixtureRequest) -> ModelUnderTest:
    """The model that the marker `nmc` or the settings name: `check()` it, or see its `score` and `energy_j`."""
    from nmc.errors import NmcError
    from nmc.testing import ModelUnderTest

    asked = _asked(request)
    if asked.model is None:
        pytest.fail('no model: mark the test with @pytest.mark.nmc("model.yaml"), or set nmc_model', pytrace=False)
    loaded = request.config.stash.setdefault(_LOADED, {})
    place = asked.path(asked.model)
    try:
        if place not in loaded:
            from nmc import zoo

            loaded[place] = (zoo.load(place), {})
    except NmcError as error:
        pytest.fail(str(error), pytrace=False)
    model, runs = loaded[place]
    baseline = None if asked.baseline is None else asked.folder / asked.baseline
    target = None if asked.target is None else asked.path(asked.target)
    return ModelUnderTest(model, target, asked.samples, baseline, runs=runs)


def _asked(request: pytest.FixtureRequest) -> _Asked:
    """What the nearest marker says, or else the settings."""
    marker = request.node.get_closest_marker("nmc")
    if marker is None:
        config = request.config
        folder = config.inipath.parent if config.inipath is not None else config.rootpath
        given = {name: config.getini(f"nmc_{name}") or None for name in ("model", "target", "baseline")}
        samples = config.getini("nmc_samples")
        return _Asked(folder, samples=_count(samples) if samples else None, **given)
    known = [f.name for f in fields(_Asked) if f.name != "folder"]
    if len(marker.args) > 1 or set(marker.kwargs) - set(known):
        pytest.fail(f"the marker nmc takes {', '.join(known)}: {marker}", pytrace=False)
    return _Asked(request.path.parent, *marker.args, **marker.kwargs)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        pytest.fail(f"nmc_samples takes a whole number, 1 or more, got {text!r}", pytrace=False)
    return int(text)
